/* Files the client reads and writes: bounded reads, writes that are whole or not there, folders, locks.
 *
 * A write goes to a temporary file in the same folder, is synced, and takes the name in one rename, so that
 * neither a crash nor a second floe ever sees half of it. */
#ifndef DISK_H
#define DISK_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a write failed for (errno), as ": reason. Way out", where the sentence says what could not be done. */
fh_err disk_fail(struct fh_error *e, const char *what, const char *path);

/* FH_NOT_FOUND when there is no such file. The bytes are the arena's, followed by a NUL. */
fh_err disk_read(const char *path, size_t ceiling, struct fh_arena *a, char **out, size_t *len,
                 struct fh_error *e) FH_MUSTCHECK;
fh_err disk_read_fd(int fd, const char *what, size_t ceiling, struct fh_arena *a, char **out, size_t *len,
                    struct fh_error *e) FH_MUSTCHECK;
fh_err disk_write(const char *path, const void *bytes, size_t len, mode_t mode,
                  struct fh_error *e) FH_MUSTCHECK;
/* The two halves of disk_write: what needs room is done by the first, the second is a rename. temp has
 * PATH_MAX bytes and is empty after a failure. */
fh_err disk_stage(const char *path, const void *bytes, size_t len, mode_t mode, char *temp,
                  struct fh_error *e) FH_MUSTCHECK;
fh_err disk_commit(const char *temp, const char *path, struct fh_error *e) FH_MUSTCHECK;
fh_err disk_write_all(int fd, const void *bytes, size_t len, const char *what,
                      struct fh_error *e) FH_MUSTCHECK;
fh_err disk_make_dirs(const char *path, mode_t mode, struct fh_error *e) FH_MUSTCHECK;
fh_err disk_remove(const char *path, struct fh_error *e) FH_MUSTCHECK;      /* one file; absent is fine */
fh_err disk_remove_tree(const char *path, struct fh_error *e) FH_MUSTCHECK; /* never follows a link */
/* Removes what crashes left in a folder: entries whose name is stem and six letters or digits (mkdtemp's),
 * not changed for that many seconds, and not locked by a process that is still at it. Best effort. */
void disk_sweep(const char *folder, const char *stem, int seconds);
bool disk_exists(const char *path); /* of any kind, links unfollowed */
bool disk_is_dir(const char *path);

/* Makes the folder `fresh` take the name `final`: FH_CONFLICT when final exists and may not be replaced. With
 * replace the two change places in one step where the file system can, and the old one is removed. */
fh_err disk_install_dir(const char *fresh, const char *final, bool replace, struct fh_error *e) FH_MUSTCHECK;

/* Takes an exclusive flock on a file (created when absent) or a folder; waits while somebody else has it and
 * says so after a second. Close the descriptor to let go. */
fh_err disk_lock_file(const char *path, int *fd, struct fh_error *e) FH_MUSTCHECK;
fh_err disk_lock_dir(const char *path, int *fd, struct fh_error *e) FH_MUSTCHECK;

/* The path with every link resolved; FH_NOT_FOUND when it does not exist. */
fh_err disk_canonical(const char *path, struct fh_arena *a, char **out, struct fh_error *e) FH_MUSTCHECK;

#endif
