/* The embedded PostgreSQL: starting, adopting, watching, stopping. See cluster.h.
 *
 * The postmaster is a child in a session of its own and has no parent-death signal: when the hub is killed it
 * keeps running, finishes what was committed, and the next start adopts it within milliseconds. (Such a
 * signal would also be tied to the thread that forked, and setuid clears it.) What keeps two hubs from
 * supervising one cluster is the lock on <data>/postgres.lock, which the kernel takes back however the hub
 * ends. */
#include "server/db/cluster.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/db/cluster_files.h"
#include "server/db/cluster_pid.h"
#include "server/db/db_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOCK_WAIT_MS = 5000,
    START_WAIT_MS = 120000,  /* crash recovery replays at most max_wal_size */
    REFUSED_WAIT_MS = 20000, /* from the first start that ended at once */
    STOP_WAIT_MS = 60000,    /* a fast shutdown writes a checkpoint */
    QUIT_WAIT_MS = 10000,
    TICK_MS = 500,
    LOG_CHECK_MS = 60000,
    HEALTHY_MS = 60000,     /* alive for so long, the back-off begins anew */
    BACKOFF_MAX_MS = 30000, /* while it cannot be started */
    AGAIN_MAX_MS = 2000,    /* when it could, and was ended soon: killed by the kernel or by a person */
    HEADROOM = 16, /* connections for admin commands, listener and people, above what was asked for */
};

struct db_cluster {
    struct cluster_paths paths;
    struct cluster_user user;
    char bin[CLUSTER_PATH];
    int max_connections;
    int lock_fd, wake_fd;
    atomic_bool stopping;
    pthread_t watcher;
    bool watched;
    /* the watcher's once it runs */
    pid_t pid;
    bool is_child; /* else adopted: not ours to wait for */
};

static void pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

