/* The limit on rates, where the router asks who calls. */
#ifndef REST_RATE_HTTP_H
#define REST_RATE_HTTP_H

#include "server/http/web.h"

/* web_config.authenticate: auth_http_authenticate, and for /api/v1 (but its catalog, which is clients')
 * FH_LIMITED when the caller has asked too often, before the database is asked anything. A caller is the
 * owner of a valid token, or else an address (of IPv6 its /64). A token that is not in memory is looked up on
 * its address's account, which gets it back when the token is valid: guessing tokens costs the guesser's
 * address, and no more look-ups than that may have. */
fh_err rest_http_authenticate(struct web_request *req, struct fh_error *e);
/* Its counters, for /metrics. */
struct app;
struct fh_buf;
fh_err rest_http_metrics(const struct app *app, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

#endif
