/* GET /api/v1/catalog/packages/{attr_path}: show (catalog-read-api 3.3 and 5). */
#include "server/catalog/upstream_http.h"

#include "common/ceilings.h"
#include "server/app.h"
#include "server/catalog/package_json.h"
#include "server/catalog/package_versions.h"

#include <string.h>

enum { CLIENTS_PAGE = 10 };

struct show {
    struct fh_arena *arena;
    const struct store_catalog_entry *catalog;
    const struct store_catalog_layout *layout;
    const char *attr_path; /* in the catalog */
    struct store_package package;
    struct store_package_row *rows;
    size_t n;
};

fh_err catalog_package_load(struct db_conn *c, struct fh_arena *a, const struct store_catalog_layout *layout,
                            const struct store_package *package, struct store_package_row **out, size_t *n,
                            struct fh_error *e)
{
    struct store_package_run *runs;
    struct store_scrape *scrapes = NULL;
    size_t nruns, nscrapes = 0;
    FH_TRY(store_package_runs(c, a, package->id, &runs, &nruns, e));
    if (package->has_scrapes)
        FH_TRY(store_package_scrapes(c, a, package->id, &scrapes, &nscrapes, e));
    catalog_package_versions(a, layout, runs, nruns, scrapes, nscrapes, out, n);
    return FH_OK;
}

static fh_err load(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct show *s = arg;
    FH_TRY(store_package_find(c, s->arena, s->catalog->id, s->attr_path, &s->package, e));
    if (s->catalog->owner)
        return store_package_builds(c, s->arena, s->package.id, &s->rows, &s->n, e);
    return catalog_package_load(c, s->arena, s->layout, &s->package, &s->rows, &s->n, e);
}

/* One sentence for what is absent and for what is hidden, whose look-ups are made alike. */
static fh_err find(struct web_request *req, const struct catalog_scope *scope, struct show *s,
                   struct fh_error *e)
{
    static const struct store_catalog_entry nobodys = {.id = -1, .owner = "", .visibility = STORE_PRIVATE};
    s->layout = catalog_list_layout(catalog_scope_list(scope));
    s->catalog = catalog_scope_of_path(scope, req->arena, req->params[0], &s->attr_path);
    if (!s->catalog)
        s->catalog = &nobodys;
    fh_err rc = db_read(req->app->pool, load, s, e);
    if (rc == FH_NOT_FOUND || (rc == FH_OK && s->n == 0))
        return FH_FAIL(e, FH_NOT_FOUND, "Unable to locate attr_path '%.512s'", req->params[0]);
    return rc;
}

/* What is of no owner is the upstream's, where there is one. */
static fh_err pass(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                   const struct catalog_page *page, struct fh_error *e)
{
    const char *path = fh_sprintf(req->arena, "/api/v1/catalog/packages/%s?page=%zu&pageSize=%zu",
                                  catalog_http_encode(req->arena, req->params[0]),
                                  page->most ? page->first / page->most : 0, page->most);
    return catalog_http_pass(req, res, u, path, e);
}

fh_err catalog_http_packages(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct show s = {.arena = req->arena};
    const struct catalog_scope *scope;
    const char *owner, *attr_path;
    struct catalog_page page;
    FH_TRY(catalog_http_page(req, CLIENTS_PAGE, &page, e));
    FH_TRY(catalog_http_scope(req, &scope, e));
    struct catalog_upstream *u = catalog_http_upstream(req, scope);
    catalog_path_split(req->arena, req->params[0], &owner, &attr_path);
    if (u && !owner && *attr_path && strlen(attr_path) <= FH_MAX_ATTR_PATH) /* no catalog has a longer one */
        return pass(req, res, u, &page, e);
    FH_TRY(find(req, scope, &s, e));
    const struct catalog_package what = {.owner = s.catalog->owner, .attr_path = s.attr_path};
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = page.first; i < s.n && i - page.first < page.most; i++)
        FH_TRY(catalog_put_package(b, req->arena, &what, &s.rows[i], e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(catalog_put_int(b, "total_count", (int64_t)s.n, e));
    FH_TRY(catalog_put_json(b, "deprecation", s.package.deprecation, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}
