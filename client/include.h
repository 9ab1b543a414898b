/* The environments that a manifest includes, brought for its lock (manifest-lockfile-client §6,
 * git-environments §7.8).
 *
 * What the previous lock has of an unchanged entry is kept; anything else is read afresh: a local environment
 * from its folder, where it has to be locked and in sync, one of the hub from its newest state there, or from
 * the generation the entry names. Nothing is written but the local clone that fetching fills. Whether its
 * scripts are to be trusted is asked at activation. */
#ifndef INCLUDE_H
#define INCLUDE_H

#include "client/floxdir.h"

/* What 'include upgrade' asks for. */
struct include_wish {
    bool upgrades;            /* false: only what is not locked yet is brought */
    const char *const *names; /* the includes to bring again; none: all */
    size_t nnames;
};

/* The includes of m in their order. files says where local ones are looked for, and who must not be included.
 * FH_CONFLICT for what the person has to put right first: an include out of sync, a cycle, a name that two
 * have, a wish that names nothing. Every failure to bring an include says which one. */
fh_err include_collect(struct client *c, const struct floxdir_files *files, const struct fh_manifest *m,
                       const struct fh_lock *previous, const struct include_wish *wish,
                       const struct fh_included **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

/* The fields that were overridden in merging, by who won; nothing when there are none. */
void include_say_overrides(struct client *c, const struct fh_lock *lock);

#endif
