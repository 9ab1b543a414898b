/* What the routes of the catalog ask of the upstream. See upstream_http.h. */
#include "server/catalog/upstream_http.h"

#include "server/app.h"
#include "server/store/catalog_read.h"

#include <string.h>

struct catalog_upstream *catalog_http_upstream(const struct web_request *req,
                                               const struct catalog_scope *scope)
{
    struct catalog_upstream *u = req->app->upstream;
    if (!u || !catalog_scope_base(scope) || web_header(req, CATALOG_HOP_HEADER))
        return NULL;
    return catalog_list_layout(catalog_scope_list(scope))->pages.n == 0 ? u : NULL;
}

const char *catalog_http_encode(struct fh_arena *a, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = fh_alloc(a, 3 * strlen(text) + 1), *p = out;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if ((*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z') || strchr("-._~", *c)) {
            *p++ = (char)*c;
            continue;
        }
        *p++ = '%';
        *p++ = digits[*c >> 4];
        *p++ = digits[*c & 15];
    }
    return out;
}

/* An answer put together of several is as old as the oldest of them. */
static void note(struct web_request *req, struct web_response *res,
                 const struct catalog_upstream_answer *answer)
{
    for (unsigned i = 0; i < res->nheaders; i++)
        if (strcmp(res->headers[i].name, "Age") == 0) {
            if (strtoll(res->headers[i].value, NULL, 10) < answer->age)
                res->headers[i].value = fh_sprintf(req->arena, "%lld", (long long)answer->age);
            if (answer->stale)
                res->headers[i + 1].value = "stale";
            return;
        }
    web_add_header(res, "Age", fh_sprintf(req->arena, "%lld", (long long)answer->age));
    web_add_header(res, "Floe-Upstream", answer->stale ? "stale" : "fresh");
}

static fh_err parse(struct web_request *req, const struct catalog_upstream_answer *answer, json_t **out,
                    struct fh_error *e)
{
    FH_TRY(fh_json_parse(answer->body, answer->n, "answer", out, e));
    fh_json_own(req->arena, *out);
    return FH_OK;
}

/* An answer with status 200. */
static fh_err ask(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                  const char *path, const char *body, struct catalog_upstream_answer *answer,
                  struct fh_error *e)
{
    json_t *refusal;
    FH_TRY(catalog_upstream_ask(u, req->arena, path, body, answer, e));
    if (answer->status == 200) {
        note(req, res, answer);
        return FH_OK;
    }
    FH_TRY(parse(req, answer, &refusal, e));
    const char *detail = fh_json_string(refusal, "detail");
    return FH_FAIL(e, answer->status == 404 ? FH_NOT_FOUND : FH_MISMATCH, "%.500s",
                   detail ? detail : "The upstream refused this.");
}

fh_err catalog_http_ask(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                        const char *path, const char *body, json_t **out, struct fh_error *e)
{
    struct catalog_upstream_answer answer;
    FH_TRY(ask(req, res, u, path, body, &answer, e));
    return parse(req, &answer, out, e);
}

/* What was kept was read once, when it came. */
fh_err catalog_http_pass(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                         const char *path, struct fh_error *e)
{
    struct catalog_upstream_answer answer;
    FH_TRY(ask(req, res, u, path, NULL, &answer, e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(fh_buf_add(b, answer.body, answer.n, e));
    return catalog_http_reply(req, res, b, e);
}
