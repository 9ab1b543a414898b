/* Running PostgreSQL's programs as the user the data folder belongs to. */
#ifndef DB_CLUSTER_SPAWN_H
#define DB_CLUSTER_SPAWN_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cluster_user {
    uid_t uid;
    gid_t gid;
    bool change; /* we are root and the programs must not be */
};

/* The owner of the data folder, which must not be root. */
fh_err cluster_user_of(const char *data, struct cluster_user *out, struct fh_error *e) FH_MUSTCHECK;
/* A folder of that user with mode 0700, made when absent. */
fh_err cluster_make_folder(const char *path, const struct cluster_user *user,
                           struct fh_error *e) FH_MUSTCHECK;

struct cluster_command {
    const char *const *argv; /* argv[0]: the program's path */
    const char *cwd;         /* NULL: "/" */
    const char *log;         /* a file to which standard output and error are appended; NULL: /dev/null */
    int output_fd;           /* standard output goes here, when not -1 */
    bool session;            /* a session of its own: a Ctrl-C at our terminal is ours to handle */
};
/* Starts the program; fails here when it cannot be executed. */
fh_err cluster_spawn(const struct cluster_command *cmd, const struct cluster_user *user, pid_t *pid,
                     struct fh_error *e) FH_MUSTCHECK;
/* Starts it and waits for it; FH_UNAVAILABLE when it did not exit with 0. */
fh_err cluster_run(const struct cluster_command *cmd, const struct cluster_user *user,
                   struct fh_error *e) FH_MUSTCHECK;

#endif
