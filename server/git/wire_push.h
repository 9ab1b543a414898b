/* git-receive-pack: one branch created or moved.
 *
 *     commands -> may they? -> quarantine (scan, index) -> wire_accept (objects, metadata.json, one
 * transaction)
 *        -> report
 *
 * Nothing that the client sent is seen by anybody before the transaction, and a failure at any step leaves
 * nothing behind. */
#ifndef WIRE_PUSH_H
#define WIRE_PUSH_H

#include "server/git/wire_accept.h"
#include "server/git/wire_answer.h"

struct wire_push_job {
    struct wire_repos *repos;
    const struct wire_caller *caller;
    struct fh_arena *arena;
    const char *owner;  /* as in the path */
    const char *remote; /* address, for the log */
    const char *data;   /* the body; NULL when it is in fd */
    int fd;
    size_t size;
    struct wire_rules rules;
};

/* *changed: a tip was moved to *tip. An error is the hub's (FH_UNAVAILABLE, FH_INTERNAL) or a body that is no
 * push at all; every refusal is an answer. */
fh_err wire_push_answer(const struct wire_push_job *job, struct wire_answer *out, bool *changed,
                        struct fh_oid *tip, struct fh_error *e) FH_MUSTCHECK;

#endif
