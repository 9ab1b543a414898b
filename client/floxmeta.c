/* Opening the clone and following a checkout's branches. */
#include "client/floxmeta.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void floxmeta_close(struct floxmeta *m)
{
    if (m->lock_fd >= 0)
        close(m->lock_fd);
    m->lock_fd = -1;
}

static fh_err begin(struct client *c, const struct fh_envjson *pointer, const char *dot_flox,
                    struct floxmeta *m, struct fh_error *e)
{
    struct fh_arena *a = c->arena;
    const char *override = getenv("_FLOX_FLOXHUB_GIT_URL");
    const char *git = override != NULL && *override != '\0' ? override : pointer->git_url_override;
    if (git == NULL)
        git = hub_git_base(pointer->floxhub_url, a);
    else
        FH_TRY(hub_normalise(git, a, &git, e));
    size_t n = strlen(git);
    while (n > 0 && git[n - 1] == '/')
        n--;
    const char *parent = fh_sprintf(a, "%s/meta", c->settings.data_dir);
    *m = (struct floxmeta){
        .client = c,
        .owner = pointer->owner,
        .name = pointer->name,
        .dot_flox = dot_flox,
        .branch = fh_project_branch(a, pointer->name, dot_flox),
        .path = fh_sprintf(a, "%s/%s", parent, pointer->owner),
        .wire = {.api = c->api,
                 .arena = a,
                 .url = fh_sprintf(a, "%.*s/%s/floxmeta", (int)n, git, pointer->owner)},
        .lock_fd = -1,
    };
    FH_TRY(disk_make_dirs(parent, 0777, e));
    return disk_lock_file(fh_sprintf(a, "%s.lock", m->path), &m->lock_fd, e);
}

/* A clone takes its name when it is whole: made beside it, fetched into, renamed. */
static fh_err make_clone(struct floxmeta *m, bool fetch, struct fh_error *e)
{
    struct fh_arena *a = m->client->arena;
    const char *meta = fh_sprintf(a, "%s/meta", m->client->settings.data_dir);
    /* No owner's name begins with a dot, and the owner's lock is ours: what is there was left by a crash. */
    const char *stem = fh_sprintf(a, ".%s.", m->owner);
    char *fresh = fh_sprintf(a, "%s/%sXXXXXX", meta, stem);
    gitobj_id tip;
    disk_sweep(meta, stem, 0);
    if (mkdtemp(fresh) == NULL)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot make a folder beside '%s'", m->path);
    fh_err rc = gitobj_create(a, fresh, m->name, m->wire.url, &m->objects, e);
    if (rc == FH_OK && fetch)
        rc = gitwire_fetch(&m->wire, m->objects, m->name, tip, e);
    if (rc == FH_OK && fetch)
        rc = gitobj_set_branch(m->objects, m->name, tip, e);
    if (rc == FH_OK)
        rc = disk_install_dir(fresh, m->path, false, e);
    if (rc == FH_OK)
        return gitobj_open(a, m->path, &m->objects, e);
    struct fh_error ignored;
    m->objects = NULL;
    (void)!disk_remove_tree(fresh, &ignored);
    return rc;
}

static fh_err open_clone(struct floxmeta *m, bool fetch, struct fh_error *e)
{
    if (!disk_exists(m->path))
        return make_clone(m, fetch, e);
    return gitobj_open(m->client->arena, m->path, &m->objects, e);
}

fh_err floxmeta_open_local(struct client *c, const struct fh_envjson *pointer, const char *dot_flox,
                           struct floxmeta *out, struct fh_error *e)
{
    bool has_pin = false;
    FH_TRY(begin(c, pointer, dot_flox, out, e));
    fh_err rc = gitobj_open(c->arena, out->path, &out->objects, e);
    if (rc == FH_OK)
        rc = floxdir_read_envlock(c, dot_flox, &out->pin, &has_pin, e);
    if (rc == FH_OK && has_pin)
        memcpy(out->here, *out->pin.local_rev != '\0' ? out->pin.local_rev : out->pin.rev, sizeof out->here);
    if (rc == FH_OK && !(has_pin && gitobj_has_commit(out->objects, out->here)))
        rc = FH_FAIL(e, FH_NOT_FOUND, "The generation of this checkout is not on this machine.");
    if (rc != FH_OK)
        floxmeta_close(out);
    return rc;
}

fh_err floxmeta_forget(struct floxmeta *m, struct fh_error *e)
{
    const char **others;
    size_t n;
    FH_TRY(gitobj_delete_branch(m->objects, m->branch, e));
    FH_TRY(gitobj_branches(m->objects, fh_sprintf(m->client->arena, "%s.", m->name), m->client->arena,
                           &others, &n, e));
    return n == 0 ? gitobj_delete_branch(m->objects, m->name, e) : FH_OK;
}

fh_err floxmeta_open_clone(struct client *c, const struct fh_envjson *pointer, const char *dot_flox,
                           struct floxmeta *out, struct fh_error *e)
{
    FH_TRY(begin(c, pointer, dot_flox, out, e));
    fh_err rc = open_clone(out, false, e);
    if (rc != FH_OK)
        floxmeta_close(out);
    return rc;
}

