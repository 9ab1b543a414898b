/* The embedded PostgreSQL: a private cluster in <data>/postgres, reached through a unix socket in a 0700
 * folder.
 *
 * start: initdb when there is none (UTF-8, C collation, scram off because the socket's folder is the lock),
 * adopts a postmaster that is running on the folder already, else starts one as a child with fsync,
 * full_page_writes and synchronous_commit on, no TCP. Run as root, both initdb and the postmaster run as the
 * folder's owner (the service user). A folder of another major version is refused with the command that
 * upgrades it. The postmaster is restarted when it dies (at once, then after 1 s, 2 s, … 30 s); stop ends it
 * with a fast shutdown. When the hub is killed the postmaster stays, and the next start adopts it.
 *
 * One process at a time supervises a data folder: start is FH_CONFLICT while another does (an admin command
 * then just uses the URL).
 */
#ifndef DB_CLUSTER_H
#define DB_CLUSTER_H

#include "common/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct db_cluster; /* one per process; its watcher thread is its own */

struct db_cluster_config {
    const char *data; /* the hub's data folder */
    const char
        *bin_dir; /* where postgres and initdb are; NULL: the newest under /usr/lib/postgresql, then PATH */
    int max_connections;
};

fh_err db_cluster_start(const struct db_cluster_config *config, struct db_cluster **out,
                        struct fh_error *e) FH_MUSTCHECK;
/* Stops the postmaster if this process started or adopted it. */
void db_cluster_stop(struct db_cluster *c);
/* The connection string of a cluster under data, running or not, in out; for admin commands too.
 * A socket path over 107 bytes falls back to a short folder that is recorded in <data>/postgres-socket. */
fh_err db_cluster_url(const char *data, char *out, size_t size, struct fh_error *e) FH_MUSTCHECK;
bool db_cluster_exists(const char *data);
pid_t db_cluster_pid(const char *data); /* of the running postmaster, 0 when none */
/* Moves a stopped cluster to the major version of bin_dir (NULL: the newest here). Both versions' programs
 * must be installed. The old cluster is kept as <data>/postgres-<old major>. */
fh_err db_cluster_upgrade(const char *data, const char *bin_dir, struct fh_error *e) FH_MUSTCHECK;

#endif
