/* Bringing included environments. See include.h. */
#include "client/include.h"

#include "client/disk.h"
#include "client/floxmeta.h"
#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"

#include <string.h>

enum { MAX_NESTING = 16 }; /* of local includes that are followed to find a cycle */

struct collector {
    struct client *c;
    const struct floxdir_files *files;
    const char *self; /* the composing environment's .flox, canonical; NULL: it has no folder of its own */
    struct fh_error *e;
};

static const char *entry_title(const struct fh_manifest_include *entry)
{
    return entry->name != NULL ? entry->name : entry->dir != NULL ? entry->dir : entry->remote;
}

static const char *dot_flox_of(struct collector *k, const char *project, const char *dir)
{
    return dir[0] == '/' ? fh_sprintf(k->c->arena, "%s/.flox", dir)
                         : fh_sprintf(k->c->arena, "%s/%s/.flox", project, dir);
}

static fh_err parse_lock(struct collector *k, const struct floxdir_files *files, const char *title,
                         const struct fh_lock **out)
{
    return fh_lock_parse(k->c->arena, files->lock, files->lock_len,
                         fh_sprintf(k->c->arena, "the manifest.lock of %s", title), out, k->e);
}

/* Does an environment with this lock include the composing one, itself or through local ones? */
static bool leads_back(struct collector *k, const struct fh_manifest *user, const char *project, int depth)
{
    struct fh_error ignored;
    for (size_t i = 0; i < user->nincludes; i++) {
        const struct fh_manifest_include *entry = &user->includes[i];
        struct floxdir d;
        struct floxdir_files files;
        const struct fh_lock *lock;
        if (entry->remote != NULL) {
            if (k->files->reference != NULL && strcmp(entry->remote, k->files->reference) == 0)
                return true;
            continue;
        }
        if (project == NULL || depth == 0 ||
            floxdir_open(k->c, dot_flox_of(k, project, entry->dir), &d, &ignored) != FH_OK)
            continue;
        if (k->self != NULL && strcmp(d.path, k->self) == 0)
            return true;
        if (floxdir_read(k->c, &d, &files, &ignored) == FH_OK && files.lock != NULL &&
            fh_lock_parse(k->c->arena, files.lock, files.lock_len, "lock", &lock, &ignored) == FH_OK &&
            leads_back(k, lock->user, d.project, depth - 1))
            return true;
    }
    return false;
}

static fh_err refuse_cycle(struct collector *k)
{
    return FH_FAIL(
        k->e, FH_CONFLICT,
        "it includes the environment that is to include it, and a cycle has no order to merge in.");
}

/* FH_CONFLICT unless the lock is that of the manifest, and of the live generation where there is one. */
static fh_err check_in_sync(struct collector *k, const struct floxdir *d, const struct floxdir_files *files)
{
    struct floxmeta m = {.lock_fd = -1};
    const struct fh_manifest *manifest;
    const struct fh_lock *lock;
    struct fh_error ignored;
    if (d->is_managed) {
        bool edited = false;
        FH_TRY(floxmeta_open(k->c, &d->pointer, d->path, d->path, &m, k->e));
        fh_err rc = floxmeta_is_edited(&m, d, &edited, k->e);
        floxmeta_close(&m);
        if (rc != FH_OK || (!edited && files->lock != NULL))
            return rc;
        return FH_FAIL(k->e, FH_CONFLICT,
                       "cannot include environment since it has changes not yet synced to a generation.\n\n"
                       "To resolve this issue, run either\n"
                       "* 'floe edit -d %s --sync' to commit your local changes to a new generation\n"
                       "* 'floe edit -d %s --reset' to discard your local changes and reset to the latest "
                       "generation",
                       d->project, d->project);
    }
    if (files->lock != NULL &&
        fh_manifest_parse(k->c->arena, files->manifest, files->manifest_len, "manifest.toml", &manifest,
                          &ignored) == FH_OK &&
        fh_lock_parse(k->c->arena, files->lock, files->lock_len, "manifest.lock", &lock, &ignored) == FH_OK &&
        fh_lock_fits(lock, manifest))
        return FH_OK;
    return FH_FAIL(k->e, FH_CONFLICT,
                   "cannot include environment since its manifest and lockfile are out of sync\n\n"
                   "To resolve this issue run 'floe edit -d %s' and retry",
                   d->project);
}

static fh_err bring_local(struct collector *k, struct fh_included *out)
{
    struct floxdir d;
    struct floxdir_files files;
    const struct fh_lock *lock;
    const char *project = k->files->project;
    if (project == NULL)
        return FH_FAIL(k->e, FH_CONFLICT, "remote environments cannot include local environments");
    const char *path = dot_flox_of(k, project, out->entry.dir);
    if (!disk_is_dir(path))
        return FH_FAIL(k->e, FH_NOT_FOUND, "Did not find an environment in '%.*s'",
                       (int)(strlen(path) - strlen("/.flox")), path);
    FH_TRY(floxdir_open(k->c, path, &d, k->e));
    if (k->self != NULL && strcmp(d.path, k->self) == 0)
        return FH_FAIL(k->e, FH_CONFLICT, "an environment cannot include itself.");
    FH_TRY(floxdir_read(k->c, &d, &files, k->e));
    FH_TRY(check_in_sync(k, &d, &files));
    FH_TRY(parse_lock(k, &files, d.title, &lock));
    if (leads_back(k, lock->user, d.project, MAX_NESTING))
        return refuse_cycle(k);
    out->name = out->entry.name != NULL ? out->entry.name : d.pointer.name;
    out->manifest = lock->manifest;
    return FH_OK;
}

