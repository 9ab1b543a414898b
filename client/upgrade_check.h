/* What is known of upgrades without asking: .flox/cache/upgrade-checks.json, flox's file in flox's form. flox
 * writes it in the background once a day, floe when it is asked for all upgrades ('upgrade --dry-run').
 * It holds for the lock that was checked. */
#ifndef UPGRADE_CHECK_H
#define UPGRADE_CHECK_H

#include "client/upgrades.h"

/* Upgrades on this system for the lock as it is now; none where nobody checked it. */
void upgrade_check_read(struct client *c, const char *dot_flox, const struct fh_lock *now,
                        struct upgrades *out);
/* Best effort. */
void upgrade_check_keep(struct client *c, const char *dot_flox, const struct fh_lock *before,
                        const struct fh_lock *after);

#endif
