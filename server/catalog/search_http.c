/* GET /api/v1/catalog/search (catalog-read-api 3.1 and 4). */
#include "server/catalog/upstream_http.h"

#include "server/app.h"
#include "server/catalog/search_index.h"
#include "server/catalog/search_match.h"
#include "server/catalog/upstream_search.h"

#include <string.h>

enum {
    CLIENTS_PAGE = 10,
    LARGE_PAGE = 100,
    MANY_CATALOGS = 256,             /* take some milliseconds by themselves */
    MOST_TOTAL = 1000 * 1000 * 1000, /* of an upstream: what it says of itself is believed within reason */
};

static void drop_index(void *index)
{
    catalog_index_drop(index);
}

struct searched {
    struct catalog_searched *items;
    size_t n, cap;
    bool base; /* the base catalog is among them */
};

static bool has(const struct searched *s, const struct catalog_part *part)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].part == part)
            return true;
    return false;
}

/* named: it may have been named before. */
static void add(struct fh_arena *a, struct searched *s, const struct catalog_index *index,
                const struct store_catalog_entry *entry, bool named)
{
    const struct catalog_part *part = entry ? catalog_index_part(index, entry->id) : NULL;
    s->base = s->base || (entry && !entry->owner);
    if (!part || (named && has(s, part)))
        return;
    if (s->n == s->cap) {
        struct catalog_searched *more = fh_alloc(a, (s->cap * 2 + 8) * sizeof *more);
        if (s->n)
            memcpy(more, s->items, s->n * sizeof *more);
        s->cap = s->cap * 2 + 8;
        s->items = more;
    }
    s->items[s->n++] = (struct catalog_searched){part, entry->owner};
}

/* names: "nixpkgs,alice", whose are left out where the caller may not see them; NULL: all that appear in
 * lists. */
static void choose(struct fh_arena *a, const struct catalog_scope *scope, const struct catalog_index *index,
                   const char *names, struct searched *out)
{
    if (!names) {
        for (const struct store_catalog_entry *c = NULL; (c = catalog_scope_next(scope, c));)
            add(a, out, index, c, false);
        return;
    }
    for (const char *p = names; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        const char *name = fh_strndup(a, p, n);
        add(a, out, index,
            strcmp(name, "nixpkgs") == 0 ? catalog_scope_base(scope) : catalog_scope_find(scope, name), true);
        p += n;
    }
}

static fh_err put_row(struct web_request *req, struct fh_buf *b, const struct catalog_hit *hit,
                      const char *system, struct fh_error *e)
{
    const char *owner = hit->in->owner;
    struct catalog_row row;
    catalog_part_row(hit->in->part, hit->row, &row);
    const char *pkg_path = owner ? fh_sprintf(req->arena, "%s/%s", owner, row.attr_path) : row.attr_path;
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "attr_path", row.attr_path, e));
    FH_TRY(catalog_put_text(b, "catalog", owner, e));
    FH_TRY(catalog_put_text(b, "pkg_path", pkg_path, e));
    FH_TRY(catalog_put_text(b, "name", row.name, e));
    FH_TRY(catalog_put_text(b, "pname", row.pname, e));
    FH_TRY(catalog_put_text(b, "version", owner && !*row.version ? NULL : row.version, e));
    FH_TRY(catalog_put_text(b, "description", row.description, e));
    FH_TRY(catalog_put_json(b, "stabilities", "[]", e));
    FH_TRY(catalog_put_text(b, "system", system, e));
    FH_TRY(catalog_put_json(b, "deprecation", row.deprecation, e));
    return catalog_put(b, "}", e);
}

/* The parameters of a search, checked. */
struct question {
    const char *term, *names, *system; /* names: NULL: all that appear in lists */
    struct catalog_page page;
    struct searched in;
};

