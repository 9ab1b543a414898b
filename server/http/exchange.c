/* One request from its first line to its end: libmicrohttpd's callbacks, and the jobs of workers.
 *
 * The library calls web_exchange_step once when the headers are there, once for each piece of the body, and
 * once at the end; also again after the connection was suspended and resumed. Which of these it is, the phase
 * tells (inside.h). Two of its ways rule what is done here:
 *   - an answer can be queued in the first call, and then the connection is closed after it, or in the last;
 *     never between them: what is refused in the middle of a body is read on to a bound (WEB_DRAIN);
 *   - having suspended, it may call once more for the next chunk before it notices. */
#include "server/http/inside.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/hex.h"

#include <string.h>
#include <strings.h>

enum { RIGHTS_AGE = 1000 }; /* milliseconds for which the answer to "who calls, and may they?" holds */

void *web_exchange_begin(void *server, const char *uri, struct MHD_Connection *mhd)
{
    struct web_server *s = server;
    struct fh_arena *arena = fh_arena_new();
    struct web_exchange *x = fh_alloc(arena, sizeof *x);
    x->server = s;
    x->mhd = mhd;
    x->conn = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    x->started_us = fh_ticks_us();
    x->raw_target = fh_strdup(arena, uri ? uri : "");
    x->route_index = s->config->nroutes;
    x->res.fd = -1;
    x->intake.fd = -1;
    x->req.arena = arena;
    x->req.app = s->config->app;
    x->req.connection = x;
    x->req.body = (struct web_body){.fd = -1, .data = ""};
    x->req.remote = x->remote;
    x->target.shown = "";
    uint64_t id = s->id_base + atomic_fetch_add(&s->id_next, 1);
    snprintf(x->req.id, sizeof x->req.id, "%016llx", (unsigned long long)id);
    web_address_format(&x->conn->peer, x->remote);
    atomic_store(&x->conn->deadline, fh_ticks_ms() + FH_IDLE_TIMEOUT); /* for the header lines */
    atomic_fetch_add(&s->in_flight, 1);
    return x;
}

void web_exchange_end(void *server, struct MHD_Connection *mhd, void **context,
                      enum MHD_RequestTerminationCode how)
{
    struct web_server *s = server;
    struct web_exchange *x = *context;
    (void)mhd;
    if (!x)
        return;
    *context = NULL;
    web_account(x, how);
    web_body_end(&x->intake);
    if (x->res.fd >= 0) /* an answer that never reached the exit */
        fh_defer_close(x->req.arena, x->res.fd);
    atomic_store(&x->conn->deadline, fh_ticks_ms() + 2 * FH_IDLE_TIMEOUT);
    atomic_store(&x->conn->listening, true);
    fh_arena_free(x->req.arena);
    atomic_fetch_sub(&s->in_flight, 1);
}

/* Who calls, and may they call this at all? Fills the answer when not. */
static fh_err authenticate(struct web_exchange *x, bool inline_only)
{
    const struct web_config *c = x->server->config;
    struct fh_error e = {0};
    if (x->authenticated)
        return FH_OK;
    x->req.inline_only = inline_only;
    fh_err rc = c->authenticate ? c->authenticate(&x->req, &e) : FH_OK;
    if (rc == FH_AGAIN && inline_only)
        return rc;
    if (rc == FH_OK && c->admit)
        rc = c->admit(&x->req, &e);
    if (rc != FH_OK)
        web_refuse_error(x, rc, &e);
    x->authenticated = rc == FH_OK;
    return rc;
}

/* All that happens between the end of the body and the answer. FH_AGAIN: not here, on a worker. */
static fh_err serve(struct web_exchange *x, bool inline_only)
{
    struct fh_error e = {0};
    fh_err rc = authenticate(x, inline_only);
    if (rc != FH_OK)
        return rc;
    if (x->has_body && !x->body_finished) {
        rc = web_body_finish(&x->intake, x->req.arena, &x->req.body, &e);
        x->body_finished = true;
    }
    if (rc == FH_OK) {
        x->req.inline_only = inline_only;
        x->res = (struct web_response){.fd = -1};
        x->answered = true;
        rc = x->req.route->handler(&x->req, &x->res, &e);
        if (rc == FH_AGAIN && inline_only) {
            x->answered = false;
            return rc;
        }
    }
    if (rc != FH_OK)
        web_refuse_error(x, rc, &e);
    return rc;
}

