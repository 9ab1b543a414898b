/* Routes of one's own account, and of owners. */
#ifndef REST_ACCOUNT_HTTP_H
#define REST_ACCOUNT_HTTP_H

#include "server/rest/rest.h"

web_handler rest_me;          /* GET /api/v1/me */
web_handler rest_owner_get;   /* GET /api/v1/owners/{owner} */
web_handler rest_owner_patch; /* PATCH /api/v1/owners/{owner} */

/* An owner by its exact handle, if the caller may do this to it; what the caller may not know of and what
 * does not exist are the same FH_NOT_FOUND, in the same words. On a connection of the caller's. kind: what is
 * asked for, another one is absent; 0: either. */
fh_err rest_find_owner(const struct web_request *req, struct db_conn *c, const char *handle,
                       enum store_owner_kind kind, enum auth_action action, struct store_owner *out,
                       struct fh_error *e) FH_MUSTCHECK;
/* For changes, in a transaction: locks it against other changes, and judges once more by what the caller is
 * at that moment. Somebody who is taken out of an organisation just now does not change it any more. */
fh_err rest_lock_owner(const struct web_request *req, struct db_conn *c, const char *handle,
                       enum store_owner_kind kind, enum auth_action action, struct store_owner *out,
                       struct fh_error *e) FH_MUSTCHECK;
json_t *rest_owner_json(const struct web_request *req, const struct store_owner *o, enum store_role role);
json_t *rest_role_json(enum store_role role); /* null for none */

#endif
