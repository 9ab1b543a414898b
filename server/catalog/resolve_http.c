/* POST /api/v1/catalog/resolve (catalog-read-api 3.4) and POST /api/v1/explain, which is ours. See
 * resolve_http.h. */
#include "server/catalog/resolve_http.h"

#include "common/ceilings.h"
#include "server/app.h"
#include "server/catalog/explain_json.h"
#include "server/catalog/resolve_json.h"
#include "server/catalog/search_index.h"
#include "server/catalog/upstream_http.h"
#include "server/catalog/upstream_resolve.h"

#include <string.h>

static fh_err read_body(struct web_request *req, const char **body, size_t *n, struct resolve_question *q,
                        struct fh_error *e)
{
    *q = (struct resolve_question){.arena = req->arena, .memory = req->app->resolve};
    FH_TRY(catalog_http_body(req, body, n, e));
    FH_TRY(resolve_request_parse(req->arena, *body, *n, &q->request, e));
    return resolve_request_pages(web_query(req, "candidate_pages"), &q->request->candidate_pages, e);
}

static fh_err read_question(struct web_request *req, struct resolve_question *q,
                            const struct catalog_scope **scope, struct fh_error *e)
{
    const char *body;
    size_t n;
    FH_TRY(read_body(req, &body, &n, q, e));
    FH_TRY(catalog_http_scope(req, scope, e));
    resolve_keys(q, *scope);
    return FH_OK;
}

static fh_err answer_here(struct web_request *req, struct resolve_question *q,
                          const struct catalog_scope *scope, struct fh_buf *b, struct fh_error *e)
{
    resolve_keys(q, scope);
    q->with_rows = true;
    FH_TRY(resolve_ask(q, req->app->pool, e));
    return resolve_put_answer(b, q, e);
}

/* --- a part of it is the upstream's */

static fh_err ask_upstream(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                           const json_t *question, int64_t pages, json_t **out, struct fh_error *e)
{
    struct fh_buf *text = catalog_http_buf(req);
    const char *path = "/api/v1/catalog/resolve";
    if (pages > 0)
        path = fh_sprintf(req->arena, "%s?candidate_pages=%lld", path, (long long)pages);
    FH_TRY(fh_json_write_compact(question, text, e));
    return catalog_http_ask(req, res, u, path, text->data, out, e);
}

static fh_err ask_here(struct web_request *req, const struct catalog_scope *scope, const json_t *question,
                       json_t **out, struct fh_error *e)
{
    struct resolve_question q = {.arena = req->arena, .memory = req->app->resolve};
    struct fh_buf *text = catalog_http_buf(req), *answer = catalog_http_buf(req);
    FH_TRY(fh_json_write_compact(question, text, e));
    FH_TRY(resolve_request_parse(req->arena, text->data, text->len, &q.request, e));
    FH_TRY(answer_here(req, &q, scope, answer, e));
    FH_TRY(fh_json_parse(answer->data, answer->len, "answer", out, e));
    fh_json_own(req->arena, *out);
    return FH_OK;
}

static fh_err answer_both(struct web_request *req, struct web_response *res, struct catalog_upstream *u,
                          const struct catalog_scope *scope, const char *body, size_t n, int64_t pages,
                          struct fh_buf *b, struct fh_error *e)
{
    struct catalog_halves halves;
    json_t *request, *theirs = NULL, *ours = NULL, *whole;
    FH_TRY(fh_json_parse(body, n, "body", &request, e));
    fh_json_own(req->arena, request);
    catalog_split_request(req->arena, request, &halves);
    if (halves.theirs)
        FH_TRY(ask_upstream(req, res, u, halves.theirs, pages, &theirs, e));
    if (halves.ours)
        FH_TRY(ask_here(req, scope, halves.ours, &ours, e));
    FH_TRY(catalog_join_answers(req->arena, &halves, theirs, ours, &whole, e));
    return fh_json_write_compact(whole, b, e);
}

fh_err resolve_http_resolve(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct resolve_question q;
    const struct catalog_scope *scope;
    const char *body;
    size_t n;
    FH_TRY(read_body(req, &body, &n, &q, e));
    FH_TRY(catalog_http_scope(req, &scope, e));
    struct catalog_upstream *u = catalog_http_upstream(req, scope);
    struct fh_buf *b = catalog_http_buf(req);
    if (u)
        FH_TRY(answer_both(req, res, u, scope, body, n, (int64_t)q.request->candidate_pages, b, e));
    else
        FH_TRY(answer_here(req, &q, scope, b, e));
    return catalog_http_reply(req, res, b, e);
}

/* --- explain */

/* The part's rows stand by the length of their names: the first that has at least that many bytes. */
static size_t first_of_length(const struct catalog_part *part, size_t length)
{
    size_t low = 0, high = part->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct catalog_row row;
        catalog_part_row(part, middle, &row);
        if (strlen(row.attr_path) < length)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void look_for_near(struct fh_arena *a, const struct catalog_part *part, const char *owner,
                          struct catalog_near *near)
{
    size_t before = owner ? strlen(owner) + 1 : 0,
           shortest = near->length > near->apart ? near->length - near->apart : 0;
    struct fh_arena *scratch = fh_arena_new();
    for (size_t i = first_of_length(part, shortest > before ? shortest - before : 0); i < part->n; i++) {
        struct catalog_row row;
        catalog_part_row(part, i, &row);
        if (owner && strlen(row.attr_path) + before > near->length + near->apart)
            break;
        catalog_near_try(near, a, owner ? fh_sprintf(scratch, "%s/%s", owner, row.attr_path) : row.attr_path);
    }
    fh_arena_free(scratch);
}

static void drop_index(void *index)
{
    catalog_index_drop(index);
}

/* The names nearest to those that are in no catalog, of the catalogs that the caller finds in a search. */
static fh_err add_near(struct web_request *req, const struct catalog_scope *scope,
                       struct explain_group *groups, size_t n, struct fh_error *e)
{
    struct catalog_index *index = NULL;
    int looked = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < groups[i].n && looked < FH_MAX_EXPLAIN_NAMES; k++) {
            struct explain_package *p = &groups[i].packages[k];
            if (p->is_in_catalog)
                continue;
            if (!index) {
                FH_TRY(catalog_index_hold(req->app->catalog, catalog_scope_list(scope), false, &index, e));
                fh_defer(req->arena, drop_index, index);
            }
            catalog_near_start(&p->near, p->descriptor->attr_path);
            looked++;
            for (const struct store_catalog_entry *c = NULL; (c = catalog_scope_next(scope, c));) {
                const struct catalog_part *part = catalog_index_part(index, c->id);
                if (part)
                    look_for_near(req->arena, part, c->owner, &p->near);
            }
        }
    return FH_OK;
}

fh_err resolve_http_explain(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct resolve_question q;
    const struct catalog_scope *scope;
    FH_TRY(read_question(req, &q, &scope, e));
    FH_TRY(resolve_ask(&q, req->app->pool, e));
    struct explain_group *groups = catalog_explain(req->arena, q.calendar, q.candidates, q.answer);
    FH_TRY(add_near(req, scope, groups, q.answer->n, e));
    struct fh_buf *b = catalog_http_buf(req);
    FH_TRY(explain_put(b, &q, groups, e));
    return catalog_http_reply(req, res, b, e);
}
