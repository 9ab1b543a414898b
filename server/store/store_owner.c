/* Owners as rows. See owner.h. */
#include "server/store/store_rows.h"

/* A changed owner concerns both caches of every node: its actors, and its repository's snapshot. */
#define THEN_TELL "SELECT pg_notify('floe_accounts', handle), pg_notify('floe_owner', handle) FROM changed"

/* Runs a statement "WITH changed AS (UPDATE owner … RETURNING handle) SELECT …" and wants its one row. */
static fh_err change(struct db_conn *c, const char *sql, const struct db_param *params, size_t n,
                     struct fh_error *e)
{
    int64_t changed = 0;
    FH_TRY(db_exec(c, sql, params, n, &changed, e));
    if (changed == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such owner.");
    return FH_OK;
}

static fh_err is_taken(struct db_conn *c, struct fh_arena *a, const char *handle, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT handle FROM owner WHERE lower(handle) = lower($1 COLLATE \"C\")",
                    DB_PARAMS(DB_TEXT(handle)), &rows, e));
    const char *other = db_count(rows) ? db_get_text(rows, 0, 0) : handle;
    if (strcmp(other, handle) == 0)
        return FH_FAIL(e, FH_CONFLICT, "The handle %s is taken.", handle);
    return FH_FAIL(e, FH_CONFLICT, "The handle %s is taken by %s, which differs only in case.", handle,
                   other);
}

fh_err store_owner_create(struct db_conn *c, struct fh_arena *a, const struct store_owner *in, int64_t *id,
                          struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a,
        "WITH changed AS (INSERT INTO owner (kind, handle, email, admin, disabled_at, "
        "default_visibility) VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END, $6) "
        "ON CONFLICT DO NOTHING RETURNING id, handle) "
        "SELECT id, pg_notify('floe_accounts', handle), pg_notify('floe_owner', handle) FROM changed",
        DB_PARAMS(DB_I64(in->kind), DB_TEXT(in->handle), DB_TEXT(in->email), DB_BOOL(in->admin),
                  DB_BOOL(in->disabled), DB_I64(in->default_visibility)),
        &rows, e));
    if (db_count(rows) == 0)
        return is_taken(c, a, in->handle, e);
    *id = db_get_i64(rows, 0, 0);
    return FH_OK;
}

fh_err store_owner_find(struct db_conn *c, struct fh_arena *a, const char *handle, struct store_owner *out,
                        struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " STORE_OWNER_COLUMNS
                    " FROM owner o WHERE lower(o.handle) = lower($1 COLLATE \"C\") AND o.handle = $1",
                    DB_PARAMS(DB_TEXT(handle)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no user or organisation %s.", handle);
    store_owner_read(a, rows, 0, 0, out);
    return FH_OK;
}

fh_err store_owner_look(struct db_conn *c, struct fh_arena *a, const char *handle, struct store_owner *out,
                        enum store_visibility *openness, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(
        db_query(c, a,
                 "SELECT " STORE_OWNER_COLUMNS
                 ", (SELECT min(visibility) FROM environment WHERE owner_id = o.id AND deleted_at IS NULL) "
                 "FROM owner o WHERE lower(o.handle) = lower($1 COLLATE \"C\") AND o.handle = $1",
                 DB_PARAMS(DB_TEXT(handle)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no user or organisation %s.", handle);
    store_owner_read(a, rows, 0, 0, out);
    int64_t most_open = db_get_i64(rows, 0, STORE_OWNER_COLUMN_COUNT);
    *openness = most_open ? (enum store_visibility)most_open : STORE_PRIVATE;
    return FH_OK;
}

fh_err store_owner_list(struct db_conn *c, struct fh_arena *a, enum store_owner_kind kind,
                        struct store_owner **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a, "SELECT " STORE_OWNER_COLUMNS " FROM owner o WHERE $1 = 0 OR o.kind = $1 ORDER BY o.handle",
        DB_PARAMS(DB_I64(kind)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        store_owner_read(a, rows, i, 0, &(*out)[i]);
    return FH_OK;
}

fh_err store_owner_set_disabled(struct db_conn *c, int64_t id, bool disabled, struct fh_error *e)
{
    return change(c,
                  "WITH changed AS (UPDATE owner SET revision = revision + 1, disabled_at = CASE WHEN $2 "
                  "THEN coalesce(disabled_at, now()) "
                  "END WHERE id = $1 RETURNING handle) " THEN_TELL,
                  DB_PARAMS(DB_I64(id), DB_BOOL(disabled)), e);
}

fh_err store_owner_set_admin(struct db_conn *c, int64_t id, bool admin, struct fh_error *e)
{
    return change(c,
                  "WITH changed AS (UPDATE owner SET revision = revision + 1, admin = $2 WHERE id = $1 AND "
                  "kind = 1 RETURNING "
                  "handle) " THEN_TELL,
                  DB_PARAMS(DB_I64(id), DB_BOOL(admin)), e);
}

fh_err store_owner_set_password(struct db_conn *c, int64_t id, const char *hash, struct fh_error *e)
{
    return change(
        c, "WITH changed AS (UPDATE owner SET password_hash = $2 WHERE id = $1 RETURNING handle) " THEN_TELL,
        DB_PARAMS(DB_I64(id), DB_TEXT(hash)), e);
}

fh_err store_owner_password(struct db_conn *c, struct fh_arena *a, int64_t id, char **hash,
                            struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT password_hash FROM owner WHERE id = $1", DB_PARAMS(DB_I64(id)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such owner.");
    *hash = store_text(a, rows, 0, 0);
    return FH_OK;
}

fh_err store_owner_rename(struct db_conn *c, int64_t id, const char *handle, struct fh_error *e)
{
    fh_err rc = change(c,
                       "WITH before AS (SELECT id, handle FROM owner WHERE id = $1 FOR UPDATE), "
                       "changed AS (UPDATE owner SET revision = revision + 1, handle = $2 FROM before WHERE "
                       "owner.id = before.id "
                       "RETURNING before.handle AS was, owner.handle AS fresh) "
                       "SELECT pg_notify('floe_accounts', was), pg_notify('floe_owner', was), "
                       "pg_notify('floe_accounts', fresh), pg_notify('floe_owner', fresh) FROM changed",
                       DB_PARAMS(DB_I64(id), DB_TEXT(handle)), e);
    if (rc == FH_CONFLICT)
        return FH_FAIL(e, FH_CONFLICT, "The handle %s is taken, perhaps in another case.", handle);
    return rc;
}

fh_err store_owner_set_visibility(struct db_conn *c, int64_t id, int default_visibility, struct fh_error *e)
{
    return change(c,
                  "WITH changed AS (UPDATE owner SET revision = revision + 1, default_visibility = $2 WHERE "
                  "id = $1 RETURNING "
                  "handle) " THEN_TELL,
                  DB_PARAMS(DB_I64(id), DB_I64(default_visibility)), e);
}
