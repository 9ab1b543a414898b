/* The one exit of every request: sends the answer, then writes its log line and counts it. */
#include "server/http/inside.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/log.h"

#include <strings.h>
#include <unistd.h>

static bool has_header(const struct web_response *res, const char *name)
{
    for (unsigned i = 0; i < res->nheaders; i++)
        if (strcasecmp(res->headers[i].name, name) == 0)
            return true;
    return false;
}

static struct MHD_Response *make_body(struct web_response *res)
{
    if (res->fd >= 0 && res->size > 0)
        return MHD_create_response_from_fd_at_offset64(res->size, res->fd, (uint64_t)res->offset);
    if (res->fd >= 0)
        close(res->fd);
    /* The arena outlives the response: it is freed when the library says that the request has ended. */
    return MHD_create_response_from_buffer(res->size, (void *)(uintptr_t)res->data, MHD_RESPMEM_PERSISTENT);
}

static void add_headers(const struct web_exchange *x, struct MHD_Response *r)
{
    const struct web_response *res = &x->res;
    for (unsigned i = 0; i < res->nheaders; i++)
        if (MHD_add_response_header(r, res->headers[i].name, res->headers[i].value) != MHD_YES)
            fh_log(FH_LOG_ERROR, "The header %s of an answer cannot be sent.", res->headers[i].name);
    MHD_add_response_header(r, "X-Request-Id", x->req.id);
    bool git = x->req.route && x->req.route->face == WEB_FACE_GIT;
    if ((git || res->status >= 400) && !has_header(res, "Cache-Control"))
        MHD_add_response_header(r, "Cache-Control", "no-cache");
    if (x->want_close || atomic_load(&x->server->draining))
        MHD_add_response_header(r, "Connection", "close");
}

enum MHD_Result web_answer(struct web_exchange *x)
{
    struct web_response *res = &x->res;
    x->phase = WEB_SENT;
    atomic_store(&x->conn->listening, false);
    struct MHD_Response *r = make_body(res);
    if (!r) {
        if (res->fd >= 0 && res->size > 0)
            close(res->fd);
        x->note = "The answer could not be made.";
        return MHD_NO;
    }
    res->fd = -1;
    x->sent = x->req.head ? 0 : res->size;
    add_headers(x, r);
    int64_t to_send = FH_BODY_GRACE + (int64_t)(x->sent / FH_BODY_FLOOR) * 1000;
    atomic_store(&x->conn->deadline, fh_ticks_ms() + to_send);
    enum MHD_Result rc = MHD_queue_response(x->mhd, (unsigned)res->status, r);
    MHD_destroy_response(r);
    return rc;
}

static const char *how_it_ended(enum MHD_RequestTerminationCode how)
{
    switch (how) {
    case MHD_REQUEST_TERMINATED_COMPLETED_OK:
        return NULL;
    case MHD_REQUEST_TERMINATED_TIMEOUT_REACHED:
        return "timeout";
    case MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN:
        return "shutdown";
    case MHD_REQUEST_TERMINATED_CLIENT_ABORT:
    case MHD_REQUEST_TERMINATED_READ_ERROR:
        return "client went away";
    default:
        return "broken off";
    }
}

/* What the library answered itself, to a request that it could not read. */
static int library_status(const struct web_exchange *x)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info ? (int)info->http_status : 0;
}

void web_account(struct web_exchange *x, enum MHD_RequestTerminationCode how)
{
    const struct web_config *c = x->server->config;
    int64_t us = fh_ticks_us() - x->started_us;
    int status = x->phase == WEB_SENT ? x->res.status : library_status(x);
    struct fh_log_line line;
    web_metrics_count(x->server->metrics, x, status, us);
    fh_log_begin(&line, status >= 500 ? FH_LOG_WARN : FH_LOG_INFO, "request");
    fh_log_add(&line, "id", x->req.id);
    fh_log_add(&line, "route", x->req.route ? x->req.route->name : NULL);
    fh_log_add(&line, "method", x->method);
    fh_log_add(&line, "path", x->target.shown);
    fh_log_add_int(&line, "status", status);
    fh_log_add_int(&line, "ms", us / 1000);
    fh_log_add_int(&line, "in", (int64_t)(x->intake.received + x->drained));
    fh_log_add_int(&line, "bytes", (int64_t)x->sent);
    fh_log_add_int(&line, "actor", x->req.actor && c->actor_id ? c->actor_id(x->req.actor) : 0);
    fh_log_add(&line, "remote", x->remote);
    if (how_it_ended(how))
        fh_log_add(&line, "ended", how_it_ended(how));
    if (x->note)
        fh_log_add(&line, "error", x->note);
    fh_log_end(&line);
}
