/* floe pull (git-environments §7.5, §7.6) */
#include "client/cmd.h"

#include "client/checkout.h"
#include "client/disk.h"
#include "client/hub.h"
#include "client/registry.h"
#include "client/say.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int say_pull_failed(struct client *c, const char *owner, const char *name, fh_err rc)
{
    if (rc == FH_NOT_FOUND && c->settings.token == NULL)
        return say_error(
            "The environment %s/%s does not exist, or is not public: you are not logged in.\nLog in "
            "with 'floe auth login' if it is yours.",
            owner, name);
    if (rc == FH_NOT_FOUND && c->settings.handle != NULL && strcmp(c->settings.handle, owner) == 0)
        return say_error(
            "The environment %s/%s does not exist.\n\nDouble check the name or create it with:\n\n"
            "    $ floe init --name %s\n    $ floe push\n\nIf it is private, log in again with "
            "'floe auth login': your token may have expired.",
            owner, name, name);
    if (rc == FH_NOT_FOUND)
        return say_error("The environment %s/%s does not exist.", owner, name);
    if (rc == FH_DENIED)
        return say_error("Access denied to the remote environment %s/%s.\n%s", owner, name, c->e.msg);
    return say_fail(&c->e);
}

/* A generation other than the live one becomes the live one of a copy; nobody else ever sees that. */
static fh_err choose_generation(struct floxmeta *m, int64_t wanted, struct fh_error *e)
{
    const struct fh_metadata *history;
    FH_TRY(floxmeta_history(m, m->here, &history, e));
    if (wanted == history->live)
        return FH_OK;
    const struct fh_change change = {.kind = FH_CHANGE_SWITCH, .current = wanted};
    gitobj_id commit;
    FH_TRY(floxmeta_commit(m, m->here, &change, NULL, commit, e));
    memcpy(m->here, commit, sizeof commit);
    return FH_OK;
}

struct pull {
    struct client *c;
    const char *owner, *name;
    const char *project; /* canonical */
    bool copy, force;
    int64_t generation; /* 0: the live one */
};

static fh_err fill(const struct pull *p, const char *fresh, const char *final, struct fh_error *e)
{
    struct client *c = p->c;
    struct floxmeta m = {.lock_fd = -1};
    struct floxdir_files live;
    struct fh_envjson pointer = {.owner = p->owner, .name = p->name, .floxhub_url = c->settings.hub};
    fh_err rc = floxmeta_open(c, &pointer, final, fresh, &m, e);
    if (rc == FH_OK && p->generation > 0)
        rc = choose_generation(&m, p->generation, e);
    if (rc == FH_OK)
        rc = floxmeta_live_files(&m, m.here, &live, e);
    if (rc == FH_OK)
        rc = floxdir_write(fresh, &live, e);
    if (rc == FH_OK && p->copy)
        rc = floxmeta_forget(&m, e);
    if (rc == FH_OK && p->copy)
        rc = disk_remove(fh_sprintf(c->arena, "%s/env.lock", fresh), e);
    if (rc == FH_OK && p->copy)
        pointer = (struct fh_envjson){.name = p->name};
    if (rc == FH_OK)
        rc = floxdir_write_pointer(fresh, &pointer, p->copy ? FH_ENVJSON_COMPACT : FH_ENVJSON_PRETTY_NEWLINE,
                                   e);
    if (rc == FH_OK)
        rc = floxdir_write_ignores(fresh, false, e);
    floxmeta_close(&m);
    if (rc == FH_OK)
        cmd_warn_packages(c, &live);
    return rc;
}

static int pull_new(const struct pull *p)
{
    struct client *c = p->c;
    const char *fresh,
        *final = fh_sprintf(c->arena, "%s/.flox", strcmp(p->project, "/") == 0 ? "" : p->project);
    struct fh_error ignored;
    if (disk_exists(final) && !p->force)
        return say_error("An environment already exists at \"%s\". Use --force to overwrite.", final);
    fh_err rc = floxdir_prepare(c, p->project, &fresh, &c->e);
    if (rc != FH_OK)
        return say_fail(&c->e);
    rc = fill(p, fresh, final, &c->e);
    if (rc == FH_OK)
        rc = disk_install_dir(fresh, final, p->force, &c->e);
    if (rc != FH_OK) {
        (void)!disk_remove_tree(fresh, &ignored);
        return say_pull_failed(c, p->owner, p->name, rc);
    }
    const struct fh_envjson pointer = {
        .owner = p->copy ? NULL : p->owner, .name = p->name, .floxhub_url = p->copy ? NULL : c->settings.hub};
    registry_note(c, final, &pointer);
    if (p->copy)
        say_created("Created path environment from %s/%s.\n\nYou can activate this environment with 'floe "
                    "activate'\n",
                    p->owner, p->name);
    else
        say_created("Pulled %s/%s from %s.\n\nYou can activate this environment with 'floe activate'\n",
                    p->owner, p->name, c->settings.hub);
    return 0;
}

