/* What the verbs share: opening checkouts, and messages that several of them give. */
#include "client/cmd.h"

#include "client/checkout.h"
#include "client/disk.h"
#include "client/gentree.h"
#include "client/hub.h"
#include "client/registry.h"
#include "client/say.h"
#include "common/clock.h"

#include <string.h>

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
    registry_note(c, d->path, &d->pointer);
    FH_TRY(checkout_finish(m, d, e));
    return bring_back_files(d, m, e);
}

/* rev: the commit that is on the hub and in the clone already, or NULL to ask the hub. */
static fh_err make_reference(struct client *c, const char *owner, const char *name, const char *path,
                             const char *rev, struct fh_error *e)
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
    struct fh_envlock pin = {0};
    fh_err rc = FH_OK;
    if (rev != NULL) {
        memcpy(pin.rev, rev, sizeof pin.rev);
        rc = floxdir_write_envlock(fresh, &pin, e);
    }
    if (rc == FH_OK)
        rc = floxmeta_open(c, &pointer, final, fresh, &m, e);
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

fh_err cmd_make_remote(struct client *c, const char *owner, const char *name,
                       const struct floxdir_files *files, struct fh_error *e)
{
    const char *path = floxdir_of_reference(c, owner, name);
    const struct fh_envjson pointer = {.owner = owner, .name = name, .floxhub_url = c->settings.hub};
    const struct fh_change change = {.kind = FH_CHANGE_INITIALIZE};
    struct floxmeta m = {.lock_fd = -1};
    enum gitwire_outcome outcome;
    gitobj_id commit;
    if (disk_exists(path))
        return FH_FAIL(
            e, FH_CONFLICT,
            "There is a local copy of %s/%s already, in '%s'. Use it with -r %s/%s, or remove that "
            "folder if the environment is gone from the hub.",
            owner, name, path, owner, name);
    FH_TRY(floxmeta_open_clone(c, &pointer, path, &m, e));
    fh_err rc = floxmeta_commit(&m, NULL, &change, files, commit, e);
    if (rc == FH_OK)
        rc = gitwire_push(&m.wire, m.objects, name, commit, false, &outcome, e);
    if (rc == FH_CONFLICT || (rc == FH_OK && (outcome == GITWIRE_EXISTS || outcome == GITWIRE_SAME)))
        rc = FH_FAIL(e, FH_CONFLICT,
                     "An environment named %s/%s already exists!\n\nChoose another name, or use it: 'floe "
                     "activate -r %s/%s'",
                     owner, name, owner, name);
    if (rc == FH_OK)
        rc = gitobj_set_branch(m.objects, name, commit, e);
    floxmeta_close(&m);
    return rc == FH_OK ? make_reference(c, owner, name, path, commit, e) : rc;
}

int cmd_check_place(struct fh_cli *cli)
{
    static const char *const places[] = {"dir", "reference", "default"};
    int n = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        n += fh_cli_flag(cli, places[i]);
    return n > 1 ? fh_cli_usage(cli, "Several options say which environment is meant; give one.") : 0;
}

fh_err cmd_reference(struct client *c, struct fh_cli *cli, const char **ref, struct fh_error *e)
{
    const char *handle;
    *ref = fh_cli_value(cli, "reference");
    if (!fh_cli_flag(cli, "default"))
        return FH_OK;
    FH_TRY(client_need_login(c, e));
    FH_TRY(client_handle(c, &handle, e));
    *ref = fh_sprintf(c->arena, "%s/default", handle);
    return FH_OK;
}

fh_err cmd_open_reference(struct client *c, const char *ref, struct floxdir *d, struct floxmeta *m,
                          struct fh_error *e)
{
    const char *owner, *name;
    FH_TRY(hub_split(ref, c->arena, &owner, &name, e));
    const char *path = floxdir_of_reference(c, owner, name);
    if (!disk_is_dir(path)) {
        fh_err rc = make_reference(c, owner, name, path, NULL, e);
        if (rc == FH_NOT_FOUND || rc == FH_DENIED)
            return FH_FAIL(e, rc, "Environment not found in FloxHub.");
        if (rc != FH_OK)
            return rc;
    }
    FH_TRY(floxdir_open(c, path, d, e));
    d->is_reference = true;
    return cmd_open_managed(c, d, m, e);
}

const char *cmd_words(struct client *c, const struct fh_cli *cli)
{
    const char *text = "";
    for (int i = 0; i < cli->nargs; i++)
        text = fh_sprintf(c->arena, "%s%s%s", text, i > 0 ? " " : "", say_safe(c->arena, cli->args[i]));
    return text;
}

int cmd_say_unsynced(const char *more)
{
    return say_error("Your environment has changes that are not yet synced to a generation.\n\n"
                     "To resolve this issue, run either\n"
                     "* 'floe edit --sync' to commit your local changes to a new generation\n"
                     "* 'floe edit --reset' to discard your local changes and reset to the latest "
                     "generation%s",
                     more);
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
                      (long long)last->current, gentree_time(a, last->timestamp));
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
