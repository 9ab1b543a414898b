/* What an activation is of. */
#include "client/activate.h"

#include "client/cmd.h"
#include "client/floxmeta.h"
#include "common/ceilings.h"

#include <stdlib.h>

/* A generation other than the live one is read from the clone; the checkout stays as it is. */
static fh_err read_generation(struct activation *act, struct floxmeta *m, struct floxdir_files *files,
                              struct fh_error *e)
{
    fh_err rc = floxmeta_generation_files(m, m->here, act->generation, files, e);
    if (rc == FH_NOT_FOUND)
        return FH_FAIL(
            e, rc,
            "The environment %s/%s has no generation %lld; 'floe generations list' shows those it has.",
            m->owner, m->name, (long long)act->generation);
    return rc;
}

static fh_err find(struct activation *act, struct fh_cli *cli, struct floxdir *d, struct floxmeta *m,
                   struct fh_error *e)
{
    struct client *c = act->client;
    const char *ref, *dir = fh_cli_value(cli, "dir");
    FH_TRY(cmd_reference(c, cli, &ref, e));
    if (ref != NULL)
        return cmd_open_reference(c, ref, d, m, e);
    fh_err rc = floxdir_find(c, cli, false, d, e);
    if (rc == FH_NOT_FOUND)
        return FH_FAIL(e, rc, "%s\n\nCreate an environment with 'floe init%s%s'",
                       dir != NULL ? fh_sprintf(c->arena, "Did not find an environment in '%s'", dir)
                                   : "Did not find an environment in the current directory.",
                       dir != NULL ? " --dir " : "", dir != NULL ? dir : "");
    if (rc != FH_OK)
        return rc;
    if (!d->is_managed && act->generation > 0)
        return FH_FAIL(
            e, FH_INVALID,
            "Generations are only available for environments on FloxHub; %s is not on one. Push it "
            "first with 'floe push'.",
            d->title);
    return d->is_managed ? cmd_open_managed(c, d, m, e) : floxdir_lock(c, d, e);
}

fh_err activate_open(struct activation *act, struct fh_cli *cli, struct floxdir *d,
                     struct floxdir_files *files, struct fh_error *e)
{
    struct floxmeta m = {.lock_fd = -1};
    fh_err rc = find(act, cli, d, &m, e);
    if (rc == FH_OK)
        rc =
            act->generation > 0 ? read_generation(act, &m, files, e) : floxdir_read(act->client, d, files, e);
    floxmeta_close(&m);
    act->dir = d;
    act->files = files;
    return rc;
}
