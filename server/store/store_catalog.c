/* The catalog as a whole. See catalog.h. */
#include "server/store/catalog.h"

#include "server/store/catalog_import_parts.h"
#include "server/store/store_rows.h"

void store_catalog_split_tags(struct fh_arena *a, char *text, struct store_catalog_page *page)
{
    if (!text)
        return;
    for (const char *c = text; *c; c++)
        page->ntags += *c == ' ';
    page->ntags++;
    page->tags = fh_alloc(a, page->ntags * sizeof *page->tags);
    for (size_t i = 0; i < page->ntags; i++) {
        page->tags[i] = text;
        text += strcspn(text, " ");
        if (*text)
            *text++ = '\0';
    }
}

fh_err store_catalog_pages(struct db_conn *c, struct fh_arena *a, struct store_catalog_pages *out,
                           struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a,
        "SELECT v.version, p.id, p.rev_count, p.rev, " STORE_SECONDS(
            "p.rev_date") ", "
                          "(SELECT string_agg(t.tag, ' ' ORDER BY t.tag) FROM catalog_page_tag t "
                          "WHERE t.page_id = p.id) "
                          "FROM catalog_version v LEFT JOIN catalog_page p ON p.complete_at IS NOT NULL "
                          "ORDER BY p.rev_count DESC",
        NULL, 0, &rows, e));
    size_t n = db_count(rows);
    *out = (struct store_catalog_pages){.version = db_get_i64(rows, 0, 0)};
    if (db_is_null(rows, 0, 1))
        return FH_OK; /* only the version: there is no page */
    out->n = n;
    out->items = fh_alloc(a, n * sizeof *out->items);
    for (size_t i = 0; i < n; i++) {
        struct store_catalog_page *page = &out->items[i];
        page->id = db_get_i64(rows, i, 1);
        page->rev_count = db_get_i64(rows, i, 2);
        page->rev = store_text(a, rows, i, 3);
        page->rev_date = db_get_i64(rows, i, 4);
        store_catalog_split_tags(a, store_text(a, rows, i, 5), page);
    }
    return FH_OK;
}

fh_err store_catalog_version(struct db_conn *c, int64_t *version, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(c, a, "SELECT version FROM catalog_version", NULL, 0, &rows, e);
    if (rc == FH_OK)
        *version = db_get_i64(rows, 0, 0);
    fh_arena_free(a);
    return rc;
}

fh_err store_catalog_changed(struct db_conn *c, struct fh_error *e)
{
    FH_ASSERT(e, db_in_transaction(c));
    return db_exec(c,
                   "WITH changed AS (UPDATE catalog_version SET version = version + 1 RETURNING version) "
                   "SELECT pg_notify('floe_catalog', version::text) FROM changed",
                   NULL, 0, NULL, e);
}

#define CATALOG_COLUMNS                                                                                      \
    "c.id, c.owner_id, o.handle, o.kind, o.disabled_at IS NOT NULL, c.visibility, " STORE_SECONDS(           \
        "c.created_at") " FROM catalog c LEFT JOIN owner o ON o.id = c.owner_id "

static void read_catalog(struct fh_arena *a, const struct db_rows *rows, size_t row,
                         struct store_catalog *out)
{
    *out = (struct store_catalog){.id = db_get_i64(rows, row, 0),
                                  .owner_id = db_get_i64(rows, row, 1),
                                  .owner = store_text(a, rows, row, 2),
                                  .owner_kind = (enum store_owner_kind)db_get_i64(rows, row, 3),
                                  .owner_disabled = db_get_bool(rows, row, 4),
                                  .visibility = (enum store_visibility)db_get_i64(rows, row, 5),
                                  .created_at = db_get_i64(rows, row, 6)};
}

fh_err store_catalog_find(struct db_conn *c, struct fh_arena *a, const char *owner, struct store_catalog *out,
                          struct fh_error *e)
{
    struct db_rows *rows;
    if (owner)
        FH_TRY(db_query(c, a,
                        "SELECT " CATALOG_COLUMNS
                        "WHERE lower(o.handle) = lower($1 COLLATE \"C\") AND o.handle = $1",
                        DB_PARAMS(DB_TEXT(owner)), &rows, e));
    else
        FH_TRY(db_query(c, a, "SELECT " CATALOG_COLUMNS "WHERE c.owner_id IS NULL", NULL, 0, &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no catalog %s.", owner ? owner : "of nixpkgs");
    read_catalog(a, rows, 0, out);
    return FH_OK;
}

fh_err store_catalog_list(struct db_conn *c, struct fh_arena *a, struct store_catalog **out, size_t *n,
                          struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " CATALOG_COLUMNS "WHERE c.owner_id IS NOT NULL ORDER BY o.handle COLLATE \"C\"",
                    NULL, 0, &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        read_catalog(a, rows, i, &(*out)[i]);
    return FH_OK;
}

fh_err store_catalog_ensure(struct db_conn *c, struct fh_arena *a, int64_t owner_id,
                            enum store_visibility visibility, int64_t *id, bool *made, struct fh_error *e)
{
    struct db_rows *rows;
    FH_ASSERT(e, db_in_transaction(c) && owner_id != 0);
    FH_TRY(db_query(c, a,
                    "INSERT INTO catalog (owner_id, visibility) VALUES ($1, $2) "
                    "ON CONFLICT (owner_id) DO NOTHING RETURNING id",
                    DB_PARAMS(DB_I64(owner_id), DB_I64(visibility)), &rows, e));
    bool fresh = db_count(rows) == 1;
    if (fresh)
        FH_TRY(store_catalog_changed(c, e));
    else
        FH_TRY(db_query(c, a, "SELECT id FROM catalog WHERE owner_id = $1", DB_PARAMS(DB_I64(owner_id)),
                        &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such owner.");
    *id = db_get_i64(rows, 0, 0);
    if (made)
        *made = fresh;
    return FH_OK;
}

fh_err store_catalog_set_visibility(struct db_conn *c, int64_t id, enum store_visibility visibility,
                                    struct fh_error *e)
{
    int64_t changed;
    FH_TRY(db_exec(c, "UPDATE catalog SET visibility = $2 WHERE id = $1",
                   DB_PARAMS(DB_I64(id), DB_I64(visibility)), &changed, e));
    if (changed == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such catalog.");
    return store_catalog_changed(c, e);
}
