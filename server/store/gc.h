/* What gc takes out of the rows: history that is older than it is kept. */
#ifndef STORE_GC_H
#define STORE_GC_H

#include "server/db/db.h"

struct store_expired {
    int64_t ref_log;      /* entries; the newest of each environment stays, whatever its age */
    int64_t environments; /* that were deleted so long ago that nobody can restore them any more */
};

/* Counts what is older than `before` (Unix seconds); owner_id 0: of everybody. */
fh_err store_gc_count(struct db_conn *c, struct fh_arena *a, int64_t owner_id, int64_t before,
                      struct store_expired *out, struct fh_error *e) FH_MUSTCHECK;
/* Deletes it, in the caller's transaction. Objects that only it needed are freed by the next compaction. */
fh_err store_gc_expire(struct db_conn *c, int64_t owner_id, int64_t before, struct store_expired *out,
                       struct fh_error *e) FH_MUSTCHECK;

#endif
