/* One's own account, and owners. See rest_account_http.h. */
#include "server/rest/rest_account_http.h"

#include "server/store/audit.h"

static const char *kind_name(enum store_owner_kind kind)
{
    return kind == STORE_ORG ? "org" : "user";
}

json_t *rest_role_json(enum store_role role)
{
    return role == STORE_NO_ROLE ? json_null() : json_string(store_role_name(role));
}

static bool is_hub_admin(const struct auth_actor *a)
{
    return a->hub_admin && a->scope == STORE_SCOPE_ADMIN;
}

/* --- GET /api/v1/me */

struct me {
    const struct web_request *req;
    struct store_member *orgs;
    size_t n;
};

static fh_err load_orgs(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct me *m = arg;
    return store_member_of(c, m->req->arena, m->req->actor->owner_id, &m->orgs, &m->n, e);
}

fh_err rest_me(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const char *const none[] = {NULL};
    const struct auth_actor *a = req->actor;
    struct me m = {.req = req};
    FH_TRY(rest_query(req, none, e));
    FH_TRY(auth_can(&req->app->policy, a, AUTH_WHOAMI, NULL, e));
    if (a->kind == STORE_USER)
        FH_TRY(rest_load(req, load_orgs, &m, e));
    json_t *orgs = json_array();
    for (size_t i = 0; i < m.n; i++)
        fh_json_push(orgs,
                     json_pack("{s:s, s:s}", "org", m.orgs[i].org, "role", store_role_name(m.orgs[i].role)));
    json_t *body =
        json_pack("{s:s, s:s, s:I, s:s, s:o, s:b, s:o}", "handle", a->handle, "kind", kind_name(a->kind),
                  "token_id", (json_int_t)a->token_id, "scope", store_scope_name(a->scope), "expires_at",
                  rest_time(a->expires_at), "hub_admin", is_hub_admin(a), "orgs", orgs);
    return rest_reply_tagged(req, res, body, NULL, e);
}

/* --- owners */

static fh_err find(const struct web_request *req, const struct auth_actor *actor, struct db_conn *c,
                   const char *handle, enum store_owner_kind kind, enum auth_action action,
                   struct store_owner *out, struct fh_error *e)
{
    struct auth_object o = {0};
    enum store_visibility openness = STORE_PRIVATE;
    fh_err rc = store_owner_look(c, req->arena, handle, out, &openness, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    if (rc == FH_OK && kind != 0 && out->kind != kind)
        rc = FH_FAIL(e, FH_NOT_FOUND, "There is no such owner.");
    if (rc == FH_OK)
        o = (struct auth_object){.owner_id = out->id,
                                 .owner_kind = out->kind,
                                 .owner_disabled = out->disabled,
                                 .visibility = openness};
    FH_TRY(auth_can(&req->app->policy, actor, action, &o, e));
    return rc; /* no action here passes without an owner, but were one to */
}

fh_err rest_find_owner(const struct web_request *req, struct db_conn *c, const char *handle,
                       enum store_owner_kind kind, enum auth_action action, struct store_owner *out,
                       struct fh_error *e)
{
    return find(req, req->actor, c, handle, kind, action, out, e);
}

fh_err rest_lock_owner(const struct web_request *req, struct db_conn *c, const char *handle,
                       enum store_owner_kind kind, enum auth_action action, struct store_owner *out,
                       struct fh_error *e)
{
    const struct auth_actor *now;
    FH_TRY(rest_find_owner(req, c, handle, kind, action, out, e));
    FH_TRY(store_owner_lock(c, req->arena, out->id, NULL, e));
    FH_TRY(auth_session_renew(c, req->arena, req->actor, &now, e));
    return find(req, now, c, handle, kind, action, out, e);
}

json_t *rest_owner_json(const struct web_request *req, const struct store_owner *o, enum store_role role)
{
    const char *visibility = o->default_visibility
                                 ? store_visibility_name((enum store_visibility)o->default_visibility)
                                 : "default";
    bool shown = role != STORE_NO_ROLE || is_hub_admin(req->actor);
    return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o}", "handle", o->handle, "kind", kind_name(o->kind),
                     "created_at", rest_time(o->created_at), "disabled", o->disabled, "default_visibility",
                     rest_text(shown ? visibility : NULL), "role", rest_role_json(role));
}

static json_t *shown_to(const struct web_request *req, const struct store_owner *o)
{
    return rest_owner_json(req, o, auth_role_in(req->actor, o->id));
}

struct owner_work {
    const struct web_request *req;
    struct store_owner owner;
};

static fh_err load_owner(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct owner_work *w = arg;
    return rest_find_owner(w->req, c, w->req->params[0], 0, AUTH_OWNER_SEE, &w->owner, e);
}

fh_err rest_owner_get(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const char *const none[] = {NULL};
    struct owner_work w = {.req = req};
    FH_TRY(rest_query(req, none, e));
    FH_TRY(rest_load(req, load_owner, &w, e));
    return rest_reply_tagged(req, res, shown_to(req, &w.owner), NULL, e);
}

static const char *const visibilities[] = {"public", "internal", "unlisted", "private", "default", NULL};
static const struct rest_member settings[] = {
    {.name = "default_visibility", .type = REST_ENUM, .values = visibilities},
};

struct patch_work {
    const struct web_request *req;
    const struct rest_body *body;
    struct store_owner owner;
};

static fh_err patch_owner(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct patch_work *w = arg;
    const struct web_request *req = w->req;
    const struct store_actor by = rest_by(req);
    FH_TRY(rest_lock_owner(req, c, req->params[0], 0, AUTH_OWNER_ADMIN, &w->owner, e));
    json_t *present = fh_json_own(req->arena, shown_to(req, &w->owner));
    FH_TRY(rest_if_match(req, rest_etag_of(req->arena, present), NULL, e));
    const char *wanted = rest_body_text(w->body, "default_visibility");
    if (!wanted)
        return FH_OK;
    w->owner.default_visibility = (int)store_visibility_parse(wanted); /* "default" is none of them: 0 */
    FH_TRY(store_owner_set_visibility(c, w->owner.id, w->owner.default_visibility, e));
    return store_audit(c, &by, "owner.settings", w->owner.id, w->owner.handle,
                       fh_sprintf(req->arena, "{\"default_visibility\":\"%s\"}", wanted), e);
}

fh_err rest_owner_patch(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const char *const none[] = {NULL};
    struct patch_work w = {.req = req};
    FH_TRY(rest_query(req, none, e));
    FH_TRY(rest_read(req, settings, sizeof settings / sizeof *settings, &w.body, e));
    FH_TRY(rest_change(req, patch_owner, &w, REST_ACCOUNTS, req->params[0], e));
    return rest_reply_changed(req, res, shown_to(req, &w.owner), NULL, e);
}
