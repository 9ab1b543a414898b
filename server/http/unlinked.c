/* Files without a name. See unlinked.h. */
#include "server/http/unlinked.h"

#include "common/ceilings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { STEP = 256 * 1024 }; /* between two looks at how much room there is: others write, too */

/* Where the file system has no O_TMPFILE, one that is unlinked at once. */
fh_err web_unlinked_open(const char *folder, int *out, bool *full, struct fh_error *e)
{
    *out = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*out < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        char name[4096];
        snprintf(name, sizeof name, "%s/unlinked-XXXXXX", folder);
        *out = mkostemp(name, O_CLOEXEC);
        if (*out >= 0)
            unlink(name);
    }
    *full = *out < 0 && (errno == ENOSPC || errno == EDQUOT);
    return *out >= 0 ? FH_OK : FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The hub could not make a file");
}

static bool has_room(int fd, size_t n)
{
    struct statvfs disk;
    return fstatvfs(fd, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= FH_SPARE_DISK + n;
}

static fh_err write_step(int fd, const char *bytes, size_t n, bool *full, struct fh_error *e)
{
    *full = !has_room(fd, n);
    if (*full)
        return FH_FAIL(e, FH_UNAVAILABLE, "The hub's disk has no room to spare.");
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            *full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The hub could not write a file");
        }
        bytes += put;
        n -= (size_t)put;
    }
    return FH_OK;
}

fh_err web_unlinked_write(int fd, const char *bytes, size_t n, bool *full, struct fh_error *e)
{
    *full = false;
    for (size_t step; n > 0; bytes += step, n -= step) {
        step = n < STEP ? n : STEP;
        FH_TRY(write_step(fd, bytes, step, full, e));
    }
    return FH_OK;
}
