/* Which of some commits can be reached from a caller's tips? One walk answers for all of them. */
#ifndef WIRE_REACH_H
#define WIRE_REACH_H

#include "server/git/wire_pack.h"

/* found[i]: targets[i] is one of tips or an ancestor of one. The walk goes from the tips, breadth first, ends
 * when all are found and after max_commits at the latest; what it has not met by then counts as not
 * reachable. A target that is no commit, or is not there, is not; whether it is there is not looked at, so
 * that the time taken does not tell what is hidden from what does not exist. */
fh_err wire_reach(struct wire_reader *r, const struct fh_oid *tips, size_t ntips,
                  const struct fh_oid *targets, size_t ntargets, size_t max_commits, bool *found,
                  struct fh_error *e) FH_MUSTCHECK;

#endif
