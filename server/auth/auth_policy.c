/* The policy: one pure function, no database, no clock. docs/decisions/0002-access.md gives the reasons.
 *
 *     auth_can = in_general (who is calling, with what token: the route level)
 *                then, when there is an object, on_object (what that caller is to that object)
 */
#include "server/auth/auth.h"

#include "server/store/see.h"

#include <string.h>

static const struct auth_actor anonymous = {.state = AUTH_ANONYMOUS};

const struct auth_actor *auth_anonymous(void)
{
    return &anonymous;
}

const char *auth_action_name(enum auth_action action)
{
    static const char *const names[AUTH_ACTIONS_END] = {
        [AUTH_OPEN] = "open",
        [AUTH_WHOAMI] = "whoami",
        [AUTH_GIT_READ] = "git.read",
        [AUTH_GIT_WRITE] = "git.write",
        [AUTH_ENV_LIST] = "env.list",
        [AUTH_ENV_READ] = "env.read",
        [AUTH_ENV_CREATE] = "env.create",
        [AUTH_ENV_WRITE] = "env.write",
        [AUTH_ENV_ADMIN] = "env.admin",
        [AUTH_OWNER_SEE] = "owner.see",
        [AUTH_OWNER_READ] = "owner.read",
        [AUTH_OWNER_ADMIN] = "owner.admin",
        [AUTH_AUDIT_READ] = "audit.read",
        [AUTH_ORG_CREATE] = "org.create",
        [AUTH_TOKEN_CREATE] = "token.create",
        [AUTH_TOKEN_REVOKE] = "token.revoke",
        [AUTH_CATALOG_LIST] = "catalog.list",
        [AUTH_CATALOG_READ] = "catalog.read",
        [AUTH_CATALOG_RESOLVE] = "catalog.resolve",
        [AUTH_CATALOG_ADMIN] = "catalog.admin",
        [AUTH_HUB_ADMIN] = "hub.admin",
    };
    return action > 0 && action < AUTH_ACTIONS_END ? names[action] : "unknown";
}

enum store_role auth_role_in(const struct auth_actor *actor, int64_t owner_id)
{
    if (actor->state != AUTH_VALID || owner_id == 0)
        return STORE_NO_ROLE;
    if (actor->kind == STORE_ORG) {
        if (actor->owner_id != owner_id)
            return STORE_NO_ROLE;
        return actor->scope == STORE_SCOPE_ADMIN   ? STORE_OWNER
               : actor->scope == STORE_SCOPE_WRITE ? STORE_WRITER
               : actor->scope == STORE_SCOPE_READ  ? STORE_READER
                                                   : STORE_NO_ROLE;
    }
    if (actor->owner_id == owner_id)
        return STORE_OWNER;
    for (size_t i = 0; i < actor->nroles; i++)
        if (actor->roles[i].owner_id == owner_id)
            return actor->roles[i].role;
    return STORE_NO_ROLE;
}

static bool is_hub_admin(const struct auth_actor *a)
{
    return a->state == AUTH_VALID && a->kind == STORE_USER && a->hub_admin && a->scope == STORE_SCOPE_ADMIN;
}

static fh_err log_in(const struct auth_actor *a, struct fh_error *e)
{
    switch (a->state) {
    case AUTH_EXPIRED:
        return FH_FAIL(e, FH_UNAUTHENTICATED, "This token has expired. Log in again.");
    case AUTH_REVOKED:
        return FH_FAIL(e, FH_UNAUTHENTICATED, "This token was revoked. Log in again.");
    case AUTH_DISABLED:
        return FH_FAIL(e, FH_UNAUTHENTICATED,
                       "The account of this token is disabled. Ask the hub's administrator.");
    case AUTH_UNKNOWN:
        return FH_FAIL(e, FH_UNAUTHENTICATED, "This token is not one of this hub's. Log in again.");
    case AUTH_VALID:
    case AUTH_ANONYMOUS:
        break;
    }
    return FH_FAIL(e, FH_UNAUTHENTICATED, "Log in to do this.");
}

