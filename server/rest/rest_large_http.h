/* Answers that may be large, with their ETag: over 64 KiB they wait for their client in a file
 * (web_reply_copy). */
#ifndef REST_LARGE_HTTP_H
#define REST_LARGE_HTTP_H

#include "server/rest/rest.h"

/* 200 with an ETag, or 304; bytes are copied. type: the Content-Type, static. */
fh_err rest_reply_bytes(struct web_request *req, struct web_response *res, const char *type, const char *etag,
                        const char *bytes, size_t n, struct fh_error *e) FH_MUSTCHECK;
/* The same of JSON. */
fh_err rest_reply_large(struct web_request *req, struct web_response *res, json_t *take_body,
                        const char *etag, struct fh_error *e) FH_MUSTCHECK;
/* Whether If-None-Match has it; then the 304 is in res. */
bool rest_reply_unchanged(const struct web_request *req, struct web_response *res, const char *etag);

#endif
