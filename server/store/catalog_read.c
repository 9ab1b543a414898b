/* The catalog's rows as questions ask for them. See catalog_read.h. */
#include "server/store/catalog_read.h"
#include "server/store/store_rows.h"

fh_err store_catalog_entries(struct db_conn *c, struct fh_arena *a, int64_t *version,
                             struct store_catalog_entry **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT version FROM catalog_version", NULL, 0, &rows, e));
    *version = db_count(rows) ? db_get_i64(rows, 0, 0) : 0;
    FH_TRY(db_query(c, a,
                    "SELECT c.id, coalesce(c.owner_id, 0), o.handle, coalesce(o.kind, 0)::bigint, "
                    "o.disabled_at IS NOT NULL, c.visibility, c.changed, " STORE_SECONDS(
                        "c.created_at") " "
                                        "FROM catalog c LEFT JOIN owner o ON o.id = c.owner_id "
                                        "ORDER BY o.handle COLLATE \"C\" NULLS FIRST",
                    NULL, 0, &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = (struct store_catalog_entry){
            .id = db_get_i64(rows, i, 0),
            .owner_id = db_get_i64(rows, i, 1),
            .owner = store_text(a, rows, i, 2),
            .owner_kind = (enum store_owner_kind)db_get_i64(rows, i, 3),
            .owner_disabled = db_get_bool(rows, i, 4),
            .visibility = (enum store_visibility)db_get_i64(rows, i, 5),
            .changed = db_get_i64(rows, i, 6),
            .created_at = db_get_i64(rows, i, 7),
        };
    return FH_OK;
}

fh_err store_catalog_found(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, const char *after,
                           size_t limit, struct store_catalog_found **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT p.attr_path, d.name, d.version, d.description, p.deprecation FROM package p "
                    "JOIN derivation d ON d.id = p.newest WHERE p.catalog_id = $1 AND p.attr_path > $2 "
                    "ORDER BY p.attr_path LIMIT $3",
                    DB_PARAMS(DB_I64(catalog_id), DB_TEXT(after), DB_I64((int64_t)limit)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++) /* the texts live with the rows, in the arena */
        (*out)[i] = (struct store_catalog_found){
            db_get_text(rows, i, 0), db_get_text(rows, i, 1), db_get_text(rows, i, 2),
            db_get_text(rows, i, 3), db_get_text(rows, i, 4),
        };
    return FH_OK;
}

fh_err store_package_find(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, const char *attr_path,
                          int64_t *id, const char **deprecation, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT id, deprecation FROM package WHERE catalog_id = $1 AND attr_path = $2",
                    DB_PARAMS(DB_I64(catalog_id), DB_TEXT(attr_path)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such package.");
    *id = db_get_i64(rows, 0, 0);
    *deprecation = db_get_text(rows, 0, 1);
    return FH_OK;
}

#define DERIVATION                                                                                           \
    "d.drv_path, d.name, d.version, d.outputs, d.outputs_to_install, d.description, d.license, "             \
    "d.cache_uri, d.flags"
#define TAGS_OF(page)                                                                                        \
    "(SELECT json_agg(t.tag ORDER BY t.tag)::text FROM catalog_page_tag t WHERE t.page_id = " page ")"

static const char page_versions[] =
    "SELECT x.system, " DERIVATION
    ", NULL::text, x.rev, x.rev_count, " STORE_SECONDS("x.rev_date") ", x.scraped_at, " TAGS_OF(
        "x.page") " FROM ("
                  "SELECT DISTINCT ON (d.version, pp.system) pp.system, pp.derivation_id, pp.scraped_at, "
                  "g.id AS page, g.rev, "
                  "g.rev_count, g.rev_date FROM page_package pp JOIN catalog_page g ON g.id = pp.page_id "
                  "JOIN derivation d ON d.id = pp.derivation_id WHERE pp.package_id = $1 AND g.complete_at "
                  "IS NOT NULL "
                  "AND EXISTS (SELECT FROM catalog_page_tag t WHERE t.page_id = g.id) "
                  "ORDER BY d.version, pp.system, g.rev_count DESC) x "
                  "JOIN derivation d ON d.id = x.derivation_id ORDER BY x.rev_count DESC, x.system, "
                  "d.version";
static const char build_versions[] =
    "SELECT x.system, " DERIVATION
    ", x.locked_url, x.rev, x.rev_count, " STORE_SECONDS("x.rev_date") ", x.scraped_at, " TAGS_OF(
        "g.id") " FROM ("
                "SELECT DISTINCT ON (d.version, b.system) b.* FROM package_build b JOIN derivation d ON d.id "
                "= b.derivation_id "
                "WHERE b.package_id = $1 AND b.yanked_at IS NULL ORDER BY d.version, b.system, b.id DESC) x "
                "JOIN derivation d ON d.id = x.derivation_id "
                "LEFT JOIN catalog_page g ON g.rev_count = x.base_rev_count AND g.complete_at IS NOT NULL "
                "ORDER BY x.rev_count DESC, x.id DESC";

fh_err store_package_versions(struct db_conn *c, struct fh_arena *a, int64_t package_id, bool base,
                              struct store_package_row **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, base ? page_versions : build_versions, DB_PARAMS(DB_I64(package_id)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = (struct store_package_row){
            .system = (enum fh_system)db_get_i64(rows, i, 0),
            .drv_path = db_get_text(rows, i, 1),
            .name = db_get_text(rows, i, 2),
            .version = db_get_text(rows, i, 3),
            .outputs = db_get_text(rows, i, 4),
            .outputs_to_install = db_get_text(rows, i, 5),
            .description = db_get_text(rows, i, 6),
            .license = db_get_text(rows, i, 7),
            .cache_uri = db_get_text(rows, i, 8),
            .flags = (int)db_get_i64(rows, i, 9),
            .locked_url = db_get_text(rows, i, 10),
            .rev = db_get_text(rows, i, 11),
            .rev_count = db_get_i64(rows, i, 12),
            .rev_date = db_get_i64(rows, i, 13),
            .scraped_at = db_get_i64(rows, i, 14),
            .tags = db_get_text(rows, i, 15),
        };
    return FH_OK;
}
