/* What gc takes out of the rows. See gc.h. */
#include "server/store/gc.h"

fh_err store_gc_count(struct db_conn *c, struct fh_arena *a, int64_t owner_id, int64_t before,
                      struct store_expired *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT (SELECT count(*) FROM ref_log r WHERE ($1 = 0 OR r.owner_id = $1) "
                    "AND r.at < to_timestamp($2) AND EXISTS "
                    "(SELECT 1 FROM ref_log n WHERE n.env_id = r.env_id AND n.id > r.id)), "
                    "(SELECT count(*) FROM environment WHERE ($1 = 0 OR owner_id = $1) "
                    "AND deleted_at < to_timestamp($2))",
                    DB_PARAMS(DB_I64(owner_id), DB_I64(before)), &rows, e));
    out->ref_log = db_get_i64(rows, 0, 0);
    out->environments = db_get_i64(rows, 0, 1);
    return FH_OK;
}

fh_err store_gc_expire(struct db_conn *c, int64_t owner_id, int64_t before, struct store_expired *out,
                       struct fh_error *e)
{
    const struct db_param params[] = {DB_I64(owner_id), DB_I64(before)};
    FH_TRY(db_exec(c,
                   "DELETE FROM ref_log r WHERE ($1 = 0 OR r.owner_id = $1) AND r.at < to_timestamp($2) "
                   "AND EXISTS (SELECT 1 FROM ref_log n WHERE n.env_id = r.env_id AND n.id > r.id)",
                   params, 2, &out->ref_log, e));
    /* What the newest entry of an environment replaced is no root any more either: it must not look
     * restorable. */
    FH_TRY(
        db_exec(c,
                "UPDATE ref_log SET old_tip = NULL WHERE ($1 = 0 OR owner_id = $1) AND at < to_timestamp($2) "
                "AND old_tip IS NOT NULL AND new_tip IS NOT NULL",
                params, 2, NULL, e));
    /* The rest of its rows goes with it: ON DELETE CASCADE. */
    return db_exec(
        c, "DELETE FROM environment WHERE ($1 = 0 OR owner_id = $1) AND deleted_at < to_timestamp($2)",
        params, 2, &out->environments, e);
}
