/* GET /api/v1/catalog/search (catalog-read-api 3.1 and 4). */
#include "server/catalog/catalog_http.h"

#include "server/app.h"
#include "server/catalog/search_index.h"
#include "server/catalog/search_match.h"

#include <string.h>

enum { CLIENTS_PAGE = 10, LARGE_PAGE = 100 };

static void drop_index(void *index)
{
    catalog_index_drop(index);
}

struct searched {
    struct catalog_searched *items;
    size_t n, cap;
    bool base; /* the base catalog is among them */
};

static void add(struct fh_arena *a, struct searched *s, const struct catalog_index *index,
                const struct store_catalog_entry *entry)
{
    const struct catalog_part *part = entry ? catalog_index_part(index, entry->id) : NULL;
    s->base = s->base || (entry && !entry->owner);
    if (!part)
        return;
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].part == part)
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
            add(a, out, index, c);
        return;
    }
    for (const char *p = names; *p; p += *p == ',') {
        size_t n = strcspn(p, ",");
        const char *name = fh_strndup(a, p, n);
        add(a, out, index,
            strcmp(name, "nixpkgs") == 0 ? catalog_scope_base(scope) : catalog_scope_find(scope, name));
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

fh_err catalog_http_search(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const char *term = web_query(req, "search_term"), *names = web_query(req, "catalogs"), *system;
    const struct catalog_scope *scope;
    struct catalog_index *index;
    struct catalog_page page;
    struct searched in = {0};
    struct catalog_hit *hits;
    size_t n, total;
    if (names && !*names)
        names = NULL;
    FH_TRY(catalog_http_system(req, &system, e));
    FH_TRY(catalog_http_page(req, CLIENTS_PAGE, &page, e));
    if (term)
        FH_TRY(catalog_http_term(term, "search_term", e));
    if (req->inline_only && page.most > LARGE_PAGE)
        return FH_FAIL(e, FH_AGAIN, "The answer may be large.");
    FH_TRY(catalog_http_scope(req, &scope, e));
    FH_TRY(catalog_index_hold(req->app->catalog, catalog_scope_list(scope), req->inline_only, &index, e));
    fh_defer(req->arena, drop_index, index);
    choose(req->arena, scope, index, names, &in);
    if (!term && (in.base || !names))
        FH_TRY(catalog_http_term(NULL, "search_term", e));
    catalog_search(req->arena, in.items, in.n, term, page.first, page.most, &hits, &n, &total);
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = 0; i < n; i++)
        FH_TRY(put_row(req, b, &hits[i], system, e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(catalog_put_int(b, "total_count", (int64_t)total, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}
