/* Answers of handlers and refusals of the router, filled into res.
 *
 * One table maps kinds of error to HTTP; a face decides how they look. */
#include "server/http/inside.h"

#include "common/json.h"
#include "common/log.h"

#include <strings.h>

void web_add_header(struct web_response *res, const char *name, const char *value)
{
    if (res->nheaders < WEB_MAX_HEADERS) {
        res->headers[res->nheaders].name = name;
        res->headers[res->nheaders++].value = value;
    }
}

void web_reply(struct web_response *res, int status, const char *content_type, const char *data, size_t size)
{
    res->status = status;
    res->data = data;
    res->size = size;
    res->fd = -1;
    if (content_type)
        web_add_header(res, "Content-Type", content_type);
}

void web_reply_file(struct web_response *res, int status, const char *content_type, int fd, int64_t offset,
                    size_t size)
{
    web_reply(res, status, content_type, NULL, size);
    res->fd = fd;
    res->offset = offset;
}

fh_err web_reply_json(struct web_request *req, struct web_response *res, int status, struct json_t *take_body,
                      struct fh_error *e)
{
    char *text = take_body ? json_dumps(take_body, JSON_COMPACT) : NULL;
    json_decref(take_body);
    if (!text)
        return FH_FAIL(e, FH_INTERNAL, "An answer could not be written as JSON.");
    fh_defer(req->arena, free, text);
    web_reply(res, status, "application/json", text, strlen(text));
    return FH_OK;
}

static const char *title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Internal Server Error";
}

/* git asks its credential helper for Basic alone. Whoever sent Basic elsewhere is asked for it again; for the
 * rest a Basic challenge would only make browsers open a dialogue. */
static void add_challenge(struct web_exchange *x, enum web_face face)
{
    const char *sent = web_header(&x->req, "Authorization");
    bool basic = face == WEB_FACE_GIT || (sent && strncasecmp(sent, "Basic ", 6) == 0);
    web_add_header(&x->res, "WWW-Authenticate",
                   basic ? "Basic realm=\"FloxHub\"" : "Bearer realm=\"FloxHub\"");
}

/* A response that a handler had begun is dropped, its file closed. */
static void start_over(struct web_exchange *x)
{
    if (x->answered && x->res.fd >= 0)
        fh_defer_close(x->req.arena, x->res.fd);
    x->res = (struct web_response){.fd = -1};
    x->answered = true;
}

static void write_json(struct web_exchange *x, int status, const char *detail)
{
    struct fh_error e;
    /* The detail may quote something that is not UTF-8, or that was cut in a character. */
    json_t *body = json_pack("{s:o, s:s, s:s, s:i}", "detail", fh_json_text(detail), "type", "about:blank",
                             "title", title(status), "status", status);
    if (web_reply_json(&x->req, &x->res, status, body, &e) != FH_OK)
        web_reply(&x->res, status, "application/json", "{\"detail\":\"?\"}", 14);
}

void web_refuse(struct web_exchange *x, int status, const char *detail)
{
    enum web_face face = x->req.route ? x->req.route->face : WEB_FACE_JSON;
    start_over(x);
    if (face == WEB_FACE_JSON) {
        write_json(x, status, detail);
    } else if (face == WEB_FACE_PAGE && x->server->config->refuse_page) {
        x->server->config->refuse_page(&x->req, &x->res, status, title(status), detail);
    } else {
        /* "DENIED" is what flox looks for in what git prints; git prints text/plain alone. */
        bool denied = face == WEB_FACE_GIT && status == 403 && strncmp(detail, "DENIED", 6) != 0;
        char *text = fh_sprintf(x->req.arena, "%s%s\n", denied ? "DENIED: " : "", detail);
        web_reply(&x->res, status, "text/plain; charset=utf-8", text, strlen(text));
    }
    if (status == 401)
        add_challenge(x, face);
    if (status == 503)
        web_add_header(&x->res, "Retry-After", "1");
}

void web_refuse_error(struct web_exchange *x, fh_err rc, const struct fh_error *e)
{
    static const int statuses[] = {
        [FH_NOT_FOUND] = 404, [FH_CONFLICT] = 409,    [FH_UNAUTHENTICATED] = 401, [FH_DENIED] = 403,
        [FH_INVALID] = 400,   [FH_TOO_LARGE] = 413,   [FH_WRONG_TYPE] = 415,      [FH_PRECONDITION] = 412,
        [FH_MISMATCH] = 422,  [FH_UNAVAILABLE] = 503, [FH_LIMITED] = 429,
    };
    int status = (size_t)rc < sizeof statuses / sizeof *statuses ? statuses[rc] : 0;
    if (status == 503 && x->intake.disk_full)
        status = 507;
    if (status >= 500)
        x->note = fh_strdup(x->req.arena, e->msg);
    if (status != 0) {
        web_refuse(x, status, fh_strdup(x->req.arena, e->msg));
        if (rc == FH_LIMITED)
            web_add_header(&x->res, "Retry-After",
                           fh_sprintf(x->req.arena, "%d", e->retry_after > 0 ? e->retry_after : 1));
        return;
    }
    x->note = fh_sprintf(x->req.arena, "%s (%s:%d)", e->msg, e->file ? e->file : "?", e->line);
    web_refuse(x, 500,
               fh_sprintf(x->req.arena, "The hub failed to answer this. Its log tells why, under the id %s.",
                          x->req.id));
}
