/* The pool: at most size connections, made when needed, given out last-in first-out. See db.h. */
#include "server/db/db_conn.h"

#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

enum { CONNECT_PAUSE_MS = 50 };

struct db_pool {
    struct db_config config; /* its own copy; never changes */
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t returned; /* a connection came back, or a place became free */
    struct db_conn **idle;
    int nidle, nopen;   /* nopen: idle, given out and being opened */
    int64_t down_since; /* ticks of the first of the failed attempts in a row, 0: the last one succeeded */
};

fh_err db_pool_open(const struct db_config *config, struct db_pool **out, struct fh_error *e)
{
    if (config->size < 1 || !config->url)
        return FH_FAIL(e, FH_INVALID, "A database pool needs a URL and at least one connection.");
    struct db_pool *pool = fh_xcalloc(1, sizeof *pool);
    db_config_copy(&pool->config, config);
    pool->idle = fh_xcalloc((size_t)config->size, sizeof *pool->idle);
    pthread_condattr_t monotonic;
    if (pthread_mutex_init(&pool->lock, NULL) || pthread_condattr_init(&monotonic) ||
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) ||
        pthread_cond_init(&pool->returned, &monotonic))
        abort(); /* only for lack of memory */
    pthread_condattr_destroy(&monotonic);
    *out = pool;
    return FH_OK;
}

void db_pool_close(struct db_pool *pool)
{
    if (!pool)
        return;
    for (int i = 0; i < pool->nidle; i++)
        db_conn_close(pool->idle[i]);
    pthread_cond_destroy(&pool->returned);
    pthread_mutex_destroy(&pool->lock);
    free(pool->idle);
    db_config_clear(&pool->config);
    free(pool);
}

const struct db_config *db_pool_config(const struct db_pool *pool)
{
    return &pool->config;
}

/* Notes how an attempt to connect went; true when the database has been away for longer than wait_ms, so that
 * waiting for it once more would only pile up callers. */
static bool note_attempt(struct db_pool *pool, bool succeeded)
{
    int64_t now = fh_ticks_ms();
    pthread_mutex_lock(&pool->lock);
    if (succeeded)
        pool->down_since = 0;
    else if (!pool->down_since)
        pool->down_since = now;
    bool away = pool->down_since && now - pool->down_since > pool->config.wait_ms;
    pthread_mutex_unlock(&pool->lock);
    return away;
}

/* A database that restarts is met again within the caller's wait. */
static fh_err connect_by(struct db_pool *pool, int64_t deadline, struct db_conn **out, struct fh_error *e)
{
    for (;;) {
        fh_err rc = db_conn_open(&pool->config, out, e);
        bool away = note_attempt(pool, rc == FH_OK);
        if (rc == FH_OK)
            (*out)->pool = pool;
        if (rc != FH_UNAVAILABLE || away || fh_ticks_ms() + CONNECT_PAUSE_MS >= deadline)
            return rc;
        nanosleep(&(struct timespec){.tv_nsec = CONNECT_PAUSE_MS * 1000000L}, NULL);
    }
}

static void free_place(struct db_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->nopen--;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}

/* Under the lock: waits until a connection is idle or a place is free. */
static bool wait_for_place(struct db_pool *pool, int64_t deadline)
{
    struct timespec until = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
    while (!pool->nidle && pool->nopen >= pool->config.size)
        if (pthread_cond_timedwait(&pool->returned, &pool->lock, &until) == ETIMEDOUT)
            return pool->nidle || pool->nopen < pool->config.size;
    return true;
}

fh_err db_take(struct db_pool *pool, struct db_conn **out, struct fh_error *e)
{
    int64_t deadline = fh_ticks_ms() + pool->config.wait_ms;
    struct db_conn *c = NULL;
    pthread_mutex_lock(&pool->lock);
    if (!wait_for_place(pool, deadline)) {
        pthread_mutex_unlock(&pool->lock);
        return FH_FAIL(e, FH_UNAVAILABLE, "All %d connections to the database are busy; try again.",
                       pool->config.size);
    }
    if (pool->nidle)
        c = pool->idle[--pool->nidle];
    else
        pool->nopen++;
    pthread_mutex_unlock(&pool->lock);
    if (c && !db_conn_is_usable(c)) {
        db_conn_close(c);
        c = NULL;
    }
    if (!c) {
        fh_err rc = connect_by(pool, deadline, &c, e);
        if (rc != FH_OK) {
            free_place(pool);
            return rc;
        }
    }
    *out = c;
    return FH_OK;
}

void db_give(struct db_conn *conn)
{
    if (!conn)
        return;
    struct db_pool *pool = conn->pool;
    (void)!db_conn_settle(conn, NULL);
    conn->begun = false;
    if (!conn->lost && PQtransactionStatus(conn->pg) != PQTRANS_IDLE &&
        db_conn_simple(conn, "ROLLBACK", NULL, NULL) != FH_OK)
        conn->lost = true;
    if (conn->lost || PQtransactionStatus(conn->pg) != PQTRANS_IDLE) {
        db_conn_close(conn);
        free_place(pool);
        return;
    }
    conn->clashed = false;
    pthread_mutex_lock(&pool->lock);
    pool->idle[pool->nidle++] = conn;
    pthread_cond_signal(&pool->returned);
    pthread_mutex_unlock(&pool->lock);
}
