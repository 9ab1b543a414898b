/* POST /api/v1/catalog/resolve (catalog-read-api 3.4) and POST /api/v1/explain, which is ours. See
 * resolve_http.h. */
#include "server/catalog/resolve_http.h"

#include "common/ceilings.h"
#include "server/app.h"
#include "server/catalog/catalog_http.h"
#include "server/catalog/resolve_json.h"

static fh_err read_question(struct web_request *req, struct resolve_question *q,
                            const struct catalog_scope **scope, struct fh_error *e)
{
    const char *body;
    size_t n;
    *q = (struct resolve_question){.arena = req->arena, .cache = req->app->calendars};
    FH_TRY(web_body_bytes(req, FH_MAX_BODY_RESOLVE, &body, &n, e));
    FH_TRY(resolve_request_parse(req->arena, body, n, &q->request, e));
    FH_TRY(resolve_request_pages(web_query(req, "candidate_pages"), &q->request->candidate_pages, e));
    FH_TRY(catalog_http_scope(req, scope, e));
    resolve_keys(q, *scope);
    return FH_OK;
}

fh_err resolve_http_resolve(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct resolve_question q;
    const struct catalog_scope *scope;
    FH_TRY(read_question(req, &q, &scope, e));
    q.with_rows = true;
    FH_TRY(resolve_ask(&q, req->app->pool, e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(resolve_put_answer(b, &q, e));
    return catalog_http_reply(req, res, b, e);
}
