/* Generations as a tree: each below those that were made from it (flox: generations list --tree). Pure. */
#ifndef GENTREE_H
#define GENTREE_H

#include "common/metadata.h"

/* all is newest first, as fh_metadata_generations gives it; bold marks descriptions for a terminal. */
fh_err gentree_draw(struct fh_arena *a, const struct fh_generation *all, size_t n, bool bold,
                    struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* "2026-11-23 00:53:20 UTC" */
const char *gentree_time(struct fh_arena *a, int64_t when);

#endif
