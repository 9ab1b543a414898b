/* The audit trail. See audit.h. */
#include "server/store/store_rows.h"

fh_err store_audit(struct db_conn *c, const struct store_actor *by, const char *action, int64_t owner_id,
                   const char *object, const char *detail, struct fh_error *e)
{
    return db_exec(c,
                   "INSERT INTO audit (owner_id, actor_id, actor, token_id, remote, action, object, detail) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb)",
                   DB_PARAMS(store_id_or_null(owner_id), store_id_or_null(by->owner_id), DB_TEXT(by->handle),
                             store_id_or_null(by->token_id), DB_TEXT(by->remote), DB_TEXT(action),
                             DB_TEXT(object), DB_TEXT(detail)),
                   NULL, e);
}

fh_err store_audit_note(struct db_conn *c, const struct store_actor *by, const char *action, int64_t owner_id,
                        const char *object, const char *key, const char *value, struct fh_error *e)
{
    return db_exec(c,
                   "INSERT INTO audit (owner_id, actor_id, actor, token_id, remote, action, object, detail) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, "
                   "CASE WHEN $8::text IS NOT NULL THEN jsonb_build_object($8::text, $9::text) END)",
                   DB_PARAMS(store_id_or_null(owner_id), store_id_or_null(by->owner_id), DB_TEXT(by->handle),
                             store_id_or_null(by->token_id), DB_TEXT(by->remote), DB_TEXT(action),
                             DB_TEXT(object), DB_TEXT(key), DB_TEXT(value)),
                   NULL, e);
}

fh_err store_audit_page(struct db_conn *c, struct fh_arena *a, int64_t owner_id, const char *action,
                        const char *object, int64_t before, size_t limit, struct store_audit_row **out,
                        size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a,
        "SELECT id, " STORE_SECONDS(
            "at") ", token_id, actor, remote, action, object, detail::text "
                  "FROM audit WHERE owner_id = $1 AND ($2::text IS NULL OR action = $2) "
                  "AND ($3::text IS NULL OR object = $3) AND ($4 = 0 OR id < $4) ORDER BY id DESC LIMIT $5",
        DB_PARAMS(DB_I64(owner_id), DB_TEXT(action), DB_TEXT(object), DB_I64(before), DB_I64((int64_t)limit)),
        &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = (struct store_audit_row){
            .id = db_get_i64(rows, i, 0),
            .at = db_get_i64(rows, i, 1),
            .token_id = db_get_i64(rows, i, 2),
            .actor = store_text(a, rows, i, 3),
            .remote = store_text(a, rows, i, 4),
            .action = store_text(a, rows, i, 5),
            .object = store_text(a, rows, i, 6),
            .detail = store_text(a, rows, i, 7),
        };
    return FH_OK;
}
