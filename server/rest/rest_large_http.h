/* What REST does with documents that are too large to be held by many requests at once: those over a mebibyte
 * are read, built and checked by one request at a time, and an answer over 64 KiB waits for its client in an
 * unlinked file instead of in memory. */
#ifndef REST_LARGE_HTTP_H
#define REST_LARGE_HTTP_H

#include "server/rest/rest.h"

struct rest_turn {
    bool taken;
};
/* size: about what will be held. Waits, if it is large, until no other request holds such. */
void rest_turn_take(struct rest_turn *t, uint64_t size);
void rest_turn_leave(struct rest_turn *t); /* on the thread that took it */

/* 200 with an ETag, or 304; bytes are copied. type: the Content-Type, static. */
fh_err rest_reply_bytes(struct web_request *req, struct web_response *res, const char *type, const char *etag,
                        const char *bytes, size_t n, struct fh_error *e) FH_MUSTCHECK;
/* The same of JSON. */
fh_err rest_reply_large(struct web_request *req, struct web_response *res, json_t *take_body,
                        const char *etag, struct fh_error *e) FH_MUSTCHECK;
/* Whether If-None-Match has it; then the 304 is in res. */
bool rest_reply_unchanged(const struct web_request *req, struct web_response *res, const char *etag);

#endif
