/* What the catalog tells of itself. See catalog_info.h. */
#include "server/store/catalog_info.h"

#include "common/ceilings.h"
#include "common/json.h"
#include "server/store/store_rows.h"

#include <string.h>

fh_err store_catalog_count(struct db_conn *c, struct fh_arena *a, struct store_catalog_counts *out,
                           struct fh_error *e)
{
    struct db_rows *rows;
    *out = (struct store_catalog_counts){0};
    FH_TRY(db_query(c, a,
                    "SELECT (SELECT count(*) FROM package p JOIN catalog k ON k.id = p.catalog_id "
                    "WHERE k.owner_id IS NULL AND p.newest IS NOT NULL), "
                    "(SELECT count(*) FROM (SELECT DISTINCT derivation_id FROM page_run) r)",
                    NULL, 0, &rows, e));
    out->packages = db_get_i64(rows, 0, 0);
    out->derivations = db_get_i64(rows, 0, 1);
    FH_TRY(
        db_query(c, a,
                 "SELECT s.system, max(s.scraped_at) FROM catalog_page_system s "
                 "JOIN catalog_page p ON p.id = s.page_id WHERE p.complete_at IS NOT NULL GROUP BY s.system",
                 NULL, 0, &rows, e));
    for (size_t i = 0; i < db_count(rows); i++) {
        int64_t system = db_get_i64(rows, i, 0), at = db_get_i64(rows, i, 1);
        if (system > 0 && system < (int64_t)(sizeof out->systems / sizeof *out->systems))
            out->systems[system] = true;
        if (at > out->scraped_at)
            out->scraped_at = at;
    }
    return FH_OK;
}

fh_err store_catalog_builds(struct db_conn *c, struct fh_arena *a, const int64_t *catalog_ids, size_t n,
                            struct store_build_count **out, size_t *found, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT p.catalog_id, count(b.id) FROM package p "
                    "LEFT JOIN package_build b ON b.package_id = p.id "
                    "WHERE p.catalog_id = ANY ($1::text::bigint[]) GROUP BY p.catalog_id, p.attr_path "
                    "ORDER BY p.catalog_id, p.attr_path",
                    DB_PARAMS(DB_TEXT(store_id_list(a, catalog_ids, n))), &rows, e));
    *found = db_count(rows);
    *out = fh_alloc(a, (*found + 1) * sizeof **out);
    for (size_t i = 0; i < *found; i++)
        (*out)[i] = (struct store_build_count){db_get_i64(rows, i, 0), db_get_i64(rows, i, 1)};
    return FH_OK;
}

static struct store_source read_source(const struct db_rows *rows, size_t i)
{
    return (struct store_source){
        .build_id = db_get_i64(rows, i, 0),
        .attr_path = db_get_text(rows, i, 1),
        .build_type = db_get_text(rows, i, 2),
        .source = db_get_text(rows, i, 3),
        .locked_inputs_hash = db_get_text(rows, i, 4),
    };
}

fh_err store_sources(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, int64_t before,
                     struct store_source **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a,
        "SELECT DISTINCT ON (p.attr_path) b.id, p.attr_path, s.build_type, s.source, s.locked_inputs_hash "
        "FROM package p JOIN package_build b ON b.package_id = p.id JOIN build_source s ON s.build_id = b.id "
        "WHERE p.catalog_id = $1 AND b.yanked_at IS NULL "
        "AND ($2::bigint = 0 OR b.created_at < to_timestamp($2::bigint + 1)) "
        "ORDER BY p.attr_path, b.id DESC",
        DB_PARAMS(DB_I64(catalog_id), DB_I64(before)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = read_source(rows, i);
    return FH_OK;
}

fh_err store_sources_get(struct db_conn *c, struct fh_arena *a, const int64_t *build_ids, size_t n,
                         struct store_source **out, size_t *found, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a,
        "SELECT s.build_id, p.attr_path, s.build_type, s.source, s.locked_inputs_hash, s.direct, s.closure "
        "FROM build_source s JOIN package_build b ON b.id = s.build_id JOIN package p ON p.id = b.package_id "
        "WHERE s.build_id = ANY ($1::text::bigint[]) ORDER BY s.build_id",
        DB_PARAMS(DB_TEXT(store_id_list(a, build_ids, n))), &rows, e));
    *found = db_count(rows);
    *out = fh_alloc(a, (*found + 1) * sizeof **out);
    for (size_t i = 0; i < *found; i++) {
        (*out)[i] = read_source(rows, i);
        (*out)[i].direct = db_get_text(rows, i, 5);
        (*out)[i].closure = db_get_text(rows, i, 6);
    }
    return FH_OK;
}

fh_err store_build_time(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, const char *attr_path,
                        const char *rev, int64_t *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " STORE_SECONDS(
                        "max(b.created_at)") " FROM package p "
                                             "JOIN package_build b ON b.package_id = p.id "
                                             "WHERE p.catalog_id = $1 AND p.attr_path = $2 AND b.rev = $3",
                    DB_PARAMS(DB_I64(catalog_id), DB_TEXT(attr_path), DB_TEXT(rev)), &rows, e));
    *out = db_get_i64(rows, 0, 0);
    return *out ? FH_OK : FH_FAIL(e, FH_NOT_FOUND, "There is no such build.");
}

/* ["a","b"] */
static fh_err text_list(struct fh_arena *a, const char *const *texts, size_t n, const char **out,
                        struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_BODY_LOOKUP * 2);
    fh_err rc = fh_buf_add_char(&b, '[', e);
    for (size_t i = 0; rc == FH_OK && i < n; i++) {
        rc = i > 0 ? fh_buf_add_char(&b, ',', e) : FH_OK;
        if (rc == FH_OK)
            rc = fh_json_write_string(texts[i], strlen(texts[i]), &b, e);
    }
    if (rc == FH_OK)
        rc = fh_buf_add_char(&b, ']', e);
    if (rc == FH_OK)
        *out = fh_strndup(a, b.data, b.len);
    fh_buf_free(&b);
    return rc;
}

fh_err store_owners_known(struct db_conn *c, struct fh_arena *a, const char *const *handles, size_t n,
                          bool *out, struct fh_error *e)
{
    struct db_rows *rows;
    const char *list;
    memset(out, 0, n * sizeof *out);
    if (n == 0)
        return FH_OK;
    FH_TRY(text_list(a, handles, n, &list, e));
    FH_TRY(db_query(
        c, a,
        "SELECT k.ord FROM jsonb_array_elements_text($1::text::jsonb) WITH ORDINALITY k (handle, ord) "
        "WHERE EXISTS (SELECT FROM owner WHERE lower(handle) = lower(k.handle COLLATE \"C\"))",
        DB_PARAMS(DB_TEXT(list)), &rows, e));
    for (size_t i = 0; i < db_count(rows); i++)
        out[db_get_i64(rows, i, 0) - 1] = true;
    return FH_OK;
}