static struct web_exchange *exchange_of(struct web_job *job)
{
    return (struct web_exchange *)(void *)((char *)job - offsetof(struct web_exchange, job));
}

static void run_auth(struct web_job *job)
{
    struct web_exchange *x = exchange_of(job);
    (void)authenticate(x, false); /* what it refused is in x->res */
    MHD_resume_connection(x->mhd);
}

static void run_serve(struct web_job *job)
{
    struct web_exchange *x = exchange_of(job);
    (void)serve(x, false);
    MHD_resume_connection(x->mhd);
}

static void run_spool(struct web_job *job)
{
    struct web_exchange *x = exchange_of(job);
    struct fh_error e = {0};
    fh_err rc = web_body_flush(&x->intake, &e);
    if (rc != FH_OK)
        web_refuse_error(x, rc, &e);
    MHD_resume_connection(x->mhd);
}

static void run_late(struct web_job *job)
{
    struct web_exchange *x = exchange_of(job);
    web_refuse(x, 503, "The hub is too busy to answer now. Try again in a moment.");
    x->note = "waited too long for a worker";
    MHD_resume_connection(x->mhd);
}

/* For the queue: the account, or, as long as it is not known or there is none, the address. */
static uint64_t caller_of(const struct web_exchange *x)
{
    int64_t account =
        x->req.actor && x->server->config->actor_id ? x->server->config->actor_id(x->req.actor) : 0;
    uint64_t h = 14695981039346656037u;
    if (account > 0)
        return (uint64_t)account;
    for (const char *c = x->req.remote; *c; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    return h | UINT64_C(1) << 63;
}

/* Suspends first: a worker may be done before push returns. */
static void hand_over(struct web_exchange *x, enum web_phase phase, void (*run)(struct web_job *))
{
    x->phase = phase;
    atomic_store(&x->conn->listening, false);
    x->job = (struct web_job){.run = run, .late = run_late, .caller = phase == WEB_SPOOL ? 0 : caller_of(x)};
    MHD_suspend_connection(x->mhd);
    if (!web_workers_push(x->server->workers, &x->job, FH_WORK_TIMEOUT, phase == WEB_SPOOL)) {
        web_refuse(x, 503, "The hub is too busy to answer now. Try again in a moment.");
        web_metrics_rejected(x->server->metrics);
        MHD_resume_connection(x->mhd);
    }
}

static bool is_suspended(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_SUSPENDED);
    return info && info->suspended == MHD_YES;
}

static unsigned parse_method(const char *method, bool *head)
{
    static const struct {
        const char *name;
        unsigned bit;
    } methods[] = {{"GET", WEB_GET}, {"HEAD", WEB_GET},    {"POST", WEB_POST},
                   {"PUT", WEB_PUT}, {"PATCH", WEB_PATCH}, {"DELETE", WEB_DELETE}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i].name) == 0) {
            *head = i == 1;
            return methods[i].bit;
        }
    return 0;
}

static const char *allow_text(struct fh_arena *a, unsigned allowed)
{
    return fh_sprintf(a, "%s%s%s%s%s", allowed & WEB_GET ? "GET, HEAD" : "",
                      allowed & WEB_POST ? (allowed & WEB_GET ? ", POST" : "POST") : "",
                      allowed & WEB_PUT ? (allowed & (WEB_GET | WEB_POST) ? ", PUT" : "PUT") : "",
                      allowed & WEB_PATCH ? (allowed & (WEB_GET | WEB_POST | WEB_PUT) ? ", PATCH" : "PATCH")
                                          : "",
                      allowed & WEB_DELETE ? (allowed & ~(unsigned)WEB_DELETE ? ", DELETE" : "DELETE") : "");
}

