/* Large answers. See rest_large_http.h. */
#include "server/rest/rest_large_http.h"

#include <stdlib.h>

static void add_headers(struct web_response *res, const char *etag)
{
    web_add_header(res, "Cache-Control", "private, no-cache");
    web_add_header(res, "ETag", etag);
}

bool rest_reply_unchanged(const struct web_request *req, struct web_response *res, const char *etag)
{
    const char *known = web_header(req, "If-None-Match");
    if (!known || !web_etag_listed(known, etag, true))
        return false;
    web_reply(res, 304, NULL, "", 0);
    add_headers(res, etag);
    return true;
}

fh_err rest_reply_bytes(struct web_request *req, struct web_response *res, const char *type, const char *etag,
                        const char *bytes, size_t n, struct fh_error *e)
{
    if (rest_reply_unchanged(req, res, etag))
        return FH_OK;
    FH_TRY(web_reply_copy(req, res, 200, type, bytes, n, e));
    add_headers(res, etag);
    return FH_OK;
}

fh_err rest_reply_large(struct web_request *req, struct web_response *res, json_t *take_body,
                        const char *etag, struct fh_error *e)
{
    char *text = take_body ? json_dumps(take_body, JSON_COMPACT) : NULL;
    json_decref(take_body);
    if (!text)
        return FH_FAIL(e, FH_INTERNAL, "An answer could not be written as JSON.");
    fh_err rc = rest_reply_bytes(req, res, "application/json", etag, text, strlen(text), e);
    free(text);
    return rc;
}
