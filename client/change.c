/* Changes of environments. See change.h. */
#include "client/change.h"

#include "client/checkout.h"
#include "client/cmd.h"

#include <string.h>

static fh_err find(struct change *ch, struct fh_cli *cli, bool login, struct fh_error *e)
{
    struct client *c = ch->c;
    const char *ref;
    FH_TRY(cmd_reference(c, cli, &ref, e));
    if (ref != NULL) {
        if (login)
            FH_TRY(client_need_login(c, e));
        return cmd_open_reference(c, ref, &ch->dir, &ch->meta, e);
    }
    fh_err rc = floxdir_find(c, cli, true, &ch->dir, e);
    ch->is_nowhere = rc == FH_NOT_FOUND && fh_cli_value(cli, "dir") == NULL;
    if (rc != FH_OK)
        return rc;
    return ch->dir.is_managed ? cmd_open_managed(c, &ch->dir, &ch->meta, e) : floxdir_lock(c, &ch->dir, e);
}

fh_err change_begin(struct change *ch, struct client *c, struct fh_cli *cli, bool login, struct fh_error *e)
{
    *ch = (struct change){.c = c, .meta = {.lock_fd = -1}};
    FH_TRY(find(ch, cli, login, e));
    ch->title = fh_sprintf(c->arena, "%s%s", ch->dir.title, ch->dir.is_reference ? " (local)" : "");
    return floxdir_read(c, &ch->dir, &ch->before, e);
}

fh_err change_refuse_unsynced(struct change *ch, struct fh_error *e)
{
    bool edited = false;
    if (ch->dir.is_managed)
        FH_TRY(floxmeta_is_edited(&ch->meta, &ch->dir, &edited, e));
    if (!edited)
        return FH_OK;
    return FH_FAIL(e, FH_CONFLICT,
                   "Your environment has changes that are not yet synced to a generation.\n\n"
                   "To resolve this issue, run either\n"
                   "* 'floe edit --sync' to commit your local changes to a new generation\n"
                   "* 'floe edit --reset' to discard your local changes and reset to the latest generation");
}

fh_err change_apply(struct change *ch, const struct floxdir_files *files, const struct fh_change *what,
                    struct fh_error *e)
{
    gitobj_id commit;
    if (!ch->dir.is_managed)
        return floxdir_write(ch->dir.path, files, e);
    FH_TRY(floxmeta_commit(&ch->meta, ch->meta.here, what, files, commit, e));
    return checkout_move(&ch->meta, &ch->dir, commit, ch->meta.pin.rev, files, e);
}

static bool same(const char *x, size_t nx, const char *y, size_t ny)
{
    return nx == ny && (nx == 0 || memcmp(x, y, nx) == 0);
}

bool change_is_same(const struct floxdir_files *a, const struct floxdir_files *b)
{
    return same(a->manifest, a->manifest_len, b->manifest, b->manifest_len) &&
           (a->lock == NULL) == (b->lock == NULL) && same(a->lock, a->lock_len, b->lock, b->lock_len);
}

void change_keep_lock(struct client *c, struct floxdir *d, const struct floxdir_files *read,
                      const struct floxdir_files *made)
{
    struct floxdir_files now;
    struct fh_error ignored;
    if (!d->is_managed && floxdir_lock(c, d, &ignored) == FH_OK &&
        floxdir_read(c, d, &now, &ignored) == FH_OK && change_is_same(&now, read))
        (void)!floxdir_write(d->path, made, &ignored);
}
