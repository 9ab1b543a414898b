/* Idempotency keys as rows. See key.h.
 *
 *     claim: advisory lock of (caller, key), not waited for -> is there a row? -> the work -> keep
 *
 * The lock goes with the transaction, after its row can be seen: whoever gets the lock next sees the row. */
#include "server/store/key.h"

#include "server/store/store_rows.h"

/* Two keys of one hash only make their requests refuse to run at the same moment. */
static fh_err lock_key(struct db_conn *c, struct fh_arena *a, const struct store_key *key, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a, "SELECT pg_try_advisory_xact_lock(hashtextextended('idempotency ' || $1 || ' ' || $2, 0))",
        DB_PARAMS(DB_TEXT(fh_sprintf(a, "%lld", (long long)key->owner_id)), DB_TEXT(key->text)), &rows, e));
    if (!db_get_bool(rows, 0, 0))
        return FH_FAIL(e, FH_CONFLICT,
                       "A request with this Idempotency-Key is under way. Repeat it in a moment to get its "
                       "answer.");
    return FH_OK;
}

fh_err store_key_find(struct db_conn *c, struct fh_arena *a, const struct store_key *key,
                      struct store_kept *kept, bool *found, struct fh_error *e)
{
    struct db_rows *rows;
    *found = false;
    FH_TRY(db_query(c, a,
                    "SELECT request = $3, made, path, etag, answer FROM idempotency_key "
                    "WHERE owner_id = $1 AND key = $2 AND at > now() - $4 * interval '1 second'",
                    DB_PARAMS(DB_I64(key->owner_id), DB_TEXT(key->text),
                              DB_BYTES(key->request, sizeof key->request), DB_I64(STORE_KEY_SECONDS)),
                    &rows, e));
    if (db_count(rows) == 0)
        return FH_OK;
    if (!db_get_bool(rows, 0, 0))
        return FH_FAIL(e, FH_MISMATCH,
                       "This Idempotency-Key was used for another request. A new request needs a new key.");
    *found = true;
    *kept = (struct store_kept){.made = store_text(a, rows, 0, 1),
                                .path = store_text(a, rows, 0, 2),
                                .etag = store_text(a, rows, 0, 3),
                                .answer = store_text(a, rows, 0, 4)};
    return FH_OK;
}

fh_err store_key_claim(struct db_conn *c, struct fh_arena *a, const struct store_key *key,
                       struct store_kept *kept, bool *found, struct fh_error *e)
{
    FH_ASSERT(e, db_in_transaction(c));
    *found = false;
    FH_TRY(lock_key(c, a, key, e));
    return store_key_find(c, a, key, kept, found, e);
}

fh_err store_key_keep(struct db_conn *c, const struct store_key *key, const struct store_kept *kept,
                      struct fh_error *e)
{
    return db_exec(c,
                   "INSERT INTO idempotency_key (owner_id, key, request, made, path, etag, answer) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (owner_id, key) DO UPDATE SET "
                   "request = excluded.request, made = excluded.made, path = excluded.path, "
                   "etag = excluded.etag, answer = excluded.answer, at = now()",
                   DB_PARAMS(DB_I64(key->owner_id), DB_TEXT(key->text),
                             DB_BYTES(key->request, sizeof key->request), DB_TEXT(kept->made),
                             DB_TEXT(kept->path), DB_TEXT(kept->etag), DB_TEXT(kept->answer)),
                   NULL, e);
}

fh_err store_key_sweep(struct db_conn *c, struct fh_error *e)
{
    return db_exec(c, "DELETE FROM idempotency_key WHERE at <= now() - $1 * interval '1 second'",
                   DB_PARAMS(DB_I64(STORE_KEY_SECONDS)), NULL, e);
}
