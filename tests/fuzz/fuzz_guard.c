/* The pre-scan of a pushed pack. The trailer is made right, so that what is behind the checksum is reached.
 */
#include "common/digest.h"
#include "server/git/wire_guard.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    uint8_t sum[FH_SHA1_SIZE];
    struct wire_scan found;
    struct fh_error e = {0};
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) != 0)
        abort();
    fh_sha1(data, size, sum);
    if (pwrite(fd, data, size, 3) != (ssize_t)size ||
        pwrite(fd, sum, sizeof sum, 3 + (off_t)size) != sizeof sum)
        abort();
    fh_err rc = wire_guard_scan(fd, 3, size + sizeof sum, &found, &e);
    if (rc == FH_INTERNAL || (rc != FH_OK && !e.msg[0]))
        abort();
    return 0;
}
