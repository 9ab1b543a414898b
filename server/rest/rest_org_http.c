/* Organisations and who belongs to them. See rest_org_http.h. */
#include "server/rest/rest_org_http.h"

#include "common/ceilings.h"
#include "server/rest/rest_account_http.h"
#include "server/rest/rest_key_http.h"
#include "server/store/audit.h"

static const char *const no_query[] = {NULL}, *const page_query[] = {"limit", "cursor", NULL};

/* --- GET /api/v1/orgs */

struct org_list {
    const struct web_request *req;
    struct rest_page page;
    struct store_owner *orgs;
    size_t n;
};

/* A user's are those it belongs to; an organisation's token has the one it acts as. */
static fh_err load_orgs(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct org_list *l = arg;
    const struct auth_actor *a = l->req->actor;
    if (a->kind == STORE_USER)
        return store_org_page(c, l->req->arena, a->owner_id, l->page.after, l->page.limit + 1, &l->orgs,
                              &l->n, e);
    l->orgs = fh_alloc(l->req->arena, sizeof *l->orgs);
    FH_TRY(store_owner_find(c, l->req->arena, a->handle, l->orgs, e));
    l->n = l->page.after && strcmp(l->orgs->handle, l->page.after) <= 0 ? 0 : 1;
    return FH_OK;
}

fh_err rest_org_list(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct org_list l = {.req = req};
    FH_TRY(rest_query(req, page_query, e));
    FH_TRY(rest_page_read(req, &l.page, e));
    FH_TRY(auth_can(&req->app->policy, req->actor, AUTH_WHOAMI, NULL, e));
    FH_TRY(rest_load(req, load_orgs, &l, e));
    json_t *items = json_array();
    size_t shown = l.n > l.page.limit ? l.page.limit : l.n;
    for (size_t i = 0; i < shown; i++)
        fh_json_push(items, rest_owner_json(req, &l.orgs[i], auth_role_in(req->actor, l.orgs[i].id)));
    return rest_reply_list(req, res, items, l.n > shown ? l.orgs[shown - 1].handle : NULL, e);
}

/* --- POST /api/v1/orgs */

static const struct rest_member org_members[] = {
    {.name = "handle", .type = REST_LINE, .required = true, .max = FH_MAX_HANDLE},
};

struct org_work {
    const struct web_request *req;
    const char *handle;
    struct rest_key key;
    struct rest_made made;
};

static fh_err create_org(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct org_work *w = arg;
    const struct web_request *req = w->req;
    const struct store_actor by = rest_by(req);
    const struct auth_actor *now;
    struct store_owner org = {.kind = STORE_ORG, .handle = fh_strdup(req->arena, w->handle)};
    FH_TRY(auth_session_renew(c, req->arena, req->actor, &now, e));
    FH_TRY(auth_can(&req->app->policy, now, AUTH_ORG_CREATE, NULL, e));
    FH_TRY(rest_key_claim(c, req, &w->key, e));
    if (w->key.found)
        return FH_OK;
    FH_TRY(store_owner_create(c, req->arena, &org, &org.id, e));
    FH_TRY(store_member_set(c, org.id, req->actor->owner_id, STORE_OWNER, e));
    FH_TRY(store_audit(c, &by, "org.create", org.id, org.handle,
                       fh_sprintf(req->arena, "{\"owner\":\"%s\"}", req->actor->handle), e));
    FH_TRY(store_owner_find(c, req->arena, w->handle, &org, e));
    w->made = (struct rest_made){
        .name = fh_sprintf(req->arena, "the organisation %s", org.handle),
        .path = fh_sprintf(req->arena, "/api/v1/owners/%s", org.handle),
        .body = fh_json_own(req->arena, rest_owner_json(req, &org, STORE_OWNER)),
    };
    w->made.etag = rest_etag_of(req->arena, w->made.body);
    return rest_key_keep(c, req, &w->key, &w->made, e);
}

