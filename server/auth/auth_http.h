/* The router's two questions, and the accounts route. Only auth_http.c, routes.c and app.c see web.h from
 * here. */
#ifndef AUTH_HTTP_H
#define AUTH_HTTP_H

#include "server/auth/auth.h"
#include "server/http/web.h"

/* web_config.authenticate: req->actor, through app's sessions. Face GIT: no Authorization header at all is
 * FH_UNAUTHENTICATED (challenge); a token that is not valid reads as anonymous and may not write (401). */
fh_err auth_http_authenticate(struct web_request *req, struct fh_error *e);
fh_err auth_http_admit(const struct web_request *req, struct fh_error *e);
int64_t auth_http_actor_id(const struct auth_actor *actor);

web_handler auth_http_me; /* GET /accounts/api/v1/accounts/me */

#endif