/* Finds the route; refuses what has none. */
static bool find_route(struct web_exchange *x)
{
    struct web_match match;
    unsigned method = parse_method(x->method, &x->req.head);
    web_router_find(x->server->router, x->req.arena, method, x->target.path, &match);
    x->req.method = (enum web_method)method;
    x->req.path = x->target.path;
    if (x->target.slash && (!match.rest || x->target.slash < match.rest)) {
        web_refuse(x, 400, "The path has an encoded slash in it.");
        return false;
    }
    if (match.route) {
        x->req.route = match.route;
        x->route_index = match.index;
        memcpy(x->req.params, match.params, sizeof match.params);
        return true;
    }
    if (match.allowed == 0) {
        web_refuse(x, 404, "There is nothing at this path.");
    } else {
        web_refuse(x, 405, "This path does not take requests of this method.");
        web_add_header(&x->res, "Allow", allow_text(x->req.arena, match.allowed));
    }
    return false;
}

static size_t body_limit(const struct web_exchange *x)
{
    const struct web_route *r = x->req.route;
    return r->body_limit == FH_MAX_BODY_PUSH && x->server->config->push_limit ? x->server->config->push_limit
                                                                              : r->body_limit;
}

static bool body_fits(struct web_exchange *x, const struct web_framing *f)
{
    if (!f->has_body)
        return true;
    size_t limit = body_limit(x);
    if (x->req.route->body == WEB_NO_BODY) {
        web_refuse(x, 400, "This request takes no body.");
        return false;
    }
    if (!f->chunked && f->length > limit) {
        web_refuse(
            x, 413,
            fh_sprintf(x->req.arena, "The request's body is larger than the limit of %zu bytes.", limit));
        return false;
    }
    web_body_begin(&x->intake, limit, f->gzip, x->server->config->spool_dir);
    return true;
}

static void see_forwarded(struct web_exchange *x)
{
    x->req.https = x->server->tls != NULL;
    if (!x->conn->peer_trusted)
        return;
    struct web_address client;
    web_forwarded_client(&x->server->trusted, &x->conn->peer, web_header(&x->req, "X-Forwarded-For"),
                         &client);
    web_address_format(&client, x->remote);
    const char *proto = web_header(&x->req, "X-Forwarded-Proto");
    if (proto)
        x->req.https = strcasecmp(proto, "https") == 0;
}

/* A refusal before the body was read. A short body is read and thrown away, so that the connection can be
 * used again (git repeats a challenged POST on it); otherwise the answer goes out now and the connection is
 * closed, lingering. */
static enum MHD_Result refuse_early(struct web_exchange *x, const struct web_framing *f)
{
    if (!f->has_body ||
        (!f->chunked && !f->expects_continue && f->length <= FH_MAX_BODY_SMALL && !x->want_close)) {
        x->phase = WEB_DRAIN;
        return MHD_YES;
    }
    x->want_close = true;
    x->conn->linger = true;
    return web_answer(x);
}

static enum MHD_Result first_call(struct web_exchange *x, const char *method, const char *version)
{
    struct web_framing f;
    const char *why = NULL;
    struct fh_error e = {0};
    snprintf(x->method, sizeof x->method, "%s", method);
    atomic_store(&x->conn->deadline, fh_ticks_ms() + FH_REQUEST_TIMEOUT);
    x->body_started_ms = fh_ticks_ms();
    int status = web_framing_read(x->mhd, method, version, &f, &why);
    fh_err rc = web_target_parse(x->req.arena, x->raw_target, x->server->config->prefix, &x->target, &e);
    see_forwarded(x);
    if (status != 0) {
        x->want_close = true; /* where this request ends is anybody's guess */
        f.has_body = true;
        web_refuse(x, status, why);
        return refuse_early(x, &f);
    }
    x->has_body = f.has_body;
    if (rc != FH_OK) {
        web_refuse(x,
                   rc == FH_TOO_LARGE   ? 414
                   : rc == FH_NOT_FOUND ? 404
                                        : 400,
                   fh_strdup(x->req.arena, e.msg));
        return refuse_early(x, &f);
    }
    if (!find_route(x) || !body_fits(x, &f))
        return refuse_early(x, &f);
    x->phase = WEB_BODY;
    if (!f.has_body)
        return MHD_YES;
    rc = authenticate(x, true);
    if (rc == FH_AGAIN)
        hand_over(x, WEB_AUTH, run_auth);
    else if (rc != FH_OK)
        return refuse_early(x, &f);
    return MHD_YES;
}

