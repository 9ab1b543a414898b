/* Inside of wire_verify.h: one look at an owner, and its packs. */
#ifndef WIRE_VERIFY_PACKS_H
#define WIRE_VERIFY_PACKS_H

#include "server/git/wire_scratch.h"
#include "server/git/wire_verify.h"

struct wire_pass {
    const struct wire_verify *v;
    const char *owner;
    struct fh_arena *arena;
    struct wire_scratch scratch;
    struct store_repo repo;
    struct wire_packs *packs; /* the sound ones */
    struct fh_oid *logged;    /* tips in the ref log */
    size_t nlogged;
    struct wire_verified found;
};
/* kind "node" makes a note of it; kind is static, object lives as long as the arena. A dot at the end goes.
 */
void wire_pass_fault(struct wire_pass *p, const char *kind, const char *object, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Copies every pack from the database, comparing it with its row and its checksums; opens the sound ones. */
fh_err wire_verify_packs(struct wire_pass *p, struct fh_error *e) FH_MUSTCHECK;
/* What is missing from this node's copy; deep: also what is damaged there. */
void wire_verify_node_packs(struct wire_pass *p);

#endif
