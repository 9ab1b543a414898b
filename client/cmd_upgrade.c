/* floe upgrade (manifest-lockfile-client §7.6): the lock anew, without what it had of the named packages. An
 * upgrade is a changed derivation of a package that was locked and still is; without one, nothing is written.
 */
#include "client/cmd.h"

#include "client/change.h"
#include "client/lock_say.h"
#include "client/reason.h"
#include "client/say.h"

#include <stdlib.h>
#include <string.h>

struct upgrade {
    struct client *c;
    struct change change;
    struct fh_strings names; /* asked for; none: everything */
    const struct fh_manifest *manifest;
    const struct fh_lock *before, *after; /* before is NULL where nothing was locked */
    struct floxdir_files fresh;
    size_t nids;
    const char **ids; /* that changed on some system, sorted */
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

static bool has_changed(const struct fh_lock_package *old, const struct fh_lock_package *new)
{
    return new != NULL &&
           old->derivation != NULL &&new->derivation != NULL &&strcmp(old->derivation, new->derivation) != 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of this system, or NULL of any. */
static void collect_changed(struct upgrade *up, const char *system)
{
    size_t room = up->before != NULL ? up->before->npackages : 0, n = 0;
    up->ids = fh_alloc(up->c->arena, (room + 1) * sizeof *up->ids);
    for (size_t i = 0; i < room; i++) {
        const struct fh_lock_package *old = &up->before->packages[i];
        if ((system == NULL || strcmp(old->system, system) == 0) &&
            has_changed(old, lock_find(up->after, old->install_id, old->system)))
            up->ids[n++] = old->install_id;
    }
    qsort(up->ids, n, sizeof *up->ids, by_text);
    up->nids = 0;
    for (size_t i = 0; i < n; i++)
        if (up->nids == 0 || strcmp(up->ids[up->nids - 1], up->ids[i]) != 0)
            up->ids[up->nids++] = up->ids[i];
}

static fh_err upgrade(struct upgrade *up, bool dry, struct fh_error *e)
{
    struct client *c = up->c;
    struct floxdir_wish wish = {.upgrades = true, .upgraded = up->names};
    const struct fh_manifest *after;
    struct fh_error unreadable;
    const struct floxdir_files *files = &up->change.before;
    if (!dry)
        FH_TRY(change_refuse_unsynced(&up->change, e));
    FH_TRY(
        fh_manifest_parse(c->arena, files->manifest, files->manifest_len, "manifest.toml", &up->manifest, e));
    for (size_t i = 0; i < up->names.count; i++)
        FH_TRY(check_name(up, up->names.items[i], e));
    if (files->lock == NULL || fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock",
                                             &up->before, &unreadable) != FH_OK)
        up->before = NULL;
    up->fresh = *files;
    FH_TRY(floxdir_lock_packages(c, &up->fresh, &wish, &after, NULL, e));
    FH_TRY(fh_lock_parse(c->arena, up->fresh.lock, up->fresh.lock_len, "manifest.lock", &up->after, e));
    collect_changed(up, NULL);
    if (dry || up->nids == 0)
        return FH_OK;
    const struct fh_change what = {.kind = FH_CHANGE_UPGRADE, .ntargets = up->nids, .targets = up->ids};
    return change_apply(&up->change, &up->fresh, &what, e);
}

/* -- telling */

static const char *version_of(struct client *c, const struct fh_lock_package *p)
{
    return p->version != NULL ? say_safe(c->arena, p->version) : "unknown";
}

/* Which revision it was and is: by day, by hash on the same day; "" where neither tells. */
static const char *rebuilt(struct client *c, const struct fh_lock_package *old,
                           const struct fh_lock_package *new)
{
    static const struct {
        const char *key;
        int shown;
    } parts[] = {{"rev_date", 10}, {"rev", 7}};
    for (size_t i = 0; i < 2; i++) {
        const char *x = fh_json_string(old->json, parts[i].key), *y = fh_json_string(new->json, parts[i].key);
        if (x != NULL && y != NULL && strncmp(x, y, (size_t)parts[i].shown) != 0)
            return fh_sprintf(c->arena, ", rev %.*s -> %.*s", parts[i].shown, say_safe(c->arena, x),
                              parts[i].shown, say_safe(c->arena, y));
    }
    return "";
}

static const char *counted(struct fh_arena *a, size_t n, const char *what)
{
    return n == 0 ? "" : fh_sprintf(a, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

/* "1 version change and 2 rebuilds", and a line for each. */
static const char *summary(struct upgrade *up, const char **lines)
{
    struct fh_arena *a = up->c->arena;
    const char *system = settings_system(a);
    size_t versions = 0, rebuilds = 0;
    *lines = "";
    for (size_t i = 0; i < up->nids; i++) {
        const struct fh_lock_package *old = lock_find(up->before, up->ids[i], system);
        const struct fh_lock_package *new = lock_find(up->after, up->ids[i], system);
        const char *x = version_of(up->c, old), *y = version_of(up->c, new);
        bool changed = strcmp(x, y) != 0;
        versions += changed;
        rebuilds += !changed;
        *lines = changed ? fh_sprintf(a, "%s\n- %s: %s -> %s", *lines, say_safe(a, up->ids[i]), x, y)
                         : fh_sprintf(a, "%s\n- %s: %s (rebuild%s)", *lines, say_safe(a, up->ids[i]), x,
                                      rebuilt(up->c, old, new));
    }
    return fh_sprintf(a, "%s%s%s", counted(a, versions, "version change"),
                      versions > 0 && rebuilds > 0 ? " and " : "", counted(a, rebuilds, "rebuild"));
}

static int tell(struct upgrade *up, bool dry)
{
    struct client *c = up->c;
    const char *title = up->change.title, *lines;
    if (up->nids == 0) {
        say_plain("No upgrades available for %s in %s.",
                  up->names.count == 0 ? "packages" : "the specified packages", title);
        return 0;
    }
    collect_changed(up, settings_system(c->arena));
    if (up->nids == 0 && dry) {
        say_plain("Upgrades are not available for %s on this system, but upgrades are\n"
                  "available for other systems supported by this environment.",
                  title);
        return 0;
    }
    const char *what = summary(up, &lines);
    if (dry) {
        say_plain(
            "Dry run: %s in %s:%s\n\nTo apply these changes, run upgrade without the '--dry-run' flag.\n",
            what, title, lines);
        return 0;
    }
    if (up->nids == 0)
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
