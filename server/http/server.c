/* Life of the HTTP server: open, run, stop. See web.h. */
#include "server/http/inside.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/log.h"
#include "common/mem.h"

#include <poll.h>
#include <unistd.h>

/* Read buffer (half of it at first), header list and answer headers of one connection. The library clears all
 * of it after each request. */
enum { CONNECTION_MEMORY = FH_MAX_HEADERS + 16 * 1024 };

/* The library decodes paths and queries in place before we see them; we decode once ourselves (target.c). */
static size_t leave_as_sent(void *arg, struct MHD_Connection *mhd, char *text)
{
    (void)arg, (void)mhd;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void log_of_library(void *arg, const char *fmt, va_list ap)
{
    char text[512];
    (void)arg;
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    fh_log(FH_LOG_DEBUG, "libmicrohttpd: %s", text);
}

static fh_err start_daemon(struct web_server *s, struct fh_error *e)
{
    const struct web_config *c = s->config;
    unsigned threads = c->event_threads ? c->event_threads : 1;
    /* Connections are counted at the door; the library splits its limit among its threads, so give it room.
     */
    unsigned limit = (c->max_connections + 1) * threads;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[4], *o = options;
    if (s->tls) {
        flags |= MHD_USE_TLS;
        *o++ = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, web_tls_callback()};
    }
    if (threads > 1)
        *o++ = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL};
    *o = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, web_exchange_step, s, MHD_OPTION_EXTERNAL_LOGGER, log_of_library, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, web_exchange_begin, s, MHD_OPTION_NOTIFY_COMPLETED, web_exchange_end, s,
        MHD_OPTION_NOTIFY_CONNECTION, web_door_notify, s, MHD_OPTION_UNESCAPE_CALLBACK, leave_as_sent, NULL,
        MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(FH_IDLE_TIMEOUT / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!s->daemon)
        return FH_FAIL(e, FH_UNAVAILABLE, "The HTTP server could not be started.");
    return FH_OK;
}

fh_err web_server_open(const struct web_config *config, struct web_server **out, struct fh_error *e)
{
    struct web_server *s = fh_xcalloc(1, sizeof *s);
    s->config = config;
    s->listen_fd = s->metrics_fd = -1;
    fh_random(&s->id_base, sizeof s->id_base);
    s->metrics = web_metrics_new(config->nroutes);
    fh_err rc = web_networks_parse(config->trusted_proxies, &s->trusted, e);
    if (rc == FH_OK)
        rc = web_router_new(config->routes, config->nroutes, &s->router, e);
    if (rc == FH_OK && (!config->tls_cert != !config->tls_key))
        rc = FH_FAIL(e, FH_INVALID, "TLS needs both a certificate (tls_cert) and its key (tls_key).");
    if (rc == FH_OK && config->tls_cert)
        rc = web_tls_open(config->tls_cert, config->tls_key, &s->tls, e);
    if (rc == FH_OK)
        rc = web_listen(config->listen, &s->listen_fd, &s->port, e);
    if (rc == FH_OK && config->metrics_listen)
        rc = web_listen(config->metrics_listen, &s->metrics_fd, &s->metrics_port, e);
    if (rc == FH_OK)
        *out = s;
    else
        web_server_stop(s, 0);
    return rc;
}

fh_err web_server_run(struct web_server *s, struct fh_error *e)
{
    FH_TRY(web_workers_start(s->config->workers ? s->config->workers : 1, &s->workers, e));
    FH_TRY(start_daemon(s, e));
    FH_TRY(web_door_open(s, &s->door, e));
    if (s->metrics_fd >= 0)
        FH_TRY(web_metrics_serve(s, e));
    return FH_OK;
}

fh_err web_server_start(const struct web_config *config, struct web_server **out, struct fh_error *e)
{
    struct web_server *s;
    FH_TRY(web_server_open(config, &s, e));
    fh_err rc = web_server_run(s, e);
    if (rc == FH_OK)
        *out = s;
    else
        web_server_stop(s, 0);
    return rc;
}

/* No connection may be suspended when the library is stopped (it aborts), so the workers end first: from then
 * on a request that needs one is refused. */
void web_server_stop(struct web_server *s, int drain_ms)
{
    if (!s)
        return;
    int64_t until = fh_ticks_ms() + drain_ms;
    atomic_store(&s->draining, true);
    if (s->door)
        web_door_stop_accepting(s->door);
    while (s->daemon && atomic_load(&s->in_flight) > 0 && fh_ticks_ms() < until)
        poll(NULL, 0, 10);
    if (s->metrics_daemon)
        MHD_stop_daemon(s->metrics_daemon);
    if (s->door)
        web_door_join(s->door);
    if (s->workers)
        web_workers_stop(s->workers);
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    if (s->door)
        web_door_free(s->door);
    web_workers_free(s->workers);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->metrics_fd >= 0)
        close(s->metrics_fd);
    web_tls_close(s->tls);
    web_router_free(s->router);
    web_metrics_free(s->metrics);
    free(s);
}

int web_server_port(const struct web_server *s)
{
    return s->port;
}

int web_server_metrics_port(const struct web_server *s)
{
    return s->metrics_port;
}

fh_err web_server_reload_tls(struct web_server *s, struct fh_error *e)
{
    return s->tls ? web_tls_reload(s->tls, e) : FH_OK;
}

struct later {
    struct web_job job;
    void (*fn)(void *);
    void *arg;
};

static void run_later(struct web_job *job)
{
    struct later *l = (struct later *)(void *)job; /* its first member */
    l->fn(l->arg);
    free(l);
}

bool web_server_later(struct web_server *s, void (*fn)(void *), void *arg)
{
    struct later *l = fh_xmalloc(sizeof *l);
    *l = (struct later){.job = {.run = run_later}, .fn = fn, .arg = arg};
    bool ok = web_workers_push(s->workers, &l->job, 0, false);
    if (!ok)
        free(l);
    return ok;
}
