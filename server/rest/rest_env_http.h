/* Routes of environments. */
#ifndef REST_ENV_HTTP_H
#define REST_ENV_HTTP_H

#include "server/git/wire_view.h"
#include "server/rest/rest.h"

web_handler rest_env_list;    /* GET /api/v1/environments */
web_handler rest_env_get;     /* GET /api/v1/environments/{owner}/{name} */
web_handler rest_env_patch;   /* PATCH … */
web_handler rest_env_delete;  /* DELETE … */
web_handler rest_env_restore; /* POST …/restore */

/* For the other routes of environments. */
struct wire_caller rest_caller(const struct web_request *req);
json_t *rest_env_json(const struct web_request *req, const struct store_env *env);
/* "<tip>-<visibility>", with its quotes. */
const char *rest_env_etag(struct fh_arena *a, const struct store_env *env);
/* FH_PRECONDITION unless If-Match, where there is one, names that, or the tip alone. */
fh_err rest_env_if_match(const struct web_request *req, const struct store_env *env,
                         struct fh_error *e) FH_MUSTCHECK;
json_t *rest_bytes(const char *bytes, size_t n); /* null for NULL, and for what is not text in UTF-8 */

#endif
