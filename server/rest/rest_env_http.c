/* Environments. See rest_env_http.h.
 *
 * Reading goes by the owner's snapshot, as a fetch does; changes are made on rows, under the owner's lock. */
#include "server/rest/rest_env_http.h"

#include "common/ceilings.h"
#include "server/git/wire_large.h"
#include "server/git/wire_meta.h"
#include "server/git/wire_stored.h"
#include "server/rest/rest_account_http.h"
#include "server/rest/rest_large_http.h"
#include "server/store/see.h"

static const char *const no_query[] = {NULL};
static const char *const visibilities[] = {"public", "internal", "unlisted", "private", NULL};

struct wire_caller rest_caller(const struct web_request *req)
{
    return (struct wire_caller){&req->app->policy, req->actor};
}

static json_t *number_or_null(int64_t n)
{
    return n >= 0 ? json_integer(n) : json_null();
}

json_t *rest_env_json(const struct web_request *req, const struct store_env *env)
{
    char tip[FH_OID_HEX + 1];
    const char *page = fh_sprintf(req->arena, "/%s/%s", env->owner, env->name);
    fh_oid_format(&env->tip, tip);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "owner", env->owner, "name", env->name,
        "visibility", store_visibility_name(env->visibility), "tip", tip, "generations",
        number_or_null(env->generations), "live", number_or_null(env->live), "broken", rest_text(env->broken),
        "role", rest_role_json(auth_role_in(req->actor, env->owner_id)), "created_at",
        rest_time(env->created_at), "updated_at", rest_time(env->updated_at), "url", rest_url(req, page));
}

const char *rest_env_etag(struct fh_arena *a, const struct store_env *env)
{
    char tip[FH_OID_HEX + 1];
    fh_oid_format(&env->tip, tip);
    return fh_sprintf(a, "\"%s-%s\"", tip, store_visibility_name(env->visibility));
}

fh_err rest_env_if_match(const struct web_request *req, const struct store_env *env, struct fh_error *e)
{
    char tip[FH_OID_HEX + 1];
    fh_oid_format(&env->tip, tip);
    return rest_if_match(req, rest_env_etag(req->arena, env), fh_sprintf(req->arena, "\"%s\"", tip), e);
}

json_t *rest_bytes(const char *bytes, size_t n)
{
    json_t *text = bytes && !memchr(bytes, '\0', n) ? json_stringn(bytes, n) : NULL;
    return text ? text : json_null();
}

/* --- GET /api/v1/environments */

struct list_work {
    const struct web_request *req;
    struct store_env_query query;
    struct store_env *envs;
    size_t n;
};

static fh_err load_list(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct list_work *w = arg;
    const struct web_request *req = w->req;
    const struct store_viewer *viewer = auth_viewer(req->arena, &req->app->policy, req->actor);
    return store_env_page(c, req->arena, viewer, &w->query, &w->envs, &w->n, e);
}

static fh_err read_filters(struct web_request *req, struct store_env_query *out, struct fh_error *e)
{
    static const char *const names[] = {"owner", "q", "visibility", "limit", "cursor", NULL};
    struct rest_page page;
    const char *visibility = web_query(req, "visibility"), *part = web_query(req, "q");
    FH_TRY(rest_query(req, names, e));
    FH_TRY(rest_page_read(req, &page, e));
    FH_TRY(rest_page_id(&page, &out->after, e));
    out->limit = page.limit + 1;
    out->owner = web_query(req, "owner");
    out->part = part && *part ? part : NULL;
    out->visibility = visibility ? store_visibility_parse(visibility) : 0;
    if (visibility && !out->visibility)
        return FH_FAIL(e, FH_INVALID, "visibility must be public, internal, unlisted or private.");
    return FH_OK;
}

fh_err rest_env_list(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct list_work w = {.req = req};
    const char *next = NULL;
    FH_TRY(read_filters(req, &w.query, e));
    FH_TRY(rest_load(req, load_list, &w, e));
    if (w.n == w.query.limit) {
        w.n--;
        next = fh_sprintf(req->arena, "%lld", (long long)w.envs[w.n - 1].id);
    }
    json_t *items = json_array();
    for (size_t i = 0; i < w.n; i++)
        fh_json_push(items, rest_env_json(req, &w.envs[i]));
    return rest_reply_list(req, res, items, next, e);
}

/* --- GET /api/v1/environments/{owner}/{name} */

