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
