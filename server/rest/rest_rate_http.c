/* The limit on rates, where the router asks who calls. See rest_rate_http.h. */
#include "server/rest/rest_rate_http.h"

#include "common/buf.h"
#include "common/clock.h"
#include "server/auth/auth_http.h"
#include "server/rest/rest.h"
#include "server/rest/rest_rate.h"

#include <arpa/inet.h>
#include <string.h>

/* What scripts call. The catalog is what clients call, as they do git: a machine resolves many environments
 * in a minute, an office comes from one address, and no client waits and asks again. */
static bool is_limited(const struct web_request *req)
{
    static const char below[] = "/api/v1/", but[] = "/api/v1/catalog/";
    const char *pattern = req->route->pattern;
    return strncmp(pattern, below, sizeof below - 1) == 0 && strncmp(pattern, but, sizeof but - 1) != 0;
}

static struct rest_caller by_address(const struct web_request *req)
{
    struct rest_caller c = {.kind = REST_BY_ADDRESS};
    if (inet_pton(AF_INET, req->remote, c.id + 12) == 1)
        memset(c.id, 0xff, 12); /* of no /64 that is given out */
    else if (inet_pton(AF_INET6, req->remote, c.id) == 1)
        memset(c.id + 8, 0, 8);
    return c;
}

static struct rest_caller by_owner(const struct auth_actor *actor)
{
    struct rest_caller c = {.kind = REST_BY_OWNER};
    memcpy(c.id, &actor->owner_id, sizeof actor->owner_id);
    return c;
}

static fh_err pay(struct web_request *req, const struct rest_caller *caller, struct fh_error *e)
{
    int seconds = rest_rate_take(rest_rates(req->app), caller, fh_ticks_ms());
    if (seconds == 0) {
        req->paid = (int)caller->kind;
        return FH_OK;
    }
    fh_err rc =
        FH_FAIL(e, FH_LIMITED,
                "That was more requests than this hub takes from one caller. Try again in %d second%s.",
                seconds, seconds == 1 ? "" : "s");
    e->retry_after = seconds;
    return rc;
}

/* The actor is known: it pays, and an address that did so for it gets its own back. */
static fh_err settle(struct web_request *req, struct fh_error *e)
{
    const struct rest_caller address = by_address(req);
    bool known = req->actor && req->actor->state == AUTH_VALID;
    if (!known)
        return req->paid ? FH_OK : pay(req, &address, e);
    if (req->paid == REST_BY_OWNER)
        return FH_OK;
    if (req->paid == REST_BY_ADDRESS)
        rest_rate_return(rest_rates(req->app), &address, fh_ticks_ms());
    const struct rest_caller owner = by_owner(req->actor);
    return pay(req, &owner, e);
}

fh_err rest_http_authenticate(struct web_request *req, struct fh_error *e)
{
    if (!is_limited(req))
        return auth_http_authenticate(req, e);
    struct fh_error why = {0};
    bool inline_only = req->inline_only;
    req->inline_only = true;
    fh_err rc = auth_http_authenticate(req, &why);
    req->inline_only = inline_only;
    if (rc == FH_AGAIN) {
        const struct rest_caller address = by_address(req);
        if (!req->paid)
            FH_TRY(pay(req, &address, e));
        if (inline_only)
            return FH_FAIL(e, rc, "%s", why.msg);
        rc = auth_http_authenticate(req, &why);
    }
    if (rc == FH_OK || rc == FH_UNAUTHENTICATED)
        FH_TRY(settle(req, e));
    return rc == FH_OK ? FH_OK : FH_FAIL(e, rc, "%s", why.msg);
}

fh_err rest_http_metrics(const struct app *app, struct fh_buf *out, struct fh_error *e)
{
    struct rest_rate *r = rest_rates(app);
    return fh_buf_addf(out, e,
                       "# HELP floe_rest_limited_total Requests refused because their caller made too many.\n"
                       "# TYPE floe_rest_limited_total counter\n"
                       "floe_rest_limited_total{caller=\"owner\"} %llu\n"
                       "floe_rest_limited_total{caller=\"address\"} %llu\n",
                       (unsigned long long)rest_rate_refused(r, REST_BY_OWNER),
                       (unsigned long long)rest_rate_refused(r, REST_BY_ADDRESS));
}
