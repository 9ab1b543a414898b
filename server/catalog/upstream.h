/* Another hub that answers questions about the base catalog, for a hub that has none of its own (setting
 * catalog_upstream). Only what is asked of the base catalog goes there, with the operator's token and never a
 * caller's.
 *
 *     asked lately  -> the kept answer, with its age
 *     else          -> asked now: bounded in time and size, no redirect is followed
 *     no answer     -> for some seconds it is not asked again; the last good answer, however old, marked as
 * such
 *
 * Safe from any thread; blocks. */
#ifndef CATALOG_UPSTREAM_H
#define CATALOG_UPSTREAM_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fh_buf;
struct catalog_upstream;
struct catalog_upstream_config {
    const char *url;   /* its base URL; must stay, as the next */
    const char *token; /* NULL: none */
    int most;          /* threads that may wait for it at a time; one more is answered as if it were down */
    int64_t fresh;     /* seconds for which an answer is given again without asking */
};
struct catalog_upstream *catalog_upstream_new(const struct catalog_upstream_config *config);
void catalog_upstream_free(struct catalog_upstream *u); /* NULL is fine */

struct catalog_upstream_answer {
    int status;       /* 200, 404 or 422 */
    const char *body; /* a JSON object; the arena's, NUL-terminated */
    size_t n;
    int64_t age; /* seconds since it was given */
    bool stale;  /* it would have been asked for again, but there was no answer */
};
/* path begins behind the base URL and has the query; body NULL: GET, else POST. FH_UNAVAILABLE when there is
 * no answer and never was one; FH_MISMATCH when there is none to this question, which may be too much of one.
 */
fh_err catalog_upstream_ask(struct catalog_upstream *u, struct fh_arena *a, const char *path,
                            const char *body, struct catalog_upstream_answer *out,
                            struct fh_error *e) FH_MUSTCHECK;
/* A name that stands for a text in questions: a handle of nobody, which tells nothing of the text, and the
 * same for the same text as long as this lives. */
const char *catalog_upstream_alias(const struct catalog_upstream *u, struct fh_arena *a, const char *text);
fh_err catalog_upstream_metrics(struct catalog_upstream *u, struct fh_buf *out,
                                struct fh_error *e) FH_MUSTCHECK;

/* A request that has this header comes from a hub that asks upstream; it is not sent on, so two hubs that
 * name each other do not ask for ever. */
#define CATALOG_HOP_HEADER "Floe-Upstream-Hop"

#endif
