/* One run of the program. */
#include "client/client.h"

#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/clock.h"
#include "common/json.h"

#include <string.h>

static const char handle_claim[] = "https://flox.dev/handle";

struct client *client_begin(struct fh_cli *cli)
{
    struct client *c = cli->context;
    if (fh_cli_flag(cli, "quiet"))
        say_set_quiet(true);
    if (settings_load(c->arena, fh_cli_value(cli, "floxhub-url"), &c->settings, &c->e) != FH_OK) {
        say_fail(&c->e);
        return NULL;
    }
    const char *base = hub_api_base(c->settings.hub, c->arena);
    c->api = api_new(c->arena, c->settings.token, hub_origin(base, c->arena));
    return c;
}

int client_fail(const struct client *c)
{
    return say_error("%s", c->why != NULL ? c->why : c->e.msg);
}

static int sextet(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;
    return at != NULL ? (int)(at - alphabet) : -1;
}

/* The middle part of a JWT. Its signature is the hub's to check: here it only tells whose name to show. */
static bool jwt_payload(struct fh_arena *a, const char *token, const char **out, size_t *len)
{
    const char *dot = strchr(token, '.'), *end = dot != NULL ? strchr(dot + 1, '.') : NULL;
    if (end == NULL || strchr(end + 1, '.') != NULL)
        return false;
    char *text = fh_alloc(a, (size_t)(end - dot));
    size_t n = 0;
    unsigned bits = 0;
    int have = 0;
    for (const char *p = dot + 1; p < end; p++) {
        int six = sextet(*p);
        if (six < 0)
            return false;
        bits = bits << 6 | (unsigned)six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            text[n++] = (char)(bits >> have & 0xff);
        }
    }
    *out = text;
    *len = n;
    return true;
}

static fh_err from_jwt(struct client *c, const char *token, struct identity *out, struct fh_error *e)
{
    const char *text;
    size_t n;
    json_t *claims = NULL;
    if (!jwt_payload(c->arena, token, &text, &n) || fh_json_parse(text, n, "token", &claims, NULL) != FH_OK)
        return FH_FAIL(e, FH_UNAUTHENTICATED, "The token is neither one of a hub (flox_…) nor a JWT.");
    fh_json_own(c->arena, claims);
    const char *handle = fh_json_string(claims, handle_claim);
    const json_t *exp = json_object_get(claims, "exp");
    if (handle == NULL || !json_is_integer(exp))
        return FH_FAIL(e, FH_UNAUTHENTICATED, "The token does not say whose it is.");
    out->handle = fh_strdup(c->arena, handle);
    out->expires = NULL;
    return (int64_t)json_integer_value(exp) < fh_now()
               ? FH_FAIL(e, FH_UNAUTHENTICATED,
                         "The provided token is expired.\nObtain a fresh token from FloxHub "
                         "and try again.")
               : FH_OK;
}

static fh_err read_me(struct client *c, const struct api_answer *answer, const char *url,
                      struct identity *out, struct fh_error *e)
{
    const char *origin = hub_origin(url, c->arena);
    if (answer->status == 401)
        return FH_FAIL(e, FH_UNAUTHENTICATED,
                       "The provided token is expired.\nObtain a fresh token from FloxHub and try again.");
    json_t *me = NULL;
    if (answer->status != 200 ||
        fh_json_parse(answer->body.data, answer->body.len, "me", &me, NULL) != FH_OK) {
        struct fh_error why;
        (void)!api_unusable(url, answer, c->arena, &why);
        return FH_FAIL(e, FH_UNAVAILABLE, "Could not reach FloxHub: %s", why.msg);
    }
    fh_json_own(c->arena, me);
    const char *handle = fh_json_string(me, "handle");
    struct fh_error ignored;
    if (handle == NULL || hub_check_name("Handle", handle, &ignored) != FH_OK)
        return FH_FAIL(e, FH_UNAVAILABLE, "The hub at %s does not say whose token it is.", origin);
    out->handle = fh_strdup(c->arena, handle);
    const char *expires = fh_json_string(me, "expires_at");
    out->expires = expires != NULL ? say_safe(c->arena, expires) : NULL;
    return FH_OK;
}

fh_err client_identity(struct client *c, const char *token, const char *hub, struct identity *out,
                       struct fh_error *e)
{
    if (token == NULL || *token == '\0')
        return FH_FAIL(e, FH_UNAUTHENTICATED, "You are not logged in to FloxHub.");
    if (strncmp(token, "flox_", 5) != 0)
        return from_jwt(c, token, out, e);
    const char *base = hub_api_base(hub, c->arena);
    struct api *api = api_new(c->arena, token, hub_origin(base, c->arena));
    static const char *const headers[] = {"Accept: application/json", NULL};
    const struct api_request request = {
        .url = fh_sprintf(c->arena, "%s/accounts/api/v1/accounts/me", base),
        .auth = API_BEARER,
        .headers = headers,
        .seconds = 60,
    };
    struct api_answer answer;
    FH_TRY(api_send(api, &request, c->arena, &answer, e));
    if (answer.body.data == NULL && fh_buf_add_str(&answer.body, "", e) != FH_OK)
        return e->code;
    fh_err rc = read_me(c, &answer, request.url, out, e);
    fh_buf_free(&answer.body);
    return rc;
}

fh_err client_handle(struct client *c, const char **handle, struct fh_error *e)
{
    if (c->settings.handle == NULL) {
        struct identity me;
        FH_TRY(client_identity(c, c->settings.token, c->settings.hub, &me, e));
        c->settings.handle = me.handle;
    }
    *handle = c->settings.handle;
    return FH_OK;
}

fh_err client_need_login(const struct client *c, struct fh_error *e)
{
    if (c->settings.token != NULL)
        return FH_OK;
    return FH_FAIL(
        e, FH_UNAUTHENTICATED,
        "You are not logged in to FloxHub.\n\nTo login you can either\n* login to FloxHub with 'floe "
        "auth login',\n* set the 'floxhub_token' field to '<your token>' in flox's config\n* set the "
        "'$FLOE_TOKEN=<your_token>' environment variable.");
}