/* Back from the worker that asked who is calling; still before the body. */
static enum MHD_Result after_auth(struct web_exchange *x, const char *method, const char *version)
{
    struct web_framing f;
    const char *why;
    x->phase = WEB_BODY;
    x->body_started_ms = fh_ticks_ms();
    if (!x->answered)
        return MHD_YES;
    if (web_framing_read(x->mhd, method, version, &f, &why) != 0)
        return MHD_NO;
    return refuse_early(x, &f);
}

static bool is_too_slow(const struct web_exchange *x, uint64_t bytes)
{
    int64_t ms = fh_ticks_ms() - x->body_started_ms;
    return ms > FH_REQUEST_TIMEOUT || (ms > FH_BODY_GRACE && (int64_t)bytes * 1000 / ms < FH_BODY_FLOOR);
}

static enum MHD_Result drain(struct web_exchange *x, size_t *size)
{
    uint64_t bound = FH_MAX_REFUSED_BODY;
    if (x->authenticated && x->intake.limit > bound)
        bound = x->intake.limit; /* a push that is too large: its sender is known, and should hear why */
    x->drained += *size;
    *size = 0;
    if (x->drained > bound || is_too_slow(x, x->intake.received + x->drained)) {
        x->note = "refused, and the rest of its body was too long or too slow to wait for the end";
        return MHD_NO;
    }
    return MHD_YES;
}

static enum MHD_Result take_piece(struct web_exchange *x, const char *data, size_t *size)
{
    if (is_too_slow(x, x->intake.received + *size)) {
        x->note = "its body came too slowly";
        return MHD_NO;
    }
    *size -= web_body_add(&x->intake, data, *size);
    if (x->intake.received > x->intake.limit) {
        struct fh_error e;
        web_refuse_error(x,
                         FH_FAIL(&e, FH_TOO_LARGE,
                                 "The request's body is larger than the limit of %zu bytes.",
                                 x->intake.limit),
                         &e);
        x->phase = WEB_DRAIN;
        return drain(x, size);
    }
    if (*size > 0)
        hand_over(x, WEB_SPOOL, run_spool);
    return MHD_YES;
}

/* The whole request is there. */
static enum MHD_Result last_call(struct web_exchange *x)
{
    enum web_cost cost = x->req.route->cost;
    atomic_store(&x->conn->listening, false);
    bool light = !x->has_body || x->body_finished || web_body_is_light(&x->intake);
    atomic_store(&x->conn->deadline, INT64_MAX); /* from here on it is our time */
    if (x->has_body && fh_ticks_ms() - x->body_started_ms > RIGHTS_AGE)
        x->authenticated = false; /* a token may have been revoked while its push trickled in */
    if (cost != WEB_WORKER && light && serve(x, true) != FH_AGAIN)
        return web_answer(x);
    hand_over(x, WEB_WORK, run_serve);
    return MHD_YES;
}

enum MHD_Result web_exchange_step(void *server, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **context)
{
    struct web_exchange *x = *context;
    (void)server, (void)url;
    if (!x)
        return MHD_NO;
    if (is_suspended(mhd))
        return MHD_YES;
    atomic_store(&x->conn->listening, true); /* until the request is whole, or a worker has it */
    if (x->phase == WEB_SPOOL)
        x->phase = x->answered ? WEB_DRAIN : WEB_BODY;
    switch (x->phase) {
    case WEB_NEW:
        return first_call(x, method, version);
    case WEB_AUTH:
        return after_auth(x, method, version);
    case WEB_BODY:
        return *size > 0 ? take_piece(x, data, size) : last_call(x);
    case WEB_DRAIN:
        return *size > 0 ? drain(x, size) : web_answer(x);
    case WEB_WORK:
        return web_answer(x);
    default:
        *size = 0;
        return MHD_YES;
    }
}
