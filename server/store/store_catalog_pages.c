/* The catalog as its operator sees it. See catalog_pages.h. */
#include "server/store/catalog_pages.h"

#include "server/store/catalog_import_parts.h"
#include "server/store/store_rows.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_COLUMNS                                                                                         \
    "p.id, p.rev_count, p.rev, " STORE_SECONDS("p.rev_date") ", " STORE_SECONDS(                             \
        "p.complete_at") ", " STORE_SECONDS("p.created_at") ", (SELECT string_agg(t.tag, ' ' ORDER BY "      \
                                                            "t.tag) FROM catalog_page_tag t "                \
                                                            "WHERE t.page_id = p.id), coalesce((SELECT "     \
                                                            "sum(1 << s.system) FROM catalog_page_system s " \
                                                            "WHERE s.page_id = p.id), 0) FROM catalog_page " \
                                                            "p "

static void read_page(struct fh_arena *a, const struct db_rows *rows, size_t row, struct store_page_info *out)
{
    *out = (struct store_page_info){.page = {.id = db_get_i64(rows, row, 0),
                                             .rev_count = db_get_i64(rows, row, 1),
                                             .rev = store_text(a, rows, row, 2),
                                             .rev_date = db_get_i64(rows, row, 3)},
                                    .complete_at = db_get_i64(rows, row, 4),
                                    .created_at = db_get_i64(rows, row, 5)};
    store_catalog_split_tags(a, store_text(a, rows, row, 6), &out->page);
    for (int s = 1; s < FH_SYSTEM_END; s++)
        out->systems[s] = db_get_i64(rows, row, 7) >> s & 1;
}

fh_err store_page_list(struct db_conn *c, struct fh_arena *a, struct store_page_info **out, size_t *n,
                       struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT " PAGE_COLUMNS "ORDER BY p.rev_count DESC", NULL, 0, &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        read_page(a, rows, i, &(*out)[i]);
    return FH_OK;
}

static fh_err count_rows(struct db_conn *c, struct fh_arena *a, struct store_page_info *p, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT system, count(*) FROM page_package WHERE page_id = $1 GROUP BY system",
                    DB_PARAMS(DB_I64(p->page.id)), &rows, e));
    for (size_t i = 0; i < db_count(rows); i++) {
        int64_t system = db_get_i64(rows, i, 0);
        if (system > 0 && system < FH_SYSTEM_END)
            p->rows[system] = db_get_i64(rows, i, 1);
    }
    return FH_OK;
}

