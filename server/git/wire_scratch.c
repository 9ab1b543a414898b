/* Scratch folders. See wire_scratch.h. */
#include "server/git/wire_scratch.h"

#include "server/git/wire_materialise.h"
#include "server/git/wire_quarantine.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOAD_TRIES = 5, OPEN_FOLDERS = 16 };

fh_err wire_scratch_make(struct wire_scratch *s, const char *stem, struct fh_error *e)
{
    int n = snprintf(s->path, sizeof s->path, "%sXXXXXX", stem);
    if (n < 0 || (size_t)n >= sizeof s->path) {
        s->path[0] = '\0';
        return FH_FAIL(e, FH_INVALID, "The path of the folder is too long.");
    }
    if (mkdtemp(s->path))
        return FH_OK;
    s->path[0] = '\0';
    return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No temporary folder can be made beside %s", stem);
}

/* An admin command may run as root; the server must be able to use the folder after it. */
static void give_to_owner(const char *data)
{
    char tmp[WIRE_PATH_SIZE];
    struct stat theirs, ours;
    int n = snprintf(tmp, sizeof tmp, "%s/tmp", data);
    if (geteuid() == 0 && n > 0 && (size_t)n < sizeof tmp && stat(data, &theirs) == 0 &&
        lstat(tmp, &ours) == 0 && S_ISDIR(ours.st_mode) && ours.st_uid == 0 && theirs.st_uid != 0 &&
        lchown(tmp, theirs.st_uid, theirs.st_gid) != 0)
        return; /* then the server says so itself */
}

fh_err wire_scratch_in_data(struct wire_scratch *s, const char *data, const char *what, struct fh_error *e)
{
    s->path[0] = '\0';
    FH_TRY(wire_private_folder(data, what, s->path, e));
    give_to_owner(data);
    return FH_OK;
}

fh_err wire_scratch_folder(const struct wire_scratch *s, const char *name, char out[4096], struct fh_error *e)
{
    int n = snprintf(out, 4096, "%s/%s", s->path, name);
    if (n < 0 || n >= 4096)
        return FH_FAIL(e, FH_INVALID, "The path of the folder is too long.");
    if (mkdir(out, 0700) != 0 && errno != EEXIST)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be made", out);
    return FH_OK;
}

/* nftw has no argument for its callback. */
static _Thread_local int64_t freed;
static _Thread_local bool stayed;

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)at;
    if (kind == FTW_DP || kind == FTW_D || kind == FTW_DNR)
        stayed |= rmdir(path) != 0;
    else if (unlink(path) != 0)
        stayed = true;
    else if (kind == FTW_F && st->st_nlink == 1)
        freed += st->st_size;
    return 0;
}

bool wire_remove_tree(const char *path, int64_t *bytes)
{
    freed = 0;
    stayed = false;
    if (nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
        stayed = true;
    if (bytes)
        *bytes = freed;
    return !stayed;
}

void wire_scratch_remove(struct wire_scratch *s)
{
    if (s->path[0])
        (void)wire_remove_tree(s->path, NULL);
    s->path[0] = '\0';
}

struct load {
    struct fh_arena *arena;
    const char *owner;
    struct store_repo *repo;
};

static fh_err load_repo(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct load *l = arg;
    return store_repo_load(c, l->arena, l->owner, l->repo, e);
}

static fh_err open_packs(const char *folder, const struct store_repo *repo, struct fh_arena *a,
                         struct wire_packs **packs, struct fh_error *e)
{
    const char **paths = fh_alloc(a, (repo->npacks + 1) * sizeof *paths);
    for (size_t i = 0; i < repo->npacks; i++) {
        char *path = fh_alloc(a, WIRE_PATH_SIZE);
        FH_TRY(wire_pack_path(folder, repo->owner.handle, repo->packs[i].checksum, path, e));
        paths[i] = path;
    }
    return wire_packs_open(paths, repo->npacks, NULL, packs, e);
}

fh_err wire_scratch_load(const struct wire_scratch *s, struct db_pool *pool, const char *owner,
                         struct fh_arena *a, struct store_repo *repo, struct wire_packs **packs,
                         struct fh_error *e)
{
    fh_err rc = FH_AGAIN;
    for (int i = 0; rc == FH_AGAIN && i < LOAD_TRIES; i++) {
        struct load load = {.arena = a, .owner = owner, .repo = repo};
        FH_TRY(db_read(pool, load_repo, &load, e));
        rc = wire_materialise(s->path, pool, repo, false, e);
    }
    if (rc == FH_AGAIN)
        return FH_FAIL(e, FH_UNAVAILABLE, "The packs of %s are being replaced again and again; try later.",
                       owner);
    FH_TRY(rc);
    return open_packs(s->path, repo, a, packs, e);
}
