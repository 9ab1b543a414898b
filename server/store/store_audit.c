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