static int pull_update(struct client *c, struct floxdir *d, bool force)
{
    struct fh_error *e = &c->e;
    struct floxmeta m = {.lock_fd = -1};
    struct floxdir_files live;
    gitobj_id tip;
    bool edited = false;
    enum floxmeta_relation relation;
    const char *owner = d->pointer.owner, *name = d->pointer.name;
    fh_err rc = cmd_open_managed(c, d, &m, e);
    if (rc == FH_OK)
        rc = floxmeta_is_edited(&m, d, &edited, e);
    if (rc != FH_OK && !(force && rc == FH_CONFLICT))
        return say_pull_failed(c, owner, name, rc);
    if (edited && !force)
        return cmd_say_unsynced(
            "\n* 'floe pull --force' to discard your local changes and take what is on the hub");
    if (rc != FH_OK) { /* the lock names a version that is gone: start again from the hub's */
        if (disk_remove(fh_sprintf(c->arena, "%s/env.lock", d->path), e) != FH_OK ||
            cmd_open_managed(c, d, &m, e) != FH_OK)
            return say_fail(e);
    }
    rc = floxmeta_fetch(&m, tip, e);
    if (rc != FH_OK)
        return say_pull_failed(c, owner, name, rc);
    if (floxmeta_compare(&m, tip, &relation, e) != FH_OK)
        return say_fail(e);
    if (relation == FLOXMETA_DIVERGED && !force)
        return cmd_say_diverged(&m, tip);
    bool moves = relation == FLOXMETA_BEHIND || (force && relation != FLOXMETA_EQUAL);
    if (!moves && !(force && edited)) {
        if (d->is_reference)
            say_info("%s/%s is already up to date.\n", owner, name);
        else
            say_warn("%s/%s is already up to date.\n", owner, name);
        return 0;
    }
    if (floxmeta_live_files(&m, tip, &live, e) != FH_OK || checkout_move(&m, d, tip, tip, &live, e) != FH_OK)
        return say_fail(e);
    cmd_warn_packages(c, &live);
    const char *ref = d->is_reference ? fh_sprintf(c->arena, " -r %s/%s", owner, name) : "";
    say_done("Pulled %s/%s from %s%s\n\nYou can activate this environment with 'floe activate%s'\n", owner,
             name, d->pointer.floxhub_url, force ? " (forced)" : "", ref);
    return 0;
}

/* pull --copy without a reference: the checkout lets go of the hub; nothing is asked of it. */
static int detach(struct client *c, struct floxdir *d)
{
    struct fh_error *e = &c->e;
    struct floxmeta m = {.lock_fd = -1};
    if (!d->is_managed)
        return say_error("%s is not linked to an environment on FloxHub.", d->title);
    if (floxdir_lock(c, d, e) != FH_OK || cmd_open_managed(c, d, &m, e) != FH_OK)
        return say_fail(e);
    const struct fh_envjson pointer = {.name = d->pointer.name};
    if (floxdir_write_pointer(d->path, &pointer, FH_ENVJSON_COMPACT, e) != FH_OK ||
        disk_remove(fh_sprintf(c->arena, "%s/env.lock", d->path), e) != FH_OK ||
        floxdir_write_ignores(d->path, false, e) != FH_OK || floxmeta_forget(&m, e) != FH_OK)
        return say_fail(e);
    registry_forget(c, d->path, &d->pointer);
    registry_note(c, d->path, &pointer);
    say_created("Created path environment from %s/%s.\n", d->pointer.owner, d->pointer.name);
    return 0;
}

static int pull_here(struct client *c, struct fh_cli *cli)
{
    struct floxdir d;
    const char *ref = fh_cli_value(cli, "reference");
    struct floxmeta m = {.lock_fd = -1};
    fh_err rc = floxdir_find(c, cli, false, &d, &c->e);
    if (rc == FH_NOT_FOUND && ref != NULL && !fh_cli_flag(cli, "copy")) {
        if (cmd_open_reference(c, ref, &d, &m, &c->e) != FH_OK)
            return say_fail(&c->e);
        say_created("Pulled %s from %s.\n", ref, c->settings.hub);
        return 0;
    }
    if (rc != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "copy"))
        return d.is_reference
                   ? say_error("Only an environment in a folder can become one of its own: 'floe pull "
                               "--copy %s -d <directory>'.",
                               ref)
                   : detach(c, &d);
    if (!d.is_managed)
        return say_error(
            "Environment in %s is not connected to FloxHub\n\nName one: 'floe pull <owner>/<name>'.",
            d.project);
    return pull_update(c, &d, fh_cli_flag(cli, "force"));
}

int cmd_pull(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    if (c == NULL)
        return 1;
    struct pull p = {.c = c, .copy = fh_cli_flag(cli, "copy"), .force = fh_cli_flag(cli, "force")};
    const char *number = fh_cli_value(cli, "generation"), *dir = fh_cli_value(cli, "dir");
    if (number != NULL) {
        char *end;
        p.generation = strtoll(number, &end, 10);
        if (*end != '\0' || p.generation <= 0)
            return fh_cli_usage(cli, "'%s' is not the number of a generation.", number);
        if (!p.copy || cli->nargs == 0)
            return fh_cli_usage(cli, "--generation goes with --copy and the name of an environment.");
    }
    if (cli->nargs == 0)
        return pull_here(c, cli);
    if (fh_cli_value(cli, "reference") != NULL)
        return fh_cli_usage(cli, "Give either OWNER/NAME or --reference.");
    char *project;
    if (dir == NULL)
        dir = ".";
    bool made = !disk_exists(dir);
    if (hub_split(cli->args[0], c->arena, &p.owner, &p.name, &c->e) != FH_OK ||
        disk_make_dirs(dir, 0777, &c->e) != FH_OK || disk_canonical(dir, c->arena, &project, &c->e) != FH_OK)
        return say_fail(&c->e);
    p.project = project;
    int status = pull_new(&p);
    if (status != 0 && made)
        rmdir(project);
    return status;
}
