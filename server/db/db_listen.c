/* LISTEN on a thread and a connection of its own. See db.h.
 *
 *   connect -> LISTEN … -> SET application_name 'floe listener' -> reset -> live -> heartbeat lost or error
 *           -> reset -> …
 *
 * The name comes last, so that whoever counts listeners by it counts only those that hear. A heartbeat every
 * few seconds finds a connection that died without a word; while its answer is overdue the caches above are
 * not trusted, so that a revoked token outlives a cut network by seconds and not by a TCP time-out. */
#include "server/db/db_conn.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/db/db_listen.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BEAT_MS = 2000, BEAT_LIMIT_MS = 4000, RETRY_MS = 200, RETRY_MAX_MS = 5000 };

struct db_listener {
    struct db_config config;
    char *listen_sql;
    db_on_message *on_message;
    db_on_reset *on_reset;
    void *arg;
    pthread_t thread;
    int wake_fd;
    atomic_bool stopping, live;
    bool was_live; /* once; its thread's */
};

static bool wait_or_stop(struct db_listener *l, int ms)
{
    struct pollfd p = {.fd = l->wake_fd, .events = POLLIN};
    poll(&p, 1, ms);
    return l->stopping;
}

/* "<nonce>|<rest>": the acknowledgement is the nonce, sent by the connection that listens, whose process
 * number tells the announcer which listener it was. */
static fh_err acknowledge(struct db_conn *c, const char *payload, struct fh_error *e)
{
    const char *bar = strchr(payload, '|');
    size_t n = bar ? (size_t)(bar - payload) : 0;
    if (n != DB_NONCE_LEN || strspn(payload, "0123456789abcdef") != n)
        return FH_OK;
    char nonce[DB_NONCE_LEN + 1];
    memcpy(nonce, payload, n);
    nonce[n] = '\0';
    return db_exec(c, "SELECT pg_notify('" DB_ACK_CHANNEL "', $1)", DB_PARAMS(DB_TEXT(nonce)), NULL, e);
}

/* Whoever listens sees the payload without its nonce. */
static const char *after_nonce(const char *payload)
{
    return strspn(payload, "0123456789abcdef") == DB_NONCE_LEN && payload[DB_NONCE_LEN] == '|'
               ? payload + DB_NONCE_LEN + 1
               : payload;
}

static fh_err deliver(struct db_listener *l, struct db_conn *c, struct fh_error *e)
{
    for (PGnotify *n; (n = PQnotifies(c->pg));) {
        l->on_message(l->arg, n->relname, after_nonce(n->extra));
        fh_err rc = acknowledge(c, n->extra, e);
        PQfreemem(n);
        FH_TRY(rc);
    }
    return FH_OK;
}

struct beat {
    bool sent;
    int64_t at; /* ticks: of the question, or of the last answer */
};

/* Takes what there is of the answer; never blocks. */
static fh_err take_answer(struct db_conn *c, struct beat *b, struct fh_error *e)
{
    while (b->sent && !PQisBusy(c->pg)) {
        PGresult *r = PQgetResult(c->pg);
        fh_err rc = r && PQresultStatus(r) != PGRES_TUPLES_OK ? db_conn_failed(c, r, e) : FH_OK;
        if (!r)
            *b = (struct beat){.sent = false, .at = fh_ticks_ms()};
        PQclear(r);
        FH_TRY(rc);
    }
    return FH_OK;
}

static fh_err beat(struct db_conn *c, struct beat *b, struct fh_error *e)
{
    FH_TRY(take_answer(c, b, e));
    int64_t now = fh_ticks_ms();
    if (b->sent && now - b->at > BEAT_LIMIT_MS)
        return FH_FAIL(e, FH_UNAVAILABLE, "The database has stopped answering.");
    if (!b->sent && now - b->at >= BEAT_MS) {
        if (!PQsendQuery(c->pg, "SELECT 1"))
            return db_conn_failed(c, NULL, e);
        *b = (struct beat){.sent = true, .at = now};
    }
    return FH_OK;
}