static fh_err take_lock(struct db_cluster *c, struct fh_error *e)
{
    c->lock_fd = open(c->paths.lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (c->lock_fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be opened", c->paths.lock);
    if (c->user.change && fchown(c->lock_fd, c->user.uid, c->user.gid) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be prepared", c->paths.lock);
    int64_t deadline = fh_ticks_ms() + LOCK_WAIT_MS;
    while (flock(c->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be locked", c->paths.lock);
        if (fh_ticks_ms() > deadline)
            return FH_FAIL(e, FH_CONFLICT, "Another floe-server is running on the data folder %s.",
                           c->paths.data);
        pause_ms(20);
    }
    return FH_OK;
}

static fh_err prepare_folder(struct db_cluster *c, const char *bin_dir, struct fh_error *e)
{
    int have = cluster_major(c->paths.folder), major;
    FH_TRY(cluster_find_programs(bin_dir, have, c->bin, &major, e));
    if (!have)
        return cluster_make(&c->paths, c->bin, &c->user, c->paths.folder, e);
    if (have != major)
        return FH_FAIL(e, FH_INVALID,
                       "The database in %s was made by PostgreSQL %d, and the programs in %s are of %d: run "
                       "\"floe-server migrate --postgres\", or install postgresql-%d.",
                       c->paths.folder, have, c->bin, major, have);
    return FH_OK;
}

static fh_err launch(struct db_cluster *c, struct fh_error *e)
{
    char program[CLUSTER_PATH], sockets[CLUSTER_PATH + 64], connections[64];
    FH_TRY(cluster_join(program, c->bin, "postgres", e));
    snprintf(sockets, sizeof sockets, "unix_socket_directories=\"%s\"", c->paths.run);
    snprintf(connections, sizeof connections, "max_connections=%d", c->max_connections + HEADROOM);
    /* On the command line, so that neither the file nor ALTER SYSTEM can say otherwise. Statements and
     * details stay out of the log because they may quote what is stored. */
    const char *argv[] = {program,
                          "-D",
                          c->paths.folder,
                          "-c",
                          "fsync=on",
                          "-c",
                          "full_page_writes=on",
                          "-c",
                          "synchronous_commit=on",
                          "-c",
                          "listen_addresses=",
                          "-c",
                          "port=5432",
                          "-c",
                          sockets,
                          "-c",
                          "unix_socket_permissions=0700",
                          "-c",
                          connections,
                          "-c",
                          "logging_collector=off",
                          "-c",
                          "log_destination=stderr",
                          "-c",
                          "log_error_verbosity=terse",
                          "-c",
                          "log_min_error_statement=panic",
                          "-c",
                          "log_statement=none",
                          "-c",
                          "restart_after_crash=on",
                          NULL};
    struct cluster_command cmd = {
        .argv = argv, .cwd = c->paths.data, .log = c->paths.log, .output_fd = -1, .session = true};
    cluster_bound_log(c->paths.log);
    FH_TRY(cluster_bury_stale_pid(c->paths.folder, e));
    FH_TRY(cluster_spawn(&cmd, &c->user, &c->pid, e));
    c->is_child = true;
    return FH_OK;
}

static bool child_has_ended(struct db_cluster *c)
{
    pid_t got = waitpid(c->pid, NULL, WNOHANG);
    return got == c->pid || (got < 0 && errno == ECHILD);
}

static bool has_ended(struct db_cluster *c)
{
    if (c->pid <= 0)
        return true;
    if (c->is_child ? child_has_ended(c) : cluster_running_pid(c->paths.folder) != c->pid) {
        c->pid = 0;
        return true;
    }
    return false;
}

static bool answers(const struct db_cluster *c)
{
    static const char *const keys[] = {"host", "port", "user", "dbname", "connect_timeout", NULL};
    const char *const values[] = {c->paths.run, "5432", "floe", "postgres", "3", NULL};
    return PQpingParams(keys, values, 0) == PQPING_OK;
}

/* Adopts the postmaster that runs, or starts one, until it answers. After a kill -9 the old one's children
 * need a moment to notice; until they are gone PostgreSQL refuses to start, and it is tried again. */
static fh_err bring_up(struct db_cluster *c, struct fh_error *e)
{
    int64_t now = fh_ticks_ms(), deadline = now + START_WAIT_MS;
    bool refused = false;
    int wait = 5;
    for (; !c->stopping && now < deadline; now = fh_ticks_ms()) {
        if (c->pid > 0 && has_ended(c)) {
            pause_ms(100);
            if (!refused && deadline > now + REFUSED_WAIT_MS)
                deadline = now + REFUSED_WAIT_MS;
            refused = true;
        }
        if (c->pid <= 0) {
            c->pid = cluster_running_pid(c->paths.folder);
            c->is_child = false;
            if (!c->pid)
                FH_TRY(launch(c, e));
        }
        if (answers(c))
            return FH_OK;
        pause_ms(wait);
        wait = wait < 50 ? wait + 5 : 50;
    }
    return FH_FAIL(e, FH_UNAVAILABLE, "The embedded PostgreSQL does not start; its log %s says why.",
                   c->paths.log);
}

static fh_err make_database(struct db_cluster *c, struct fh_error *e)
{
    char url[CLUSTER_PATH * 2 + 64];
    struct db_conn *conn;
    PGresult *found;
    FH_TRY(cluster_url_for(c->paths.run, "postgres", url, sizeof url, e));
    struct db_config config = {.url = url, .application_name = "floe-server"};
    FH_TRY(db_conn_open(&config, &conn, e));
    fh_err rc = db_conn_simple(conn, "SELECT 1 FROM pg_database WHERE datname = 'floe'", &found, e);
    if (rc == FH_OK) {
        if (PQntuples(found) == 0)
            rc = db_conn_simple(conn, "CREATE DATABASE floe", NULL, e);
        PQclear(found);
    }
    db_conn_close(conn);
    return rc;
}

/* Waits until the postmaster ended, somebody woke us, or it is time to look after the log. */
static void wait_for_news(struct db_cluster *c, int pidfd)
{
    struct pollfd p[] = {{.fd = c->wake_fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    if (poll(p, 2, pidfd >= 0 ? LOG_CHECK_MS : TICK_MS) < 0 && errno != EINTR)
        pause_ms(TICK_MS);
}

static void wait_or_wake(struct db_cluster *c, int ms)
{
    struct pollfd p = {.fd = c->wake_fd, .events = POLLIN};
    poll(&p, 1, ms);
}

static void revive(struct db_cluster *c, int *backoff)
{
    struct fh_error e = {0};
    fh_log(FH_LOG_ERROR, "PostgreSQL has ended; it is started again in %d ms.", *backoff);
    wait_or_wake(c, *backoff);
    if (c->stopping)
        return;
    bool running = bring_up(c, &e) == FH_OK;
    int most = running ? AGAIN_MAX_MS : BACKOFF_MAX_MS;
    *backoff = *backoff * 2 < 1000 ? 1000 : *backoff * 2;
    if (*backoff > most)
        *backoff = most;
    if (running)
        fh_log(FH_LOG_INFO, "PostgreSQL is running again.");
    else if (!c->stopping)
        fh_log(FH_LOG_ERROR, "%s", e.msg);
}

enum { FIRST_BACKOFF_MS = 50 };

static void *watch(void *arg)
{
    struct db_cluster *c = arg;
    int backoff = FIRST_BACKOFF_MS;
    while (!c->stopping) {
        int64_t since = fh_ticks_ms();
        int pidfd = cluster_pidfd(c->pid);
        while (!c->stopping && !has_ended(c)) {
            wait_for_news(c, pidfd);
            cluster_bound_log(c->paths.log);
        }
        if (pidfd >= 0)
            close(pidfd);
        if (fh_ticks_ms() - since > HEALTHY_MS)
            backoff = FIRST_BACKOFF_MS;
        if (!c->stopping)
            revive(c, &backoff);
    }
    return NULL;
}

/* Signals are the main thread's: the watcher is started with all of them blocked. */
static fh_err start_watcher(struct db_cluster *c, struct fh_error *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&c->watcher, NULL, watch, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return FH_FAIL(e, FH_UNAVAILABLE, "No thread could be made to watch PostgreSQL.");
    c->watched = true;
    return FH_OK;
}

fh_err db_cluster_start(const struct db_cluster_config *config, struct db_cluster **out, struct fh_error *e)
{
    struct db_cluster *c = fh_xcalloc(1, sizeof *c);
    c->max_connections = config->max_connections > 0 ? config->max_connections : 16;
    c->lock_fd = -1;
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fh_err rc = FH_OK;
    if (c->wake_fd < 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No event descriptor could be made");
    if (rc == FH_OK)
        rc = cluster_user_of(config->data, &c->user, e);
    if (rc == FH_OK)
        rc = cluster_paths_find(config->data, true, &c->paths, e);
    if (rc == FH_OK)
        rc = take_lock(c, e);
    if (rc == FH_OK)
        rc = prepare_folder(c, config->bin_dir, e);
    if (rc == FH_OK)
        rc = bring_up(c, e);
    if (rc == FH_OK)
        rc = make_database(c, e);
    if (rc == FH_OK)
        rc = start_watcher(c, e);
    if (rc != FH_OK) {
        db_cluster_stop(c);
        return rc;
    }
    *out = c;
    return FH_OK;
}

static bool end_with(struct db_cluster *c, int signal_number, int wait_ms)
{
    int64_t deadline = fh_ticks_ms() + wait_ms;
    if (c->pid > 0)
        kill(c->pid, signal_number);
    while (!has_ended(c)) {
        if (fh_ticks_ms() > deadline)
            return false;
        pause_ms(5);
    }
    return true;
}

void db_cluster_stop(struct db_cluster *c)
{
    if (!c)
        return;
    c->stopping = true;
    if (c->watched) {
        uint64_t one = 1;
        if (write(c->wake_fd, &one, sizeof one) != sizeof one)
            fh_log(FH_LOG_WARN, "The watcher of PostgreSQL could not be woken; it notices within a minute.");
        pthread_join(c->watcher, NULL);
    }
    /* Not even an immediate shutdown loses what was committed: it is replayed at the next start. */
    if (!has_ended(c) && !end_with(c, SIGINT, STOP_WAIT_MS) && !end_with(c, SIGQUIT, QUIT_WAIT_MS))
        fh_log(FH_LOG_ERROR, "PostgreSQL (process %d) does not stop; the next start adopts it.", (int)c->pid);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    free(c);
}

fh_err db_cluster_url(const char *data, char *out, size_t size, struct fh_error *e)
{
    struct cluster_paths paths;
    FH_TRY(cluster_paths_find(data, false, &paths, e));
    return cluster_url_for(paths.run, "floe", out, size, e);
}

bool db_cluster_exists(const char *data)
{
    char folder[CLUSTER_PATH];
    return cluster_join(folder, data, "postgres", NULL) == FH_OK && cluster_major(folder) > 0;
}

pid_t db_cluster_pid(const char *data)
{
    char folder[CLUSTER_PATH];
    return cluster_join(folder, data, "postgres", NULL) == FH_OK ? cluster_running_pid(folder) : 0;
}
