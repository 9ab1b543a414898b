/* Backups as rows. See backup.h. */
#include "server/store/backup.h"

fh_err store_backup_begin(struct db_conn *c, struct fh_arena *a, const char *floe, int64_t *id,
                          struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "INSERT INTO backup (floe, schema_version) VALUES ($1, $2) RETURNING id",
                    DB_PARAMS(DB_TEXT(floe), DB_I64(db_schema_version())), &rows, e));
    *id = db_get_i64(rows, 0, 0);
    return FH_OK;
}

fh_err store_backup_finish(struct db_conn *c, int64_t id, int64_t bytes, struct fh_error *e)
{
    FH_TRY(db_exec(c, "UPDATE backup SET finished_at = now(), bytes = $2 WHERE id = $1",
                   DB_PARAMS(DB_I64(id), DB_I64(bytes)), NULL, e));
    /* Failed ones and old ones tell nobody anything. */
    return db_exec(c, "DELETE FROM backup WHERE id < $1 AND started_at < now() - interval '1 year'",
                   DB_PARAMS(DB_I64(id)), NULL, e);
}

static fh_err take_row(const struct db_rows *rows, struct store_backup *out, struct fh_error *e)
{
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no backup on record.");
    out->id = db_get_i64(rows, 0, 0);
    out->floe = (char *)(uintptr_t)db_get_text(rows, 0, 1);
    out->schema_version = db_get_i64(rows, 0, 2);
    out->started_at = db_get_i64(rows, 0, 3);
    out->finished_at = db_get_i64(rows, 0, 4);
    out->bytes = db_get_i64(rows, 0, 5);
    return FH_OK;
}

fh_err store_backup_last(struct db_conn *c, struct fh_arena *a, struct store_backup *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT id, floe, schema_version, extract(epoch FROM started_at)::bigint, "
                    "extract(epoch FROM finished_at)::bigint, bytes FROM backup "
                    "WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1",
                    NULL, 0, &rows, e));
    return take_row(rows, out, e);
}

fh_err store_backup_origin(struct db_conn *c, struct fh_arena *a, struct store_backup *out,
                           struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT id, floe, schema_version, extract(epoch FROM started_at)::bigint, "
                    "extract(epoch FROM finished_at)::bigint, bytes FROM backup ORDER BY id DESC LIMIT 1",
                    NULL, 0, &rows, e));
    return take_row(rows, out, e);
}
