/* Finds the row of the route table. See router.h.
 *
 * A path is split at its slashes once and compared with each row's parts; the first row that fits wins. A row
 * that begins with a parameter ("/{owner}/{name}") takes no path whose first part is, in any case, the first
 * part of another row: nobody's pages can come to stand among the hub's own paths. */
#include "server/http/router.h"

#include "common/mem.h"

#include <string.h>
#include <strings.h>

enum { MAX_PARTS = 16 };

struct part {
    const char *text; /* in the pattern; NULL for a parameter */
    size_t size;
};

struct row {
    const struct web_route *route;
    struct part parts[MAX_PARTS];
    unsigned nparts;
    bool takes_rest; /* "{rest*}" stands behind the parts */
};

struct web_router {
    size_t n;
    bool any_first; /* a row begins with a parameter */
    struct row rows[];
};

static fh_err take_apart(const struct web_route *route, struct row *row, struct fh_error *e)
{
    unsigned params = 0;
    row->route = route;
    const char *p = route->pattern;
    while (*p == '/') {
        p++;
        size_t size = strcspn(p, "/");
        bool is_param = size > 1 && p[0] == '{' && p[size - 1] == '}';
        params += is_param;
        if (params > WEB_MAX_PARAMS || row->nparts == MAX_PARTS)
            break;
        if (is_param && p[size - 2] == '*' && p[size] == '\0') {
            row->takes_rest = true;
            return FH_OK;
        }
        row->parts[row->nparts++] = (struct part){is_param ? NULL : p, size};
        p += size;
    }
    if (*p != '\0' || route->pattern[0] != '/')
        return FH_FAIL(e, FH_INTERNAL, "The route pattern %s cannot be used.", route->pattern);
    return FH_OK;
}

static bool begins_with_param(const struct row *row)
{
    return row->nparts > 0 && !row->parts[0].text;
}

fh_err web_router_new(const struct web_route *routes, size_t n, struct web_router **out, struct fh_error *e)
{
    struct web_router *r = fh_xcalloc(1, sizeof *r + n * sizeof *r->rows);
    r->n = n;
    for (size_t i = 0; i < n; i++) {
        fh_err rc = take_apart(&routes[i], &r->rows[i], e);
        if (rc != FH_OK) {
            free(r);
            return rc;
        }
        r->any_first |= begins_with_param(&r->rows[i]);
    }
    *out = r;
    return FH_OK;
}

void web_router_free(struct web_router *r)
{
    free(r);
}

static bool fits(const struct row *row, const struct part *parts, unsigned nparts)
{
    if (row->takes_rest ? nparts <= row->nparts : nparts != row->nparts)
        return false;
    for (unsigned i = 0; i < row->nparts; i++) {
        const struct part *want = &row->parts[i];
        if (!want->text ? parts[i].size == 0
                        : want->size != parts[i].size || memcmp(want->text, parts[i].text, want->size) != 0)
            return false;
    }
    return true;
}

/* Is the first part of a path the first of a row that names it? */
static bool is_taken(const struct web_router *r, const struct part *first)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct row *row = &r->rows[i];
        if (row->nparts > 0 && row->parts[0].text && row->parts[0].size == first->size &&
            strncasecmp(row->parts[0].text, first->text, first->size) == 0)
            return true;
    }
    return false;
}

static void fill_params(const struct row *row, struct fh_arena *a, const struct part *parts,
                        struct web_match *out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < row->nparts; i++)
        if (!row->parts[i].text)
            out->params[count++] = fh_strndup(a, parts[i].text, parts[i].size);
    if (row->takes_rest)
        out->params[count] = out->rest = parts[row->nparts].text;
}

void web_router_find(const struct web_router *r, struct fh_arena *a, unsigned method, const char *path,
                     struct web_match *out)
{
    struct part parts[MAX_PARTS + 1];
    unsigned nparts = 0;
    *out = (struct web_match){0};
    /* The last part counted may hold more slashes: then only a row that takes the rest can fit. */
    for (const char *p = path; *p == '/' && nparts <= MAX_PARTS; p += 1 + parts[nparts - 1].size) {
        parts[nparts].text = p + 1;
        parts[nparts++].size = strcspn(p + 1, "/");
    }
    bool taken = r->any_first && nparts > 0 && is_taken(r, &parts[0]);
    for (size_t i = 0; i < r->n; i++) {
        const struct row *row = &r->rows[i];
        if (!fits(row, parts, nparts) || (taken && begins_with_param(row)))
            continue;
        out->allowed |= row->route->methods;
        if (row->route->methods & method) {
            out->route = row->route;
            out->index = i;
            fill_params(row, a, parts, out);
            return;
        }
    }
}
