/* What the catalog tells of what is in it (catalog-read-api 3.2, 3.6, 3.7, 3.8): the base catalog's pages and
 * paths, owners' catalogs, the sources of their packages, and which package has a command. */
#include "server/catalog/upstream_http.h"

#include "server/app.h"
#include "server/catalog/lookup_reference.h"
#include "server/catalog/search_part.h"
#include "server/store/catalog.h"
#include "server/store/catalog_info.h"

#include <stdlib.h>
#include <string.h>

enum { CLIENTS_PAGE = 10 };

/* --- GET …/info/base-catalog */

/* All tags that pages have: those that everybody knows in the order of how soon they come, then others. */
static fh_err put_stabilities(struct fh_buf *b, const struct store_catalog_pages *pages, struct fh_error *e)
{
    static const char *const known[] = {"unstable", "staging", "stable", "lts"};
    enum { KNOWN = sizeof known / sizeof *known, MOST = 64 };
    const char *tags[MOST];
    size_t n = 0;
    for (size_t k = 0; k < KNOWN; k++)
        for (size_t i = 0; i < pages->n; i++)
            if (catalog_http_has_tag(&pages->items[i], known[k])) {
                tags[n++] = known[k];
                break;
            }
    for (size_t i = 0; i < pages->n; i++)
        for (size_t t = 0; t < pages->items[i].ntags; t++) {
            size_t at = 0;
            while (at < n && strcmp(tags[at], pages->items[i].tags[t]) != 0)
                at++;
            if (at == n && n < MOST)
                tags[n++] = pages->items[i].tags[t];
        }
    FH_TRY(catalog_put_json(b, "stabilities", "[", e));
    for (size_t i = 0; i < n; i++) {
        FH_TRY(catalog_put_json(b, NULL, "{", e));
        FH_TRY(catalog_put_text(b, "name", tags[i], e));
        FH_TRY(catalog_put_text(b, "ref", tags[i], e));
        FH_TRY(catalog_put(b, "}", e));
    }
    return catalog_put(b, "]", e);
}

static fh_err put_page(struct fh_buf *b, const struct store_catalog_page *page, struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "rev", page->rev, e));
    FH_TRY(catalog_put_int(b, "rev_count", page->rev_count, e));
    FH_TRY(catalog_put_json(b, "stability_tags", "[", e));
    for (size_t i = 0; i < page->ntags; i++)
        FH_TRY(catalog_put_text(b, NULL, page->tags[i], e));
    return catalog_put(b, "]}", e);
}

