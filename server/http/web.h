/* HTTP: what a handler sees. A request goes
 *
 *     epoll thread        router: route row -> authenticate -> admit          (inline when nothing blocks)
 *         |  body arrives in pieces of at most FH_SPOOL_CHUNK; a long one is inflated and spooled to an
 * unlinked |  file by workers while the connection is suspended worker              handler(req, res, e)
 *         |
 *     epoll thread        the one exit: sends the answer, writes the log line, counts
 *
 * A handler is called once with the whole body there. It returns FH_OK after filling res, or an error that
 * the router turns into the route's kind of answer (face). Handlers hold no memory of their own: everything
 * they hand to res lives in req->arena, which is freed when the answer was sent.
 *
 * inline_only: the handler was called on an event thread (cost WEB_TRY_INLINE) and must not block: no
 * database, no lock that is held long, no disk. It returns FH_AGAIN before it changed anything, and is called
 * again on a worker.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct auth_actor;
struct app;

enum web_method { WEB_GET = 1, WEB_POST = 2, WEB_PUT = 4, WEB_PATCH = 8, WEB_DELETE = 16 };

/* Where a request's body is: in memory up to FH_MAX_BODY_SMALL, else in an unlinked file. Inflated if it was
 * sent with Content-Encoding: gzip. */
struct web_body {
    const char *data; /* NULL when spooled */
    int fd;           /* -1 when in memory; pread only */
    size_t size;
};

enum { WEB_MAX_PARAMS = 6 };

struct web_request {
    struct fh_arena *arena;
    struct app *app;
    const struct web_route *route;
    enum web_method method;
    bool head;        /* HEAD, handled as GET: the body is left out by the router */
    bool inline_only; /* see above */
    int paid;         /* authenticate's own: what it counted this request to; it may be called again */
    const char *path; /* decoded once, repeated slashes collapsed, the path prefix taken off */
    const char *params[WEB_MAX_PARAMS]; /* what stood in the pattern's {…}, in order */
    const char *remote; /* the client's address; from X-Forwarded-For only when the peer is a trusted proxy */
    bool https;         /* likewise from X-Forwarded-Proto */
    char id[20];        /* request id, also in the log and in X-Request-Id */
    struct web_body body;
    const struct auth_actor *actor; /* never NULL in a handler; anonymous is an actor */
    void *connection;               /* http/ only */
};

const char *web_header(const struct web_request *req, const char *name); /* NULL when absent */
const char *web_query(const struct web_request *req, const char *name);  /* decoded; NULL when absent */
/* The i-th parameter's name, in the order of the URL; NULL past the last. */
const char *web_query_name(const struct web_request *req, size_t i);
/* Is etag, with its quotes, among those that a header lists, or is the list "*"? weak: W/"x" counts as "x",
 * as If-None-Match wants it; If-Match wants the very same bytes, so there a weak one never matches. What is
 * no list of entity tags has none. */
bool web_etag_listed(const char *header, const char *etag, bool weak);
/* The body as memory, read from the file if need be (at most max, else FH_TOO_LARGE). NUL-terminated. */
fh_err web_body_bytes(struct web_request *req, size_t max, const char **out, size_t *n,
                      struct fh_error *e) FH_MUSTCHECK;

enum { WEB_MAX_HEADERS = 12 };
struct web_response {
    int status;
    struct {
        const char *name, *value;
    } headers[WEB_MAX_HEADERS];
    unsigned nheaders;
    const char *data; /* the arena's or static */
    size_t size;
    int fd; /* instead of data when >= 0: size bytes from offset; the response closes it */
    int64_t offset;
};

void web_add_header(struct web_response *res, const char *name,
                    const char *value); /* the arena's or static */
void web_reply(struct web_response *res, int status, const char *content_type, const char *data, size_t size);
void web_reply_file(struct web_response *res, int status, const char *content_type, int fd, int64_t offset,
                    size_t size);
/* The same of bytes that are copied: to the arena, or, over FH_MAX_BODY_SMALL, to an unlinked file, so that
 * slow clients hold no memory. Blocks. */
fh_err web_reply_copy(struct web_request *req, struct web_response *res, int status, const char *content_type,
                      const char *bytes, size_t n, struct fh_error *e) FH_MUSTCHECK;
struct json_t;
/* Takes over the reference. */
fh_err web_reply_json(struct web_request *req, struct web_response *res, int status, struct json_t *take_body,
                      struct fh_error *e) FH_MUSTCHECK;

typedef fh_err web_handler(struct web_request *req, struct web_response *res, struct fh_error *e);