/* What an action asks of the caller, whatever the object. */
struct demand {
    bool open;              /* not even require_login stands in its way */
    bool login;             /* a valid token */
    enum store_scope scope; /* at least; 0: any */
    enum store_role role;   /* in the object's owner, at least; 0: none */
    bool env;               /* the object is an environment, which may have to look absent */
    bool see;               /* it is an owner, whose existence its environments show or hide */
    bool catalog;           /* it is a catalog, which is hidden as an environment is */
    bool resolve;           /* of which packages are to be locked */
};
static const struct demand demands[AUTH_ACTIONS_END] = {
    [AUTH_OPEN] = {.open = true},
    [AUTH_WHOAMI] = {.login = true},
    [AUTH_GIT_READ] = {0},
    [AUTH_GIT_WRITE] = {.login = true, .scope = STORE_SCOPE_WRITE},
    [AUTH_ENV_LIST] = {.env = true},
    [AUTH_ENV_READ] = {.env = true},
    [AUTH_ENV_CREATE] = {.login = true, .scope = STORE_SCOPE_WRITE, .role = STORE_WRITER},
    [AUTH_ENV_WRITE] = {.login = true, .scope = STORE_SCOPE_WRITE, .role = STORE_WRITER, .env = true},
    [AUTH_ENV_ADMIN] = {.login = true, .scope = STORE_SCOPE_WRITE, .role = STORE_OWNER, .env = true},
    [AUTH_OWNER_SEE] = {.see = true},
    [AUTH_OWNER_READ] = {.login = true, .role = STORE_READER},
    [AUTH_OWNER_ADMIN] = {.login = true, .scope = STORE_SCOPE_ADMIN, .role = STORE_OWNER},
    [AUTH_AUDIT_READ] = {.login = true, .scope = STORE_SCOPE_ADMIN, .role = STORE_OWNER},
    [AUTH_ORG_CREATE] = {.login = true, .scope = STORE_SCOPE_ADMIN},
    [AUTH_TOKEN_CREATE] = {.login = true, .scope = STORE_SCOPE_ADMIN, .role = STORE_OWNER},
    [AUTH_TOKEN_REVOKE] = {.login = true, .scope = STORE_SCOPE_ADMIN, .role = STORE_OWNER},
    [AUTH_CATALOG_LIST] = {.catalog = true},
    [AUTH_CATALOG_READ] = {.catalog = true},
    [AUTH_CATALOG_RESOLVE] = {.catalog = true, .resolve = true},
    [AUTH_CATALOG_ADMIN] = {.login = true, .scope = STORE_SCOPE_ADMIN, .role = STORE_OWNER, .catalog = true},
    [AUTH_HUB_ADMIN] = {.login = true, .scope = STORE_SCOPE_ADMIN},
};

static fh_err in_general(const struct auth_policy *policy, const struct auth_actor *a,
                         enum auth_action action, struct fh_error *e)
{
    const struct demand *d = &demands[action];
    if (d->open)
        return FH_OK;
    if (a->state != AUTH_VALID &&
        (d->login || policy->require_login || (d->catalog && policy->catalog_login) ||
         (d->resolve && policy->resolve_login)))
        return log_in(a, e);
    if (action == AUTH_GIT_READ && !a->challenge_answered)
        return log_in(a, e);
    if (d->scope && a->scope < d->scope)
        return FH_FAIL(e, FH_DENIED, "This token's scope is \"%s\", and this needs one with scope \"%s\".",
                       store_scope_name(a->scope), store_scope_name(d->scope));
    if (action == AUTH_HUB_ADMIN && !is_hub_admin(a))
        return FH_FAIL(e, FH_DENIED, "Only an administrator of this hub may do this.");
    if (action == AUTH_ORG_CREATE && a->kind != STORE_USER)
        return FH_FAIL(e, FH_DENIED, "Only a user may create an organisation, not another organisation.");
    if (action == AUTH_ORG_CREATE && !policy->users_create_orgs && !is_hub_admin(a))
        return FH_FAIL(e, FH_DENIED, "On this hub only an administrator creates organisations.");
    return FH_OK;
}

/* May a caller without a role in its owner read an environment of this visibility? A visibility that is none
 * of the four hides. */
static bool is_visible(const struct auth_actor *a, enum store_visibility v, bool named)
{
    switch (v) {
    case STORE_PUBLIC:
        return true;
    case STORE_INTERNAL:
        return a->state == AUTH_VALID;
    case STORE_UNLISTED:
        return named;
    case STORE_PRIVATE:
        break;
    }
    return false;
}

static fh_err absent(const struct demand *d, struct fh_error *e)
{
    return FH_FAIL(e, FH_NOT_FOUND, "There is no such %s, or it is not visible to you.",
                   d->env       ? "environment"
                   : d->catalog ? "catalog"
                                : "owner");
}

