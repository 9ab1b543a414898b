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
                          struct store_package *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(
        db_query(c, a,
                 "SELECT p.id, p.deprecation, EXISTS (SELECT FROM page_scrape s WHERE s.package_id = p.id) "
                 "FROM package p WHERE p.catalog_id = $1 AND p.attr_path = $2",
                 DB_PARAMS(DB_I64(catalog_id), DB_TEXT(attr_path)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such package.");
    *out = (struct store_package){db_get_i64(rows, 0, 0), db_get_text(rows, 0, 1), db_get_bool(rows, 0, 2)};
    return FH_OK;
}

/* Of a derivation d, from column 1 on. */
#define DERIVATION                                                                                           \
    "d.drv_path, d.name, d.version, d.outputs, d.outputs_to_install, d.description, d.license, "             \
    "d.cache_uri, d.flags"
#define TAGS_OF(page)                                                                                        \
    "(SELECT json_agg(t.tag ORDER BY t.tag)::text FROM catalog_page_tag t WHERE t.page_id = " page ")"

static struct store_package_row read_derivation(const struct db_rows *rows, size_t i)
{
    return (struct store_package_row){
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
    };
}

fh_err store_package_runs(struct db_conn *c, struct fh_arena *a, int64_t package_id,
                          struct store_package_run **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT r.system, " DERIVATION ", r.first, r.past FROM page_run r "
                    "JOIN derivation d ON d.id = r.derivation_id WHERE r.package_id = $1",
                    DB_PARAMS(DB_I64(package_id)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = (struct store_package_run){.row = read_derivation(rows, i),
                                               .first = (int)db_get_i64(rows, i, 10),
                                               .past = (int)db_get_i64(rows, i, 11)};
    return FH_OK;
}

fh_err store_package_scrapes(struct db_conn *c, struct fh_arena *a, int64_t package_id,
                             struct store_scrape **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT page_id, system, scraped_at FROM page_scrape WHERE package_id = $1",
                    DB_PARAMS(DB_I64(package_id)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = (struct store_scrape){db_get_i64(rows, i, 0), (enum fh_system)db_get_i64(rows, i, 1),
                                          db_get_i64(rows, i, 2)};
    return FH_OK;
}

fh_err store_package_builds(struct db_conn *c, struct fh_arena *a, int64_t package_id,
                            struct store_package_row **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a,
        "SELECT x.system, " DERIVATION ", x.locked_url, x.rev, x.rev_count, " STORE_SECONDS(
            "x.rev_date") ", "
                          "x.scraped_at, (SELECT json_agg(t.tag ORDER BY t.tag)::text FROM catalog_page g "
                          "JOIN catalog_page_tag t ON t.page_id = g.id "
                          "WHERE g.rev_count = x.base_rev_count AND g.complete_at IS NOT NULL) FROM ("
                          "SELECT DISTINCT ON (d.version, b.system) b.* FROM package_build b "
                          "JOIN derivation d ON d.id = b.derivation_id "
                          "WHERE b.package_id = $1 AND b.yanked_at IS NULL ORDER BY d.version, "
                          "b.system, " STORE_NEWEST_BUILD ", d.drv_path DESC) x "
                          "JOIN derivation d ON d.id = x.derivation_id ORDER BY x.rev_count DESC, x.rev_date "
                          "DESC, d.version, x.system",
        DB_PARAMS(DB_I64(package_id)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++) {
        struct store_package_row *row = &(*out)[i];
        *row = read_derivation(rows, i);
        row->locked_url = db_get_text(rows, i, 10);
        row->rev = db_get_text(rows, i, 11);
        row->rev_count = db_get_i64(rows, i, 12);
        row->rev_date = db_get_i64(rows, i, 13);
        row->scraped_at = db_get_i64(rows, i, 14);
        row->tags = db_get_text(rows, i, 15);
    }
    return FH_OK;
}

/* --- pages and their columns */

static const char *tags_of(struct fh_arena *a, const struct store_catalog_page *page)
{
    const char *text = NULL; /* a tag has nothing in it that JSON would escape (migration 0007) */
    for (size_t i = 0; i < page->ntags; i++)
        text = fh_sprintf(a, "%s\"%s\"", text ? fh_sprintf(a, "%s,", text) : "", page->tags[i]);
    return text ? fh_sprintf(a, "[%s]", text) : NULL;
}

static const struct store_catalog_page *page_of(const struct store_catalog_layout *l, int64_t id)
{
    for (size_t i = 0; i < l->pages.n; i++) /* some hundreds, and read once after a change */
        if (l->pages.items[i].id == id)
            return &l->pages.items[i];
    return NULL;
}

fh_err store_catalog_layout(struct db_conn *c, struct fh_arena *a, struct store_catalog_layout *out,
                            struct fh_error *e)
{
    struct db_rows *rows;
    *out = (struct store_catalog_layout){0};
    FH_TRY(store_catalog_pages(c, a, &out->pages, e));
    out->tags = fh_alloc(a, (out->pages.n + 1) * sizeof *out->tags);
    for (size_t i = 0; i < out->pages.n; i++)
        out->tags[i] = tags_of(a, &out->pages.items[i]);
    FH_TRY(db_query(
        c, a, "SELECT system, place, page_id, scraped_at FROM catalog_page_system ORDER BY system, place",
        NULL, 0, &rows, e));
    size_t n = db_count(rows), used = 0;
    struct store_column *columns = fh_alloc(a, (n + 1) * sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        int64_t system = db_get_i64(rows, i, 0);
        const struct store_catalog_page *page = page_of(out, db_get_i64(rows, i, 2));
        if (!page || system <= 0 || system >= FH_SYSTEM_END)
            continue;
        columns[used] = (struct store_column){(int)db_get_i64(rows, i, 1), page, db_get_i64(rows, i, 3)};
        if (out->systems[system].n++ == 0)
            out->systems[system].items = &columns[used];
        used++;
    }
    return FH_OK;
}
