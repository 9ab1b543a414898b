/* Idempotency-Key on routes that create: the same request again gets the same answer. How a handler uses it:
 *
 *     rest_key_read                        before the transaction
 *     rest_key_claim                       in it, after auth_can; when key.found, the work is done already
 *     rest_key_keep                        in it, at its end
 *     rest_reply_made                      after it: 201 with what was made now, or what was kept
 *
 * Who runs a transaction of its own gives &key.key and key.given down and calls store_key_claim and
 * store_key_keep in it. A request that fails leaves no trace: its key can be used again. */
#ifndef REST_KEY_HTTP_H
#define REST_KEY_HTTP_H

#include "server/rest/rest.h"
#include "server/store/key.h"

struct rest_key {
    bool given; /* there was a header */
    bool found; /* kept is what an earlier request made */
    struct store_key key;
    struct store_kept kept;
};

/* What a request made; all of it the arena's. */
struct rest_made {
    const char *name; /* for people: "token 7" */
    const char *path; /* "/api/v1/tokens/7" */
    const char *etag; /* may be NULL */
    bool secret;      /* the body is shown once and not kept */
    json_t *body;     /* fh_json_own */
};

fh_err rest_key_read(struct web_request *req, struct rest_key *out, struct fh_error *e) FH_MUSTCHECK;
fh_err rest_key_claim(struct db_conn *c, const struct web_request *req, struct rest_key *key,
                      struct fh_error *e) FH_MUSTCHECK;
fh_err rest_key_keep(struct db_conn *c, const struct web_request *req, const struct rest_key *key,
                     const struct rest_made *made, struct fh_error *e) FH_MUSTCHECK;
/* 201, with Idempotency-Replayed: true when it is an answer that was kept. FH_CONFLICT when what is repeated
 * made a secret: the sentence names what was made. */
fh_err rest_reply_made(struct web_request *req, struct web_response *res, const struct rest_key *key,
                       const struct rest_made *made, struct fh_error *e) FH_MUSTCHECK;

#endif
