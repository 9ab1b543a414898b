/* What people are told of a new lock (manifest-lockfile-client §5.5, §6, §7.2). */
#ifndef LOCK_SAY_H
#define LOCK_SAY_H

#include "client/client.h"
#include "common/lock.h"

/* Systems that packages were added for or removed for, where the manifest leaves them to the defaults. before
 * may be NULL: nothing is told. */
void lock_say_systems(struct client *c, const struct fh_lock *before, const struct fh_lock *after);
/* Packages of includes that this environment replaces since. */
void lock_say_new_overrides(struct client *c, const struct fh_lock *before, const struct fh_lock *after);
/* Of these ids: those with more outputs than are installed; unfree and broken ones. */
void lock_say_more_outputs(struct client *c, const struct fh_lock *lock, const struct fh_strings *ids);
void lock_say_doubts(struct client *c, const struct fh_lock *lock, const struct fh_strings *ids);

/* Packages of this system that came out otherwise than they were, since their group was resolved anew. */
void lock_say_dragged(struct client *c, const struct fh_lock *before, const struct fh_lock *after);

/* The entry of a package for a system; NULL when there is none. system NULL: any. */
const struct fh_lock_package *lock_find(const struct fh_lock *lock, const char *id, const char *system);
/* "'a', 'b'" */
const char *lock_quoted(struct fh_arena *a, const struct fh_strings *ids);

#endif
