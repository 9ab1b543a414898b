/* Compaction, which is also gc: all that is reachable from an owner's tips, from tips they had within the
 * time of the ref log, and from those just replaced, in one pack instead of many; the rest vanishes.
 *
 * The new pack is built without a lock and swapped in under the owner's row lock. A push that was checked
 * against packs that are gone is told to check again (the epoch); one that came after the roots were read
 * rests on these roots or brought its own pack, which stays. */
#ifndef WIRE_COMPACT_H
#define WIRE_COMPACT_H

#include "server/git/wire_repo.h"

struct wire_compact_stats {
    int64_t packs_before, packs_after;
    int64_t objects_before, objects_after; /* doubles in several packs counted */
    int64_t bytes_before, bytes_after;
};

/* dry_run: only counts. FH_AGAIN when somebody else compacted meanwhile; try later. An owner in whose packs
 * there is nothing to win is left as it is. */
fh_err wire_compact_owner(struct wire_repos *r, const char *owner, bool dry_run,
                          struct wire_compact_stats *out, struct fh_error *e) FH_MUSTCHECK;

/* What is left to do after a push was answered: the deltas that clones of the new tip will need, and a
 * compaction when there are more than FH_MAX_PACKS_PER_OWNER packs. Logs what fails. */
void wire_compact_after_push(struct wire_repos *r, const char *owner, const struct fh_oid *tip);

#endif
