/* /healthz: the process answers. /readyz: the database and the data folder do too.
 *
 * The database is asked on a thread of its own, for one that hangs would keep a worker; a request waits for
 * an answer that was asked for after it came, and not for long. */
#ifndef SERVER_HEALTH_HTTP_H
#define SERVER_HEALTH_HTTP_H

#include "server/http/web.h"

struct health;

fh_err health_start(struct app *app, struct health **out, struct fh_error *e) FH_MUSTCHECK;
void health_stop(struct health *h); /* NULL is fine */

web_handler health_live;
web_handler health_ready;

#endif
