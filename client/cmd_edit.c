/* floe edit (manifest-lockfile-client §7.4, git-environments §7.7) */
#include "client/cmd.h"

#include "client/change.h"
#include "client/disk.h"
#include "client/editor.h"
#include "client/hub.h"
#include "client/include.h"
#include "client/lock_say.h"
#include "client/reason.h"
#include "client/registry.h"
#include "client/say.h"
#include "common/ceilings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct fh_change by_hand = {.kind = FH_CHANGE_EDIT};

static int refuse(struct client *c, fh_err rc)
{
    if (rc == FH_UNAVAILABLE)
        return say_error("%s\n\nNothing was changed.", c->e.msg);
    if (rc == FH_INVALID)
        return say_error("Failed to parse manifest:\n\n%s", c->e.msg);
    return client_fail(c);
}

static void say_locked(struct client *c, const struct floxdir_files *before,
                       const struct floxdir_files *after)
{
    const struct fh_lock *old = NULL, *lock;
    struct fh_error ignored;
    if (fh_lock_parse(c->arena, after->lock, after->lock_len, "manifest.lock", &lock, &ignored) != FH_OK)
        return;
    if (before->lock != NULL &&
        fh_lock_parse(c->arena, before->lock, before->lock_len, "manifest.lock", &old, &ignored) == FH_OK)
        lock_say_systems(c, old, lock);
    if (!lock->composed)
        return;
    include_say_overrides(c, lock);
    say_info("Run 'floe list -c' to see merged manifest.");
}

/* This very shell is in the environment. */
static bool is_active(const struct change *ch)
{
    const char *dirs = getenv("FLOX_ENV_DIRS");
    const char *run = fh_sprintf(ch->c->arena, "%s/run/", ch->dir.path);
    return dirs != NULL && strstr(dirs, run) != NULL;
}

