/* What a handler can ask of its request. See web.h. */
#include "server/http/inside.h"

#include "common/ceilings.h"

#include <errno.h>
#include <unistd.h>

const char *web_header(const struct web_request *req, const char *name)
{
    const struct web_exchange *x = req->connection;
    return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

const char *web_query(const struct web_request *req, const char *name)
{
    const struct web_exchange *x = req->connection;
    for (size_t i = 0; i < x->target.nquery; i++)
        if (strcmp(x->target.query[i].name, name) == 0)
            return x->target.query[i].value;
    return NULL;
}

const char *web_query_name(const struct web_request *req, size_t i)
{
    const struct web_exchange *x = req->connection;
    return i < x->target.nquery ? x->target.query[i].name : NULL;
}

fh_err web_body_bytes(struct web_request *req, size_t max, const char **out, size_t *n, struct fh_error *e)
{
    if (req->body.size > max)
        return FH_FAIL(e, FH_TOO_LARGE, "The request's body is larger than the limit of %zu bytes.", max);
    if (!req->body.data) {
        char *bytes = fh_alloc(req->arena, req->body.size + 1);
        for (size_t have = 0; have < req->body.size;) {
            ssize_t got = pread(req->body.fd, bytes + have, req->body.size - have, (off_t)have);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The hub could not read a large request back");
            have += (size_t)got;
        }
        req->body.data = bytes;
    }
    *out = req->body.data;
    *n = req->body.size;
    return FH_OK;
}
