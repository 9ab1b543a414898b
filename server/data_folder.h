/* The data folder: made, given to the service user when we are root, and used by one server at a time. */
#ifndef SERVER_DATA_FOLDER_H
#define SERVER_DATA_FOLDER_H

#include "common/err.h"

/* Makes the folder (0700) and those above it. As root everything in it becomes the user's. */
fh_err data_folder_make(const char *data, const char *user, struct fh_error *e) FH_MUSTCHECK;
/* As root: this process becomes the user, for good. Otherwise nothing. */
fh_err data_folder_become_owner(const char *user, struct fh_error *e) FH_MUSTCHECK;
/* Held as long as *fd is open, also through a crash no longer than the process. FH_CONFLICT when another
 * server has it. */
fh_err data_folder_lock(const char *data, int *fd, struct fh_error *e) FH_MUSTCHECK;

#endif
