/* A package as answers show it. See package_json.h. */
#include "server/catalog/package_json.h"

#include "common/clock.h"
#include "server/catalog/catalog_http.h"
#include "server/catalog/search_part.h"

#include <string.h>

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

fh_err catalog_put_package(struct fh_buf *b, struct fh_arena *a, const struct catalog_package *what,
                           const struct store_package_row *row, struct fh_error *e)
{
    const char *owner = what->owner;
    const char *pkg_path = owner ? fh_sprintf(a, "%s/%s", owner, what->attr_path) : what->attr_path;
    FH_TRY(catalog_put_json(b, NULL, "{", e));
    FH_TRY(catalog_put_text(b, "catalog", owner ? owner : "nixpkgs", e));
    FH_TRY(catalog_put_text(b, "attr_path", what->attr_path, e));
    FH_TRY(catalog_put_text(b, "pkg_path", pkg_path, e));
    FH_TRY(catalog_put_text(b, "derivation", row->drv_path, e));
    FH_TRY(catalog_put_text(b, "name", row->name, e));
    FH_TRY(catalog_put_text(b, "pname", catalog_last_component(what->attr_path), e));
    FH_TRY(catalog_put_text(b, "version", row->version, e));
    FH_TRY(catalog_put_text(b, "system", fh_system_name(row->system), e));
    FH_TRY(catalog_put_json(b, "outputs", row->outputs, e));
    FH_TRY(catalog_put_json(b, "outputs_to_install", row->outputs_to_install, e));
    FH_TRY(catalog_put_text(b, "description", row->description, e));
    FH_TRY(catalog_put_text(b, "license", row->license, e));
    FH_TRY(put_source(b, a, row, e));
    return catalog_put(b, "}", e);
}
