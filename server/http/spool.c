/* Answers that wait for their client in an unlinked file instead of in memory. See web.h. */
#include "server/http/inside.h"

#include "common/ceilings.h"
#include "server/http/unlinked.h"

#include <unistd.h>

fh_err web_reply_copy(struct web_request *req, struct web_response *res, int status, const char *content_type,
                      const char *bytes, size_t n, struct fh_error *e)
{
    const struct web_exchange *x = req->connection;
    bool full;
    int fd;
    if (n <= FH_MAX_BODY_SMALL) {
        web_reply(res, status, content_type, fh_memdup(req->arena, bytes, n), n);
        return FH_OK;
    }
    FH_TRY(web_unlinked_open(x->server->config->spool_dir, &fd, &full, e));
    fh_err rc = web_unlinked_write(fd, bytes, n, &full, e);
    if (rc == FH_OK) {
        web_reply_file(res, status, content_type, fd, 0, n);
        return FH_OK;
    }
    close(fd);
    return full ? FH_FAIL(e, FH_UNAVAILABLE, "The hub's disk is full; this answer could not be sent.") : rc;
}
