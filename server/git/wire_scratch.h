/* Work that needs an owner's packs as files, apart from the node's own copy: export, import, fsck. A scratch
 * folder is private (0700) and goes away with all that is in it. */
#ifndef WIRE_SCRATCH_H
#define WIRE_SCRATCH_H

#include "server/git/wire_pack.h"
#include "server/store/env.h"

struct db_pool;

struct wire_scratch {
    char path[4096]; /* "" when there is none */
};
/* "<stem>XXXXXX"; the folder that stem is in must exist. */
fh_err wire_scratch_make(struct wire_scratch *s, const char *stem, struct fh_error *e) FH_MUSTCHECK;
/* "<data>/tmp/<what>-XXXXXX", making tmp when it is not there; tmp is the data folder's owner's, also when
 * root makes it. */
fh_err wire_scratch_in_data(struct wire_scratch *s, const char *data, const char *what,
                            struct fh_error *e) FH_MUSTCHECK;
/* A folder in it, made when absent; out holds its path. */
fh_err wire_scratch_folder(const struct wire_scratch *s, const char *name, char out[4096],
                           struct fh_error *e) FH_MUSTCHECK;
void wire_scratch_remove(struct wire_scratch *s); /* as far as it goes; gc takes what is left */
/* Deletes path and all below it; false when something stayed. bytes, which may be NULL, gets how many bytes
 * of files that freed. Follows no link and stays on one file system. */
bool wire_remove_tree(const char *path, int64_t *bytes);

/* The owner's rows now, in the arena, and all the packs they name, copied from the database into a folder of
 * the scratch and opened. */
fh_err wire_scratch_load(const struct wire_scratch *s, struct db_pool *pool, const char *owner,
                         struct fh_arena *a, struct store_repo *repo, struct wire_packs **packs,
                         struct fh_error *e) FH_MUSTCHECK;

#endif