static fh_err show_env(struct web_request *req, struct web_response *res, const struct wire_stored *s,
                       struct fh_error *e)
{
    const struct store_env *env = s->env;
    struct wire_files files = {0};
    fh_err rc = env->live > 0 ? wire_stored_files(s, env->live, &files, e) : FH_OK;
    if (rc != FH_OK && rc != FH_NOT_FOUND) /* a history may tell of files that are not there */
        return rc;
    json_t *body = rest_env_json(req, env);
    fh_json_set(body, "manifest", rest_bytes(files.manifest.bytes, files.manifest.n));
    fh_json_set(body, "lock", rest_bytes(files.lock.bytes, files.lock.n));
    return rest_reply_large(req, res, body, rest_env_etag(req->arena, env), e);
}

fh_err rest_env_get(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    const struct wire_caller caller = rest_caller(req);
    struct fh_arena *a = fh_arena_new(); /* what is read need not wait until the answer was sent */
    struct wire_stored *s = NULL;
    struct wire_large turn = {0};
    uint64_t size = 0;
    fh_err rc = rest_query(req, no_query, e);
    if (rc == FH_OK)
        rc = wire_stored_open(req->app->repos, a, &caller, req->params[0], req->params[1], AUTH_ENV_READ,
                              false, &s, e);
    if (rc == FH_OK && !rest_reply_unchanged(req, res, rest_env_etag(req->arena, s->env))) {
        rc = wire_stored_size(s, s->env->live, &size, e);
        if (rc == FH_OK)
            rc = wire_large_take(&turn, size, e);
        if (rc == FH_OK)
            rc = show_env(req, res, s, e);
    }
    fh_arena_free(a);
    wire_large_leave(&turn);
    return rc;
}

/* --- changes */

struct change_work {
    struct web_request *req;
    const struct rest_body *body;
    struct store_owner owner;
    struct store_env env;                    /* as it is, and then as it became */
    const struct store_generations *earlier; /* of the tip that is gone back to */
    struct fh_oid tip;                       /* that one */
};

/* Whoever asks, the same is looked up: what is absent and what is hidden take as long. */
static fh_err find_to_change(struct db_conn *c, struct change_work *w, const struct auth_actor *actor,
                             bool deleted, struct fh_error *e)
{
    const struct web_request *req = w->req;
    const char *owner = req->params[0], *name = req->params[1];
    struct auth_object object = {0};
    fh_err has_owner = store_owner_find(c, req->arena, owner, &w->owner, e);
    if (has_owner != FH_OK && has_owner != FH_NOT_FOUND)
        return has_owner;
    fh_err has_env = deleted ? store_env_find_deleted(c, req->arena, owner, name, &w->env, e)
                             : store_env_find(c, req->arena, owner, name, &w->env, e);
    if (has_env != FH_OK && has_env != FH_NOT_FOUND)
        return has_env;
    /* A deleted one is there for its owners alone. */
    if (has_owner == FH_OK && (has_env == FH_OK || deleted))
        object = (struct auth_object){.owner_id = w->owner.id,
                                      .owner_kind = w->owner.kind,
                                      .owner_disabled = w->owner.disabled,
                                      .visibility = deleted ? STORE_PRIVATE : w->env.visibility};
    FH_TRY(auth_can(&req->app->policy, actor, AUTH_ENV_ADMIN, &object, e));
    return has_env == FH_OK ? FH_OK
                            : FH_FAIL(e, FH_NOT_FOUND, "There is no deleted environment %s/%s.", owner, name);
}

/* Under the owner's lock the caller is judged once more, by what it is at that moment. */
static fh_err lock_to_change(struct db_conn *c, struct change_work *w, bool deleted, struct fh_error *e)
{
    const struct web_request *req = w->req;
    const struct auth_actor *now;
    FH_TRY(find_to_change(c, w, req->actor, deleted, e));
    FH_TRY(store_owner_lock(c, req->arena, w->owner.id, NULL, e));
    FH_TRY(auth_session_renew(c, req->arena, req->actor, &now, e));
    FH_TRY(find_to_change(c, w, now, deleted, e));
    return rest_env_if_match(req, &w->env, e);
}

static fh_err reply_changed(struct web_request *req, struct web_response *res, const struct store_env *env,
                            struct fh_error *e)
{
    FH_TRY(rest_reply(req, res, 200, rest_env_json(req, env), e));
    web_add_header(res, "ETag", rest_env_etag(req->arena, env));
    return FH_OK;
}

