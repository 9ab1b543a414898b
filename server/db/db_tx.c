/* Units of work whose outcome is known, also when the connection breaks. See db.h.
 *
 *   BEGIN, insert a random nonce into db_outcome       (sent ahead of what follows)
 *   fn …                                               lost here: nothing happened; run again
 *   COMMIT                                             lost here: ask
 *
 * To ask is to insert the same nonce on another connection: the unique index makes that wait until the first
 * transaction has ended, and then either finds its row (it committed) or does not (it never will). A row, and
 * not pg_xact_status of the transaction's id, because PostgreSQL gives an id out again after a crash when
 * nothing of the transaction had reached the disk: the answer would be about somebody else's work. */
#include "server/db/db_conn.h"

#include "common/clock.h"
#include "common/digest.h"

#include <time.h>

enum {
    MAX_LOST = 3,          /* runs that may end with a lost connection */
    MAX_CLASHES = 8,       /* serialization failures and deadlocks */
    SWEEP_EVERY = 256,     /* one transaction in so many clears old nonces away */
    MIN_SETTLE_MS = 10000, /* a crashed PostgreSQL needs some seconds to recover */
};

enum outcome {
    DONE,    /* rc is the answer */
    CLASHED, /* rolled back by PostgreSQL; run again */
    LOST,    /* lost before COMMIT was sent */
    UNKNOWN, /* lost after that */
};

static void pause_ms(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static uint64_t random64(void)
{
    uint64_t v;
    fh_random(&v, sizeof v);
    return v;
}

static enum outcome judge(const struct db_conn *c)
{
    return c->lost ? LOST : c->clashed ? CLASHED : DONE;
}

static fh_err begin(struct db_conn *c, int64_t nonce, struct fh_error *e)
{
    FH_TRY(db_later(c, "BEGIN", NULL, 0, e));
    c->begun = true;
    return db_later(c, "INSERT INTO db_outcome (nonce) VALUES ($1)", DB_PARAMS(DB_I64(nonce)), e);
}

/* COMMIT of a transaction in which a statement failed is answered with ROLLBACK. */
static fh_err commit(struct db_conn *c, struct fh_error *e)
{
    bool committed = false;
    fh_err rc = db_conn_commit(c, &committed, e);
    c->begun = false;
    if (rc == FH_OK && !committed)
        return FH_FAIL(e, FH_INTERNAL, "A statement of a transaction failed and was passed over.");
    return rc;
}

static enum outcome attempt(struct db_conn *c, int64_t nonce, db_work *fn, void *arg, fh_err *rc,
                            struct fh_error *e)
{
    c->clashed = false;
    *rc = begin(c, nonce, e);
    if (*rc == FH_OK)
        *rc = fn(c, arg, e);
    if (*rc != FH_OK)
        return judge(c);
    *rc = commit(c, e);
    return c->lost ? UNKNOWN : judge(c);
}

/* Whether the transaction of the nonce committed. It cannot commit any more once this has answered no. */
static fh_err ask(struct db_conn *c, int64_t nonce, bool *committed, struct fh_error *e)
{
    char sql[160];
    snprintf(sql, sizeof sql, "INSERT INTO db_outcome (nonce) VALUES (%lld) ON CONFLICT DO NOTHING",
             (long long)nonce);
    FH_TRY(db_conn_simple(c, "BEGIN; SET LOCAL lock_timeout = 1000", NULL, e));
    PGresult *r;
    FH_TRY(db_conn_simple(c, sql, &r, e));
    *committed = strcmp(PQcmdTuples(r), "0") == 0;
    PQclear(r);
    return db_conn_simple(c, "ROLLBACK", NULL, e);
}

static fh_err settle(struct db_pool *pool, int64_t nonce, bool *committed, struct fh_error *e)
{
    int64_t wait = db_pool_config(pool)->wait_ms;
    int64_t deadline = fh_ticks_ms() + (wait > MIN_SETTLE_MS ? wait : MIN_SETTLE_MS);
    for (;;) {
        struct db_conn *c = NULL;
        fh_err rc = db_take(pool, &c, e);
        if (rc == FH_OK)
            rc = ask(c, nonce, committed, e);
        db_give(c);
        if (rc == FH_OK)
            return FH_OK;
        if (rc != FH_UNAVAILABLE || fh_ticks_ms() > deadline)
            return FH_FAIL(e, FH_UNAVAILABLE,
                           "The connection to the database was lost while it was saving, and it could not be "
                           "asked whether it did; look before you try again.");
        pause_ms(50);
    }
}

/* Nonces matter for seconds. What one sweep misses, for whatever reason, the next one takes. */
static void sweep(struct db_conn *c)
{
    if (random64() % SWEEP_EVERY == 0)
        (void)!db_exec(c, "DELETE FROM db_outcome WHERE at < now() - interval '1 hour'", NULL, 0, NULL, NULL);
}

fh_err db_transaction(struct db_pool *pool, db_work *fn, void *arg, struct fh_error *e)
{
    int lost = 0, clashes = 0;
    for (;;) {
        int64_t nonce = (int64_t)(random64() >> 1);
        struct db_conn *c;
        fh_err rc;
        FH_TRY(db_take(pool, &c, e));
        enum outcome outcome = attempt(c, nonce, fn, arg, &rc, e);
        if (outcome == DONE && rc == FH_OK)
            sweep(c);
        db_give(c);
        if (outcome == DONE)
            return rc;
        if (outcome == UNKNOWN) {
            bool committed;
            FH_TRY(settle(pool, nonce, &committed, e));
            if (committed)
                return FH_OK;
        }
        if (outcome == CLASHED) {
            if (++clashes > MAX_CLASHES)
                return rc;
            pause_ms((int64_t)(random64() % (uint64_t)(10 * clashes)));
        } else if (++lost >= MAX_LOST) {
            return FH_FAIL(e, FH_UNAVAILABLE,
                           "The connection to the database is lost again and again; try later.");
        }
    }
}

fh_err db_read(struct db_pool *pool, db_work *fn, void *arg, struct fh_error *e)
{
    for (int lost = 1;; lost++) {
        struct db_conn *c;
        FH_TRY(db_take(pool, &c, e));
        c->clashed = false;
        fh_err rc = fn(c, arg, e);
        enum outcome outcome = rc == FH_OK ? DONE : judge(c);
        db_give(c);
        if (outcome == DONE || lost >= MAX_LOST)
            return rc;
    }
}
