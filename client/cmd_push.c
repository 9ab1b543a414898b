/* floe push (git-environments §7.2, §7.3) */
#include "client/cmd.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/registry.h"
#include "client/say.h"

#include <string.h>

static int say_pushed(struct client *c, const struct fh_envjson *p, bool first, bool forced)
{
    const char *how = forced ? "force pushed" : "pushed";
    const char *title = first ? p->name : fh_sprintf(c->arena, "Updates to %s", p->name);
    say_done("%s successfully %s to FloxHub\n\n"
             "View the environment at: %s\n"
             "Use this environment from another machine: 'floe activate -r %s/%s'\n"
             "Make a copy of this environment: 'floe pull %s/%s'\n",
             title, how, hub_page(p->floxhub_url, p->owner, p->name, c->arena), p->owner, p->name, p->owner,
             p->name);
    return 0;
}

static int refuse_local_includes(const struct fh_manifest *m)
{
    for (size_t i = 0; i < m->nincludes; i++)
        if (m->includes[i].dir != NULL)
            return say_error(
                "Cannot push an environment that includes local environments.\n\nPush '%s' first and "
                "include it with remote = \"<owner>/<name>\".",
                m->includes[i].dir);
    return 0;
}

static int say_push_failed(struct client *c, const struct fh_envjson *p, fh_err rc)
{
    if (rc == FH_DENIED)
        return say_error("You do not have permission to write to %s/%s\n\n%s", p->owner, p->name, c->e.msg);
    if (rc == FH_CONFLICT)
        return say_error(
            "failed to push environment: branches diverged\n\n%s\nSomebody else pushed at the same "
            "moment. Run 'floe pull', or 'floe push --force'.",
            c->e.msg);
    return say_error("failed to push environment: %s", c->e.msg);
}

/* What the checkout becomes once the hub has its first generation. */
static fh_err become_managed(struct client *c, struct floxdir *d, struct floxmeta *m, const char *commit,
                             const struct floxdir_files *files, struct fh_error *e)
{
    FH_TRY(gitobj_set_branch(m->objects, m->name, commit, e));
    FH_TRY(floxdir_write(d->path, files, e));
    FH_TRY(floxmeta_move(m, d->path, commit, commit, e));
    struct fh_envjson pointer = d->pointer;
    pointer.owner = m->owner;
    pointer.floxhub_url = c->settings.hub;
    FH_TRY(floxdir_write_pointer(d->path, &pointer, FH_ENVJSON_COMPACT, e));
    registry_note(c, d->path, &pointer);
    return FH_OK;
}

static int push_first(struct client *c, struct floxdir *d, const char *owner, bool force)
{
    struct fh_error *e = &c->e;
    struct floxdir_files files;
    const struct fh_manifest *manifest;
    struct floxmeta m = {.lock_fd = -1};
    gitobj_id commit;
    enum gitwire_outcome outcome;
    if (owner == NULL && client_handle(c, &owner, e) != FH_OK)
        return say_error(
            "Could not determine the FloxHub owner for this environment.\nLog in with 'floe auth login' "
            "or specify 'floe push --owner <OWNER>'.\n\n%s",
            e->msg);
    if (hub_check_name("Owner", owner, e) != FH_OK ||
        hub_check_name("Environment", d->pointer.name, e) != FH_OK || floxdir_lock(c, d, e) != FH_OK ||
        floxdir_read(c, d, &files, e) != FH_OK ||
        floxdir_lock_manifest(c, &files, &manifest, NULL, e) != FH_OK)
        return client_fail(c);
    if (refuse_local_includes(manifest) != 0)
        return 1;
    const struct fh_envjson pointer = {
        .owner = owner, .name = d->pointer.name, .floxhub_url = c->settings.hub};
    const struct fh_change change = {.kind = FH_CHANGE_IMPORT};
    if (floxmeta_open_clone(c, &pointer, d->path, &m, e) != FH_OK ||
        floxmeta_commit(&m, NULL, &change, &files, commit, e) != FH_OK)
        return say_fail(e);
    fh_err rc = gitwire_push(&m.wire, m.objects, m.name, commit, force, &outcome, e);
    if (rc != FH_OK && rc != FH_CONFLICT)
        return say_push_failed(c, &pointer, rc);
    if (rc == FH_CONFLICT || outcome == GITWIRE_EXISTS || (outcome == GITWIRE_SAME && !force))
        return say_error("An environment named %s/%s already exists!\n\n"
                         "To rename your environment: 'floe edit --name <new name>'\n"
                         "To take what is there into another folder: 'floe pull %s/%s -d <folder>'\n"
                         "To overwrite and force update: 'floe push --force'\n%s%s",
                         owner, pointer.name, owner, pointer.name, rc == FH_CONFLICT ? "\n" : "",
                         rc == FH_CONFLICT ? e->msg : "");
    if (become_managed(c, d, &m, commit, &files, e) != FH_OK)
        return say_error("The environment was pushed, but this folder could not be linked to it: %s", e->msg);
    return say_pushed(c, &pointer, true, force);
}

