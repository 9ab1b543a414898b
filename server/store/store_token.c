/* Tokens as rows. See owner.h. */
#include "server/store/store_rows.h"

enum { HASH_SIZE = 32 };

#define TOKEN_COLUMNS                                                                                            \
    "t.id, t.owner_id, o.handle, t.name, t.hint, t.scope, " STORE_SECONDS(                                       \
        "t.created_at") ", " STORE_SECONDS("t.expires_at") ", " STORE_SECONDS("t.revoked_at") ","                \
                                                                                              " " STORE_SECONDS( \
                                                                                                  "t.last_"      \
                                                                                                  "used_at")
enum { TOKEN_COLUMN_COUNT = 10 };

static void read_token(struct fh_arena *a, const struct db_rows *rows, size_t row, struct store_token *out)
{
    *out = (struct store_token){
        .id = db_get_i64(rows, row, 0),
        .owner_id = db_get_i64(rows, row, 1),
        .owner = store_text(a, rows, row, 2),
        .name = store_text(a, rows, row, 3),
        .hint = store_text(a, rows, row, 4),
        .scope = (enum store_scope)db_get_i64(rows, row, 5),
        .created_at = db_get_i64(rows, row, 6),
        .expires_at = db_get_i64(rows, row, 7),
        .revoked_at = db_get_i64(rows, row, 8),
        .last_used_at = db_get_i64(rows, row, 9),
    };
}

fh_err store_token_create(struct db_conn *c, const struct store_token *in, const uint8_t hash[32],
                          int64_t *id, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(c, a,
                         "WITH made AS (INSERT INTO token (owner_id, name, hint, hash, scope, expires_at) "
                         "VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 <> 0 THEN to_timestamp($6) END) "
                         "RETURNING id, owner_id) "
                         "SELECT made.id, pg_notify('floe_accounts', o.handle) FROM made "
                         "JOIN owner o ON o.id = made.owner_id",
                         DB_PARAMS(DB_I64(in->owner_id), DB_TEXT(in->name), DB_TEXT(in->hint ? in->hint : ""),
                                   DB_BYTES(hash, HASH_SIZE), DB_I64(in->scope), DB_I64(in->expires_at)),
                         &rows, e);
    if (rc == FH_OK)
        *id = db_get_i64(rows, 0, 0);
    fh_arena_free(a);
    return rc;
}

fh_err store_token_find(struct db_conn *c, struct fh_arena *a, const uint8_t hash[32],
                        struct store_token *token, struct store_owner *owner, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " TOKEN_COLUMNS ", " STORE_OWNER_COLUMNS
                    " FROM token t JOIN owner o ON o.id = t.owner_id WHERE t.hash = $1",
                    DB_PARAMS(DB_BYTES(hash, HASH_SIZE)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such token.");
    read_token(a, rows, 0, token);
    store_owner_read(a, rows, 0, TOKEN_COLUMN_COUNT, owner);
    return FH_OK;
}

static fh_err read_one(struct fh_arena *a, const struct db_rows *rows, int64_t id, struct store_token *token,
                       struct store_owner *owner, struct fh_error *e)
{
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no token %lld.", (long long)id);
    read_token(a, rows, 0, token);
    store_owner_read(a, rows, 0, TOKEN_COLUMN_COUNT, owner);
    return FH_OK;
}

#define TOKEN_BY_ID                                                                                          \
    "SELECT " TOKEN_COLUMNS ", " STORE_OWNER_COLUMNS                                                         \
    " FROM token t JOIN owner o ON o.id = t.owner_id WHERE t.id = $1"

fh_err store_token_get(struct db_conn *c, struct fh_arena *a, int64_t id, struct store_token *token,
                       struct store_owner *owner, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, TOKEN_BY_ID, DB_PARAMS(DB_I64(id)), &rows, e));
    return read_one(a, rows, id, token, owner, e);
}

fh_err store_token_hold(struct db_conn *c, struct fh_arena *a, int64_t id, struct store_token *token,
                        struct store_owner *owner, struct fh_error *e)
{
    struct db_rows *rows;
    FH_ASSERT(e, db_in_transaction(c));
    FH_TRY(db_query(c, a, TOKEN_BY_ID " FOR SHARE OF t, o", DB_PARAMS(DB_I64(id)), &rows, e));
    return read_one(a, rows, id, token, owner, e);
}

fh_err store_token_page(struct db_conn *c, struct fh_arena *a, int64_t owner_id, int64_t after, size_t limit,
                        struct store_token **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " TOKEN_COLUMNS " FROM token t JOIN owner o ON o.id = t.owner_id "
                    "WHERE t.owner_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3",
                    DB_PARAMS(DB_I64(owner_id), DB_I64(after), DB_I64((int64_t)limit)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        read_token(a, rows, i, &(*out)[i]);
    return FH_OK;
}

fh_err store_token_list(struct db_conn *c, struct fh_arena *a, int64_t owner_id, struct store_token **out,
                        size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " TOKEN_COLUMNS " FROM token t JOIN owner o ON o.id = t.owner_id "
                    "WHERE $1 = 0 OR t.owner_id = $1 ORDER BY t.id",
                    DB_PARAMS(DB_I64(owner_id)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        read_token(a, rows, i, &(*out)[i]);
    return FH_OK;
}

fh_err store_token_revoke(struct db_conn *c, int64_t id, struct fh_error *e)
{
    int64_t changed = 0;
    FH_TRY(db_exec(c,
                   "WITH changed AS (UPDATE token SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 "
                   "RETURNING owner_id) "
                   "SELECT pg_notify('floe_accounts', o.handle) FROM changed JOIN owner o ON o.id = owner_id",
                   DB_PARAMS(DB_I64(id)), &changed, e));
    if (changed == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no token %lld.", (long long)id);
    return FH_OK;
}

fh_err store_token_touch(struct db_conn *c, const int64_t *ids, size_t n, int64_t at, struct fh_error *e)
{
    if (n == 0)
        return FH_OK;
    struct fh_arena *a = fh_arena_new();
    fh_err rc =
        db_exec(c,
                "UPDATE token SET last_used_at = to_timestamp($2) WHERE id = ANY ($1::text::bigint[]) "
                "AND (last_used_at IS NULL OR last_used_at < to_timestamp($2))",
                DB_PARAMS(DB_TEXT(store_id_list(a, ids, n)), DB_I64(at)), NULL, e);
    fh_arena_free(a);
    return rc;
}
