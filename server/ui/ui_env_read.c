/* From stored bytes to what a page shows. See ui_env.h.
 *
 * Nothing here comes from rows or from what a client said of itself: a manifest that is shown is the file
 * that a pull brings (the live generation's, from the tip's own tree). */
#include "server/ui/ui_env_read.h"

#include <string.h>

static int by_id(const void *a, const void *b)
{
    const struct fh_lock_package *const *x = a, *const *y = b;
    return strcmp((*x)->install_id, (*y)->install_id);
}

/* The system most people have comes first: its packages are shown at once. */
static const char most_common[] = "x86_64-linux";

static int by_system(const void *a, const void *b)
{
    const struct ui_system *x = a, *y = b;
    bool x_first = strcmp(x->name, most_common) == 0, y_first = strcmp(y->name, most_common) == 0;
    return x_first != y_first ? y_first - x_first : strcmp(x->name, y->name);
}

static struct ui_system *system_of(struct ui_env *env, const char *name)
{
    for (size_t i = 0; i < env->nsystems; i++)
        if (strcmp(env->systems[i].name, name) == 0)
            return &env->systems[i];
    if (env->nsystems == UI_SHOWN_SYSTEMS)
        return NULL;
    struct ui_system *s = &env->systems[env->nsystems++];
    *s = (struct ui_system){.name = name};
    return s;
}

static void sort_packages(struct fh_arena *a, struct ui_env *env, const struct fh_lock *lock)
{
    env->systems = fh_alloc(a, UI_SHOWN_SYSTEMS * sizeof *env->systems);
    for (size_t i = 0; i < lock->npackages; i++) {
        struct ui_system *s = system_of(env, lock->packages[i].system);
        if (s)
            s->npackages++;
        else
            env->unshown++;
    }
    for (size_t i = 0; i < env->nsystems; i++) {
        struct ui_system *s = &env->systems[i];
        s->packages = fh_alloc(a, s->npackages * sizeof *s->packages);
        size_t n = 0;
        for (size_t k = 0; k < lock->npackages; k++)
            if (strcmp(lock->packages[k].system, s->name) == 0)
                s->packages[n++] = &lock->packages[k];
        qsort(s->packages, n, sizeof *s->packages, by_id);
    }
    qsort(env->systems, env->nsystems, sizeof *env->systems, by_system);
}

void ui_env_set_lock(struct fh_arena *a, struct ui_env *env, const char *bytes, size_t n)
{
    const struct fh_lock *lock;
    struct fh_error why = {0};
    env->nsystems = 0;
    if (!bytes)
        env->lock_note = "This generation was not locked.";
    else if (n > UI_READ_LOCK)
        env->lock_note = "The lock is too large to list its packages here.";
    else if (fh_lock_parse(a, bytes, n, "manifest.lock", &lock, &why) != FH_OK)
        env->lock_note = fh_sprintf(a, "The lock cannot be read: %s", why.msg);
    else
        sort_packages(a, env, lock);
}

void ui_env_set_history(struct fh_arena *a, struct ui_env *env, const struct fh_metadata *history)
{
    env->live = history->live;
    env->generations = fh_metadata_generations(a, history, &env->ngenerations);
}

static fh_err read_live(const struct wire_stored *s, struct ui_env *env, struct fh_error *e)
{
    struct wire_files files;
    struct fh_error why = {0};
    fh_err rc = wire_stored_files(s, env->live, &files, &why);
    if (rc == FH_NOT_FOUND || rc == FH_TOO_LARGE || rc == FH_INVALID) {
        env->manifest_note = env->lock_note =
            fh_sprintf(s->arena, "The live generation cannot be read: %s", why.msg);
        return FH_OK;
    }
    if (rc != FH_OK)
        return FH_FAIL(e, rc, "%s", why.msg);
    env->manifest = files.manifest.bytes;
    env->manifest_size = files.manifest.n;
    ui_env_set_lock(s->arena, env, files.lock.bytes, files.lock.n);
    return FH_OK;
}

void ui_env_name(const struct wire_stored *s, struct ui_env *env)
{
    char tip[FH_OID_HEX + 1];
    fh_oid_format(&s->env->tip, tip);
    *env = (struct ui_env){
        .owner = s->env->owner,
        .name = s->env->name,
        .visibility = store_visibility_name(s->env->visibility),
        .tip = fh_strdup(s->arena, tip),
        .created_at = s->env->created_at,
        .updated_at = s->env->updated_at,
    };
}

fh_err ui_env_read(const struct wire_stored *s, struct wire_large *turn, struct ui_env *env,
                   struct fh_error *e)
{
    const struct fh_metadata *history;
    struct fh_error why = {0};
    uint64_t size;
    FH_TRY(wire_stored_size(s, s->env->live, &size, e));
    FH_TRY(wire_large_take(turn, size, e));
    fh_err rc = wire_stored_metadata(s, &history, &why);
    if (rc == FH_INVALID || rc == FH_NOT_FOUND || rc == FH_TOO_LARGE) {
        env->history_note =
            fh_sprintf(s->arena, "The history of this environment cannot be read: %s", why.msg);
        env->manifest_note = env->lock_note = "Which generation is live is not known.";
        return FH_OK;
    }
    if (rc != FH_OK)
        return FH_FAIL(e, rc, "%s", why.msg);
    ui_env_set_history(s->arena, env, history);
    if (env->live > 0)
        return read_live(s, env, e);
    env->manifest_note = env->lock_note = "There is no live generation yet.";
    return FH_OK;
}
