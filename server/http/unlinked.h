/* Files without a name, for what is not held in memory: a body on its way in, an answer on its way out. The
 * database may be on the same disk, so these are the first that there is no room for. Any thread. */
#ifndef WEB_UNLINKED_H
#define WEB_UNLINKED_H

#include "common/err.h"

#include <stdbool.h>

/* FH_UNAVAILABLE; *full: for want of room. */
fh_err web_unlinked_open(const char *folder, int *out, bool *full, struct fh_error *e) FH_MUSTCHECK;
/* At its end; leaves FH_SPARE_DISK free. */
fh_err web_unlinked_write(int fd, const char *bytes, size_t n, bool *full, struct fh_error *e) FH_MUSTCHECK;

#endif
