/* floe include upgrade (manifest-lockfile-client §6, git-environments §7.7) */
#include "client/cmd.h"

#include "client/change.h"
#include "client/include.h"
#include "client/say.h"

#include <string.h>

struct upgrade {
    struct client *c;
    struct change change;
    const struct fh_lock *before, *after;
    const char *const *names; /* asked for */
    size_t nnames;
};

/* An out-of-date lock is brought up to date first, as any other command would, so that what is told
 * afterwards is about the upgrade alone. */
static fh_err upgrade(struct upgrade *u, struct fh_error *e)
{
    struct client *c = u->c;
    struct floxdir_files files = u->change.before;
    const struct fh_manifest *manifest;
    bool made;
    FH_TRY(change_refuse_unsynced(&u->change, e));
    FH_TRY(floxdir_lock_manifest(c, &files, &manifest, &made, e));
    FH_TRY(fh_lock_parse(c->arena, files.lock, files.lock_len, "manifest.lock", &u->before, e));
    struct floxdir_files fresh = files;
    FH_TRY(floxdir_upgrade_includes(c, &fresh, u->names, u->nnames, &manifest, e));
    FH_TRY(fh_lock_parse(c->arena, fresh.lock, fresh.lock_len, "manifest.lock", &u->after, e));
    bool same = fresh.lock_len == files.lock_len && memcmp(fresh.lock, files.lock, files.lock_len) == 0;
    const struct fh_change what = {
        .kind = FH_CHANGE_INCLUDE_UPGRADE, .ntargets = u->nnames, .targets = u->names};
    return same && !made ? FH_OK : change_apply(&u->change, &fresh, &what, e);
}

static bool has_changed(const struct upgrade *u, const struct fh_included *include)
{
    for (size_t i = 0; i < u->before->nincludes; i++)
        if (fh_included_equal(&u->before->includes[i], include))
            return false;
    return true;
}

static bool name_has_changed(const struct upgrade *u, const char *name)
{
    for (size_t i = 0; i < u->after->nincludes; i++)
        if (strcmp(u->after->includes[i].name, name) == 0 && has_changed(u, &u->after->includes[i]))
            return true;
    return false;
}

static int tell(const struct upgrade *u)
{
    struct fh_arena *a = u->c->arena;
    const char *list = "";
    for (size_t i = 0; i < u->after->nincludes; i++)
        if (has_changed(u, &u->after->includes[i]))
            list = fh_sprintf(a, "%s\n- '%s'", list, say_safe(a, u->after->includes[i].name));
    if (*list != '\0') {
        say_done("Upgraded %s with latest changes to:%s", u->change.dir.title, list);
        include_say_overrides(u->c, u->after);
    } else if (u->nnames == 0) {
        say_info("No included environments have changes.");
    }
    for (size_t i = 0; i < u->nnames; i++)
        if (!name_has_changed(u, u->names[i]))
            say_info("Included environment '%s' has no changes.", u->names[i]);
    return 0;
}

int cmd_include_upgrade(struct fh_cli *cli)
{
    struct upgrade u = {.c = client_begin(cli)};
    if (u.c == NULL)
        return 1;
    u.nnames = (size_t)cli->nargs;
    u.names = (const char *const *)cli->args;
    if (change_begin(&u.change, u.c, cli, false, &u.c->e) != FH_OK)
        return say_fail(&u.c->e);
    return upgrade(&u, &u.c->e) == FH_OK ? tell(&u) : client_fail(u.c);
}