static int push_again(struct client *c, struct floxdir *d, struct floxmeta *m, bool force)
{
    struct fh_error *e = &c->e;
    bool edited;
    gitobj_id tip;
    enum floxmeta_relation relation;
    enum gitwire_outcome outcome;
    struct floxdir_files files;
    const struct fh_manifest *manifest;
    if (floxmeta_is_edited(m, d, &edited, e) != FH_OK || floxdir_read(c, d, &files, e) != FH_OK)
        return say_fail(e);
    if (edited)
        return cmd_say_unsynced("");
    if (fh_manifest_parse(c->arena, files.manifest, files.manifest_len, "manifest.toml", &manifest, e) !=
        FH_OK)
        return say_fail(e);
    if (refuse_local_includes(manifest) != 0)
        return 1;
    fh_err rc = floxmeta_fetch(m, tip, e);
    if (rc == FH_NOT_FOUND)
        return say_error(
            "Environment not found in FloxHub.\n\nIt may have been deleted or renamed there. 'floe pull "
            "--copy' makes this folder an environment of its own, which can be pushed again.");
    if (rc != FH_OK)
        return say_error("failed to fetch updates for environment: %s", e->msg);
    if (floxmeta_compare(m, tip, &relation, e) != FH_OK)
        return say_fail(e);
    if (relation == FLOXMETA_EQUAL || (relation == FLOXMETA_BEHIND && !force)) {
        say_info("No changes to push for %s.\nThe environment on FloxHub is already up to date.\n", m->name);
        return 0;
    }
    if (relation == FLOXMETA_DIVERGED && !force)
        return cmd_say_diverged(m, tip);
    rc = gitwire_push(&m->wire, m->objects, m->name, m->here, force, &outcome, e);
    if (rc == FH_OK && outcome == GITWIRE_EXISTS)
        rc = FH_FAIL(e, FH_CONFLICT, "The hub has another version by now.");
    if (rc != FH_OK)
        return say_push_failed(c, &d->pointer, rc);
    if (gitobj_set_branch(m->objects, m->name, m->here, e) != FH_OK ||
        floxmeta_move(m, d->path, m->here, m->here, e) != FH_OK)
        return say_error("The environment was pushed, but its local copy could not be updated: %s", e->msg);
    return say_pushed(c, &d->pointer, false, force);
}

int cmd_push(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    if (c == NULL)
        return 1;
    bool force = fh_cli_flag(cli, "force");
    const char *owner = fh_cli_value(cli, "owner");
    if (client_need_login(c, &c->e) != FH_OK || floxdir_find(c, cli, false, &d, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (!d.is_managed)
        return push_first(c, &d, owner, force);
    if (owner != NULL)
        return say_error("Cannot change the owner of an environment already pushed to FloxHub.\n\n"
                         "To push this environment to another owner or org:\n"
                         "* Push any outstanding changes with 'floe push'\n"
                         "* Create copy of the environment with 'floe pull --copy -d <directory> %s/%s'\n"
                         "* Push the copy to the new owner with 'floe push --owner %s'",
                         d.pointer.owner, d.pointer.name, owner);
    if (cmd_open_managed(c, &d, &m, &c->e) != FH_OK)
        return say_fail(&c->e);
    return push_again(c, &d, &m, force);
}