static fh_err hear(struct db_listener *l, struct db_conn *c, struct fh_error *e)
{
    struct beat b = {.at = fh_ticks_ms()};
    while (!l->stopping) {
        if (!PQconsumeInput(c->pg))
            return db_conn_failed(c, NULL, e);
        FH_TRY(beat(c, &b, e));
        /* Acknowledging is a query of its own and must wait for the heartbeat's answer. */
        if (!b.sent)
            FH_TRY(deliver(l, c, e));
        struct pollfd p[] = {{.fd = PQsocket(c->pg), .events = POLLIN}, {.fd = l->wake_fd, .events = POLLIN}};
        if (poll(p, 2, BEAT_MS / 2) < 0 && errno != EINTR)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The connection to the database cannot be waited for");
    }
    return FH_OK;
}

static fh_err connect_and_hear(struct db_listener *l, struct fh_error *e)
{
    struct db_conn *c;
    FH_TRY(db_conn_open(&l->config, &c, e));
    fh_err rc = db_conn_simple(c, l->listen_sql, NULL, e);
    if (rc == FH_OK) {
        /* Once more: what was read before LISTEN, and is about to be kept, may have changed unheard. */
        l->on_reset(l->arg, l->was_live);
        l->live = l->was_live = true;
        rc = hear(l, c, e);
    }
    db_conn_close(c);
    return rc;
}

static void *run(void *arg)
{
    struct db_listener *l = arg;
    int retry = RETRY_MS;
    while (!l->stopping) {
        struct fh_error e = {0};
        (void)!connect_and_hear(l, &e);
        /* In this order: from here on nothing may be cached, and what is cached goes. */
        bool was_live = atomic_exchange(&l->live, false);
        if (l->stopping)
            break;
        l->on_reset(l->arg, was_live);
        if (was_live || retry == RETRY_MS)
            fh_log(FH_LOG_WARN, "Changes by other nodes are not heard for now: %s", e.msg);
        retry = was_live ? RETRY_MS : retry * 2 < RETRY_MAX_MS ? retry * 2 : RETRY_MAX_MS;
        if (wait_or_stop(l, retry))
            break;
    }
    return NULL;
}

static fh_err make_sql(struct db_listener *l, const char *const *channels, size_t n, struct fh_error *e)
{
    enum { SIZE = 1024 };
    l->listen_sql = fh_xmalloc(SIZE);
    size_t at = 0;
    for (size_t i = 0; i < n && at < SIZE; i++) {
        if (strspn(channels[i], "abcdefghijklmnopqrstuvwxyz_") != strlen(channels[i]) || !channels[i][0])
            return FH_FAIL(e, FH_INVALID, "A channel's name is lower-case letters and underscores.");
        at += (size_t)snprintf(l->listen_sql + at, SIZE - at, "LISTEN %s; ", channels[i]);
    }
    if (at < SIZE)
        at +=
            (size_t)snprintf(l->listen_sql + at, SIZE - at, "SET application_name = '" DB_LISTENER_NAME "'");
    return at < SIZE ? FH_OK : FH_FAIL(e, FH_INVALID, "Too many channels to listen on.");
}

fh_err db_listener_start(const struct db_config *config, const char *const *channels, size_t nchannels,
                         db_on_message *on_message, db_on_reset *on_reset, void *arg,
                         struct db_listener **out, struct fh_error *e)
{
    struct db_listener *l = fh_xcalloc(1, sizeof *l);
    db_config_copy(&l->config, config);
    l->on_message = on_message;
    l->on_reset = on_reset;
    l->arg = arg;
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fh_err rc = make_sql(l, channels, nchannels, e);
    if (rc == FH_OK && l->wake_fd < 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No event descriptor could be made");
    if (rc == FH_OK) {
        sigset_t all, before;
        sigfillset(&all); /* signals are the main thread's */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&l->thread, NULL, run, l) != 0)
            rc = FH_FAIL(e, FH_UNAVAILABLE, "No thread could be made to listen to the database.");
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (rc == FH_OK) {
        *out = l;
        return FH_OK;
    }
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    free(l->listen_sql);
    db_config_clear(&l->config);
    free(l);
    return rc;
}

bool db_listener_is_live(const struct db_listener *l)
{
    return l->live;
}

void db_listener_stop(struct db_listener *l)
{
    if (!l)
        return;
    uint64_t one = 1;
    l->stopping = true;
    if (write(l->wake_fd, &one, sizeof one) != sizeof one)
        fh_log(FH_LOG_WARN, "The listener could not be woken; it notices within seconds.");
    pthread_join(l->thread, NULL);
    close(l->wake_fd);
    free(l->listen_sql);
    db_config_clear(&l->config);
    free(l);
}
