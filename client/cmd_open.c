/* What the verbs share: opening checkouts, and messages that several of them give. */
#include "client/cmd.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/say.h"
#include "common/clock.h"

#include <string.h>
#include <time.h>

/* A project that keeps only env.json and env.lock under version control gets its files back. */
static fh_err bring_back_files(struct floxdir *d, struct floxmeta *m, struct fh_error *e)
{
    struct floxdir_files live;
    if (disk_exists(fh_sprintf(m->client->arena, "%s/env/manifest.toml", d->path)))
        return FH_OK;
    FH_TRY(floxmeta_live_files(m, m->here, &live, e));
    return floxdir_write(d->path, &live, e);
}

fh_err cmd_open_managed(struct client *c, struct floxdir *d, struct floxmeta *m, struct fh_error *e)
{
    FH_TRY(floxdir_lock(c, d, e));
    FH_TRY(floxmeta_open(c, &d->pointer, d->path, d->path, m, e));
    return bring_back_files(d, m, e);
}

static fh_err make_reference(struct client *c, const char *owner, const char *name, const char *path,
                             struct fh_error *e)
{
    struct fh_arena *a = c->arena;
    const char *fresh;
    struct floxmeta m = {.lock_fd = -1};
    struct floxdir_files live;
    const char *project = fh_strndup(a, path, strlen(path) - strlen("/.flox"));
    char *canonical;
    FH_TRY(disk_make_dirs(project, 0777, e));
    FH_TRY(disk_canonical(project, a, &canonical, e));
    FH_TRY(floxdir_prepare(c, canonical, &fresh, e));
    const struct fh_envjson pointer = {.owner = owner, .name = name, .floxhub_url = c->settings.hub};
    const char *final = fh_sprintf(a, "%s/.flox", canonical);
    fh_err rc = floxmeta_open(c, &pointer, final, fresh, &m, e);
    if (rc == FH_OK)
        rc = floxmeta_live_files(&m, m.here, &live, e);
    if (rc == FH_OK)
        rc = floxdir_write(fresh, &live, e);
    if (rc == FH_OK)
        rc = floxdir_write_pointer(fresh, &pointer, FH_ENVJSON_PRETTY, e);
    if (rc == FH_OK)
        rc = floxdir_write_ignores(fresh, false, e);
    if (rc == FH_OK)
        rc = disk_install_dir(fresh, final, false, e);
    floxmeta_close(&m);
    struct fh_error ignored;
    if (rc != FH_OK)
        (void)!disk_remove_tree(fresh, &ignored);
    /* Somebody else made it meanwhile: theirs is as good. */
    return rc == FH_CONFLICT && disk_exists(final) ? FH_OK : rc;
}

fh_err cmd_open_reference(struct client *c, const char *ref, struct floxdir *d, struct floxmeta *m,
                          struct fh_error *e)
{
    const char *owner, *name;
    FH_TRY(hub_split(ref, c->arena, &owner, &name, e));
    const char *path = floxdir_of_reference(c, owner, name);
    if (!disk_is_dir(path)) {
        fh_err rc = make_reference(c, owner, name, path, e);
        if (rc == FH_NOT_FOUND || rc == FH_DENIED)
            return FH_FAIL(e, rc, "Environment not found in FloxHub.");
        if (rc != FH_OK)
            return rc;
    }
    FH_TRY(floxdir_open(c, path, d, e));
    d->is_reference = true;
    return cmd_open_managed(c, d, m, e);
}

static const char *utc(struct fh_arena *a, int64_t when)
{
    time_t t = (time_t)when;
    struct tm parts;
    char text[64];
    if (gmtime_r(&t, &parts) == NULL || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        return "at an unknown time";
    return fh_strdup(a, text);
}

static const char *side(struct floxmeta *m, const char *commit)
{
    struct fh_arena *a = m->client->arena;
    const struct fh_metadata *history;
    struct fh_error e;
    if (floxmeta_history(m, commit, &history, &e) != FH_OK || history->nchanges == 0)
        return fh_sprintf(a, " * commit %.12s, whose history cannot be read", commit);
    const struct fh_change *last = &history->changes[history->nchanges - 1];
    return fh_sprintf(a, " * %s %s on %s\n   Generation:  %lld\n   Timestamp: %s", say_safe(a, last->author),
                      say_safe(a, fh_change_text(a, last)), say_safe(a, last->hostname),
                      (long long)last->current, utc(a, last->timestamp));
}

int cmd_say_diverged(struct floxmeta *m, const char *tip)
{
    return say_error("The environment has diverged from the remote:\n\nLocal:\n\n%s\n\nUpstream:\n\n%s\n\n"
                     "This can happen if the environment is modified and pushed from another machine.\n"
                     "The full history can be inspected with 'floe generations [list|history]'.\n\n"
                     "To resolve this issue, either\n"
                     " * run 'floe pull --force'\n"
                     "   to discard local changes and reset the environment to the upstream version.\n"
                     " * run 'floe push --force'\n"
                     "   to overwrite the remote environment with the local changes.\n"
                     "   Attention: this will discard any generations on the hub that are not here.",
                     side(m, m->here), side(m, tip));
}

void cmd_warn_packages(struct client *c, const struct floxdir_files *files)
{
    enum { NAMED = 10 };
    const struct fh_lock *lock;
    struct fh_error ignored;
    const char *system = settings_system(c->arena), *names = "";
    size_t missing = 0;
    if (files->lock == NULL ||
        fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock", &lock, &ignored) != FH_OK)
        return;
    for (size_t i = 0; i < lock->npackages; i++) {
        const struct fh_lock_package *p = &lock->packages[i];
        if (p->system == NULL || strcmp(p->system, system) != 0 || p->install_id == NULL)
            continue;
        bool here = p->noutputs > 0 || p->store_path != NULL;
        for (size_t k = 0; k < p->noutputs; k++)
            here = here && disk_exists(p->outputs[k].path);
        if (p->store_path != NULL)
            here = here && disk_exists(p->store_path);
        if (here)
            continue;
        if (missing < NAMED)
            names = fh_sprintf(c->arena, "%s%s%s", names, missing > 0 ? ", " : "",
                               say_safe(c->arena, p->install_id));
        missing++;
    }
    if (missing > 0)
        say_warn(
            "%zu package%s of this environment %s not on this machine, and floe cannot bring %s yet: %s%s.",
            missing, missing == 1 ? "" : "s", missing == 1 ? "is" : "are", missing == 1 ? "it" : "them",
            names, missing > NAMED ? ", …" : "");
}
