/* Requests to a hub's REST interface (docs/internals/rest.md): JSON there and back, with the token in effect.
 *
 * A busy hub (429, 503 with Retry-After) is asked again for at most half a minute in all; what may have
 * happened already is asked again only where that changes nothing more. A refusal is an error with the hub's
 * own sentence, made harmless. Everything lives in the client's arena. One thread. */
#ifndef ASK_H
#define ASK_H

#include "client/print.h"
#include "common/json.h"

struct ask_request {
    const char *method;   /* "GET", "POST", "PUT", "PATCH", "DELETE" */
    const char *path;     /* below /api/v1, made with ask_path */
    const json_t *body;   /* NULL: none */
    const char *if_match; /* an ETag with its quotes, or NULL */
    bool creates;         /* sent with an Idempotency-Key, so that repeating it creates nothing twice */
    bool only_asks;       /* changes nothing, whatever its method */
    bool of_catalog; /* goes to the hub whose catalog is asked; without the token where that is another */
};
struct ask_answer {
    long status;        /* 200 to 204 */
    const char *etag;   /* NULL: none */
    const json_t *json; /* NULL without a body */
    size_t bytes;       /* of the body */
};
fh_err ask_send(struct client *c, const struct ask_request *request, struct ask_answer *out,
                struct fh_error *e) FH_MUSTCHECK;
/* The address that a request goes to. */
const char *ask_base(const struct client *c, const struct ask_request *request);
/* GET of one thing. */
fh_err ask_get(struct client *c, const char *path, struct ask_answer *out, struct fh_error *e) FH_MUSTCHECK;
/* GET of a list, all of its pages up to max items (0: all); path may have a query. */
fh_err ask_list(struct client *c, const char *path, size_t max, const json_t **items,
                struct fh_error *e) FH_MUSTCHECK;

/* "/orgs/{}/members/{}" with each {} filled with the next text, escaped for a path or a query. */
#define ASK_PATH(c, ...)                                                                                     \
    ask_path((c)->arena, (const char *const[]){__VA_ARGS__},                                                 \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
const char *ask_path(struct fh_arena *a, const char *const *parts, size_t n);

/* -- showing what came (ask_show.c) */

/* A member as text for a table or a sentence: harmless, numbers and yes/no written out, "" for null. */
const char *ask_text(struct client *c, const json_t *object, const char *key);
/* A time as "2026-01-02 03:04", in UTC; instead for null. */
const char *ask_when(struct client *c, const json_t *object, const char *key, const char *instead);
/* Asks on a terminal; false without one. The question ends in a question mark. */
bool ask_confirmed(const char *question);
/* Asks on a terminal which of two is meant; FH_INVALID for an answer that is neither. */
fh_err ask_which(const char *first, const char *second, bool *is_second, struct fh_error *e) FH_MUSTCHECK;

#endif
