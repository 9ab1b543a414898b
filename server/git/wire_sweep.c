/* gc on this node's disk. See wire_sweep.h. What cannot be removed stays and is not counted: rubbish is no
 * reason to fail. */
#include "server/git/wire_sweep.h"

#include "common/clock.h"
#include "common/mem.h"
#include "server/git/wire_bare.h"
#include "server/git/wire_scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static bool join(char out[WIRE_PATH_SIZE], const char *folder, const char *name)
{
    int n = snprintf(out, WIRE_PATH_SIZE, "%s/%s", folder, name);
    return n > 0 && n < WIRE_PATH_SIZE;
}

static bool is_old(const struct stat *st)
{
    return st->st_mtime + WIRE_SWEEP_AGE < fh_now();
}

static void sweep_file(int dir, const char *name, const struct stat *st, bool dry_run, struct wire_swept *out)
{
    if (!dry_run && unlinkat(dir, name, 0) != 0)
        return;
    out->files++;
    out->bytes += st->st_size;
}

static _Thread_local int64_t counted; /* nftw has no argument for its callback */
static int count_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)path;
    (void)at;
    counted += kind == FTW_F ? st->st_size : 0;
    return 0;
}

static void sweep_folder(const char *path, bool dry_run, struct wire_swept *out)
{
    int64_t bytes = 0;
    if (dry_run) {
        counted = 0;
        (void)nftw(path, count_file, 16, FTW_PHYS | FTW_MOUNT);
        bytes = counted;
    } else if (!wire_remove_tree(path, &bytes)) {
        return;
    }
    out->files++;
    out->bytes += bytes;
}

void wire_sweep_packs(const char *data, const struct store_repo *repo, bool dry_run, struct wire_swept *out)
{
    char folder[WIRE_PATH_SIZE], packs[WIRE_PATH_SIZE];
    if (wire_repo_path(data, repo->owner.handle, folder, NULL) != FH_OK ||
        !join(packs, folder, "objects/pack"))
        return;
    DIR *d = opendir(packs);
    const struct dirent *item;
    struct stat st;
    while (d && (item = readdir(d)))
        if (wire_bare_is_pack(item->d_name) && !wire_bare_has_pack(repo, item->d_name) &&
            fstatat(dirfd(d), item->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            (st.st_mode & 0777) == WIRE_PACK_MODE && is_old(&st))
            sweep_file(dirfd(d), item->d_name, &st, dry_run, out);
    if (d)
        closedir(d);
}

/* Calls for each old folder below <data>/<name>. */
static void each_old_folder(const char *data, const char *name, bool (*known)(void *, const char *),
                            void *arg, bool dry_run, struct wire_swept *out)
{
    char parent[WIRE_PATH_SIZE], path[WIRE_PATH_SIZE];
    if (!join(parent, data, name))
        return;
    DIR *d = opendir(parent);
    const struct dirent *item;
    struct stat st;
    while (d && (item = readdir(d)))
        if (item->d_name[0] != '.' && join(path, parent, item->d_name) &&
            fstatat(dirfd(d), item->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
            is_old(&st) && !(known && known(arg, item->d_name)))
            sweep_folder(path, dry_run, out);
    if (d)
        closedir(d);
}

void wire_sweep_owners(const char *data, bool (*known)(void *arg, const char *handle), void *arg,
                       bool dry_run, struct wire_swept *out)
{
    each_old_folder(data, "git", known, arg, dry_run, out);
}

void wire_sweep_tmp(const char *data, bool dry_run, struct wire_swept *out)
{
    each_old_folder(data, "tmp", NULL, NULL, dry_run, out);
}

struct cached {
    char name[256];
    struct stat st;
};

static int by_use(const void *a, const void *b)
{
    const struct timespec *x = &((const struct cached *)a)->st.st_atim,
                          *y = &((const struct cached *)b)->st.st_atim;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

void wire_sweep_cache(const char *data, int64_t max_bytes, bool dry_run, struct wire_swept *out)
{
    char folder[WIRE_PATH_SIZE];
    struct cached *files = NULL;
    size_t n = 0, cap = 0;
    int64_t total = 0;
    DIR *d = join(folder, data, "cache/packs") ? opendir(folder) : NULL;
    const struct dirent *item;
    while (d && (item = readdir(d))) {
        if (n == cap)
            files = fh_xrealloc(files, (cap = cap ? cap * 2 : 64) * sizeof *files);
        struct cached *f = &files[n];
        if (fstatat(dirfd(d), item->d_name, &f->st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(f->st.st_mode))
            continue;
        snprintf(f->name, sizeof f->name, "%s", item->d_name);
        total += f->st.st_size;
        n++;
    }
    if (n)
        qsort(files, n, sizeof *files, by_use);
    for (size_t i = 0; i < n && total > max_bytes; i++) {
        sweep_file(dirfd(d), files[i].name, &files[i].st, dry_run, out);
        total -= files[i].st.st_size;
    }
    free(files);
    if (d)
        closedir(d);
}
