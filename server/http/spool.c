/* Answers that wait for their client in an unlinked file instead of in memory. See web.h. */
#include "server/http/inside.h"

#include "common/ceilings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static fh_err open_file(const char *folder, int *out, struct fh_error *e)
{
    char name[4096];
    *out = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*out < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) { /* not every file system has such */
        snprintf(name, sizeof name, "%s/answer-XXXXXX", folder);
        *out = mkostemp(name, O_CLOEXEC);
        if (*out >= 0)
            unlink(name);
    }
    return *out >= 0 ? FH_OK
                     : FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The hub could not make a file for a large answer");
}

static fh_err write_all(int fd, const char *bytes, size_t n, struct fh_error *e)
{
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The hub could not write a large answer to its disk");
        bytes += put;
        n -= (size_t)put;
    }
    return FH_OK;
}

fh_err web_reply_copy(struct web_request *req, struct web_response *res, int status, const char *content_type,
                      const char *bytes, size_t n, struct fh_error *e)
{
    const struct web_exchange *x = req->connection;
    int fd;
    if (n <= FH_MAX_BODY_SMALL) {
        web_reply(res, status, content_type, fh_memdup(req->arena, bytes, n), n);
        return FH_OK;
    }
    FH_TRY(open_file(x->server->config->spool_dir, &fd, e));
    fh_err rc = write_all(fd, bytes, n, e);
    if (rc == FH_OK)
        web_reply_file(res, status, content_type, fd, 0, n);
    else
        close(fd);
    return rc;
}
