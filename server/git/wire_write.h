/* Writing packs: stored entries are copied, not deflated again.
 *
 * An object that is stored as a delta whose base is also sent goes out as it is stored. For any other tree or
 * blob of which newer ones of the same name are sent, a delta against one of those is computed, once, and
 * kept in the delta cache. What remains is sent whole: as it is stored, or deflated anew (and kept in that
 * cache too). So the bytes stay near those of `git repack -ad` and the time near that of a copy. A base
 * always goes out first.
 */
#ifndef WIRE_WRITE_H
#define WIRE_WRITE_H

#include "server/git/wire_walk.h"

/* Deltas that were computed, least lately used thrown away beyond max_bytes. Safe from any thread. */
struct wire_deltas;
struct wire_deltas *wire_deltas_new(size_t max_bytes);
void wire_deltas_free(struct wire_deltas *d);

typedef fh_err wire_sink(void *arg, const void *bytes, size_t n, struct fh_error *e);

struct wire_write_options {
    bool ofs_delta; /* the client takes OFS_DELTA (else REF_DELTA) */
    struct wire_deltas *deltas;
};
/* A whole pack, header to trailer, into write. checksum may be NULL. */
fh_err wire_write_pack(struct wire_reader *r, const struct wire_list *list,
                       const struct wire_write_options *options, wire_sink *write, void *arg,
                       uint8_t checksum[20], struct fh_error *e) FH_MUSTCHECK;
/* Computes and keeps the deltas that sending list would need; for after a push. */
fh_err wire_write_warm(struct wire_reader *r, const struct wire_list *list, struct wire_deltas *deltas,
                       struct fh_error *e) FH_MUSTCHECK;

/* A git delta that makes target of base, at most max bytes (FH_TOO_LARGE when it would be longer); pure. */
fh_err wire_delta_make(const void *base, size_t nbase, const void *target, size_t ntarget, size_t max,
                       struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Applies one; FH_INVALID when it does not fit. Pure, fuzzed. */
fh_err wire_delta_apply(const void *base, size_t nbase, const void *delta, size_t ndelta, struct fh_buf *out,
                        struct fh_error *e) FH_MUSTCHECK;

#endif
