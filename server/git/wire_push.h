/* git-receive-pack: one branch created or moved.
 *
 *     commands -> may they? -> quarantine (scan, index) -> objects reachable and sound -> metadata.json
 *        -> one transaction: pack, tip by compare-and-swap, log, generations -> files, snapshot -> report
 *
 * Nothing that the client sent is seen by anybody before the transaction, and a failure at any step leaves
 * nothing behind. */
#ifndef WIRE_PUSH_H
#define WIRE_PUSH_H

#include "server/git/wire_answer.h"
#include "server/git/wire_view.h"

struct wire_push_job {
    struct wire_repos *repos;
    const struct wire_caller *caller;
    struct fh_arena *arena;
    const char *owner;  /* as in the path */
    const char *remote; /* address, for the log */
    const char *data;   /* the body; NULL when it is in fd */
    int fd;
    size_t size;
    enum store_visibility user_visibility, org_visibility; /* the hub's defaults for new environments */
    int64_t quota;
};

/* *changed: a tip was moved to *tip. An error is the hub's (FH_UNAVAILABLE, FH_INTERNAL) or a body that is no
 * push at all; every refusal is an answer. */
fh_err wire_push_answer(const struct wire_push_job *job, struct wire_answer *out, bool *changed,
                        struct fh_oid *tip, struct fh_error *e) FH_MUSTCHECK;

/* May the caller push to this owner at all? s NULL: an owner that does not exist, refused as one of others
 * is.
 */
fh_err wire_push_allowed(const struct wire_caller *caller, const struct wire_snapshot *s,
                         struct fh_error *e) FH_MUSTCHECK;

#endif