fh_err store_page_find(struct db_conn *c, struct fh_arena *a, const char *name, struct store_page_info *out,
                       struct fh_error *e)
{
    enum { SHORTEST = 7 };
    struct db_rows *rows;
    char *end;
    int64_t number = strtoll(name, &end, 10);
    bool is_number = *name && !*end && number > 0;
    FH_TRY(db_query(c, a,
                    "SELECT " PAGE_COLUMNS
                    "WHERE p.rev_count = $1 OR (length($2) >= $3 AND starts_with(p.rev, $2)) "
                    "ORDER BY p.rev_count = $1 DESC LIMIT 2",
                    DB_PARAMS(DB_I64(is_number ? number : -1), DB_TEXT(name), DB_I64(SHORTEST)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no page %s.", name);
    read_page(a, rows, 0, out);
    if (db_count(rows) > 1 && !(is_number && out->page.rev_count == number))
        return FH_FAIL(e, FH_CONFLICT, "Several revisions begin with %s.", name);
    return count_rows(c, a, out, e);
}

bool store_page_tag_is_valid(const char *tag)
{
    size_t n = strspn(tag, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n <= FH_MAX_PAGE_TAG && tag[n] == '\0' && !strchr("._-", tag[0]);
}

static fh_err take_turn(struct db_conn *c, struct fh_error *e)
{
    FH_ASSERT(e, db_in_transaction(c));
    return db_exec(c, "SELECT pg_advisory_xact_lock(" IMPORT_LOCK_PLACE ")", NULL, 0, NULL, e);
}

fh_err store_page_set_tags(struct db_conn *c, struct fh_arena *a, int64_t page_id, const char *const *tags,
                           size_t n, struct fh_error *e)
{
    const char *list = "";
    int64_t gone, put, renewed;
    for (size_t i = 0; i < n; i++)
        list = fh_sprintf(a, "%s%s%s", list, i ? " " : "", tags[i]);
    FH_TRY(take_turn(c, e));
    FH_TRY(store_import_set_tags(c, page_id, list, &gone, &put, e));
    if (gone + put == 0)
        return FH_OK;
    FH_TRY(store_catalog_renew(c, &renewed, e));
    return store_catalog_changed(c, e);
}

/* Runs that only went through places of the pages; what no run, build or search refers to any more. */
static const char places_sql[] =
    "CREATE TEMPORARY TABLE catalog_gone (system smallint NOT NULL, place int NOT NULL) ON COMMIT DROP";
static const char note_sql[] = "INSERT INTO catalog_gone SELECT system, place FROM catalog_page_system "
                               "WHERE page_id = ANY ($1::text::int[])";
static const char page_sql[] = "DELETE FROM catalog_page WHERE id = ANY ($1::text::int[])";
static const char runs_sql[] =
    "DELETE FROM page_run r USING catalog_gone g WHERE r.system = g.system AND r.first <= g.place "
    "AND r.past > g.place AND NOT EXISTS (SELECT 1 FROM catalog_page_system s WHERE s.system = r.system "
    "AND s.place >= r.first AND s.place < r.past)";
static const char packages_sql[] =
    "DELETE FROM package p WHERE p.newest IS NULL AND NOT EXISTS (SELECT 1 FROM page_run r "
    "WHERE r.package_id = p.id) AND NOT EXISTS (SELECT 1 FROM package_build b WHERE b.package_id = p.id)";
static const char derivations_sql[] =
    "DELETE FROM derivation d WHERE NOT EXISTS (SELECT 1 FROM page_run r WHERE r.derivation_id = d.id) "
    "AND NOT EXISTS (SELECT 1 FROM package_build b WHERE b.derivation_id = d.id) "
    "AND NOT EXISTS (SELECT 1 FROM package p WHERE p.newest = d.id)";

static fh_err sweep(struct db_conn *c, struct fh_arena *a, bool *swept, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT pg_try_advisory_xact_lock(" IMPORT_LOCK_USE ")", NULL, 0, &rows, e));
    *swept = db_get_bool(rows, 0, 0);
    if (!*swept)
        return FH_OK;
    FH_TRY(db_exec(c, packages_sql, NULL, 0, NULL, e));
    return db_exec(c, derivations_sql, NULL, 0, NULL, e);
}

fh_err store_page_remove(struct db_conn *c, const int64_t *page_ids, size_t n, bool *swept,
                         struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    const struct db_param ids = DB_TEXT(store_id_list(a, page_ids, n));
    int64_t renewed;
    fh_err rc = take_turn(c, e);
    if (rc == FH_OK)
        rc = db_script(c, places_sql, e);
    if (rc == FH_OK)
        rc = db_exec(c, note_sql, &ids, 1, NULL, e);
    if (rc == FH_OK)
        rc = db_exec(c, page_sql, &ids, 1, NULL, e);
    if (rc == FH_OK)
        rc = db_exec(c, runs_sql, NULL, 0, NULL, e);
    if (rc == FH_OK)
        rc = store_catalog_renew(c, &renewed, e);
    if (rc == FH_OK)
        rc = sweep(c, a, swept, e);
    if (rc == FH_OK)
        rc = store_catalog_changed(c, e);
    fh_arena_free(a);
    return rc;
}

static const char measure_sql[] =
    "SELECT (SELECT count(*) FROM catalog_page WHERE complete_at IS NOT NULL), "
    "(SELECT count(*) FROM catalog_page WHERE complete_at IS NULL), "
    "coalesce((SELECT max(rev_count) FROM catalog_page WHERE complete_at IS NOT NULL), 0), "
    "(SELECT count(*) FROM package p JOIN catalog c ON c.id = p.catalog_id WHERE c.owner_id IS NULL), "
    "(SELECT count(*) FROM derivation), (SELECT count(*) FROM page_run), "
    "(SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relname IN ('catalog', "
    "'catalog_page', 'catalog_page_tag', 'catalog_page_system', 'derivation', 'package', 'page_run', "
    "'page_scrape', 'package_build') AND relnamespace = 'public'::regnamespace AND relkind = 'r'), "
    "(SELECT count(*) FROM catalog WHERE owner_id IS NOT NULL), (SELECT count(*) FROM package_build)";

fh_err store_catalog_measure(struct db_conn *c, struct store_catalog_size *out, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(c, a, measure_sql, NULL, 0, &rows, e);
    if (rc == FH_OK)
        *out = (struct store_catalog_size){.pages = db_get_i64(rows, 0, 0),
                                           .incomplete = db_get_i64(rows, 0, 1),
                                           .newest_rev_count = db_get_i64(rows, 0, 2),
                                           .packages = db_get_i64(rows, 0, 3),
                                           .derivations = db_get_i64(rows, 0, 4),
                                           .runs = db_get_i64(rows, 0, 5),
                                           .bytes = db_get_i64(rows, 0, 6),
                                           .catalogs = db_get_i64(rows, 0, 7),
                                           .builds = db_get_i64(rows, 0, 8)};
    fh_arena_free(a);
    return rc;
}

fh_err store_catalog_is_empty(struct db_conn *c, bool *empty, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(c, a, "SELECT NOT EXISTS (SELECT 1 FROM catalog_page WHERE complete_at IS NOT NULL)",
                         NULL, 0, &rows, e);
    if (rc == FH_OK)
        *empty = db_get_bool(rows, 0, 0);
    fh_arena_free(a);
    return rc;
}