fh_err floxmeta_fetch(struct floxmeta *m, gitobj_id tip, struct fh_error *e)
{
    FH_TRY(gitwire_fetch(&m->wire, m->objects, m->name, tip, e));
    return gitobj_set_branch(m->objects, m->name, tip, e);
}

static fh_err vanished(struct floxmeta *m, const char *rev, struct fh_error *e)
{
    return FH_FAIL(
        e, FH_CONFLICT,
        "The environment lock refers to a version of %s/%s that does not exist (%.12s).\n\nThis can happen "
        "if the environment was force-pushed after the lock was made.\nRun 'floe pull --force' to take "
        "the version on the hub.",
        m->owner, m->name, rev);
}

/* Where env.lock says this checkout is (LOCK). fresh: the clone was fetched just now. */
static fh_err find_commit(struct floxmeta *m, bool has_pin, bool fresh, struct fh_error *e)
{
    gitobj_id tip;
    struct fh_error ignored;
    if (!has_pin) {
        FH_TRY(fresh ? gitobj_branch(m->objects, m->name, tip, e) : floxmeta_fetch(m, tip, e));
        memcpy(m->pin.rev, tip, sizeof tip);
        m->pin.local_rev[0] = '\0';
        memcpy(m->here, tip, sizeof tip);
        return FH_OK;
    }
    if (m->pin.local_rev[0] != '\0') {
        memcpy(m->here, m->pin.local_rev, sizeof m->here);
        return gitobj_has_commit(m->objects, m->here) ? FH_OK : vanished(m, m->here, e);
    }
    memcpy(m->here, m->pin.rev, sizeof m->here);
    bool known = false;
    if (gitobj_has_commit(m->objects, m->here)) {
        if (gitobj_branch(m->objects, m->branch, tip, &ignored) == FH_OK)
            FH_TRY(gitobj_is_ancestor(m->objects, m->here, tip, &known, e));
        if (!known && gitobj_branch(m->objects, m->name, tip, &ignored) == FH_OK)
            FH_TRY(gitobj_is_ancestor(m->objects, m->here, tip, &known, e));
        if (known)
            return FH_OK;
    }
    FH_TRY(floxmeta_fetch(m, tip, e));
    if (gitobj_has_commit(m->objects, m->here))
        FH_TRY(gitobj_is_ancestor(m->objects, m->here, tip, &known, e));
    return known ? FH_OK : vanished(m, m->here, e);
}

fh_err floxmeta_open(struct client *c, const struct fh_envjson *pointer, const char *dot_flox,
                     const char *envlock_dir, struct floxmeta *out, struct fh_error *e)
{
    struct floxmeta *m = out;
    bool has_pin = false;
    gitobj_id tip;
    struct fh_error ignored;
    FH_TRY(begin(c, pointer, dot_flox, m, e));
    bool fresh = !disk_exists(m->path);
    fh_err rc = floxdir_read_envlock(c, envlock_dir, &m->pin, &has_pin, e);
    if (rc == FH_OK)
        rc = open_clone(m, true, e);
    if (rc == FH_OK)
        rc = find_commit(m, has_pin, fresh, e);
    if (rc == FH_OK &&
        (gitobj_branch(m->objects, m->branch, tip, &ignored) != FH_OK || strcmp(tip, m->here) != 0))
        rc = gitobj_set_branch(m->objects, m->branch, m->here, e);
    if (rc == FH_OK && !has_pin)
        rc = floxdir_write_envlock(envlock_dir, &m->pin, e);
    if (rc != FH_OK)
        floxmeta_close(m);
    return rc;
}

fh_err floxmeta_compare(struct floxmeta *m, const char *tip, enum floxmeta_relation *out, struct fh_error *e)
{
    bool ours_in_theirs, theirs_in_ours;
    FH_TRY(gitobj_is_ancestor(m->objects, m->here, tip, &ours_in_theirs, e));
    FH_TRY(gitobj_is_ancestor(m->objects, tip, m->here, &theirs_in_ours, e));
    *out = ours_in_theirs && theirs_in_ours ? FLOXMETA_EQUAL
           : ours_in_theirs                 ? FLOXMETA_BEHIND
           : theirs_in_ours                 ? FLOXMETA_AHEAD
                                            : FLOXMETA_DIVERGED;
    return FH_OK;
}

fh_err floxmeta_move(struct floxmeta *m, const char *envlock_dir, const char *commit, const char *rev,
                     struct fh_error *e)
{
    FH_TRY(gitobj_set_branch(m->objects, m->branch, commit, e));
    memcpy(m->here, commit, sizeof m->here);
    struct fh_envlock pin = {0};
    memcpy(pin.rev, rev, sizeof pin.rev);
    if (strcmp(commit, rev) != 0)
        memcpy(pin.local_rev, commit, sizeof pin.local_rev);
    FH_TRY(floxdir_write_envlock(envlock_dir, &pin, e));
    m->pin = pin;
    return FH_OK;
}
