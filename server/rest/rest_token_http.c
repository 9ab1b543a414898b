/* Tokens. See rest_token_http.h. A token's text is shown in the answer that makes it and stands nowhere else.
 */
#include "server/rest/rest_token_http.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "server/rest/rest_account_http.h"
#include "server/rest/rest_key_http.h"
#include "server/store/audit.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_NAME = 200, MAX_EXPIRES = 32 };

static const char *number(struct fh_arena *a, int64_t id)
{
    return fh_sprintf(a, "%" PRId64, id);
}

static json_t *token_json(const struct store_token *t)
{
    return json_pack("{s:I, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o}", "id", (json_int_t)t->id, "owner",
                     t->owner, "name", rest_text(t->name), "hint", t->hint, "scope",
                     store_scope_name(t->scope), "created_at", rest_time(t->created_at), "expires_at",
                     rest_time(t->expires_at), "last_used_at", rest_time(t->last_used_at), "revoked_at",
                     rest_time(t->revoked_at));
}

/* --- GET /api/v1/tokens */

struct token_list {
    const struct web_request *req;
    const char *owner;
    struct rest_page page;
    int64_t after;
    struct store_token *tokens;
    size_t n;
};

static fh_err load_tokens(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct token_list *l = arg;
    struct store_owner owner;
    FH_TRY(rest_find_owner(l->req, c, l->owner, 0, AUTH_OWNER_READ, &owner, e));
    return store_token_page(c, l->req->arena, owner.id, l->after, l->page.limit + 1, &l->tokens, &l->n, e);
}

fh_err rest_token_list(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const char *const names[] = {"owner", "limit", "cursor", NULL};
    struct token_list l = {.req = req, .owner = web_query(req, "owner")};
    FH_TRY(rest_query(req, names, e));
    FH_TRY(rest_page_read(req, &l.page, e));
    FH_TRY(rest_page_id(&l.page, &l.after, e));
    if (!l.owner)
        l.owner = req->actor->handle;
    FH_TRY(rest_load(req, load_tokens, &l, e));
    json_t *items = json_array();
    size_t shown = l.n > l.page.limit ? l.page.limit : l.n;
    for (size_t i = 0; i < shown; i++)
        fh_json_push(items, token_json(&l.tokens[i]));
    return rest_reply_list(req, res, items, l.n > shown ? number(req->arena, l.tokens[shown - 1].id) : NULL,
                           e);
}

/* --- POST /api/v1/tokens */

static const char *const scopes[] = {"read", "write", "admin", NULL};
static const struct rest_member token_members[] = {
    {.name = "owner", .type = REST_LINE, .max = FH_MAX_HANDLE},
    {.name = "name", .type = REST_LINE, .max = MAX_NAME},
    {.name = "scope", .type = REST_ENUM, .required = true, .values = scopes},
    {.name = "expires", .type = REST_LINE, .max = MAX_EXPIRES},
};

struct token_work {
    const struct web_request *req;
    const char *owner, *name;
    enum store_scope scope;
    int64_t expires_at;
    char text[AUTH_TOKEN_SIZE];
    struct rest_key key;
    struct rest_made made;
};

static fh_err insert_token(struct db_conn *c, struct token_work *w, const struct store_owner *owner,
                           int64_t *id, struct fh_error *e)
{
    struct fh_arena *a = w->req->arena;
    uint8_t hash[32];
    auth_token_make(owner->kind, w->text);
    auth_token_hash(w->text, hash);
    struct store_token token = {.owner_id = owner->id,
                                .name = w->name ? fh_strdup(a, w->name) : NULL,
                                .hint = fh_sprintf(a, "%.*s…", AUTH_TOKEN_HINT, w->text),
                                .scope = w->scope,
                                .expires_at = w->expires_at};
    return store_token_create(c, &token, hash, id, e);
}