static fh_err lacks_role(enum auth_action action, struct fh_error *e)
{
    switch ((int)action) {
    case AUTH_ENV_CREATE:
        return FH_FAIL(e, FH_DENIED, "You may not create environments under this owner.");
    case AUTH_ENV_WRITE:
        return FH_FAIL(e, FH_DENIED, "You may read this environment, but not change it.");
    case AUTH_ENV_ADMIN:
        return FH_FAIL(e, FH_DENIED,
                       "Only an owner may change the visibility or name of this environment, or delete it.");
    case AUTH_CATALOG_ADMIN:
        return FH_FAIL(e, FH_DENIED, "Only an owner of this catalog may do this.");
    default:
        return FH_FAIL(e, FH_DENIED, "Only an owner of this organisation may do this.");
    }
}

static fh_err on_object(const struct auth_actor *a, enum auth_action action, const struct auth_object *o,
                        struct fh_error *e)
{
    const struct demand *d = &demands[action];
    if (!d->env && !d->role && !d->see && !d->catalog)
        return FH_OK; /* the action has no object */
    if (action == AUTH_TOKEN_CREATE && o->owner_kind == STORE_USER && o->owner_id != a->owner_id)
        return FH_FAIL(e, FH_DENIED,
                       "A token is made by its user alone; the operator makes one for somebody with "
                       "\"floe-server token create\".");
    if (is_hub_admin(a) && (o->owner_id != 0 || (o->of_hub && d->catalog)))
        return FH_OK;
    enum store_role role = auth_role_in(a, o->owner_id);
    if (d->see) {
        if (o->owner_id == 0 || (role == STORE_NO_ROLE && !is_visible(a, o->visibility, false)))
            return absent(d, e);
    } else if (d->env || d->catalog) {
        /* Who may change an environment knows its name, so "named" holds for all but lists. */
        bool named = action != AUTH_ENV_LIST && action != AUTH_CATALOG_LIST;
        bool seen = role >= STORE_READER || is_visible(a, o->visibility, named);
        if ((o->owner_id == 0 && !(d->catalog && o->of_hub)) || !seen)
            return absent(d, e);
    } else if (role == STORE_NO_ROLE && action != AUTH_ENV_CREATE) {
        return absent(d, e);
    }
    if (d->role && role < d->role)
        return lacks_role(action, e);
    if (d->role > STORE_READER && o->owner_disabled)
        return FH_FAIL(e, FH_DENIED, "This account is disabled: what it has can be read, but not changed.");
    return FH_OK;
}

fh_err auth_may_grant(const struct auth_actor *actor, enum store_scope scope, int64_t expires_at,
                      struct fh_error *e)
{
    if (scope > actor->scope)
        return FH_FAIL(e, FH_DENIED, "This token's scope is \"%s\", so it cannot make one with scope \"%s\".",
                       store_scope_name(actor->scope), store_scope_name(scope));
    if (actor->expires_at && (expires_at == 0 || expires_at > actor->expires_at))
        return FH_FAIL(
            e, FH_DENIED,
            "This token expires, so it cannot make one that is good for longer. Name an expiry that "
            "is not behind its own, or use a token without one.");
    return FH_OK;
}

fh_err auth_can(const struct auth_policy *policy, const struct auth_actor *actor, enum auth_action action,
                const struct auth_object *object, struct fh_error *e)
{
    FH_ASSERT(e, action > 0 && action < AUTH_ACTIONS_END);
    FH_TRY(in_general(policy, actor, action, e));
    return object ? on_object(actor, action, object, e) : FH_OK;
}

/* The same as on_object and is_visible have it of AUTH_ENV_LIST; the store asks it of many at once. */
const struct store_viewer *auth_viewer(struct fh_arena *a, const struct auth_policy *policy,
                                       const struct auth_actor *actor)
{
    struct store_viewer *v = fh_alloc(a, sizeof *v);
    if (in_general(policy, actor, AUTH_ENV_LIST, NULL) != FH_OK)
        return v;
    v->everything = is_hub_admin(actor);
    v->widest = actor->state == AUTH_VALID ? STORE_INTERNAL : STORE_PUBLIC;
    int64_t *owners = fh_alloc(a, (actor->nroles + 1) * sizeof *owners);
    if (auth_role_in(actor, actor->owner_id) != STORE_NO_ROLE)
        owners[v->nowners++] = actor->owner_id;
    for (size_t i = 0; actor->kind == STORE_USER && i < actor->nroles; i++)
        if (auth_role_in(actor, actor->roles[i].owner_id) != STORE_NO_ROLE)
            owners[v->nowners++] = actor->roles[i].owner_id;
    v->owners = owners;
    return v;
}
