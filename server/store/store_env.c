/* Environments as rows: finding, listing, and what administrators change about them. See env.h. */
#include "server/store/store_rows.h"

void store_env_read(struct fh_arena *a, const struct db_rows *rows, size_t row, struct store_env *out)
{
    *out = (struct store_env){
        .id = db_get_i64(rows, row, 0),
        .owner_id = db_get_i64(rows, row, 1),
        .owner = store_text(a, rows, row, 2),
        .name = store_text(a, rows, row, 3),
        .visibility = (enum store_visibility)db_get_i64(rows, row, 4),
        .tip = store_oid(rows, row, 5),
        .created_at = db_get_i64(rows, row, 6),
        .updated_at = db_get_i64(rows, row, 7),
        .deleted_at = db_get_i64(rows, row, 8),
        .generations = db_get_i64(rows, row, 9),
        .live = db_get_i64(rows, row, 10),
        .broken = store_text(a, rows, row, 11),
    };
}

fh_err store_env_find(struct db_conn *c, struct fh_arena *a, const char *owner, const char *name,
                      struct store_env *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " STORE_ENV_COLUMNS
                    "WHERE lower(o.handle) = lower($1 COLLATE \"C\") AND o.handle = $1 "
                    "AND lower(e.name) = lower($2 COLLATE \"C\") AND e.name = $2 AND e.deleted_at IS NULL",
                    DB_PARAMS(DB_TEXT(owner), DB_TEXT(name)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no environment %s/%s.", owner, name);
    store_env_read(a, rows, 0, out);
    return FH_OK;
}

fh_err store_env_list(struct db_conn *c, struct fh_arena *a, const char *owner, bool with_deleted,
                      struct store_env **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " STORE_ENV_COLUMNS "WHERE ($1::text IS NULL OR o.handle = $1) "
                    "AND ($2 OR e.deleted_at IS NULL) ORDER BY o.handle, e.name, e.id",
                    DB_PARAMS(DB_TEXT(owner), DB_BOOL(with_deleted)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        store_env_read(a, rows, i, &(*out)[i]);
    return FH_OK;
}

/* The environment as it is under its owner's lock. */
static fh_err lock_env(struct db_conn *c, struct fh_arena *a, int64_t env_id, struct store_env *out,
                       struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT owner_id FROM environment WHERE id = $1", DB_PARAMS(DB_I64(env_id)), &rows,
                    e));
    if (db_count(rows))
        FH_TRY(store_owner_lock(c, a, db_get_i64(rows, 0, 0), NULL, e));
    FH_TRY(db_query(c, a, "SELECT " STORE_ENV_COLUMNS "WHERE e.id = $1 AND e.deleted_at IS NULL",
                    DB_PARAMS(DB_I64(env_id)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such environment.");
    store_env_read(a, rows, 0, out);
    return FH_OK;
}

static fh_err name_is_free(struct db_conn *c, struct fh_arena *a, int64_t owner_id, const char *name,
                           int64_t except, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(
        db_query(c, a,
                 "SELECT name FROM environment WHERE owner_id = $1 AND lower(name) = lower($2 COLLATE \"C\") "
                 "AND deleted_at IS NULL AND id <> $3",
                 DB_PARAMS(DB_I64(owner_id), DB_TEXT(name), DB_I64(except)), &rows, e));
    if (db_count(rows))
        return FH_FAIL(e, FH_CONFLICT, "There is an environment %s already.", db_get_text(rows, 0, 0));
    return FH_OK;
}

static struct store_ref_change change_of(const struct store_env *env, enum store_ref_kind kind,
                                         const char *action)
{
    return (struct store_ref_change){.env_id = env->id,
                                     .owner_id = env->owner_id,
                                     .owner = env->owner,
                                     .name = env->name,
                                     .old_tip = env->tip,
                                     .new_tip = env->tip,
                                     .kind = kind,
                                     .action = action};
}

static fh_err set_visibility(struct db_conn *c, struct fh_arena *a, int64_t env_id, enum store_visibility v,
                             const struct store_actor *by, struct fh_error *e)
{
    struct store_env env;
    FH_TRY(lock_env(c, a, env_id, &env, e));
    FH_TRY(db_exec(c,
                   "WITH changed AS (UPDATE environment SET visibility = $2, updated_at = clock_timestamp(), "
                   "visibility_at = clock_timestamp() WHERE id = $1 AND visibility <> $2) "
                   "SELECT pg_notify('floe_owner', $3)",
                   DB_PARAMS(DB_I64(env_id), DB_I64(v), DB_TEXT(env.owner)), NULL, e));
    return store_audit_note(c, by, "env.visibility", env.owner_id,
                            fh_sprintf(a, "%s/%s", env.owner, env.name), "visibility",
                            store_visibility_name(v), e);
}

fh_err store_env_set_visibility(struct db_conn *c, int64_t env_id, enum store_visibility v,
                                const struct store_actor *by, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = set_visibility(c, a, env_id, v, by, e);
    fh_arena_free(a);
    return rc;
}

static fh_err rename_env(struct db_conn *c, struct fh_arena *a, int64_t env_id, const char *name,
                         const struct store_actor *by, struct fh_error *e)
{
    struct store_env env;
    FH_TRY(lock_env(c, a, env_id, &env, e));
    FH_TRY(name_is_free(c, a, env.owner_id, name, env_id, e));
    FH_TRY(db_exec(c, "UPDATE environment SET name = $2, updated_at = clock_timestamp() WHERE id = $1",
                   DB_PARAMS(DB_I64(env_id), DB_TEXT(name)), NULL, e));
    struct store_ref_change change = change_of(&env, STORE_REF_RENAME, "env.rename");
    change.key = "to";
    change.value = name;
    return store_ref_note(c, &change, by, e);
}

fh_err store_env_rename(struct db_conn *c, int64_t env_id, const char *name, const struct store_actor *by,
                        struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = rename_env(c, a, env_id, name, by, e);
    fh_arena_free(a);
    return rc;
}

static fh_err delete_env(struct db_conn *c, struct fh_arena *a, int64_t env_id, const struct store_actor *by,
                         struct fh_error *e)
{
    struct store_env env;
    FH_TRY(lock_env(c, a, env_id, &env, e));
    FH_TRY(db_exec(c, "UPDATE environment SET deleted_at = clock_timestamp() WHERE id = $1",
                   DB_PARAMS(DB_I64(env_id)), NULL, e));
    struct store_ref_change change = change_of(&env, STORE_REF_DELETE, "env.delete");
    change.new_tip = (struct fh_oid){0};
    return store_ref_note(c, &change, by, e);
}

fh_err store_env_delete(struct db_conn *c, int64_t env_id, const struct store_actor *by, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = delete_env(c, a, env_id, by, e);
    fh_arena_free(a);
    return rc;
}

/* Old commits come back into use, which a gc under way may have counted out: raising the epoch makes it start
 * again. */
static fh_err raise_epoch(struct db_conn *c, int64_t owner_id, struct fh_error *e)
{
    return db_exec(c, "UPDATE owner SET git_epoch = git_epoch + 1 WHERE id = $1", DB_PARAMS(DB_I64(owner_id)),
                   NULL, e);
}

static fh_err undelete(struct db_conn *c, struct fh_arena *a, const struct store_owner *owner,
                       const char *name, const struct store_actor *by, struct fh_error *e)
{
    struct db_rows *rows;
    struct store_env env;
    FH_TRY(db_query(c, a,
                    "SELECT " STORE_ENV_COLUMNS
                    "WHERE e.owner_id = $1 AND e.name = $2 AND e.deleted_at IS NOT NULL "
                    "ORDER BY e.deleted_at DESC, e.id DESC LIMIT 1",
                    DB_PARAMS(DB_I64(owner->id), DB_TEXT(name)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no deleted environment %s/%s.", owner->handle, name);
    store_env_read(a, rows, 0, &env);
    FH_TRY(name_is_free(c, a, owner->id, name, env.id, e));
    FH_TRY(db_exec(c,
                   "UPDATE environment SET deleted_at = NULL, updated_at = clock_timestamp(), "
                   "visibility_at = clock_timestamp() WHERE id = $1",
                   DB_PARAMS(DB_I64(env.id)), NULL, e));
    struct store_ref_change change = change_of(&env, STORE_REF_RESTORE, "env.restore");
    change.old_tip = (struct fh_oid){0};
    return store_ref_note(c, &change, by, e);
}

static fh_err set_back(struct db_conn *c, struct fh_arena *a, const struct store_owner *owner,
                       const char *name, const struct fh_oid *to, const struct store_actor *by,
                       struct fh_error *e)
{
    struct db_rows *rows;
    struct store_env env;
    char hex[FH_OID_HEX + 1];
    fh_oid_format(to, hex);
    FH_TRY(store_env_find(c, a, owner->handle, name, &env, e));
    FH_TRY(db_query(
        c, a, "SELECT EXISTS (SELECT FROM ref_log WHERE env_id = $1 AND (old_tip = $2 OR new_tip = $2))",
        DB_PARAMS(DB_I64(env.id), STORE_OID(to)), &rows, e));
    if (!db_get_bool(rows, 0, 0))
        return FH_FAIL(e, FH_NOT_FOUND, "%s/%s has not been at %s as far back as its log goes.",
                       owner->handle, name, hex);
    FH_TRY(db_exec(c, "UPDATE environment SET tip = $2, updated_at = clock_timestamp() WHERE id = $1",
                   DB_PARAMS(DB_I64(env.id), STORE_OID(to)), NULL, e));
    struct store_ref_change change = change_of(&env, STORE_REF_RESTORE, "env.restore");
    change.new_tip = *to;
    change.key = "tip";
    change.value = hex;
    return store_ref_note(c, &change, by, e);
}

fh_err store_env_restore(struct db_conn *c, const char *owner_handle, const char *name,
                         const struct fh_oid *to, const struct store_actor *by, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct store_owner owner;
    fh_err rc = store_owner_find(c, a, owner_handle, &owner, e);
    if (rc == FH_OK)
        rc = store_owner_lock(c, a, owner.id, NULL, e);
    if (rc == FH_OK)
        rc = to ? set_back(c, a, &owner, name, to, by, e) : undelete(c, a, &owner, name, by, e);
    if (rc == FH_OK)
        rc = raise_epoch(c, owner.id, e);
    fh_arena_free(a);
    return rc;
}