static fh_err create_token(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct token_work *w = arg;
    const struct web_request *req = w->req;
    const struct store_actor by = rest_by(req);
    struct store_owner owner, of;
    struct store_token token;
    int64_t id;
    FH_TRY(rest_lock_owner(req, c, w->owner, 0, AUTH_TOKEN_CREATE, &owner, e));
    FH_TRY(auth_may_grant(req->actor, w->scope, w->expires_at, e));
    FH_TRY(rest_key_claim(c, req, &w->key, e));
    if (w->key.found)
        return FH_OK;
    FH_TRY(insert_token(c, w, &owner, &id, e));
    FH_TRY(store_audit(c, &by, "token.create", owner.id, fh_sprintf(req->arena, "token %" PRId64, id),
                       fh_sprintf(req->arena, "{\"scope\":\"%s\"}", store_scope_name(w->scope)), e));
    FH_TRY(store_token_get(c, req->arena, id, &token, &of, e));
    w->made = (struct rest_made){
        .name = fh_sprintf(req->arena, "token %" PRId64, id),
        .path = fh_sprintf(req->arena, "/api/v1/tokens/%" PRId64, id),
        .secret = true,
        .body = fh_json_own(req->arena, token_json(&token)),
    };
    fh_json_set(w->made.body, "token", json_string(w->text));
    return rest_key_keep(c, req, &w->key, &w->made, e);
}

fh_err rest_token_create(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const char *const none[] = {NULL};
    const struct rest_body *body;
    struct token_work w = {.req = req};
    FH_TRY(rest_query(req, none, e));
    FH_TRY(rest_read(req, token_members, sizeof token_members / sizeof *token_members, &body, e));
    FH_TRY(rest_key_read(req, &w.key, e));
    const char *expires = rest_body_text(body, "expires");
    w.owner = rest_body_has(body, "owner") ? rest_body_text(body, "owner") : req->actor->handle;
    w.name = rest_body_text(body, "name");
    w.scope = store_scope_parse(rest_body_text(body, "scope"));
    if (expires)
        FH_TRY(auth_expiry_parse(expires, fh_now(), &w.expires_at, e));
    fh_err rc = rest_change(req, create_token, &w, REST_ACCOUNTS, w.owner, e);
    if (rc == FH_OK)
        rc = rest_reply_made(req, res, &w.key, &w.made, e);
    explicit_bzero(w.text, sizeof w.text);
    return rc;
}

/* --- DELETE /api/v1/tokens/{id} */

struct revoke_work {
    const struct web_request *req;
    int64_t id;
    struct store_owner owner;
};

/* Who asks for another's token learns as little as of one that does not exist. */
static fh_err find_token(struct db_conn *c, struct revoke_work *w, struct fh_error *e)
{
    const struct web_request *req = w->req;
    struct auth_object o = {0};
    struct store_token token;
    fh_err rc = store_token_get(c, req->arena, w->id, &token, &w->owner, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    if (rc == FH_OK)
        o = (struct auth_object){.owner_id = w->owner.id, .owner_kind = w->owner.kind};
    if (rc == FH_OK && w->id == req->actor->token_id)
        return FH_OK;
    rc = auth_can(&req->app->policy, req->actor, AUTH_TOKEN_REVOKE, &o, e);
    return rc == FH_NOT_FOUND ? FH_FAIL(e, rc, "There is no such token, or it is not yours.") : rc;
}

static fh_err revoke_token(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct revoke_work *w = arg;
    const struct store_actor by = rest_by(w->req);
    FH_TRY(find_token(c, w, e));
    FH_TRY(store_token_revoke(c, w->id, e));
    return store_audit(c, &by, "token.revoke", w->owner.id,
                       fh_sprintf(w->req->arena, "token %" PRId64, w->id), NULL, e);
}

fh_err rest_token_delete(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const char *const none[] = {NULL};
    struct revoke_work w = {.req = req};
    FH_TRY(rest_query(req, none, e));
    FH_TRY(rest_path_number(req->params[0], "There is no such token, or it is not yours.", &w.id, e));
    FH_TRY(rest_change(req, revoke_token, &w, REST_ACCOUNTS, "", e));
    rest_reply_nothing(res);
    return FH_OK;
}
