/* What a newer lock has of the packages of an older one (manifest-lockfile-client §7.6): another derivation
 * of a package that both have is an upgrade, to another version or as a rebuild. All memory is the arena's.
 */
#ifndef UPGRADES_H
#define UPGRADES_H

#include "client/client.h"
#include "common/lock.h"

struct upgrades {
    const struct fh_lock *before, *after;
    size_t n;
    const char **ids; /* of packages that were upgraded, sorted */
};

/* Of this system; NULL: of any. before may be NULL: then nothing was upgraded. */
void upgrades_find(struct fh_arena *a, const struct fh_lock *before, const struct fh_lock *after,
                   const char *system, struct upgrades *out);
bool upgrades_have(const struct upgrades *u, const char *id);
/* These are told of this system, which ids have to be of: "1 version change and 2 rebuilds"; and a line for
 * each, each behind a newline. */
const char *upgrades_counted(struct client *c, const struct upgrades *u);
const char *upgrades_lines(struct client *c, const struct upgrades *u);

#endif
