/* An owner's bare repository on disk, made of rows: <data>/git/<owner>/floxmeta.git.
 *
 *     HEAD  config  packed-refs  refs/heads/  objects/pack/pack-<checksum>.{pack,idx}
 *
 * For people and backup tools; the server opens only the packs. Whatever differs from the rows is put right
 * or passed over. One caller at a time per owner (wire_repo.c holds a lock); packs may be unlinked while
 * other threads read them.
 */
#ifndef WIRE_MATERIALISE_H
#define WIRE_MATERIALISE_H

#include "server/store/env.h"

struct db_pool;

enum { WIRE_PATH_SIZE = 4096 };

/* "<data>/git/<owner>/floxmeta.git". FH_INVALID for an owner that could lead out of the folder. */
fh_err wire_repo_path(const char *data, const char *owner, char out[WIRE_PATH_SIZE],
                      struct fh_error *e) FH_MUSTCHECK;
/* Without ending: ".../objects/pack/pack-<checksum>". */
fh_err wire_pack_path(const char *data, const char *owner, const uint8_t checksum[20],
                      char out[WIRE_PATH_SIZE], struct fh_error *e) FH_MUSTCHECK;
/* The folder with everything in it but packs and refs. */
fh_err wire_materialise_folder(const char *data, const char *owner, struct fh_error *e) FH_MUSTCHECK;

/* Puts a pack from files without a name into the folder, for a caller without the owner's lock; and an empty
 * file for the refs that will follow it, since making one is what takes the time. */
fh_err wire_materialise_pack(const char *data, const char *owner, const uint8_t checksum[20], int pack_fd,
                             int idx_fd, struct fh_error *e) FH_MUSTCHECK;

/* Makes the folder what repo says. Packs that are missing, or all of them when refetch, come from the
 * database. FH_AGAIN when a pack's rows are gone: repo is stale. */
fh_err wire_materialise(const char *data, struct db_pool *pool, const struct store_repo *repo, bool refetch,
                        struct fh_error *e) FH_MUSTCHECK;
/* The same where only tips changed, and every pack stands there already. */
fh_err wire_materialise_refs(const char *data, const struct store_repo *repo,
                             struct fh_error *e) FH_MUSTCHECK;
/* Unlinks packs that are rows no longer and are older than a few minutes (a push may just be putting one
 * there). It looks at every file, so it belongs to compaction and not to a request. */
fh_err wire_materialise_sweep(const char *data, const struct store_repo *repo,
                              struct fh_error *e) FH_MUSTCHECK;

/* Calls report with a sentence for each difference from repo that somebody made by hand. A folder that is not
 * there is none: it is made when needed. */
typedef void wire_report(void *arg, const char *sentence);
fh_err wire_materialise_check(const char *data, const struct store_repo *repo, wire_report *report, void *arg,
                              struct fh_error *e) FH_MUSTCHECK;

#endif
