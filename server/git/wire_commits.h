/* Walking commits, newest first: the part of wire_walk.h that trees have no share in. */
#ifndef WIRE_COMMITS_H
#define WIRE_COMMITS_H

#include "server/git/wire_oidmap.h"
#include "server/git/wire_pack.h"

struct wire_node {
    struct fh_oid oid;
    struct wire_commit commit;
    bool known; /* reachable from what the other side has */
    bool shown; /* came out of the queue */
};
struct wire_commits {
    struct wire_reader *reader;
    struct wire_oidmap map; /* oid -> number of its node */
    struct wire_node *nodes;
    size_t n, cap, max;
    uint32_t *heap; /* waiting nodes, the newest on top */
    size_t nheap, heap_cap;
    size_t waiting; /* of those in the heap, how many are not known */
    struct fh_buf buf;
};
void wire_commits_init(struct wire_commits *c, struct wire_reader *r, size_t max);
void wire_commits_free(struct wire_commits *c);
/* Puts a commit into the queue unless it went through it. A known one makes its ancestors known that were
 * seen already. FH_INVALID when it is no commit, FH_TOO_LARGE beyond max. */
fh_err wire_commits_push(struct wire_commits *c, const struct fh_oid *oid, bool known,
                         struct fh_error *e) FH_MUSTCHECK;
/* Adds a commit to the nodes unless it is there, without the queue. */
fh_err wire_commits_add(struct wire_commits *c, const struct fh_oid *oid, struct fh_error *e) FH_MUSTCHECK;
/* Takes the newest one, and queues its parents. False (in *more) when the queue is empty. */
fh_err wire_commits_next(struct wire_commits *c, uint32_t *out, bool *more, struct fh_error *e) FH_MUSTCHECK;

#endif
