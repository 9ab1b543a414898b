/* floe delete: an environment's folder and its branches on this machine, never what is on a hub. */
#include "client/cmd.h"

#include "client/disk.h"
#include "client/registry.h"
#include "client/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is in this folder alone, as the end of a sentence; NULL when the hub has everything. */
static const char *only_here(struct client *c, struct floxdir *d, struct floxmeta *m)
{
    bool edited = false;
    struct fh_error ignored;
    if (!d->is_managed)
        return NULL;
    if (m->objects == NULL)
        return NULL; /* its clone is gone or was never there, so it has no generations of its own */
    if (strcmp(m->here, m->pin.rev) != 0)
        return "generations that were not pushed";
    if (floxmeta_is_edited(m, d, &edited, &ignored) == FH_OK && edited)
        return "changes that are in no generation";
    (void)c;
    return NULL;
}

static bool confirmed(const struct floxdir *d, bool by_name)
{
    char line[16];
    if (by_name)
        fprintf(stderr, "Are you sure? (y/N) ");
    else
        fprintf(stderr, "You are about to delete your environment %s. Are you sure? (y/N) ", d->title);
    fflush(stderr);
    return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

/* The name goes first and in one step, so that no half of a .flox is ever found. */
static fh_err remove_folder(struct client *c, const struct floxdir *d, struct fh_error *e)
{
    const char *aside;
    FH_TRY(floxdir_prepare(c, d->project, &aside, e));
    if (rename(d->path, aside) != 0) {
        (void)FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot remove '%s'", d->path);
        rmdir(aside);
        return FH_INTERNAL;
    }
    return disk_remove_tree(aside, e);
}

static int remove_all(struct client *c, struct floxdir *d, struct floxmeta *m)
{
    if (remove_folder(c, d, &c->e) != FH_OK || (m->objects != NULL && floxmeta_forget(m, &c->e) != FH_OK))
        return say_fail(&c->e);
    registry_forget(c, d->path, &d->pointer);
    say_deleted("environment %s deleted", d->title);
    return 0;
}

int cmd_delete(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxmeta m = {.lock_fd = -1};
    struct fh_error ignored;
    if (c == NULL)
        return 1;
    bool force = fh_cli_flag(cli, "force"), by_name = fh_cli_value(cli, "dir") != NULL;
    if (floxdir_find(c, cli, false, &d, &c->e) != FH_OK || floxdir_lock(c, &d, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (strcmp(strrchr(d.path, '/'), "/.flox") != 0)
        return say_error("'%s' is not a folder named .flox; remove it yourself if it is no longer needed.",
                         d.path);
    /* What cannot be opened, for want of a hub for instance, can still be deleted. */
    if (d.is_managed && floxmeta_open_local(c, &d.pointer, d.path, &m, &ignored) != FH_OK)
        m.objects = NULL;
    if (d.is_managed)
        say_warn("Environment %s is linked with a FloxHub environment.\n\nThat one stays as it is; this "
                 "command only deletes the local link in '%s'.\n",
                 d.title, d.path);
    const char *lost = only_here(c, &d, &m);
    bool asks = !force && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    if (lost != NULL)
        say_warn("It has %s: they will be lost. 'floe push' keeps them.", lost);
    if (lost != NULL && !force && !asks)
        return say_error("Environment %s was not deleted. Push it first, or use --force.", d.title);
    if (asks && !confirmed(&d, by_name))
        return say_error("Environment deletion cancelled");
    return remove_all(c, &d, &m);
}
