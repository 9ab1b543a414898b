/* HTTP to a hub; the only file that knows libcurl.
 *
 * One struct api is one connection cache, bound to the one origin its credential is for: a request to another
 * origin goes out without it, and no redirect is ever followed (the answer is an error that names where it
 * points). TLS certificates are checked, against SSL_CERT_FILE where that is set; proxies are taken from the
 * environment as curl takes them. Whatever takes over a second shows on a terminal that it is under way.
 * FLOE_TIMEOUT (seconds) is how long nothing may come before a transfer is given up. One thread. */
#ifndef API_H
#define API_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>

struct api;

/* token may be NULL; origin is where it may go ("https://host[:port]"). Both are copied. Freed with the
 * arena. */
struct api *api_new(struct fh_arena *a, const char *token, const char *origin);

enum api_auth {
    API_NO_AUTH,
    API_BEARER,
    API_BASIC_OAUTH /* oauth:<token>; the password is empty without one */
};

/* Takes bytes of the answer as they arrive; anything but FH_OK ends the transfer with that error. */
typedef fh_err api_sink(void *state, const char *bytes, size_t n, struct fh_error *e);

struct api_request {
    const char *url;
    const char *method; /* NULL: GET, or POST where there is a body */
    enum api_auth auth;
    const char *const *headers; /* "Name: value", ended by NULL; may be NULL */
    const void *body;           /* may be NULL */
    size_t body_len;
    size_t ceiling; /* bytes an answer may have; 0: FH_MAX_BODY_SMALL */
    long seconds;   /* the whole exchange; 0: no limit, only a stalled transfer is given up */
    api_sink *sink; /* a 200 whose type is sink_type goes here; every other body is kept in the answer */
    void *sink_state;
    const char *sink_type;
    const char *progress; /* what to show on a terminal while it takes over a second; NULL: asking the hub */
};

struct api_answer {
    long status;
    const char *type;    /* the media type without parameters, lower case; "" when absent */
    const char *etag;    /* as it was sent, quotes included; NULL when absent */
    int64_t retry_after; /* seconds that a busy server asks to wait; 0: it does not say */
    struct fh_buf body;
};

/* FH_UNAVAILABLE when no answer came. An answer of any status is FH_OK here, but for a redirect: FH_INVALID.
 */
fh_err api_send(struct api *api, const struct api_request *request, struct fh_arena *a,
                struct api_answer *out, struct fh_error *e) FH_MUSTCHECK;
/* The sentence and the kind for an answer that is of no use: a proxy's, a web page, "too many requests". */
fh_err api_unusable(const char *url, const struct api_answer *answer, struct fh_arena *a,
                    struct fh_error *e) FH_MUSTCHECK;
bool api_has_token(const struct api *api, const char *url); /* a credential would go to this address */

#endif
