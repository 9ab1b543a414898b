/* Which process is the postmaster of a cluster, and how it is reached. */
#ifndef DB_CLUSTER_PID_H
#define DB_CLUSTER_PID_H

#include "common/err.h"

#include <stddef.h>
#include <sys/types.h>

/* The live postmaster of the folder, 0 when there is none. A number in postmaster.pid that belongs to some
 * other process by now is none. */
pid_t cluster_running_pid(const char *folder);
/* Before a start, when there is none: a postmaster.pid whose number was given to another process since (usual
 * in containers, where numbers are small) would make PostgreSQL refuse to start. */
fh_err cluster_bury_stale_pid(const char *folder, struct fh_error *e) FH_MUSTCHECK;
int cluster_pidfd(pid_t pid); /* -1 where the kernel or a sandbox has none */
fh_err cluster_url_for(const char *run, const char *database, char *out, size_t size,
                       struct fh_error *e) FH_MUSTCHECK;

#endif
