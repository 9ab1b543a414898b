/* The log of what every tip was. See env.h. */
#include "server/store/store_rows.h"

/* What is written of a change of the environments in env (id). The clock is read under the owner's lock, so
 * that "at" orders as the changes did. */
#define NOTE                                                                                                 \
    "logged AS (INSERT INTO ref_log (owner_id, name, old_tip, new_tip, kind, actor_id, token_id, remote, "   \
    "at, env_id) SELECT $1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), id FROM env RETURNING at), "      \
    "audited AS (INSERT INTO audit (owner_id, actor_id, actor, token_id, remote, action, object, detail) "   \
    "SELECT $1, $6, $9, $7, $8, $10, $11, "                                                                  \
    "CASE WHEN $12::text IS NOT NULL THEN jsonb_build_object($12::text, $13::text) END FROM env) "           \
    "SELECT id, pg_notify('floe_owner', $14), updated, " STORE_SECONDS("at") " FROM env, logged"

#define NOTE_PARAMS(change, by, object, told)                                                                \
    DB_I64((change)->owner_id), DB_TEXT((change)->name), store_oid_or_null(&(change)->old_tip),              \
        store_oid_or_null(&(change)->new_tip), DB_I64((change)->kind), store_id_or_null((by)->owner_id),     \
        store_id_or_null((by)->token_id), DB_TEXT((by)->remote), DB_TEXT((by)->handle),                      \
        DB_TEXT((change)->action), DB_TEXT(object), DB_TEXT((change)->key), DB_TEXT((change)->value),        \
        DB_TEXT(told)

static const char *message(struct fh_arena *a, const struct store_ref_change *change)
{
    return change->revision ? fh_sprintf(a, "%s %lld", change->owner, (long long)change->revision)
                            : change->owner;
}

fh_err store_ref_note(struct db_conn *c, const struct store_ref_change *change, const struct store_actor *by,
                      struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    const char *object = fh_sprintf(a, "%s/%s", change->owner, change->name);
    fh_err rc = db_exec(
        c, "WITH env AS (SELECT $15::bigint AS id, 0 AS updated), " NOTE,
        DB_PARAMS(NOTE_PARAMS(change, by, object, message(a, change)), DB_I64(change->env_id)), NULL, e);
    fh_arena_free(a);
    return rc;
}

fh_err store_ref_move(struct db_conn *c, struct fh_arena *a, const struct store_ref_change *change,
                      const struct store_actor *by, struct store_pushed *out, struct fh_error *e)
{
    struct db_rows *rows;
    const char *object = fh_sprintf(a, "%s/%s", change->owner, change->name);
    FH_TRY(db_query(c, a,
                    "WITH env AS (UPDATE environment SET tip = $4, updated_at = clock_timestamp() "
                    "WHERE owner_id = $1 AND lower(name) = lower($2 COLLATE \"C\") AND name = $2 "
                    "AND deleted_at IS NULL AND tip = $3 RETURNING id, " STORE_SECONDS(
                        "updated_at") " AS updated), " NOTE,
                    DB_PARAMS(NOTE_PARAMS(change, by, object, message(a, change))), &rows, e));
    out->env_id = db_count(rows) ? db_get_i64(rows, 0, 0) : 0;
    out->updated_at = db_count(rows) ? db_get_i64(rows, 0, 2) : 0;
    out->replaced_at = db_count(rows) ? db_get_i64(rows, 0, 3) : 0;
    return FH_OK;
}

/* A deleted environment can be brought back as long as its row is there, however long ago that was. */
fh_err store_ref_log_roots(struct db_conn *c, struct fh_arena *a, int64_t owner_id, int64_t since,
                           struct fh_oid **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT old_tip FROM ref_log WHERE owner_id = $1 AND at >= to_timestamp($2) "
                    "AND old_tip IS NOT NULL UNION "
                    "SELECT new_tip FROM ref_log WHERE owner_id = $1 AND at >= to_timestamp($2) "
                    "AND new_tip IS NOT NULL UNION "
                    "SELECT tip FROM environment WHERE owner_id = $1 AND deleted_at IS NOT NULL",
                    DB_PARAMS(DB_I64(owner_id), DB_I64(since)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = store_oid(rows, i, 0);
    return FH_OK;
}
