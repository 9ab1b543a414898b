/* Telling of a new lock. See lock_say.h. */
#include "client/lock_say.h"

#include "client/say.h"
#include "common/system.h"

#include <string.h>

const struct fh_lock_package *lock_find(const struct fh_lock *lock, const char *id, const char *system)
{
    for (size_t i = 0; i < lock->npackages; i++)
        if (strcmp(lock->packages[i].install_id, id) == 0 &&
            (system == NULL || strcmp(lock->packages[i].system, system) == 0))
            return &lock->packages[i];
    return NULL;
}

const char *lock_quoted(struct fh_arena *a, const struct fh_strings *ids)
{
    const char *text = "";
    for (size_t i = 0; i < ids->count; i++)
        text = fh_sprintf(a, "%s%s'%s'", text, i > 0 ? ", " : "", say_safe(a, ids->items[i]));
    return text;
}

/* -- systems */

/* Which systems the packages are locked for that say nothing of systems; false when the manifest says which,
 * or no package tells. */
static bool default_systems(const struct fh_lock *lock, bool found[FH_SYSTEM_END])
{
    const struct fh_manifest *m = lock->manifest;
    bool any = false;
    memset(found, 0, FH_SYSTEM_END * sizeof *found);
    for (size_t i = 0; i < lock->npackages && !m->has_systems; i++) {
        const struct fh_lock_package *p = &lock->packages[i];
        enum fh_system system = fh_system_find(p->system);
        for (size_t k = 0; k < m->npackages; k++)
            if (m->packages[k].kind == FH_PACKAGE_CATALOG && !m->packages[k].has_systems &&
                strcmp(m->packages[k].id, p->install_id) == 0)
                any = found[system] = true;
    }
    return any;
}

void lock_say_systems(struct client *c, const struct fh_lock *before, const struct fh_lock *after)
{
    bool old[FH_SYSTEM_END], new[FH_SYSTEM_END];
    (void)c;
    if (before == NULL || !default_systems(before, old) || !default_systems(after, new))
        return;
    for (int i = FH_SYSTEM_NONE + 1; i < FH_SYSTEM_END; i++)
        if (old[i] && !new[i])
            say_warn("packages have been removed from lockfile for '%s'\n"
                     "To reinstall, add '%s' to 'options.systems' with 'floe edit'",
                     fh_system_name((enum fh_system)i), fh_system_name((enum fh_system)i));
    for (int i = FH_SYSTEM_NONE + 1; i < FH_SYSTEM_END; i++)
        if (new[i] && !old[i])
            say_info("packages have been added for '%s'", fh_system_name((enum fh_system)i));
}

/* -- overrides */

static bool overrides(const struct fh_lock *lock, const char *id)
{
    for (size_t i = 0; lock != NULL && i < lock->noverrides; i++) {
        const struct fh_override *o = &lock->overrides[i];
        if (strcmp(o->winner, FH_COMPOSER_NAME) == 0 && o->path.count >= 2 &&
            strcmp(o->path.items[0], "install") == 0 && strcmp(o->path.items[1], id) == 0)
            return true;
    }
    return false;
}

void lock_say_new_overrides(struct client *c, const struct fh_lock *before, const struct fh_lock *after)
{
    const struct fh_manifest *m = after->manifest;
    const char **ids = fh_alloc(c->arena, (m->npackages + 1) * sizeof *ids);
    struct fh_strings new = {.items = ids};
    for (size_t i = 0; i < m->npackages; i++)
        if (overrides(after, m->packages[i].id) && !overrides(before, m->packages[i].id))
            ids[new.count++] = m->packages[i].id;
    if (new.count > 0)
        say_info("This environment now overrides package%s with id%s %s", new.count == 1 ? "" : "s",
                 new.count == 1 ? "" : "s", lock_quoted(c->arena, &new));
}

/* -- packages */

/* Outputs that are not installed by themselves. */
static bool has_more_outputs(const struct fh_lock_package *p)
{
    bool more = false;
    for (size_t i = 0; i < p->noutputs && p->has_outputs_to_install; i++)
        more = more || !fh_strings_have(&p->outputs_to_install, p->outputs[i].name);
    return more;
}

void lock_say_more_outputs(struct client *c, const struct fh_lock *lock, const struct fh_strings *ids)
{
    const char **more = fh_alloc(c->arena, (ids->count + 1) * sizeof *more);
    struct fh_strings list = {.items = more};
    for (size_t i = 0; i < ids->count; i++) {
        const struct fh_lock_package *p = lock_find(lock, ids->items[i], settings_system(c->arena));
        if (p != NULL && has_more_outputs(p))
            more[list.count++] = ids->items[i];
    }
    if (list.count > 0)
        say_info("%s ha%s additional outputs, use 'floe list -a' to see more", lock_quoted(c->arena, &list),
                 list.count == 1 ? "s" : "ve");
}

void lock_say_dragged(struct client *c, const struct fh_lock *before, const struct fh_lock *after)
{
    enum { MOST = 100 };
    const char *lines = "", *system = settings_system(c->arena);
    size_t n = 0;
    for (size_t i = 0; i < before->npackages; i++) {
        const struct fh_lock_package *old = &before->packages[i];
        const struct fh_lock_package *new =
            strcmp(old->system, system) == 0 ? lock_find(after, old->install_id, system) : NULL;
        if (new == NULL || old->derivation == NULL || new->derivation == NULL ||
            strcmp(old->derivation, new->derivation) == 0 || n++ >= MOST)
            continue;
        lines = fh_sprintf(c->arena, "%s\n- %s: %s -> %s", lines, say_safe(c->arena, old->install_id),
                           old->version != NULL ? say_safe(c->arena, old->version) : "unknown",
                           new->version != NULL ? say_safe(c->arena, new->version) : "unknown");
    }
    if (n > 0)
        say_info("Resolved together with them, these packages changed, too:%s", lines);
}

/* Broken or unfree on some system. */
static bool any_system(const struct fh_lock *lock, const char *id, bool broken)
{
    for (size_t i = 0; i < lock->npackages; i++)
        if (strcmp(lock->packages[i].install_id, id) == 0 &&
            (broken ? lock->packages[i].broken : lock->packages[i].unfree) == 1)
            return true;
    return false;
}

void lock_say_doubts(struct client *c, const struct fh_lock *lock, const struct fh_strings *ids)
{
    for (size_t i = 0; i < ids->count; i++) {
        const char *id = say_safe(c->arena, ids->items[i]);
        if (any_system(lock, ids->items[i], false))
            say_warn("The package '%s' has an unfree license, please verify the licensing terms of use", id);
        if (any_system(lock, ids->items[i], true))
            say_warn("The package '%s' is marked as broken, it may not behave as expected during runtime.",
                     id);
    }
}