fh_err catalog_http_base(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct catalog_scope *scope;
    FH_TRY(catalog_http_scope(req, &scope, e));
    struct catalog_upstream *u = catalog_http_upstream(req, scope);
    if (u)
        return catalog_http_pass(req, res, u, "/api/v1/catalog/info/base-catalog", e);
    const struct store_catalog_pages pages = catalog_http_pages(scope);
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{", e));
    FH_TRY(catalog_put_text(b, "base_url", CATALOG_BASE_URL, e));
    FH_TRY(catalog_put_json(b, "scraped_pages", "[", e));
    for (size_t i = 0; i < pages.n; i++) /* newest first, which the client counts on */
        if (pages.items[i].ntags)
            FH_TRY(put_page(b, &pages.items[i], e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(put_stabilities(b, &pages, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}

/* --- GET …/info/pkg-paths */

fh_err catalog_http_paths(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct catalog_part *part;
    const struct catalog_scope *scope;
    struct catalog_page page = {.most = SIZE_MAX};
    bool paged = web_query(req, "page") || web_query(req, "pageSize");
    if (paged)
        FH_TRY(catalog_http_page(req, CLIENTS_PAGE, &page, e));
    FH_TRY(catalog_http_scope(req, &scope, e));
    struct catalog_upstream *u = catalog_http_upstream(req, scope);
    if (u) {
        const char *path = "/api/v1/catalog/info/pkg-paths";
        if (paged)
            path = fh_sprintf(req->arena, "%s?page=%zu&pageSize=%zu", path,
                              page.most ? page.first / page.most : 0, page.most);
        return catalog_http_pass(req, res, u, path, e);
    }
    FH_TRY(catalog_http_base_part(req, &part, e));
    struct fh_buf *b = catalog_http_buf(req);
    size_t n = part ? part->n : 0;
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = page.first; i < n && i - page.first < page.most; i++) {
        struct catalog_row row;
        catalog_part_row(part, i, &row);
        FH_TRY(catalog_put_text(b, NULL, row.attr_path, e));
    }
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(catalog_put_int(b, "total_count", (int64_t)n, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}

/* --- GET …/info/published-catalogs */

/* Of all catalogs together: there may be as many as owners. */
struct builds {
    struct fh_arena *arena;
    int64_t *ids;
    size_t nids;
    struct store_build_count *counts; /* by catalog */
    size_t n;
};

static fh_err load_builds(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct builds *w = arg;
    return store_catalog_builds(c, w->arena, w->ids, w->nids, &w->counts, &w->n, e);
}

static int to_catalog(const void *id, const void *count)
{
    int64_t x = *(const int64_t *)id, y = ((const struct store_build_count *)count)->catalog_id;
    return (x > y) - (x < y);
}

/* Those of one catalog. */
static const struct store_build_count *counts_of(const struct builds *w, int64_t catalog_id, size_t *n)
{
    const struct store_build_count *first = bsearch(&catalog_id, w->counts, w->n, sizeof *first, to_catalog),
                                   *end = first;
    while (first && first > w->counts && first[-1].catalog_id == catalog_id)
        first--;
    while (end && end < w->counts + w->n && end->catalog_id == catalog_id)
        end++;
    *n = (size_t)(end - first);
    return first;
}

static fh_err put_catalog(struct fh_buf *b, const struct store_catalog_entry *entry, const struct builds *w,
                          struct fh_error *e)
{
    size_t n;
    const struct store_build_count *counts = counts_of(w, entry->id, &n);
    int64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += counts[i].builds;
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "name", entry->owner, e));
    FH_TRY(catalog_put_text(b, "store_type", "meta-only", e));
    FH_TRY(catalog_put_date(b, "created", entry->created_at, e));
    FH_TRY(catalog_put_int(b, "package_ct", (int64_t)n, e));
    FH_TRY(catalog_put_int(b, "package_builds_ct", all, e));
    FH_TRY(catalog_put_json(b, "per_package_builds_ct", "[", e));
    for (size_t i = 0; i < n; i++)
        FH_TRY(catalog_put_int(b, NULL, counts[i].builds, e));
    return catalog_put(b, "]}", e);
}

fh_err catalog_http_published(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct catalog_scope *scope;
    struct builds w = {.arena = req->arena};
    size_t most;
    FH_TRY(catalog_http_scope(req, &scope, e));
    (void)catalog_list_entries(catalog_scope_list(scope), &most);
    w.ids = fh_alloc(req->arena, (most + 1) * sizeof *w.ids);
    for (const struct store_catalog_entry *c = NULL; (c = catalog_scope_next(scope, c));)
        if (c->owner)
            w.ids[w.nids++] = c->id;
    FH_TRY(db_read(req->app->pool, load_builds, &w, e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"catalogs\":[", e));
    for (const struct store_catalog_entry *c = NULL; (c = catalog_scope_next(scope, c));)
        if (c->owner)
            FH_TRY(put_catalog(b, c, &w, e));
    FH_TRY(catalog_put(b, "]}", e));
    return catalog_http_reply(req, res, b, e);
}

/* --- GET …/catalogs/{name}/locked-sources */

struct sources {
    struct fh_arena *arena;
    int64_t catalog_id;
    struct store_source *items;
    size_t n;
};

static fh_err load_sources(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct sources *w = arg;
    return store_sources(c, w->arena, w->catalog_id, 0, &w->items, &w->n, e);
}

static fh_err put_source(struct web_request *req, struct fh_buf *b, const struct store_source *s,
                         struct fh_error *e)
{
    struct catalog_reference parts;
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "attr_path", s->attr_path, e));
    FH_TRY(catalog_put_json(b, "attr_path_components", "[", e));
    if (!catalog_attr_parse(req->arena, s->attr_path, &parts))
        FH_TRY(catalog_put_text(b, NULL, s->attr_path, e));
    for (size_t i = 0; i < parts.n; i++)
        FH_TRY(catalog_put_text(b, NULL, parts.parts[i], e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(catalog_put_json(b, "source", s->source, e));
    FH_TRY(catalog_put_text(b, "build_type", s->build_type, e));
    return catalog_put(b, "}", e);
}

fh_err catalog_http_sources(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct catalog_scope *scope;
    struct catalog_page page;
    struct sources w = {.arena = req->arena};
    FH_TRY(catalog_http_page(req, CLIENTS_PAGE, &page, e));
    FH_TRY(catalog_http_scope(req, &scope, e));
    const struct store_catalog_entry *entry = catalog_scope_find(scope, req->params[0]);
    w.catalog_id = entry ? entry->id : -1; /* what is hidden is looked up like what is absent */
    FH_TRY(db_read(req->app->pool, load_sources, &w, e));
    if (!entry)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no catalog '%.100s', or it is not visible to you.",
                       req->params[0]);
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = page.first; i < w.n && i - page.first < page.most; i++)
        FH_TRY(put_source(req, b, &w.items[i], e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(catalog_put_int(b, "total_count", (int64_t)w.n, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}

/* --- GET …/by-command: nothing here knows which commands are in a package, and says so */

fh_err catalog_http_command(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const char *system, *name = web_query(req, "name");
    FH_TRY(catalog_http_system(req, &system, e));
    FH_TRY(catalog_http_term(name, "name", e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{", e));
    FH_TRY(catalog_put_text(b, "command_name", name, e));
    FH_TRY(catalog_put(b, ",\"providers\":[],\"total_count\":0,\"listing_known\":false}", e));
    return catalog_http_reply(req, res, b, e);
}
