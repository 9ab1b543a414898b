/* A list of objects as packs on disk: one, or, of more objects than the guard or the indexer takes at once,
 * several, each complete in itself. For export and import. */
#ifndef WIRE_SLICES_H
#define WIRE_SLICES_H

#include "common/arena.h"
#include "server/git/wire_walk.h"

struct wire_slice {
    const char *path; /* without ending */
    uint8_t checksum[20];
    int64_t objects, bytes, idx_bytes;
};
struct wire_slices {
    struct wire_slice *items;
    size_t n, cap;
};
typedef void wire_slices_progress(void *arg, int64_t done, int64_t total);

/* Into dir, which exists; made in scratch, on the same file system. guard: each pack also goes through the
 * pre-scan of a push, as bytes from outside must. All of out is the arena's. */
struct wire_slices_options {
    const char *dir;
    bool guard;
    wire_slices_progress *progress; /* may be NULL */
    void *arg;
};
fh_err wire_slices_write(struct fh_arena *a, struct wire_reader *r, const struct wire_list *list,
                         const struct wire_slices_options *options, struct wire_slices *out,
                         struct fh_error *e) FH_MUSTCHECK;

#endif
