/* Generations made by REST. See rest_make_http.h; how they are built: server/git/wire_make.h.
 *
 *     body -> environment (may it be changed? If-Match) -> files against schema and each other -> wire_make:
 *        one transaction { Idempotency-Key claimed, branch moved, caller judged once more, answer kept }
 *
 * A repetition is answered before anything is built, and once more when building fails: the first request may
 * have been done meanwhile, and then what stands in the way of this one is its own work. */
#include "server/rest/rest_make_http.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "server/config.h"
#include "server/git/wire_http.h"
#include "server/git/wire_large.h"
#include "server/git/wire_make.h"
#include "server/rest/rest_change.h"
#include "server/rest/rest_files.h"
#include "server/rest/rest_key_http.h"
#include "server/rest/rest_large_http.h"

#include <string.h>

static const char *const no_query[] = {NULL};

struct making {
    struct web_request *req;
    const struct rest_body *body;
    struct wire_caller caller;
    struct wire_rules rules;
    struct wire_make make;
    struct wire_files files;
    struct fh_oid tip; /* of what was made */
    struct rest_key key;
    struct rest_made made;
    struct store_env env; /* as it became */
    struct wire_large turn;
};

/* The machine's name in histories: the base URL's host. */
static const char *host_of(struct fh_arena *a, const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return fh_strndup(a, host, *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/"));
}

static void begin(struct making *m, struct web_request *req, const char *owner, const char *name,
                  const char *action)
{
    const struct config *config = req->app->config;
    *m = (struct making){
        .req = req,
        .caller = rest_caller(req),
        .rules = {config->default_visibility, config->default_org_visibility, config->owner_quota},
    };
    m->make = (struct wire_make){
        .repos = req->app->repos,
        .caller = &m->caller,
        .arena = req->arena,
        .remote = req->remote,
        .rules = &m->rules,
        .owner = owner,
        .name = name,
        .action = action,
        .change = {.author = req->actor->handle,
                   .hostname = host_of(req->arena, config->base_url),
                   .timestamp = fh_now()},
    };
}

/* --- in the transaction */

static fh_err claim(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct making *m = arg;
    FH_TRY(rest_key_claim(c, m->req, &m->key, e));
    return m->key.found ? FH_FAIL(e, FH_CONFLICT, "This request was done already.") : FH_OK;
}

/* Under the owner's lock: somebody who is taken out of an organisation just now adds nothing to it any more.
 */
static fh_err judge_again(struct db_conn *c, const struct making *m, struct fh_error *e)
{
    const struct web_request *req = m->req;
    const struct auth_actor *now;
    struct store_owner owner;
    FH_TRY(auth_session_renew(c, req->arena, req->actor, &now, e));
    FH_TRY(store_owner_find(c, req->arena, m->make.owner, &owner, e));
    const struct auth_object object = {.owner_id = owner.id,
                                       .owner_kind = owner.kind,
                                       .owner_disabled = owner.disabled,
                                       .visibility = m->env.visibility};
    return auth_can(&req->app->policy, now, AUTH_ENV_WRITE, &object, e);
}

static fh_err keep(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct making *m = arg;
    struct fh_arena *a = m->req->arena;
    const char *what = fh_sprintf(a, "%s/%s", m->make.owner, m->make.name);
    const char *path = fh_sprintf(a, "/api/v1/environments/%s", what);
    FH_TRY(store_env_find(c, a, m->make.owner, m->make.name, &m->env, e));
    FH_TRY(judge_again(c, m, e));
    bool is_new = m->env.generations == 1;
    m->made = (struct rest_made){
        .name = fh_sprintf(a, "generation %lld of %s", (long long)m->env.generations, what),
        .path = is_new ? path : fh_sprintf(a, "%s/generations/%lld", path, (long long)m->env.generations),
        .etag = rest_env_etag(a, &m->env),
        .body = fh_json_own(a, rest_env_json(m->req, &m->env)),
    };
    return rest_key_keep(c, m->req, &m->key, &m->made, e);
}

static fh_err find_kept(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct making *m = arg;
    struct rest_key *key = &m->key;
    return store_key_find(c, m->req->arena, &key->key, &key->kept, &key->found, e);
}

/* Without claiming the key: of many at once nobody would get it, each being in another's way. */
static fh_err look_for_kept(struct making *m, struct fh_error *e)
{
    return m->key.given ? rest_load(m->req, find_kept, m, e) : FH_OK;
}

/* --- what both kinds of making share */

static const char *text(const struct making *m, const char *member)
{
    return rest_body_text(m->body, member);
}

static fh_err reply(struct making *m, struct web_response *res, fh_err rc, struct fh_error *e)
{
    struct fh_error other = {0};
    if (rc == FH_OK)
        wire_http_changed(m->req, m->make.owner, &m->tip);
    else if (!m->key.found && (look_for_kept(m, &other) != FH_OK || !m->key.found))
        return rc;
    return rest_reply_made(m->req, res, &m->key, &m->made, e);
}

/* --- POST /api/v1/environments */

static const char *const visibilities[] = {"public", "internal", "unlisted", "private", NULL};
static const struct rest_member create_members[] = {
    {.name = "owner", .type = REST_LINE, .required = true, .max = FH_MAX_HANDLE},
    {.name = "name", .type = REST_LINE, .required = true, .max = FH_MAX_ENV_NAME},
    {.name = "visibility", .type = REST_ENUM, .values = visibilities},
    {.name = "manifest", .type = REST_TEXT, .required = true, .max = FH_MAX_MANIFEST},
    {.name = "lock", .type = REST_TEXT, .max = FH_MAX_LOCK_SENT},
};

/* Before anything that the caller sent is looked at closely, or a kept answer is given. */
static fh_err may_create(const struct making *m, struct fh_error *e)
{
    const struct wire_snapshot *s = NULL;
    fh_err rc = wire_repo_hold(m->make.repos, m->make.owner, false, &s, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    rc = wire_accept_create(m->make.repos, m->req->arena, &m->caller, rc == FH_OK ? s : NULL, e);
    wire_repo_drop(m->make.repos, s);
    return rc;
}

static fh_err create(struct making *m, struct fh_error *e)
{
    const char *visibility = text(m, "visibility");
    FH_TRY(may_create(m, e));
    FH_TRY(look_for_kept(m, e));
    if (m->key.found)
        return FH_OK;
    FH_TRY(auth_check_env_name(m->make.name, e));
    FH_TRY(rest_files_check(m->req->arena, text(m, "manifest"), text(m, "lock"), NULL, &m->files, e));
    m->make.change.kind = FH_CHANGE_INITIALIZE;
    m->make.with = (struct wire_with){claim, keep, m};
    return wire_make_environment(&m->make, visibility ? store_visibility_parse(visibility) : 0, &m->files,
                                 &m->tip, e);
}

fh_err rest_env_create(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct making m = {0};
    struct wire_large turn = {0};
    const struct rest_body *body;
    struct rest_key key;
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(wire_large_take(&turn, req->body.size, e));
    fh_err rc = rest_read(req, create_members, sizeof create_members / sizeof *create_members, &body, e);
    if (rc == FH_OK)
        rc = rest_key_read(req, &key, e);
    if (rc == FH_OK) {
        begin(&m, req, rest_body_text(body, "owner"), rest_body_text(body, "name"), "env.create");
        m.body = body;
        m.key = key;
        rc = reply(&m, res, create(&m, e), e);
    }
    wire_large_leave(&turn);
    return rc;
}

/* --- POST …/generations */

static const struct rest_member generation_members[] = {
    {.name = "manifest", .type = REST_TEXT, .required = true, .max = FH_MAX_MANIFEST},
    {.name = "lock", .type = REST_TEXT, .max = FH_MAX_LOCK_SENT},
    {.name = "change", .type = REST_OBJECT},
};

/* The environment as it is now, if it may be changed and is the one that If-Match names. */
static fh_err open_to_change(struct making *m, struct wire_stored **out, struct fh_error *e)
{
    FH_TRY(wire_stored_open(m->make.repos, m->req->arena, &m->caller, m->make.owner, m->make.name,
                            AUTH_ENV_WRITE, false, out, e));
    FH_TRY(look_for_kept(m, e));
    return m->key.found ? FH_OK : rest_env_if_match(m->req, (*out)->env, e);
}

/* History and live files are read too, and may be larger than what was sent. */
static fh_err weigh(struct making *m, const struct wire_stored *s, int64_t generation, struct fh_error *e)
{
    uint64_t size;
    FH_TRY(wire_stored_size(s, generation, &size, e));
    return wire_large_take(&m->turn, size, e);
}

/* Without If-Match nobody said what must hold: then somebody was quicker, no more. */
static fh_err as_asked(const struct making *m, fh_err rc)
{
    return rc == FH_PRECONDITION && !web_header(m->req, "If-Match") ? FH_CONFLICT : rc;
}

static fh_err add_generation(struct making *m, struct fh_error *e)
{
    struct wire_stored *s;
    struct wire_files live = {0};
    struct fh_error none;
    FH_TRY(open_to_change(m, &s, e));
    if (m->key.found)
        return FH_OK;
    FH_TRY(rest_change_read(m->req->arena, rest_body_object(m->body, "change"), &m->make.change, e));
    int64_t previous = text(m, "lock") ? 0 : s->env->live; /* of which packages may serve again */
    FH_TRY(weigh(m, s, previous, e));
    /* One that cannot be read serves nobody; what follows says so where it matters. */
    if (previous > 0 && wire_stored_files(s, previous, &live, &none) != FH_OK)
        live = (struct wire_files){0};
    FH_TRY(rest_files_check(m->req->arena, text(m, "manifest"), text(m, "lock"), &live.lock, &m->files, e));
    m->make.with = (struct wire_with){claim, keep, m};
    return as_asked(m, wire_make_generation(&m->make, &s->env->tip, &m->files, &m->tip, e));
}

fh_err rest_generation_create(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct making m;
    begin(&m, req, req->params[0], req->params[1], "env.generation");
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(wire_large_take(&m.turn, req->body.size, e));
    fh_err rc = rest_read(req, generation_members, sizeof generation_members / sizeof *generation_members,
                          &m.body, e);
    if (rc == FH_OK)
        rc = rest_key_read(req, &m.key, e);
    if (rc == FH_OK)
        rc = reply(&m, res, add_generation(&m, e), e);
    wire_large_leave(&m.turn);
    return rc;
}

/* --- POST …/rollback, …/switch: to what is there, so they need no key to be repeated safely */

static fh_err keep_nothing(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct making *m = arg;
    FH_TRY(store_env_find(c, m->req->arena, m->make.owner, m->make.name, &m->env, e));
    return judge_again(c, m, e);
}

static fh_err go_to(struct web_request *req, struct web_response *res, int64_t generation, struct fh_error *e)
{
    struct making m;
    struct wire_stored *s;
    begin(&m, req, req->params[0], req->params[1], "env.switch");
    FH_TRY(open_to_change(&m, &s, e));
    m.make.change.kind = FH_CHANGE_SWITCH;
    m.make.change.current = generation;
    m.make.with = (struct wire_with){.after = keep_nothing, .arg = &m};
    FH_TRY(weigh(&m, s, 0, e));
    fh_err rc = as_asked(&m, wire_make_generation(&m.make, &s->env->tip, NULL, &m.tip, e));
    wire_large_leave(&m.turn);
    if (rc == FH_INVALID) /* the live one, or none of its generations */
        return FH_MISMATCH;
    FH_TRY(rc);
    wire_http_changed(req, m.make.owner, &m.tip);
    FH_TRY(rest_reply(req, res, 200, rest_env_json(req, &m.env), e));
    web_add_header(res, "ETag", rest_env_etag(req->arena, &m.env));
    return FH_OK;
}

fh_err rest_env_rollback(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct rest_body *body;
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(rest_read(req, NULL, 0, &body, e));
    return go_to(req, res, 0, e);
}

fh_err rest_env_switch(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    static const struct rest_member members[] = {{.name = "generation", .type = REST_INT, .required = true}};
    const struct rest_body *body;
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(rest_read(req, members, 1, &body, e));
    return go_to(req, res, rest_body_int(body, "generation"), e);
}
