/* What the routes of the catalog ask of the upstream, and how its answers become ours. */
#ifndef CATALOG_UPSTREAM_HTTP_H
#define CATALOG_UPSTREAM_HTTP_H

#include "common/json.h"
#include "server/catalog/catalog_http.h"
#include "server/catalog/upstream.h"

/* The upstream that this caller's questions about the base catalog go to; NULL: they are answered here, as
 * one was imported, or none is set, or the base catalog is not for this caller, or who asks is such a hub
 * itself. */
struct catalog_upstream *catalog_http_upstream(const struct web_request *req,
                                               const struct catalog_scope *scope);
/* Asks; the answer as JSON (the arena's), or why there is none. What else than 200 it said is FH_NOT_FOUND or
 * FH_MISMATCH with its detail. Notes on res how old it is. */
fh_err catalog_http_ask(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                        const char *path, const char *body, json_t **out, struct fh_error *e) FH_MUSTCHECK;
/* The same for answers that are passed on as they came. */
fh_err catalog_http_pass(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                         const char *path, struct fh_error *e) FH_MUSTCHECK;
const char *catalog_http_encode(struct fh_arena *a, const char *text); /* for a part of a URL */

#endif
