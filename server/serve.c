/* The serve verb. See serve.h.
 *
 *     settings -> data folder -> ports, TLS key -> (root: become the service user) -> lock -> app_run ->
 * ready
 *              -> signals -> drain -> app_stop
 */
#include "server/serve.h"

#include "common/ceilings.h"
#include "common/log.h"
#include "server/app.h"
#include "server/config.h"
#include "server/data_folder.h"
#include "server/http/web.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { STOP_SECONDS = 15 }; /* for PostgreSQL and the threads, after the drain */

static enum fh_log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum fh_log_level)i;
    return FH_LOG_INFO;
}

/* Every thread inherits the mask; the main thread takes the signals with sigwait. */
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* A connection, a spooled body and a pack each take a descriptor. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            fh_log(FH_LOG_WARN, "The limit of open files stays as it is.");
    }
}

/* systemd's notification (sd_notify(3)): a datagram to the socket that it names. */
static void tell_systemd(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0)
        fh_log(FH_LOG_WARN, "systemd could not be told: %s", state);
    close(fd);
}

static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 ||
           strncmp(host, "[::1]", 5) == 0;
}

static void announce(const struct config *c)
{
    struct fh_log_line line;
    if (is_loopback(c->base_url))
        fh_log(FH_LOG_WARN,
               "The base URL is %s, which only this machine can reach, and it is written into every "
               "environment that "
               "is pushed. Set base_url before others use this hub.",
               c->base_url);
    fh_log_begin(&line, FH_LOG_INFO, "ready");
    fh_log_add(&line, "base_url", c->base_url);
    fh_log_add(&line, "listen", c->listen);
    fh_log_add(&line, "metrics", c->metrics_listen);
    fh_log_add(&line, "data", c->data);
    fh_log_add(&line, "database", c->database_url ? "external" : "embedded");
    fh_log_add(&line, "version", FLOE_VERSION);
    fh_log_end(&line);
    tell_systemd("READY=1");
}

static void reload(const struct config *c, struct app *app)
{
    struct fh_error e = {0};
    struct config *fresh;
    tell_systemd("RELOADING=1");
    if (web_server_reload_tls(app->web, &e) != FH_OK)
        fh_log(FH_LOG_ERROR, "The certificate stays as it is: %s", e.msg);
    if (config_reload(c, &fresh, &e) != FH_OK) {
        fh_log(FH_LOG_ERROR, "The settings stay as they are: %s", e.msg);
    } else {
        fh_log_set_level(level_of(fresh->log_level));
        for (size_t i = 0; i < config_option_count; i++)
            if (!config_options[i].reload && config_differs(c, fresh, &config_options[i]))
                fh_log(FH_LOG_WARN, "The setting %s has changed; that takes a restart.",
                       config_options[i].name);
        config_free(fresh);
        fh_log(FH_LOG_INFO, "reloaded");
    }
    tell_systemd("READY=1");
}

/* While the main thread stops the hub: a second signal, or a stop that takes too long, ends the process. An
 * embedded PostgreSQL that stays behind is adopted by the next start. */
static void *watch_the_stop(void *arg)
{
    sigset_t *set = arg;
    struct timespec most = {.tv_sec = FH_DRAIN_TIMEOUT / 1000 + STOP_SECONDS};
    sigdelset(set, SIGHUP);
    int got = sigtimedwait(set, NULL, &most);
    if (got < 0 && errno != EAGAIN)
        return NULL;
    fh_log(FH_LOG_ERROR, got < 0 ? "Stopping took too long: the process ends now."
                                 : "A second signal: the process ends now.");
    _exit(1);
}

static void serve_until_told(const struct config *c, struct app *app, sigset_t *set)
{
    pthread_t watch;
    int got = 0;
    while (sigwait(set, &got) != 0 || got == SIGHUP)
        if (got == SIGHUP)
            reload(c, app);
    tell_systemd("STOPPING=1");
    fh_log(FH_LOG_INFO, "stopping");
    if (pthread_create(&watch, NULL, watch_the_stop, set) == 0)
        pthread_detach(watch);
}

int serve_run(const struct config *config)
{
    struct fh_error e = {0};
    struct app *app = NULL;
    int lock = -1;
    static sigset_t set; /* the watching thread outlives this function by a moment */
    fh_log_set_level(level_of(config->log_level));
    block_signals(&set);
    raise_descriptor_limit();
    fh_err rc = data_folder_make(config->data, config->user, &e);
    if (rc == FH_OK)
        rc = app_open(config, &app, &e);
    if (rc == FH_OK)
        rc = data_folder_become_owner(config->user, &e);
    if (rc == FH_OK)
        rc = data_folder_lock(config->data, &lock, &e);
    if (rc == FH_OK)
        rc = app_run(app, &e);
    if (rc == FH_OK) {
        announce(config);
        serve_until_told(config, app, &set);
    }
    app_stop(app, FH_DRAIN_TIMEOUT);
    if (lock >= 0)
        close(lock);
    if (rc != FH_OK) {
        fprintf(stderr, "floe-server: %s\n", e.msg);
        return 1;
    }
    fh_log(FH_LOG_INFO, "stopped");
    return 0;
}