static fh_err reply(struct web_request *req, struct web_response *res, struct fh_buf *b, size_t total,
                    struct fh_error *e)
{
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(catalog_put_int(b, "total_count", (int64_t)total, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}

/* A term that is a pkg-path of an owner's is for us alone: no name of a private package leaves the hub that
 * way. */
static bool is_for_us_alone(struct fh_arena *a, const char *term)
{
    const char *owner, *attr_path;
    struct fh_error e;
    catalog_path_split(a, term, &owner, &attr_path);
    return owner && auth_check_handle(owner, &e) == FH_OK;
}

/* Upstream's rows that the page may have, as one list; *from: the first one's number; *total: how many there
 * are. */
static fh_err ask_upstream(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                           const struct question *q, size_t ours, json_t **rows, size_t *from, size_t *total,
                           struct fh_error *e)
{
    const struct catalog_window w = catalog_window_of(q->page.first, q->page.most, ours);
    *rows = fh_json_own(req->arena, json_array());
    *from = w.page * w.size;
    for (size_t i = 0; i < w.pages; i++) {
        json_t *answer;
        const char *path = fh_sprintf(
            req->arena,
            "/api/v1/catalog/search?catalogs=nixpkgs&system=%s&search_term=%s&page=%zu&pageSize=%zu",
            q->system, catalog_http_encode(req->arena, q->term), w.page + i, w.size);
        FH_TRY(catalog_http_ask(req, res, u, path, NULL, &answer, e));
        json_array_extend(*rows, json_object_get(answer, "items"));
        int64_t n = json_integer_value(json_object_get(answer, "total_count"));
        *total = n > 0 && n <= MOST_TOTAL ? (size_t)n : n > 0 ? MOST_TOTAL : 0;
    }
    return FH_OK;
}

static fh_err search_both(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                          const struct question *q, struct fh_error *e)
{
    struct catalog_hit *ours;
    struct catalog_merged *merged;
    json_t *rows;
    size_t nours, from, n, total_ours, total = 0;
    catalog_search(req->arena, q->in.items, q->in.n, q->term, 0, SIZE_MAX, &ours, &nours, &total_ours);
    FH_TRY(ask_upstream(req, res, u, q, nours, &rows, &from, &total, e));
    catalog_merge(req->arena, q->term, rows, from, ours, nours, q->page.first, q->page.most, &merged, &n);
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = 0; i < n; i++) {
        if (merged[i].ours) {
            FH_TRY(put_row(req, b, merged[i].ours, q->system, e));
            continue;
        }
        FH_TRY(catalog_put_json(b, NULL, "", e));
        FH_TRY(fh_json_write_compact(merged[i].theirs, b, e));
    }
    return reply(req, res, b, total + total_ours, e);
}

static fh_err search_here(struct web_request *req, struct web_response *res, const struct question *q,
                          struct fh_error *e)
{
    struct catalog_hit *hits;
    size_t n, total;
    catalog_search(req->arena, q->in.items, q->in.n, q->term, q->page.first, q->page.most, &hits, &n, &total);
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = 0; i < n; i++)
        FH_TRY(put_row(req, b, &hits[i], q->system, e));
    return reply(req, res, b, total, e);
}

fh_err catalog_http_search(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct question q = {.term = web_query(req, "search_term"), .names = web_query(req, "catalogs")};
    const struct catalog_scope *scope;
    struct catalog_index *index;
    if (q.names && !*q.names)
        q.names = NULL;
    FH_TRY(catalog_http_system(req, &q.system, e));
    FH_TRY(catalog_http_page(req, CLIENTS_PAGE, &q.page, e));
    if (q.term)
        FH_TRY(catalog_http_term(q.term, "search_term", e));
    FH_TRY(catalog_http_scope(req, &scope, e));
    struct catalog_upstream *u = catalog_http_upstream(req, scope);
    if (req->inline_only && (u || q.page.most > LARGE_PAGE))
        return FH_FAIL(e, FH_AGAIN, "The answer may be large, or another hub's.");
    FH_TRY(catalog_index_hold(req->app->catalog, catalog_scope_list(scope), req->inline_only, &index, e));
    fh_defer(req->arena, drop_index, index);
    choose(req->arena, scope, index, q.names, &q.in);
    if (req->inline_only && q.in.n > MANY_CATALOGS)
        return FH_FAIL(e, FH_AGAIN, "There are many catalogs to be looked through.");
    if (!q.term && (q.in.base || !q.names))
        FH_TRY(catalog_http_term(NULL, "search_term", e));
    if (u && q.in.base && !is_for_us_alone(req->arena, q.term))
        return search_both(req, res, u, &q, e);
    return search_here(req, res, &q, e);
}