/* FH_NOT_FOUND and FH_DENIED look alike from outside, and a missing login is the likeliest reason. */
static fh_err explain(struct collector *k, const char *remote, fh_err rc)
{
    bool anonymous = k->c->settings.token == NULL;
    if (rc == FH_NOT_FOUND && anonymous)
        return FH_FAIL(k->e, rc,
                       "%s does not exist, or is not public: you are not logged in.\n"
                       "Log in with 'floe auth login' if you may use it.",
                       remote);
    if (rc == FH_NOT_FOUND)
        return FH_FAIL(k->e, rc, "%s does not exist on the hub, or you may not see it.", remote);
    return rc;
}

static fh_err bring_remote(struct collector *k, struct fh_included *out)
{
    struct client *c = k->c;
    struct fh_envjson pointer = {.floxhub_url = c->settings.hub};
    struct floxmeta m = {.lock_fd = -1};
    struct floxdir_files files;
    const struct fh_lock *lock;
    gitobj_id tip;
    FH_TRY(hub_split(out->entry.remote, c->arena, &pointer.owner, &pointer.name, k->e));
    if (k->files->reference != NULL && strcmp(out->entry.remote, k->files->reference) == 0)
        return FH_FAIL(k->e, FH_CONFLICT, "an environment cannot include itself.");
    fh_err rc = floxmeta_open_upstream(c, &pointer, &m, tip, k->e);
    if (rc != FH_OK)
        return explain(k, out->entry.remote, rc);
    bool chosen = json_object_get(out->descriptor, "generation") != NULL;
    rc = chosen ? floxmeta_generation_files(&m, tip, out->entry.generation, &files, k->e)
                : floxmeta_live_files(&m, tip, &files, k->e);
    floxmeta_close(&m);
    if (rc != FH_OK)
        return rc;
    FH_TRY(parse_lock(k, &files, out->entry.remote, &lock));
    if (leads_back(k, lock->user, NULL, 0))
        return refuse_cycle(k);
    out->name = out->entry.name != NULL ? out->entry.name : pointer.name;
    out->manifest = lock->manifest;
    return FH_OK;
}

static fh_err bring(struct collector *k, struct fh_included *out)
{
    fh_err rc = out->entry.dir != NULL ? bring_local(k, out) : bring_remote(k, out);
    if (rc == FH_OK)
        return FH_OK;
    const struct fh_error why = *k->e;
    return FH_FAIL(k->e, rc == FH_INVALID ? FH_CONFLICT : rc, "failed to fetch environment '%.100s': %s",
                   say_safe(k->c->arena, entry_title(&out->entry)), why.msg);
}

/* Takes a name off the wish list; false when it is not on it. */
static bool take_name(const char **names, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(names[i], name) == 0) {
            names[i] = names[--*n];
            return true;
        }
    return false;
}

static fh_err check_names(struct collector *k, const struct fh_included *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(list[i].name, list[j].name) == 0)
                return FH_FAIL(k->e, FH_CONFLICT,
                               "multiple environments in include.environments have the name '%s'\n"
                               "A unique name can be provided with the 'name' field.",
                               say_safe(k->c->arena, list[i].name));
    return FH_OK;
}

static fh_err collect(struct collector *k, const struct fh_manifest *m, const struct fh_lock *previous,
                      const struct include_wish *wish, struct fh_included *list)
{
    const json_t *entries = json_object_get(json_object_get(m->json, "include"), "environments");
    const char **wanted = fh_memdup(k->c->arena, wish->names != NULL ? wish->names : (const char *[]){NULL},
                                    (wish->nnames + 1) * sizeof *wanted);
    size_t nwanted = wish->nnames;
    bool all = wish->upgrades && wish->nnames == 0;
    for (size_t i = 0; i < m->nincludes; i++) {
        const json_t *descriptor = json_array_get(entries, i);
        const struct fh_included *locked = all ? NULL : fh_lock_find_include(previous, descriptor);
        if (locked != NULL && !take_name(wanted, &nwanted, locked->name)) {
            list[i] = *locked;
            continue;
        }
        list[i] = (struct fh_included){.entry = m->includes[i], .descriptor = descriptor};
        FH_TRY(bring(k, &list[i]));
        if (locked == NULL)
            (void)take_name(wanted, &nwanted, list[i].name);
    }
    FH_TRY(check_names(k, list, m->nincludes));
    if (nwanted > 0)
        return FH_FAIL(k->e, FH_CONFLICT, "unknown included environment to check for changes '%s'",
                       wanted[0]);
    return FH_OK;
}

fh_err include_collect(struct client *c, const struct floxdir_files *files, const struct fh_manifest *m,
                       const struct fh_lock *previous, const struct include_wish *wish,
                       const struct fh_included **out, size_t *n, struct fh_error *e)
{
    struct collector k = {.c = c, .files = files, .e = e};
    if (m->nincludes == 0 && wish->upgrades)
        return FH_FAIL(e, FH_CONFLICT, "environment has no included environments");
    if (m->nincludes > FH_MAX_INCLUDES)
        return FH_FAIL(e, FH_TOO_LARGE, "The environment includes %zu others; %d are allowed.", m->nincludes,
                       FH_MAX_INCLUDES);
    if (files->project != NULL)
        k.self = fh_sprintf(c->arena, "%s/.flox", files->project);
    struct fh_included *list = fh_alloc(c->arena, (m->nincludes + 1) * sizeof *list);
    FH_TRY(collect(&k, m, previous, wish, list));
    *out = list;
    *n = m->nincludes;
    return FH_OK;
}
