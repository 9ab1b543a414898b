/* The router's two questions about a caller, and GET /accounts/api/v1/accounts/me. */
#include "server/auth/auth_http.h"

#include "common/clock.h"
#include "server/app.h"

#include <jansson.h>

fh_err auth_http_authenticate(struct web_request *req, struct fh_error *e)
{
    req->actor = auth_anonymous();
    if (req->route->action == AUTH_OPEN)
        return FH_OK; /* a monitor's stale token must not make the hub look ill */
    const char *header = web_header(req, "Authorization");
    if (req->route->face == WEB_FACE_GIT && !header)
        return FH_FAIL(e, FH_UNAUTHENTICATED, "Log in to do this.");
    const struct auth_actor *actor;
    FH_TRY(auth_session_find(req->app->sessions, req->arena, header, req->inline_only, &actor, e));
    req->actor = actor;
    /* git reads with a bad token are anonymous reads: clients send expired tokens and those of other hubs on
     * purpose (identity-and-auth.md §3.3). Everywhere else the caller is told. */
    if (req->route->face != WEB_FACE_GIT && actor->state != AUTH_VALID && actor->state != AUTH_ANONYMOUS)
        return auth_can(&req->app->policy, actor, AUTH_WHOAMI, NULL, e);
    return FH_OK;
}

fh_err auth_http_admit(const struct web_request *req, struct fh_error *e)
{
    return auth_can(&req->app->policy, req->actor, (enum auth_action)req->route->action, NULL, e);
}

int64_t auth_http_actor_id(const struct auth_actor *actor)
{
    return actor ? actor->owner_id : 0;
}

fh_err auth_http_me(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct auth_actor *a = req->actor;
    FH_TRY(auth_can(&req->app->policy, a, AUTH_WHOAMI, NULL, e));
    char id[48], expires[FH_RFC3339_SIZE] = "";
    snprintf(id, sizeof id, "%s|%lld", a->kind == STORE_ORG ? "org" : "user", (long long)a->owner_id);
    if (a->expires_at)
        fh_time_format(a->expires_at, expires);
    json_t *body = json_pack("{s:s, s:s, s:s?}", "user_id", id, "handle", a->handle, "expires_at",
                             a->expires_at ? expires : NULL);
    if (!body)
        return FH_FAIL(e, FH_INTERNAL, "The answer could not be made.");
    return web_reply_json(req, res, 200, body, e);
}
