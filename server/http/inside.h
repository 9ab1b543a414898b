/* What the files of this folder share: the server, its connections and the requests under way. For them
 * alone.
 *
 *   web_server --- workers, door (accept, deadlines), metrics
 *      web_conn        one per TCP connection, MHD's socket_context
 *         web_exchange one per request, MHD's con_cls; everything it has lives in its arena
 *
 * An exchange is touched by one thread at a time: the event thread of its connection, or, while the
 * connection is suspended, the worker that runs its job. The handing over is ordered by the queue's lock and
 * by MHD's. */
#ifndef WEB_INSIDE_H
#define WEB_INSIDE_H

#include "server/http/address.h"
#include "server/http/body.h"
#include "server/http/router.h"
#include "server/http/target.h"
#include "server/http/web.h"
#include "server/http/workers.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct web_conn {
    struct web_conn *prev, *next; /* in door's list */
    int fd;
    struct web_address peer;
    bool peer_trusted;
    bool linger;              /* it is being closed with a body unread: see door.c */
    _Atomic bool listening;   /* the next move is the client's: see door.c */
    unsigned deaf;            /* door's: rounds in which it was listening and the client had closed */
    _Atomic int64_t deadline; /* monotonic ms; past it, door shuts the socket down */
};

/*   NEW --> (AUTH: a worker asks who it is) --> BODY <-> (SPOOL: a worker takes the chunk)
 *    |                |                          |
 *    |                |                          v
 *    +-- refused -----+--> DRAIN ----------> (WORK: a worker runs the handler) --> SENT
 * in brackets: the connection is suspended */
enum web_phase { WEB_NEW, WEB_AUTH, WEB_BODY, WEB_SPOOL, WEB_DRAIN, WEB_WORK, WEB_SENT };

struct web_exchange {
    struct web_request req; /* first: a handler's request is its exchange */
    struct web_response res;
    struct web_server *server;
    struct MHD_Connection *mhd;
    struct web_conn *conn;
    struct web_job job;
    enum web_phase phase;
    const char *raw_target;
    struct web_target target;
    char method[12];
    char remote[WEB_ADDRESS_TEXT];
    size_t route_index; /* of the table; its size when no route was found */
    struct web_intake intake;
    bool has_body;
    bool body_finished; /* req.body is set */
    bool authenticated;
    bool answered;   /* res is ready to be sent */
    bool want_close; /* after the answer */
    uint64_t drained;
    int64_t started_us, body_started_ms;
    const char *note; /* for the log alone: why a 5xx */
    size_t sent;      /* bytes of the answer's body */
};

struct web_server {
    const struct web_config *config;
    struct web_networks trusted;
    struct web_router *router;
    struct web_workers *workers;
    struct web_metrics *metrics;
    struct web_door *door;
    struct web_tls *tls;
    struct MHD_Daemon *daemon, *metrics_daemon;
    int listen_fd, metrics_fd;
    int port, metrics_port;
    uint64_t id_base;
    _Atomic uint64_t id_next;
    _Atomic bool draining;
    _Atomic int64_t in_flight;
};

/* exchange.c: MHD's callbacks */
void *web_exchange_begin(void *server, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result web_exchange_step(void *server, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **context);
void web_exchange_end(void *server, struct MHD_Connection *mhd, void **context,
                      enum MHD_RequestTerminationCode how);

/* framing.c: 0, or the status and the sentence of the refusal. */
struct web_framing {
    bool has_body, chunked, expects_continue, gzip;
    uint64_t length; /* when not chunked */
};
int web_framing_read(struct MHD_Connection *mhd, const char *method, const char *version,
                     struct web_framing *out, const char **why);

/* refuse.c: fill res with an error in the route's face. */
void web_refuse(struct web_exchange *x, int status, const char *detail);
void web_refuse_error(struct web_exchange *x, fh_err rc, const struct fh_error *e);

/* answer.c: the one exit. */
enum MHD_Result web_answer(struct web_exchange *x);
void web_account(struct web_exchange *x, enum MHD_RequestTerminationCode how);

/* door.c: the thread that accepts and keeps the deadlines. */
fh_err web_door_open(struct web_server *s, struct web_door **out, struct fh_error *e) FH_MUSTCHECK;
void web_door_stop_accepting(struct web_door *d);
void web_door_join(struct web_door *d); /* ends the thread; connections may still be closing */
void web_door_free(struct web_door *d);
void web_door_notify(void *server, struct MHD_Connection *mhd, void **socket_context,
                     enum MHD_ConnectionNotificationCode what);
size_t web_door_connections(struct web_door *d);
uint64_t web_door_refused(struct web_door *d);

/* tls.c */
fh_err web_tls_open(const char *cert, const char *key, struct web_tls **out, struct fh_error *e) FH_MUSTCHECK;
fh_err web_tls_reload(struct web_tls *t, struct fh_error *e) FH_MUSTCHECK;
void web_tls_close(struct web_tls *t);
void *web_tls_callback(void); /* for MHD_OPTION_HTTPS_CERT_CALLBACK */

/* web_metrics.c */
struct web_metrics *web_metrics_new(size_t routes);
void web_metrics_free(struct web_metrics *m);
void web_metrics_count(struct web_metrics *m, const struct web_exchange *x, int status, int64_t us);
void web_metrics_rejected(struct web_metrics *m);
fh_err web_metrics_serve(struct web_server *s, struct fh_error *e) FH_MUSTCHECK;

#endif
