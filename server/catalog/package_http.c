/* GET /api/v1/catalog/packages/{attr_path}: show (catalog-read-api 3.3 and 5). */
#include "server/catalog/upstream_http.h"

#include "common/clock.h"
#include "server/app.h"
#include "server/catalog/package_versions.h"
#include "server/catalog/search_part.h"

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

static const char *flag(const struct store_package_row *row, int which)
{
    return row->flags & which << STORE_UNKNOWN_SHIFT ? NULL : row->flags & which ? "true" : "false";
}

/* "2026-05-26T07:06:18.644750Z" */
static const char *date(struct fh_arena *a, int64_t seconds, int64_t micros)
{
    char text[FH_RFC3339_SIZE];
    fh_time_format(seconds, text);
    return micros ? fh_sprintf(a, "%.*s.%06lldZ", (int)strlen(text) - 1, text, (long long)micros)
                  : fh_strdup(a, text);
}

static fh_err put_source(struct fh_buf *b, struct fh_arena *a, const struct store_package_row *row,
                         struct fh_error *e)
{
    enum { MICROS = 1000000 };
    const char *url =
        row->locked_url ? row->locked_url : fh_sprintf(a, "%s?rev=%s", CATALOG_BASE_URL, row->rev);
    const char *scraped =
        row->scraped_at ? date(a, row->scraped_at / MICROS, row->scraped_at % MICROS) : NULL;
    FH_TRY(catalog_put_text(b, "locked_url", url, e));
    FH_TRY(catalog_put_text(b, "rev", row->rev, e));
    FH_TRY(catalog_put_int(b, "rev_count", row->rev_count, e));
    FH_TRY(catalog_put_text(b, "rev_date", date(a, row->rev_date, 0), e));
    FH_TRY(catalog_put_json(b, "broken", flag(row, STORE_BROKEN), e));
    FH_TRY(catalog_put_json(b, "insecure", flag(row, STORE_INSECURE), e));
    FH_TRY(catalog_put_json(b, "unfree", flag(row, STORE_UNFREE), e));
    FH_TRY(catalog_put_json(b, "missing_builds", flag(row, STORE_MISSING_BUILDS), e));
    FH_TRY(catalog_put_json(b, "stabilities", row->tags, e));
    FH_TRY(catalog_put_text(b, "scrape_date", scraped, e));
    return catalog_put_text(b, "cache_uri", row->cache_uri, e);
}

static fh_err put_row(struct fh_buf *b, const struct show *s, const struct store_package_row *row,
                      struct fh_error *e)
{
    const char *owner = s->catalog->owner;
    const char *pkg_path = owner ? fh_sprintf(s->arena, "%s/%s", owner, s->attr_path) : s->attr_path;
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "catalog", owner ? owner : "nixpkgs", e));
    FH_TRY(catalog_put_text(b, "attr_path", s->attr_path, e));
    FH_TRY(catalog_put_text(b, "pkg_path", pkg_path, e));
    FH_TRY(catalog_put_text(b, "derivation", row->drv_path, e));
    FH_TRY(catalog_put_text(b, "name", row->name, e));
    FH_TRY(catalog_put_text(b, "pname", catalog_last_component(s->attr_path), e));
    FH_TRY(catalog_put_text(b, "version", row->version, e));
    FH_TRY(catalog_put_text(b, "system", fh_system_name(row->system), e));
    FH_TRY(catalog_put_json(b, "outputs", row->outputs, e));
    FH_TRY(catalog_put_json(b, "outputs_to_install", row->outputs_to_install, e));
    FH_TRY(catalog_put_text(b, "description", row->description, e));
    FH_TRY(catalog_put_text(b, "license", row->license, e));
    FH_TRY(put_source(b, s->arena, row, e));
    return catalog_put(b, "}", e);
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
        return FH_FAIL(e, FH_NOT_FOUND, "Unable to locate attr_path '%.300s'", req->params[0]);
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
    if (u && !owner && *attr_path)
        return pass(req, res, u, &page, e);
    FH_TRY(find(req, scope, &s, e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"items\":[", e));
    for (size_t i = page.first; i < s.n && i - page.first < page.most; i++)
        FH_TRY(put_row(b, &s, &s.rows[i], e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(catalog_put_int(b, "total_count", (int64_t)s.n, e));
    FH_TRY(catalog_put_json(b, "deprecation", s.package.deprecation, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}
