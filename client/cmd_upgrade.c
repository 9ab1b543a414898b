/* floe upgrade (manifest-lockfile-client §7.6): the lock anew, without what it had of the named packages. An
 * upgrade is a changed derivation of a package that was locked and still is; without one, nothing is written.
 */
#include "client/cmd.h"

#include "client/change.h"
#include "client/lock_say.h"
#include "client/reason.h"
#include "client/say.h"
#include "client/upgrade_check.h"

#include <string.h>

struct upgrade {
    struct client *c;
    struct change change;
    struct fh_strings names; /* asked for; none: everything */
    const struct fh_manifest *manifest;
    const struct fh_lock *before, *after; /* before is NULL where nothing was locked */
    struct floxdir_files fresh;
    struct upgrades found; /* on any system */
};

static const struct fh_manifest_package *find_id(const struct fh_manifest *m, const char *id)
{
    for (size_t i = 0; i < m->npackages; i++)
        if (strcmp(m->packages[i].id, id) == 0)
            return &m->packages[i];
    return NULL;
}

static bool in_group(const struct fh_manifest_package *p, const char *group)
{
    return p->kind == FH_PACKAGE_CATALOG && strcmp(p->group, group) == 0;
}

/* A package resolves with its group, so that it is upgraded alone only where it is alone in it. */
static fh_err check_name(const struct upgrade *up, const char *name, struct fh_error *e)
{
    const struct fh_manifest *m = up->manifest;
    const struct fh_manifest_package *p = find_id(m, name);
    bool is_group = strcmp(name, "toplevel") == 0;
    for (size_t i = 0; i < m->npackages; i++)
        is_group = is_group || in_group(&m->packages[i], name);
    if (p == NULL)
        return is_group
                   ? FH_OK
                   : FH_FAIL(e, FH_NOT_FOUND, "no package or group named '%.200s' in the manifest", name);
    if (p->kind != FH_PACKAGE_CATALOG)
        return FH_OK;
    for (size_t i = 0; i < m->npackages; i++)
        if (&m->packages[i] != p && in_group(&m->packages[i], p->group))
            return FH_FAIL(e, FH_CONFLICT,
                           "'%.200s' is a package in the group '%.200s' with multiple packages.\n"
                           "To upgrade the group, specify the group name:\n    $ floe upgrade %.200s\n"
                           "To upgrade all packages, run:\n    $ floe upgrade",
                           name, p->group, p->group);
    return FH_OK;
}

/* 'floe list' and activation tell of it from now on. Where only some were asked for, it says too little. */
static fh_err keep_check(struct upgrade *up)
{
    if (up->names.count == 0 && up->before != NULL)
        upgrade_check_keep(up->c, up->change.dir.path, up->before, up->after);
    return FH_OK;
}

/* Then the lock is new in any case, and kept. (What a hub's environment has is always locked.) */
static bool was_unlocked(const struct upgrade *up)
{
    return !up->change.dir.is_managed && (up->before == NULL || !fh_lock_fits(up->before, up->manifest));
}

static fh_err upgrade(struct upgrade *up, bool dry, struct fh_error *e)
{
    struct client *c = up->c;
    struct floxdir_wish wish = {.upgrades = true, .upgraded = up->names};
    const struct fh_manifest *after;
    const struct floxdir_files *files = &up->change.before;
    if (!dry)
        FH_TRY(change_refuse_unsynced(&up->change, e));
    FH_TRY(
        fh_manifest_parse(c->arena, files->manifest, files->manifest_len, "manifest.toml", &up->manifest, e));
    for (size_t i = 0; i < up->names.count; i++)
        FH_TRY(check_name(up, up->names.items[i], e));
    FH_TRY(floxdir_previous_lock(c, files, &up->before, e));
    up->fresh = *files;
    FH_TRY(floxdir_lock_packages(c, &up->fresh, &wish, &after, NULL, e));
    FH_TRY(fh_lock_parse(c->arena, up->fresh.lock, up->fresh.lock_len, "manifest.lock", &up->after, e));
    upgrades_find(c->arena, up->before, up->after, NULL, &up->found);
    if (dry)
        return keep_check(up);
    if (up->found.n == 0 && !was_unlocked(up))
        return FH_OK;
    const struct fh_change what = {
        .kind = FH_CHANGE_UPGRADE, .ntargets = up->found.n, .targets = up->found.ids};
    return change_apply(&up->change, &up->fresh, &what, e);
}

/* -- telling */

static int tell(struct upgrade *up, bool dry)
{
    struct client *c = up->c;
    const char *title = up->change.title;
    struct upgrades here;
    if (up->found.n == 0) {
        say_plain("No upgrades available for %s in %s.",
                  up->names.count == 0 ? "packages" : "the specified packages", title);
        return 0;
    }
    upgrades_find(c->arena, up->before, up->after, settings_system(c->arena), &here);
    if (here.n == 0 && dry) {
        say_plain("Upgrades are not available for %s on this system, but upgrades are\n"
                  "available for other systems supported by this environment.",
                  title);
        return 0;
    }
    const char *what = upgrades_counted(c, &here), *lines = upgrades_lines(c, &here);
    if (dry) {
        say_plain(
            "Dry run: %s in %s:%s\n\nTo apply these changes, run upgrade without the '--dry-run' flag.\n",
            what, title, lines);
        return 0;
    }
    if (here.n == 0)
        say_done("Upgraded %s.\nUpgrades were not available for this system, but upgrades were applied for "
                 "other\nsystems supported by this environment.",
                 title);
    else
        say_done("Upgraded %s in %s:%s", what, title, lines);
    lock_say_systems(c, up->before, up->after);
    return 0;
}

int cmd_upgrade(struct fh_cli *cli)
{
    struct upgrade up = {.c = client_begin(cli)};
    struct client *c = up.c;
    bool dry = fh_cli_flag(cli, "dry-run");
    if (c == NULL)
        return 1;
    up.names = (struct fh_strings){.count = (size_t)cli->nargs, .items = (const char *const *)cli->args};
    if (change_begin(&up.change, c, cli, true, &c->e) != FH_OK)
        return say_fail(&c->e);
    int status = upgrade(&up, dry, &c->e) == FH_OK ? tell(&up, dry) : client_fail(c);
    if (fh_cli_flag(cli, "explain"))
        reason_say(c, c->question);
    return status;
}
