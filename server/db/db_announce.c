/* An admin command tells the running servers, and waits until each has heard. See db.h. */
#include "server/db/db_conn.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/hex.h"
#include "server/db/db_listen.h"

#include <errno.h>
#include <poll.h>

enum { MAX_LISTENERS = 256, RECOUNT_MS = 200 };

struct waiting {
    int64_t pids[MAX_LISTENERS]; /* of the listeners' connections; 0: has answered */
    size_t n;
};

static fh_err count_listeners(struct db_conn *c, struct waiting *w, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc =
        db_query(c, a,
                 "SELECT pid::bigint FROM pg_stat_activity WHERE application_name = '" DB_LISTENER_NAME
                 "' AND datname = current_database()",
                 NULL, 0, &rows, e);
    if (rc == FH_OK) {
        w->n = db_count(rows) < MAX_LISTENERS ? db_count(rows) : MAX_LISTENERS;
        for (size_t i = 0; i < w->n; i++)
            w->pids[i] = db_get_i64(rows, i, 0);
    }
    fh_arena_free(a);
    return rc;
}

static void strike(struct waiting *w, int64_t pid)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->pids[i] == pid)
            w->pids[i--] = w->pids[--w->n];
}

/* A listener that went away meanwhile has dropped its caches, which is all we want of it. */
static fh_err strike_the_gone(struct db_conn *c, struct waiting *w, struct fh_error *e)
{
    struct waiting now;
    FH_TRY(count_listeners(c, &now, e));
    for (size_t i = w->n; i-- > 0;) {
        bool there = false;
        for (size_t k = 0; k < now.n; k++)
            there = there || now.pids[k] == w->pids[i];
        if (!there)
            strike(w, w->pids[i]);
    }
    return FH_OK;
}

static void take_answers(struct db_conn *c, const char *nonce, struct waiting *w)
{
    for (PGnotify *n; (n = PQnotifies(c->pg));) {
        if (strcmp(n->extra, nonce) == 0)
            strike(w, n->be_pid);
        PQfreemem(n);
    }
}

static fh_err wait_for_all(struct db_conn *c, const char *nonce, struct waiting *w, int wait_ms,
                           struct fh_error *e)
{
    int64_t deadline = fh_ticks_ms() + wait_ms;
    for (;;) {
        if (!PQconsumeInput(c->pg))
            return db_conn_failed(c, NULL, e);
        take_answers(c, nonce, w);
        int64_t left = deadline - fh_ticks_ms();
        if (w->n == 0)
            return FH_OK;
        if (left <= 0)
            return FH_FAIL(
                e, FH_UNAVAILABLE,
                "It is done, but %zu running server(s) did not confirm within %d ms that they know.", w->n,
                wait_ms);
        struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};
        int ready = poll(&p, 1, left < RECOUNT_MS ? (int)left : RECOUNT_MS);
        if (ready < 0 && errno != EINTR)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The connection to the database cannot be waited for");
        if (ready == 0)
            FH_TRY(strike_the_gone(c, w, e));
    }
}

static fh_err announce(struct db_conn *c, const char *channel, const char *payload, int wait_ms,
                       struct fh_error *e)
{
    uint8_t random[DB_NONCE_LEN / 2];
    char nonce[DB_NONCE_LEN + 1];
    struct waiting w;
    fh_random(random, sizeof random);
    fh_hex_encode(random, sizeof random, nonce);
    FH_TRY(db_conn_simple(c, "LISTEN " DB_ACK_CHANNEL, NULL, e));
    FH_TRY(count_listeners(c, &w, e));
    FH_TRY(db_exec(c, "SELECT pg_notify($1, $2 || '|' || $3)",
                   DB_PARAMS(DB_TEXT(channel), DB_TEXT(nonce), DB_TEXT(payload)), NULL, e));
    return wait_for_all(c, nonce, &w, wait_ms, e);
}

/* On a connection of its own: one of the pool would go on listening. */
fh_err db_announce(struct db_pool *pool, const char *channel, const char *payload, int wait_ms,
                   struct fh_error *e)
{
    struct db_conn *c;
    FH_TRY(db_conn_open(db_pool_config(pool), &c, e));
    fh_err rc = announce(c, channel, payload, wait_ms, e);
    db_conn_close(c);
    return rc;
}