/* How errors of a route look, and how it asks for credentials. */
enum web_face {
    WEB_FACE_JSON, /* application/json (problem+json members), string `detail`; 401 without challenge but for
                      Basic */
    WEB_FACE_GIT, /* text/plain, "DENIED: …" in a 403; every request without Authorization is challenged with
                     Basic */
    WEB_FACE_PAGE, /* a plain page */
};

/* Fills res with the page of a refusal; detail is the sentence for the caller. Adds no challenge. */
typedef void web_page_refusal(struct web_request *req, struct web_response *res, int status,
                              const char *title, const char *detail);

enum web_body_kind {
    WEB_NO_BODY,      /* one that is sent is refused */
    WEB_SMALL_BODY,   /* kept in memory, at most body_limit <= FH_MAX_BODY_SMALL */
    WEB_SPOOLED_BODY, /* over FH_MAX_BODY_SMALL it goes to a file */
};

enum web_cost {
    WEB_INLINE,     /* answered on the event thread; never blocks */
    WEB_TRY_INLINE, /* tried there, moved to a worker on FH_AGAIN */
    WEB_WORKER,
};

/* One row says who may call, what it may send, what it costs and who answers. */
struct web_route {
    unsigned methods;    /* of enum web_method */
    const char *pattern; /* "/git/{owner}/floxmeta/info/refs"; "{rest*}" as last part takes the rest, slashes
                          * that were sent as %2F too */
    int action;          /* enum auth_action: what the caller must be able to do in general; see auth.h */
    enum web_face face;
    enum web_body_kind body;
    size_t body_limit;
    enum web_cost cost;
    web_handler *handler;
    const char *name; /* metrics and log label: "git.info_refs" */
};

struct web_config {
    const char *listen;             /* ADDR:PORT, [v6]:PORT */
    const char *metrics_listen;     /* NULL: none */
    const char *prefix;             /* "" or "/floxhub", without a trailing slash */
    const char *tls_cert, *tls_key; /* file names; both NULL: plain HTTP */
    const char *trusted_proxies;    /* addresses or CIDR, separated by commas or spaces */
    const char *spool_dir;
    unsigned event_threads, workers;
    unsigned max_connections, max_connections_per_address;
    size_t push_limit;
    const struct web_route *routes;
    size_t nroutes;
    struct app *app;
    /* Sets req->actor from the Authorization header. FH_AGAIN when inline_only and it must ask the database.
     * FH_UNAUTHENTICATED for a credential that is not valid (on WEB_FACE_GIT reads it degrades to anonymous
     * itself). */
    fh_err (*authenticate)(struct web_request *req, struct fh_error *e);
    /* May this actor call a route of this action at all? The handler asks again about the object. */
    fh_err (*admit)(const struct web_request *req, struct fh_error *e);
    /* For the log and metrics: actor's id, 0 for nobody. */
    int64_t (*actor_id)(const struct auth_actor *actor);
    web_page_refusal *refuse_page; /* of routes with WEB_FACE_PAGE; NULL: plain text */
    /* Renders what the rest of the program adds to /metrics. May be NULL. */
    void (*metrics)(struct app *app, void *buf);
};

struct web_server;
/* Two steps, so that a server that was started as root binds its ports and reads its key before it becomes
 * somebody else: open parses, binds and reads (the kernel queues connections from here on), run starts the
 * threads. config must stay; its fields app, spool_dir and the functions are first used by run. */
fh_err web_server_open(const struct web_config *config, struct web_server **out,
                       struct fh_error *e) FH_MUSTCHECK;
fh_err web_server_run(struct web_server *s, struct fh_error *e) FH_MUSTCHECK;
/* Both. */
fh_err web_server_start(const struct web_config *config, struct web_server **out,
                        struct fh_error *e) FH_MUSTCHECK;
/* Stops accepting, lets what is under way finish for at most drain_ms, ends the rest; a handler that runs is
 * waited for. Also for a server that was only opened, and NULL. */
void web_server_stop(struct web_server *s, int drain_ms);
int web_server_port(const struct web_server *s); /* the one really bound, for port 0 */
int web_server_metrics_port(const struct web_server *s);
fh_err web_server_reload_tls(struct web_server *s, struct fh_error *e) FH_MUSTCHECK; /* SIGHUP */
/* Runs fn on a worker, for what a handler leaves to be done after its answer. false when the queue is full.
 */
bool web_server_later(struct web_server *s, void (*fn)(void *), void *arg);

#endif