static int finish(struct change *ch, struct floxdir_files *fresh, const struct floxdir_files *before)
{
    struct client *c = ch->c;
    const struct fh_manifest *manifest;
    fh_err rc = floxdir_lock_manifest(c, fresh, &manifest, NULL, &c->e);
    if (rc != FH_OK)
        return refuse(c, rc);
    if (before->lock != NULL && change_is_same(fresh, before)) {
        say_warn("No changes made to environment.");
        return 0;
    }
    if (change_apply(ch, fresh, &by_hand, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (is_active(ch))
        say_warn("Your manifest has changes that cannot be automatically applied.\n\n"
                 "Please 'exit' the shell and run 'floe activate' to see these changes.");
    else
        say_done("Environment successfully updated.");
    say_locked(c, before, fresh);
    return 0;
}

static int edit_from_file(struct change *ch, const struct floxdir_files *before, const char *file)
{
    struct client *c = ch->c;
    struct floxdir_files fresh = *before;
    fh_err rc = strcmp(file, "-") == 0
                    ? disk_read_fd(STDIN_FILENO, "standard input", FH_MAX_MANIFEST, c->arena, &fresh.manifest,
                                   &fresh.manifest_len, &c->e)
                    : disk_read(file, FH_MAX_MANIFEST, c->arena, &fresh.manifest, &fresh.manifest_len, &c->e);
    return rc != FH_OK ? say_fail(&c->e) : finish(ch, &fresh, before);
}

static bool asks_to_continue(void)
{
    char line[16];
    fprintf(stderr, "Continue editing? (Y/n) ");
    fflush(stderr);
    return fgets(line, sizeof line, stdin) != NULL && line[0] != 'n' && line[0] != 'N';
}

/* The editor works on a copy; what is not valid goes back to it as often as the person likes. */
static int edit_by_hand(struct change *ch, const struct floxdir_files *before)
{
    struct client *c = ch->c;
    struct floxdir_files fresh = *before;
    if (!isatty(STDIN_FILENO) && getenv("VISUAL") == NULL && getenv("EDITOR") == NULL)
        return say_error("Cannot open an editor without a terminal; use 'floe edit -f FILE'.");
    const char *tmp = getenv("TMPDIR");
    char *dir = fh_sprintf(c->arena, "%s/floe-edit.XXXXXX", tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        return say_error("Cannot make a folder for the editor.");
    const char *file = fh_sprintf(c->arena, "%s/manifest.toml", dir);
    int status = 1;
    fh_err rc = disk_write(file, before->manifest, before->manifest_len, 0600, &c->e);
    while (rc == FH_OK) {
        rc = editor_run(c->arena, file, &c->e);
        if (rc == FH_OK)
            rc = disk_read(file, FH_MAX_MANIFEST, c->arena, &fresh.manifest, &fresh.manifest_len, &c->e);
        if (rc != FH_OK)
            break;
        fresh.lock = before->lock;
        fresh.lock_len = before->lock_len;
        status = finish(ch, &fresh, before);
        if (status == 0 || !isatty(STDIN_FILENO) || !asks_to_continue())
            break;
    }
    struct fh_error ignored;
    (void)!disk_remove_tree(dir, &ignored);
    return rc != FH_OK ? say_fail(&c->e) : status;
}

static int rename_environment(struct change *ch, const char *name)
{
    struct client *c = ch->c;
    struct fh_envjson pointer = ch->dir.pointer;
    if (ch->dir.is_managed)
        return say_error(
            "FloxHub environments must currently be renamed on FloxHub.\nRename this environment at "
            "%s/settings\nThen pull the renamed environment.",
            hub_page(pointer.floxhub_url, pointer.owner, pointer.name, c->arena));
    if (fh_envname_check(name, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (strcmp(name, pointer.name) == 0)
        return say_error("environment already named '%s'", name);
    pointer.name = name;
    if (floxdir_write_pointer(ch->dir.path, &pointer, FH_ENVJSON_PRETTY_NEWLINE, &c->e) != FH_OK)
        return say_fail(&c->e);
    registry_note(c, ch->dir.path, &pointer);
    say_done("renamed environment %s to '%s'", ch->dir.title, name);
    return 0;
}

static int sync_by_hand(struct change *ch, struct floxdir_files *files, bool edited)
{
    struct client *c = ch->c;
    const struct fh_manifest *manifest;
    if (!edited) {
        say_plain("No local changes to sync.");
        return 0;
    }
    fh_err rc = floxdir_lock_manifest(c, files, &manifest, NULL, &c->e);
    if (rc != FH_OK)
        return refuse(c, rc);
    if (change_apply(ch, files, &by_hand, &c->e) != FH_OK)
        return say_fail(&c->e);
    say_done("Environment successfully synced to a new generation.");
    return 0;
}

static int reset_by_hand(struct change *ch)
{
    struct client *c = ch->c;
    struct floxdir_files live;
    if (floxmeta_live_files(&ch->meta, ch->meta.here, &live, &c->e) != FH_OK ||
        floxdir_write(ch->dir.path, &live, &c->e) != FH_OK)
        return say_fail(&c->e);
    say_done("Environment changes reset to current generation.");
    return 0;
}

static int edit_managed(struct change *ch, struct fh_cli *cli, struct floxdir_files *files, bool *done)
{
    bool edited;
    *done = true;
    if (floxmeta_is_edited(&ch->meta, &ch->dir, &edited, &ch->c->e) != FH_OK)
        return say_fail(&ch->c->e);
    if (fh_cli_flag(cli, "sync"))
        return sync_by_hand(ch, files, edited);
    if (fh_cli_flag(cli, "reset"))
        return reset_by_hand(ch);
    if (edited && fh_cli_value(cli, "file") == NULL) /* a file replaces everything anyway */
        return cmd_say_unsynced("");
    *done = false;
    return 0;
}

static int refuse_combinations(struct fh_cli *cli)
{
    static const char *const actions[] = {"file", "name", "sync", "reset"};
    int n = 0;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        n += fh_cli_value(cli, actions[i]) != NULL;
    return n > 1 ? fh_cli_usage(cli, "Give one of --file, --name, --sync and --reset.") : 0;
}

int cmd_edit(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct change ch;
    const char *file = fh_cli_value(cli, "file");
    if (c == NULL)
        return 1;
    if (refuse_combinations(cli) != 0)
        return 2;
    if (change_begin(&ch, c, cli, true, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_value(cli, "name") != NULL)
        return rename_environment(&ch, fh_cli_value(cli, "name"));
    if (ch.dir.is_managed) {
        bool done;
        int status = edit_managed(&ch, cli, &ch.before, &done);
        if (done)
            return status;
    } else if (fh_cli_flag(cli, "sync") || fh_cli_flag(cli, "reset")) {
        return say_error(
            "Generations are only available for environments pushed to FloxHub.\nThe environment %s "
            "is a local only environment.",
            ch.dir.title);
    }
    int status = file != NULL ? edit_from_file(&ch, &ch.before, file) : edit_by_hand(&ch, &ch.before);
    if (fh_cli_flag(cli, "explain"))
        reason_say(c, c->question);
    return status;
}
