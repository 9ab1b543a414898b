/* The embedded cluster's files: where they are, which program fits them, making them for the first time. */
#ifndef DB_CLUSTER_FILES_H
#define DB_CLUSTER_FILES_H

#include "server/db/cluster_spawn.h"

enum { CLUSTER_PATH = 1024, CLUSTER_SOCKET_MAX = 107, CLUSTER_LOG_MAX = 8 * 1024 * 1024 };

struct cluster_paths {
    char data[CLUSTER_PATH];   /* absolute */
    char folder[CLUSTER_PATH]; /* <data>/postgres */
    char log[CLUSTER_PATH];    /* <data>/postgres.log */
    char lock[CLUSTER_PATH];   /* <data>/postgres.lock: held by the process that supervises the cluster */
    char run[CLUSTER_PATH];    /* where the socket is */
};

/* make: makes the socket's folder when there is none. */
fh_err cluster_paths_find(const char *data, bool make, struct cluster_paths *out,
                          struct fh_error *e) FH_MUSTCHECK;
/* The major version a cluster was made by, 0 when there is none. */
int cluster_major(const char *folder);
/* The folder of PostgreSQL's programs: bin_dir when given, else the ones of that major version (0: the
 * newest) under /usr/lib/postgresql, else those in PATH. *major: theirs. FH_NOT_FOUND names the Debian
 * package. */
fh_err cluster_find_programs(const char *bin_dir, int wanted, char out[CLUSTER_PATH], int *major,
                             struct fh_error *e) FH_MUSTCHECK;
/* initdb into a folder beside it, then one rename: there is a whole cluster or none. */
fh_err cluster_make(const struct cluster_paths *p, const char *bin, const struct cluster_user *user,
                    const char *target, struct fh_error *e) FH_MUSTCHECK;
/* Keeps the log within CLUSTER_LOG_MAX: what is over moves to postgres.log.1. */
void cluster_bound_log(const char *log);
fh_err cluster_join(char out[CLUSTER_PATH], const char *folder, const char *name,
                    struct fh_error *e) FH_MUSTCHECK;

#endif
