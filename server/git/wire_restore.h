/* Setting an environment back to an earlier commit: its generations must be read from there, so that the rows
 * agree with the tip again. */
#ifndef WIRE_RESTORE_H
#define WIRE_RESTORE_H

#include "server/store/env.h"

struct db_pool;

/* The generations as they stand in one of the owner's commits; of the arena. FH_NOT_FOUND when the owner has
 * no such commit (any more). Uses a scratch folder below data. */
fh_err wire_restore_read(struct fh_arena *a, struct db_pool *pool, const char *data, const char *owner,
                         const struct fh_oid *commit, struct store_generations *out,
                         struct fh_error *e) FH_MUSTCHECK;

#endif
