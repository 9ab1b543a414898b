/* The contract of REST. See rest_openapi_http.h. */
#include "server/rest/rest_openapi_http.h"

#include "server/rest/rest_openapi.h"

static void reply(struct web_request *req, struct web_response *res, const char *type,
                  const unsigned char *bytes, size_t size, const char *etag)
{
    const char *known = web_header(req, "If-None-Match");
    if (known && web_etag_listed(known, etag, true))
        web_reply(res, 304, NULL, "", 0);
    else
        web_reply(res, 200, type, (const char *)bytes, size);
    web_add_header(res, "ETag", etag);
    web_add_header(res, "Cache-Control", "no-cache");
    web_add_header(res, "X-Content-Type-Options", "nosniff");
}

fh_err rest_openapi_get(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)e;
    reply(req, res, "application/json", rest_openapi_json, rest_openapi_json_size, rest_openapi_json_etag);
    return FH_OK;
}

fh_err rest_openapi_page_get(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    (void)e;
    reply(req, res, "text/html; charset=utf-8", rest_openapi_html, rest_openapi_html_size,
          rest_openapi_html_etag);
    web_add_header(res, "Content-Security-Policy",
                   fh_sprintf(req->arena,
                              "default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'; "
                              "frame-ancestors 'none'",
                              rest_openapi_style));
    web_add_header(res, "Referrer-Policy", "no-referrer");
    return FH_OK;
}
