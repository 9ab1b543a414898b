/* PostgreSQL's client programs as child processes that are told how to connect by their environment. */
#ifndef DB_CHILD_H
#define DB_CHILD_H

#include "server/db/db.h"

#include <sys/types.h>

/* An environment for PostgreSQL's programs: ours, with a PG… variable for everything that url says. The
 * strings are the arena's, as is the array. FH_INVALID, without quoting url, when it cannot be read. */
fh_err db_child_environment(struct fh_arena *a, const char *url, char ***out,
                            struct fh_error *e) FH_MUSTCHECK;

struct db_child {
    const char *name; /* NULL: never started */
    pid_t pid;        /* 0: it has ended */
    int status;       /* waitpid's, then */
    int said_fd;      /* its standard error, a file in memory */
};
struct db_child_files {
    int in, out; /* -1: /dev/null */
};
fh_err db_child_start(struct db_child *c, const char *const *argv, char *const *environment,
                      const struct db_child_files *files, struct fh_error *e) FH_MUSTCHECK;
/* Waits at most wait_ms; true when it has ended. */
bool db_child_ended(struct db_child *c, int wait_ms);
/* Waits for the end; FH_UNAVAILABLE, with what the program said, when its exit status is not 0. */
fh_err db_child_finish(struct db_child *c, struct fh_error *e) FH_MUSTCHECK;
/* Ends it if it runs and gives everything back; harmless on one that never started. */
void db_child_kill(struct db_child *c);

#endif
