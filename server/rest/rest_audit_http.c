/* The trail of an owner: who did what to which object, from where, with which token. It is kept after its
 * objects are gone. See rest_audit_http.h. */
#include "server/rest/rest_audit_http.h"

#include "server/rest/rest_account_http.h"
#include "server/store/audit.h"

#include <inttypes.h>
#include <string.h>

struct audit_list {
    const struct web_request *req;
    struct rest_page page;
    int64_t before;
    struct store_audit_row *rows;
    size_t n;
};

static fh_err load_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct audit_list *l = arg;
    struct store_owner owner;
    FH_TRY(rest_find_owner(l->req, c, l->req->params[0], 0, AUTH_AUDIT_READ, &owner, e));
    return store_audit_page(c, l->req->arena, owner.id, web_query(l->req, "action"),
                            web_query(l->req, "object"), l->before, l->page.limit + 1, &l->rows, &l->n, e);
}

static fh_err row_json(const struct store_audit_row *row, json_t **out, struct fh_error *e)
{
    json_t *detail = NULL;
    if (row->detail)
        FH_TRY(fh_json_parse(row->detail, strlen(row->detail), "detail", &detail, e));
    *out =
        json_pack("{s:I, s:o, s:o, s:o, s:o, s:s, s:s, s:o}", "id", (json_int_t)row->id, "at",
                  rest_time(row->at), "actor", rest_text(row->actor), "token_id",
                  row->token_id ? json_integer(row->token_id) : json_null(), "remote", rest_text(row->remote),
                  "action", row->action, "object", row->object, "detail", detail ? detail : json_null());
    return FH_OK;
}

fh_err rest_audit_list(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const char *const names[] = {"action", "object", "limit", "cursor", NULL};
    struct audit_list l = {.req = req};
    FH_TRY(rest_query(req, names, e));
    FH_TRY(rest_page_read(req, &l.page, e));
    FH_TRY(rest_page_id(&l.page, &l.before, e));
    FH_TRY(rest_load(req, load_rows, &l, e));
    json_t *items = fh_json_own(req->arena, json_array());
    size_t shown = l.n > l.page.limit ? l.page.limit : l.n;
    for (size_t i = 0; i < shown; i++) {
        json_t *item;
        FH_TRY(row_json(&l.rows[i], &item, e));
        fh_json_push(items, item);
    }
    const char *next = l.n > shown ? fh_sprintf(req->arena, "%" PRId64, l.rows[shown - 1].id) : NULL;
    return rest_reply_list(req, res, json_incref(items), next, e);
}