/* --- PATCH */

static const struct rest_member patch_members[] = {
    {.name = "visibility", .type = REST_ENUM, .values = visibilities},
    {.name = "name", .type = REST_LINE, .max = FH_MAX_ENV_NAME},
};

static fh_err patch_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct change_work *w = arg;
    const struct web_request *req = w->req;
    const struct store_actor by = rest_by(req);
    const char *visibility = rest_body_text(w->body, "visibility"), *name = rest_body_text(w->body, "name");
    FH_TRY(lock_to_change(c, w, false, e));
    enum store_visibility v = visibility ? store_visibility_parse(visibility) : w->env.visibility;
    if (v != w->env.visibility)
        FH_TRY(store_env_set_visibility(c, w->env.id, v, &by, e));
    if (name && strcmp(name, w->env.name) != 0)
        FH_TRY(store_env_rename(c, w->env.id, name, &by, e));
    return store_env_find(c, req->arena, req->params[0], name ? name : req->params[1], &w->env, e);
}

fh_err rest_env_patch(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct change_work w = {.req = req};
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(rest_read(req, patch_members, sizeof patch_members / sizeof *patch_members, &w.body, e));
    const char *name = rest_body_text(w.body, "name");
    if (name)
        FH_TRY(auth_check_env_name(name, e));
    FH_TRY(rest_change(req, patch_rows, &w, REST_ENVIRONMENTS, req->params[0], e));
    return reply_changed(req, res, &w.env, e);
}

/* --- DELETE */

static fh_err delete_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct change_work *w = arg;
    const struct store_actor by = rest_by(w->req);
    FH_TRY(lock_to_change(c, w, false, e));
    return store_env_delete(c, w->env.id, &by, e);
}

fh_err rest_env_delete(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct change_work w = {.req = req};
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(rest_change(req, delete_rows, &w, REST_ENVIRONMENTS, req->params[0], e));
    rest_reply_nothing(res);
    return FH_OK;
}

/* --- POST …/restore */

static const struct rest_member restore_members[] = {
    {.name = "tip", .type = REST_LINE, .max = FH_OID_HEX},
};

static fh_err restore_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct change_work *w = arg;
    const struct web_request *req = w->req;
    const struct store_actor by = rest_by(req);
    FH_TRY(lock_to_change(c, w, !w->earlier, e));
    FH_TRY(store_env_restore(c, req->params[0], req->params[1], w->earlier ? &w->tip : NULL, &by, e));
    if (w->earlier)
        FH_TRY(store_generations_set(c, w->env.id, w->earlier, e));
    return store_env_find(c, req->arena, req->params[0], req->params[1], &w->env, e);
}

/* The generations as they stand in an earlier tip. The log, by which it is one, is asked in the transaction.
 */
static fh_err read_earlier(struct change_work *w, const char *tip, struct fh_error *e)
{
    struct web_request *req = w->req;
    const struct wire_caller caller = rest_caller(req);
    struct store_generations *generations = fh_alloc(req->arena, sizeof *generations);
    struct wire_stored *s;
    if (!fh_oid_parse(tip, strlen(tip), &w->tip))
        return FH_FAIL(e, FH_INVALID, "\"tip\" must be a commit, by its 40 hexadecimal digits.");
    FH_TRY(wire_stored_open(req->app->repos, req->arena, &caller, req->params[0], req->params[1],
                            AUTH_ENV_ADMIN, false, &s, e));
    if (!wire_packs_has(s->snapshot->packs, &w->tip))
        return FH_FAIL(e, FH_NOT_FOUND, "%s/%s has not been at %s as far back as its log goes.",
                       req->params[0], req->params[1], tip);
    w->earlier = generations;
    return wire_meta_read_kept(req->arena, s->reader, &w->tip, generations, e);
}

fh_err rest_env_restore(struct web_request *req, struct web_response *res, struct fh_error *e)
{
    struct change_work w = {.req = req};
    FH_TRY(rest_query(req, no_query, e));
    FH_TRY(rest_read(req, restore_members, sizeof restore_members / sizeof *restore_members, &w.body, e));
    const char *tip = rest_body_text(w.body, "tip");
    if (tip)
        FH_TRY(read_earlier(&w, tip, e));
    FH_TRY(rest_change(req, restore_rows, &w, REST_ENVIRONMENTS, req->params[0], e));
    return reply_changed(req, res, &w.env, e);
}