fh_err rest_org_create(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct rest_body *body;
    struct org_work w = {.req = req};
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(rest_read(req, org_members, sizeof org_members / sizeof *org_members, &body, e));
    FH_TRY(rest_key_read(req, &w.key, e));
    w.handle = rest_body_text(body, "handle");
    FH_TRY(auth_check_handle(w.handle, e));
    FH_TRY(rest_change(req, create_org, &w, REST_ACCOUNTS, w.handle, e));
    return rest_reply_made(req, res, &w.key, &w.made, e);
}

/* --- members */

static json_t *member_json(const char *user, enum store_role role)
{
    return json_pack("{s:s, s:o}", "user", user, "role", rest_role_json(role));
}

struct member_list {
    const struct web_request *req;
    struct rest_page page;
    struct store_member *members;
    size_t n;
};

static fh_err load_members(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct member_list *l = arg;
    struct store_owner org;
    FH_TRY(rest_find_owner(l->req, c, l->req->params[0], STORE_ORG, AUTH_OWNER_READ, &org, e));
    return store_member_page(c, l->req->arena, org.id, l->page.after, l->page.limit + 1, &l->members, &l->n,
                             e);
}

fh_err rest_member_list(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct member_list l = {.req = req};
    FH_TRY(rest_query(req, page_query, e));
    FH_TRY(rest_page_read(req, &l.page, e));
    FH_TRY(rest_load(req, load_members, &l, e));
    json_t *items = json_array();
    size_t shown = l.n > l.page.limit ? l.page.limit : l.n;
    for (size_t i = 0; i < shown; i++)
        fh_json_push(items, member_json(l.members[i].user, l.members[i].role));
    return rest_reply_list(req, res, items, l.n > shown ? l.members[shown - 1].user : NULL, e);
}

static const char *const roles[] = {"owner", "writer", "reader", NULL};
static const struct rest_member role_members[] = {
    {.name = "role", .type = REST_ENUM, .required = true, .values = roles},
};

struct member_work {
    const struct web_request *req;
    enum store_role role; /* STORE_NO_ROLE: take out */
    struct store_owner user;
};

static fh_err find_user(struct db_conn *c, struct member_work *w, struct fh_error *e)
{
    const char *handle = w->req->params[1];
    fh_err rc = store_owner_find(c, w->req->arena, handle, &w->user, e);
    if (rc == FH_NOT_FOUND || (rc == FH_OK && w->user.kind != STORE_USER))
        return FH_FAIL(e, FH_NOT_FOUND, "There is no user %s.", handle);
    return rc;
}

static fh_err change_member(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct member_work *w = arg;
    const struct web_request *req = w->req;
    const struct store_actor by = rest_by(req);
    struct store_owner org;
    FH_TRY(rest_lock_owner(req, c, req->params[0], STORE_ORG, AUTH_OWNER_ADMIN, &org, e));
    FH_TRY(find_user(c, w, e));
    if (w->role == STORE_NO_ROLE) {
        FH_TRY(store_member_remove(c, org.id, w->user.id, e));
        return store_audit(c, &by, "member.remove", org.id, w->user.handle, NULL, e);
    }
    FH_TRY(store_member_set(c, org.id, w->user.id, w->role, e));
    return store_audit(c, &by, "member.set", org.id, w->user.handle,
                       fh_sprintf(req->arena, "{\"role\":\"%s\"}", store_role_name(w->role)), e);
}

fh_err rest_member_put(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct rest_body *body;
    struct member_work w = {.req = req};
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(rest_read(req, role_members, sizeof role_members / sizeof *role_members, &body, e));
    w.role = store_role_parse(rest_body_text(body, "role"));
    FH_TRY(rest_change(req, change_member, &w, REST_ACCOUNTS, req->params[1], e));
    return rest_reply(req, res, 200, member_json(w.user.handle, w.role), e);
}

fh_err rest_member_delete(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct member_work w = {.req = req};
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(rest_change(req, change_member, &w, REST_ACCOUNTS, req->params[1], e));
    rest_reply_nothing(res);
    return FH_OK;
}
