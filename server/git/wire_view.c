/* What a caller may see. See wire_view.h. */
#include "server/git/wire_view.h"

#include "common/clock.h"

enum { RECENT_SECONDS = 10 * 60 };

struct auth_object wire_view_object(const struct wire_snapshot *s, const struct store_env *env)
{
    if (!s)
        return (struct auth_object){.owner_id = 0};
    return (struct auth_object){
        .owner_id = s->repo.owner.id,
        .owner_kind = s->repo.owner.kind,
        .owner_disabled = s->repo.owner.disabled,
        .visibility = env ? env->visibility : 0,
    };
}

const struct store_env *wire_view_find(const struct wire_snapshot *s, const char *name)
{
    for (size_t i = 0; i < s->repo.nenvs; i++)
        if (strcmp(s->repo.envs[i].name, name) == 0)
            return &s->repo.envs[i];
    return NULL;
}

const struct store_env *wire_view_head(const struct wire_view *v)
{
    const struct store_env *first = NULL;
    size_t n = v->snapshot ? v->snapshot->repo.nenvs : 0;
    for (size_t i = 0; i < n; i++) {
        const struct store_env *env = &v->snapshot->repo.envs[i];
        if (v->listed[i] && strcmp(env->name, "default") == 0)
            return env;
        if (v->listed[i] && !first)
            first = env;
    }
    return first;
}

bool wire_view_is_blank(const struct wire_view *v)
{
    return wire_view_head(v) == NULL;
}

static bool may(const struct wire_caller *caller, enum auth_action action, const struct auth_object *object)
{
    return auth_can(caller->policy, caller->actor, action, object, NULL) == FH_OK;
}

static bool env_is_readable(const struct wire_view *v, int64_t env_id)
{
    for (size_t i = 0; i < v->snapshot->repo.nenvs; i++)
        if (v->snapshot->repo.envs[i].id == env_id)
            return v->readable[i];
    return false;
}

struct wire_view *wire_view_make(struct fh_arena *a, const struct wire_caller *caller,
                                 const struct wire_snapshot *s)
{
    struct wire_view *v = fh_alloc(a, sizeof *v);
    v->snapshot = s;
    if (!s)
        return v;
    const struct store_repo *repo = &s->repo;
    v->listed = fh_alloc(a, (repo->nenvs + 1) * sizeof *v->listed);
    v->readable = fh_alloc(a, (repo->nenvs + 1) * sizeof *v->readable);
    v->tips = fh_alloc(a, (repo->nenvs + repo->nrecent + 1) * sizeof *v->tips);
    for (size_t i = 0; i < repo->nenvs; i++) {
        struct auth_object object = wire_view_object(s, &repo->envs[i]);
        v->listed[i] = may(caller, AUTH_ENV_LIST, &object);
        v->readable[i] = v->listed[i] || may(caller, AUTH_ENV_READ, &object);
        if (v->readable[i])
            v->tips[v->ntips++] = repo->envs[i].tip;
    }
    /* The snapshot may be old: what was recent when it was loaded need not be so now. */
    int64_t since = fh_now() - RECENT_SECONDS;
    for (size_t i = 0; i < repo->nrecent; i++)
        if (repo->recent[i].replaced_at >= since && env_is_readable(v, repo->recent[i].env_id))
            v->tips[v->ntips++] = repo->recent[i].tip;
    return v;
}
