/* How the catalog is: GET …/status/healthcheck, …/status/catalog, …/status/service (catalog-read-api 3.10).
 * What is counted is the base catalog's alone. */
#include "server/catalog/catalog_http.h"

#include "common/clock.h"
#include "server/app.h"
#include "server/catalog/resolve_load.h"
#include "server/catalog/search_match.h"
#include "server/store/catalog.h"
#include "server/store/catalog_info.h"

#include <string.h>

/* --- GET …/status/service */

fh_err catalog_http_service(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };
    int64_t started = catalog_started(req->app->catalog), up = fh_now() - started;
    const char *pretty =
        fh_sprintf(req->arena, "%lld days, %lld:%02lld:%02lld", (long long)(up / DAY),
                   (long long)(up % DAY / HOUR), (long long)(up % HOUR / MINUTE), (long long)(up % MINUTE));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{", e));
    FH_TRY(catalog_put_text(b, "service_version", FLOE_VERSION, e));
    FH_TRY(catalog_put_date(b, "start_tm", started, e));
    FH_TRY(catalog_put_int(b, "uptime_seconds", up, e));
    FH_TRY(catalog_put_text(b, "uptime_pretty", pretty, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}

/* --- GET …/status/catalog */

static fh_err put_tags(struct fh_buf *b, const struct store_catalog_pages *pages, struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, "tags", "{", e));
    for (size_t i = 0; i < pages->n; i++)
        for (size_t t = 0; t < pages->items[i].ntags; t++) {
            const char *tag = pages->items[i].tags[t];
            size_t first = 0;
            while (first < i && !catalog_http_has_tag(&pages->items[first], tag))
                first++;
            if (first < i)
                continue; /* it was written with the first page that has it */
            FH_TRY(catalog_put_json(b, tag, "[", e));
            for (size_t k = i; k < pages->n; k++)
                if (catalog_http_has_tag(&pages->items[k], tag))
                    FH_TRY(catalog_put_text(b, NULL, pages->items[k].rev, e));
            FH_TRY(catalog_put(b, "]", e));
        }
    return catalog_put(b, "}", e);
}

fh_err catalog_http_state(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct catalog_scope *scope;
    const struct catalog_part *part;
    struct store_catalog_counts counts = {0};
    FH_TRY(catalog_http_scope(req, &scope, e));
    const struct store_catalog_pages pages = catalog_http_pages(scope);
    FH_TRY(catalog_http_base_part(req, &part, e));
    if (catalog_scope_base(scope))
        FH_TRY(catalog_counts(req->app->catalog, catalog_scope_list(scope), &counts, e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, "{\"systems\":[", e));
    for (int s = 1; s < FH_SYSTEM_END; s++)
        if (counts.systems[s])
            FH_TRY(catalog_put_text(b, NULL, fh_system_name((enum fh_system)s), e));
    FH_TRY(catalog_put(b, "]", e));
    FH_TRY(catalog_put_int(b, "pages_ct", (int64_t)pages.n, e));
    FH_TRY(catalog_put_date(b, "latest_rev", pages.n ? pages.items[0].rev_date : 0, e));
    if (counts.scraped_at)
        FH_TRY(catalog_put_date(b, "latest_scrape", counts.scraped_at / 1000000, e));
    else
        FH_TRY(catalog_put_json(b, "latest_scrape", NULL, e));
    FH_TRY(catalog_put_int(b, "attribute_path_ct", counts.packages, e));
    FH_TRY(catalog_put_int(b, "search_index_ct", part ? (int64_t)part->n : 0, e));
    FH_TRY(catalog_put_int(b, "derivations_ct", counts.derivations, e));
    FH_TRY(catalog_put(b, ",\"storepaths_ct\":null,\"narinfos_ct\":null", e));
    FH_TRY(catalog_put_text(b, "schema_version", fh_sprintf(req->arena, "%d", db_schema_version()), e));
    FH_TRY(put_tags(b, &pages, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}

/* --- GET …/status/healthcheck: one question of each kind, asked of the base catalog */

struct package_check {
    struct fh_arena *arena;
    const struct store_catalog_layout *layout;
    int64_t catalog_id;
    const char *attr_path;
    bool ok;
};

static fh_err check_package(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct package_check *k = arg;
    struct store_package_row *rows;
    struct store_package package;
    size_t n;
    k->ok = false;
    fh_err rc = store_package_find(c, k->arena, k->catalog_id, k->attr_path, &package, e);
    if (rc == FH_NOT_FOUND)
        return FH_OK;
    FH_TRY(rc);
    FH_TRY(catalog_package_load(c, k->arena, k->layout, &package, &rows, &n, e));
    k->ok = n > 0;
    return FH_OK;
}

static fh_err check_resolve(struct web_request *req, const struct catalog_scope *scope, bool *ok,
                            struct fh_error *e)
{
    static const char body[] =
        "{\"items\":[{\"name\":\"healthcheck\",\"descriptors\":[{\"install_id\":\"cowsay\","
        "\"attr_path\":\"cowsay\",\"systems\":[\"x86_64-linux\"]}]}]}";
    struct resolve_question q = {.arena = req->arena, .memory = req->app->resolve};
    FH_TRY(resolve_request_parse(req->arena, body, sizeof body - 1, &q.request, e));
    resolve_keys(&q, scope);
    FH_TRY(resolve_ask(&q, req->app->pool, e));
    *ok = q.answer->n == 1 && q.answer->groups[0].is_found;
    return FH_OK;
}

static fh_err put_check(struct web_request *req, struct fh_buf *b, const char *name, bool ok, int64_t began,
                        struct fh_error *e)
{
    FH_TRY(catalog_put_json(b, fh_sprintf(req->arena, "%s_ok", name), ok ? "true" : "false", e));
    return catalog_put_int(b, fh_sprintf(req->arena, "%s_elapsed_ms", name), fh_ticks_ms() - began, e);
}

fh_err catalog_http_health(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const char parameters[] = "{\"check_parameters\":{\"show_term\":\"hello\",\"search_term\":\"in "
                                     "Go\",\"search_system\":\"x86_64-linux\","
                                     "\"resolve_package\":\"cowsay\",\"resolve_systems\":[\"x86_64-linux\"]}";
    const struct catalog_scope *scope;
    const struct catalog_part *part;
    struct catalog_hit *hits;
    size_t n, total = 0;
    FH_TRY(catalog_http_scope(req, &scope, e));
    const struct store_catalog_entry *base = catalog_scope_base(scope);
    const struct store_catalog_layout *layout = catalog_list_layout(catalog_scope_list(scope));
    int64_t id = base ? base->id : -1, began = fh_ticks_ms();
    FH_TRY(catalog_http_base_part(req, &part, e));
    if (part)
        catalog_search(req->arena, &(struct catalog_searched){part, NULL}, 1, "in Go", 0, 1, &hits, &n,
                       &total);
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(catalog_put(b, parameters, e));
    FH_TRY(put_check(req, b, "search", total > 0, began, e));
    bool resolved;
    began = fh_ticks_ms();
    FH_TRY(check_resolve(req, scope, &resolved, e));
    FH_TRY(put_check(req, b, "resolve", resolved, began, e));
    struct package_check show = {req->arena, layout, id, "hello", false};
    began = fh_ticks_ms();
    FH_TRY(db_read(req->app->pool, check_package, &show, e));
    FH_TRY(put_check(req, b, "show", show.ok, began, e));
    FH_TRY(catalog_put(b, "}", e));
    return catalog_http_reply(req, res, b, e);
}
