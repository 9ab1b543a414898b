/* fsck of one owner: the rows, the packs in the database, what the tips reach, and, when this node has one,
 * the repository on disk. Changes nothing. */
#ifndef WIRE_VERIFY_H
#define WIRE_VERIFY_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_pool;

struct wire_verify {
    struct db_pool *pool;
    const char *data;
    bool deep; /* inflate, hash and check every object of every tip */
    int ref_log_days;
};

struct wire_finding {
    bool is_note;       /* about this node's copy, which can be made again; nothing is lost */
    const char *kind;   /* for scripts: "pack", "index", "tip", "object", "ref-log", "generations", "node" */
    const char *object; /* "alice/web", "alice" */
    const char *text;   /* a clause that goes on from it */
};
struct wire_verified {
    struct wire_finding *findings;
    size_t n, cap;
    size_t environments, packs, objects; /* objects: counted by deep alone */
    int64_t bytes;
};

/* A fault is told only when it is still there at a second look: the hub may be at work. out must be zeroed,
 * or that of the owner before; all of it is the arena's. */
fh_err wire_verify_owner(const struct wire_verify *v, const char *owner, struct fh_arena *a,
                         struct wire_verified *out, struct fh_error *e) FH_MUSTCHECK;
void wire_verified_add(struct fh_arena *a, struct wire_verified *v, const struct wire_finding *finding);

#endif
