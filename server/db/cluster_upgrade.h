/* The upgrade itself, between any two sets of programs: the tests have only one version to go from and to. */
#ifndef DB_CLUSTER_UPGRADE_H
#define DB_CLUSTER_UPGRADE_H

#include "server/db/cluster_files.h"

/* The cluster must be stopped. The old one is kept as <data>/postgres-<old major>. */
fh_err cluster_upgrade_between(const struct cluster_paths *p, const char *old_bin, const char *new_bin,
                               struct fh_error *e) FH_MUSTCHECK;

#endif
