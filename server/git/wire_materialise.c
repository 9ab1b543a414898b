/* The bare repository on disk. See wire_materialise.h.
 *
 * Every file is written under another name and renamed, so that a reader, or we after a crash, see the old or
 * the new one whole. Nothing is synced: the rows are the truth, and a pack whose size is not the row's is
 * fetched again. */
#include "server/git/wire_materialise.h"

#include "common/clock.h"
#include "server/git/wire_bare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    UNLINK_GRACE = 10 * 60, /* seconds; longer than a push or a fetch of packs takes */
};

/* Opens a folder below parent, making it first if need be; a link in its place is refused. */
static fh_err open_folder(int parent, const char *name, int *out, struct fh_error *e)
{
    if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s of a repository cannot be made", name);
    *out = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*out < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s of a repository cannot be opened", name);
    return FH_OK;
}

/* Opens the folder at the end of names (ended by NULL), below base. */
static fh_err open_below(int base, const char *const *names, int *out, struct fh_error *e)
{
    int at = base;
    for (size_t i = 0; names[i]; i++) {
        int next = -1;
        fh_err rc = open_folder(at, names[i], &next, e);
        if (at != base)
            close(at);
        if (rc != FH_OK)
            return rc;
        at = next;
    }
    *out = at;
    return FH_OK;
}

static fh_err open_repo(const char *data, const char *owner, int *out, struct fh_error *e)
{
    if (!wire_bare_is_safe(owner))
        return FH_FAIL(e, FH_INVALID, "This owner's name cannot be the name of a folder.");
    int top = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The data folder %s cannot be opened", data);
    const char *const names[] = {"git", owner, "floxmeta.git", NULL};
    fh_err rc = open_below(top, names, out, e);
    close(top);
    return rc;
}

static fh_err write_all(int fd, const void *bytes, size_t n, struct fh_error *e)
{
    for (const char *at = bytes; n > 0;) {
        ssize_t put = write(fd, at, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A file of a repository cannot be written");
        at += put;
        n -= (size_t)put;
    }
    return FH_OK;
}

static int create_temporary(int dir, const char *name, mode_t mode)
{
    (void)unlinkat(dir, name, 0); /* of a process that died; there is one writer at a time */
    return openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

/* The empty file that a push left for what it changes; see wire_materialise_pack. */
static int open_spare(int dir)
{
    struct stat st;
    int fd = openat(dir, ".floe-new", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != 0 || st.st_nlink != 1)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void leave_spare(int dir)
{
    int fd = openat(dir, ".floe-new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

/* Puts a file under its name, in one step. By an exchange, where the file system knows one: when a rename
 * takes the place of a file, ext4 first sends the new one to the disk, which costs more than all the rest. */
static int put_in_place(int dir, const char *temporary, const char *name)
{
    if (renameat2(dir, temporary, dir, name, RENAME_EXCHANGE) < 0)
        return renameat(dir, temporary, dir, name);
    (void)unlinkat(dir, temporary, 0); /* what stood there */
    return 0;
}

static fh_err put_file(int dir, const char *name, const char *bytes, size_t n, struct fh_error *e)
{
    if (wire_bare_file_is(dir, name, bytes, n))
        return FH_OK;
    static const char temporary[] = ".floe-new";
    int fd = open_spare(dir);
    if (fd < 0)
        fd = create_temporary(dir, temporary, 0600);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A file of a repository cannot be made");
    fh_err rc = write_all(fd, bytes, n, e);
    if (close(fd) < 0 && rc == FH_OK)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A file of a repository cannot be written");
    if (rc == FH_OK && put_in_place(dir, temporary, name) < 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The file %s of a repository cannot be put in place", name);
    if (rc != FH_OK)
        (void)unlinkat(dir, temporary, 0);
    return rc;
}

static fh_err put_refs(int dir, const struct store_repo *repo, struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(WIRE_MAX_PACKED_REFS);
    fh_err rc = wire_bare_refs(repo, &text, e);
    if (rc == FH_OK)
        rc = put_file(dir, "packed-refs", text.data, text.len, e);
    fh_buf_clear(&text);
    if (rc == FH_OK)
        rc = wire_bare_head(repo, &text, e);
    if (rc == FH_OK)
        rc = put_file(dir, "HEAD", text.data, text.len, e);
    fh_buf_free(&text);
    return rc;
}

static fh_err open_folders(const char *data, const char *owner, int *repo_dir, int *pack_dir,
                           struct fh_error *e)
{
    static const char *const packs[] = {"objects", "pack", NULL};
    static const char *const heads[] = {"refs", "heads", NULL};
    int refs = -1;
    *pack_dir = -1;
    FH_TRY(open_repo(data, owner, repo_dir, e));
    fh_err rc = open_below(*repo_dir, heads, &refs, e);
    if (rc == FH_OK) {
        close(refs);
        rc = open_below(*repo_dir, packs, pack_dir, e);
    }
    if (rc == FH_OK)
        rc = put_file(*repo_dir, "config", wire_bare_config, strlen(wire_bare_config), e);
    if (rc != FH_OK) {
        close(*repo_dir);
        if (*pack_dir >= 0)
            close(*pack_dir);
    }
    return rc;
}

fh_err wire_materialise_folder(const char *data, const char *owner, struct fh_error *e)
{
    int repo, pack;
    FH_TRY(open_folders(data, owner, &repo, &pack, e));
    close(repo);
    close(pack);
    return FH_OK;
}

static fh_err copy_all(int from, int to, struct fh_error *e)
{
    char chunk[16384];
    ssize_t got;
    for (off_t at = 0; (got = pread(from, chunk, sizeof chunk, at)) != 0; at += got) {
        if (got < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pushed pack cannot be read");
        FH_TRY(write_all(to, chunk, (size_t)got, e));
    }
    return FH_OK;
}

/* Under a name of this thread's until it is whole: others may be putting theirs in. */
static fh_err put_copy(int dir, const char *name, int from, struct fh_error *e)
{
    char temporary[32];
    snprintf(temporary, sizeof temporary, ".floe-new-%d", (int)gettid());
    int fd = create_temporary(dir, temporary, WIRE_PACK_MODE);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack of a repository cannot be made");
    fh_err rc = copy_all(from, fd, e);
    if (close(fd) < 0 && rc == FH_OK)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack of a repository cannot be written");
    if (rc == FH_OK && renameat(dir, temporary, dir, name) < 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The pack %s cannot be put in place", name);
    if (rc != FH_OK)
        (void)unlinkat(dir, temporary, 0);
    return rc;
}

fh_err wire_materialise_pack(const char *data, const char *owner, const uint8_t checksum[20], int pack_fd,
                             int idx_fd, struct fh_error *e)
{
    struct store_pack pack = {0};
    char name[WIRE_PACK_NAME_SIZE];
    int repo, packs;
    FH_TRY(open_folders(data, owner, &repo, &packs, e));
    memcpy(pack.checksum, checksum, sizeof pack.checksum);
    wire_bare_pack_name(&pack, "pack", name);
    fh_err rc = put_copy(packs, name, pack_fd, e);
    wire_bare_pack_name(&pack, "idx", name);
    if (rc == FH_OK)
        rc = put_copy(packs, name, idx_fd, e);
    leave_spare(repo);
    close(repo);
    close(packs);
    return rc;
}

static bool has_size(int dir, const char *name, int64_t bytes)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_size == bytes;
}

struct fetch_pack {
    int dir;
    const struct store_pack *pack;
    bool idx;
    int fd;
    int64_t bytes;
};

static fh_err take_chunk(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    struct fetch_pack *f = arg;
    f->bytes += (int64_t)n;
    return write_all(f->fd, bytes, n, e);
}

/* One file of a pack, from its rows. May be called twice (db_read). */
static fh_err fetch_file(struct db_conn *c, void *arg, struct fh_error *e)
{
    static const char temporary[] = ".floe-new";
    struct fetch_pack *f = arg;
    char name[WIRE_PACK_NAME_SIZE];
    wire_bare_pack_name(f->pack, f->idx ? "idx" : "pack", name);
    f->bytes = 0;
    f->fd = create_temporary(f->dir, temporary, WIRE_PACK_MODE);
    if (f->fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack of a repository cannot be made");
    fh_err rc = store_pack_read(c, f->pack->id, f->idx, take_chunk, f, e);
    if (close(f->fd) < 0 && rc == FH_OK)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack of a repository cannot be written");
    int64_t want = f->idx ? f->pack->idx_bytes : f->pack->bytes;
    if (rc == FH_NOT_FOUND || (rc == FH_OK && f->bytes == 0 && want > 0))
        rc = FH_FAIL(e, FH_AGAIN, "The pack %s was replaced meanwhile.", name);
    if (rc == FH_OK && f->bytes != want)
        rc = FH_FAIL(e, FH_INTERNAL, "The pack %s has %lld bytes in the database; its row says %lld.", name,
                     (long long)f->bytes, (long long)want);
    if (rc == FH_OK && renameat(f->dir, temporary, f->dir, name) < 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The pack %s cannot be put in place", name);
    if (rc != FH_OK)
        (void)unlinkat(f->dir, temporary, 0);
    return rc;
}

static fh_err put_packs(int dir, struct db_pool *pool, const struct store_repo *repo, bool refetch,
                        struct fh_error *e)
{
    for (size_t i = 0; i < repo->npacks; i++) {
        const struct store_pack *p = &repo->packs[i];
        for (int idx = 0; idx < 2; idx++) {
            char name[WIRE_PACK_NAME_SIZE];
            wire_bare_pack_name(p, idx ? "idx" : "pack", name);
            struct fetch_pack f = {.dir = dir, .pack = p, .idx = idx != 0};
            if (refetch || !has_size(dir, name, idx ? p->idx_bytes : p->bytes))
                FH_TRY(db_read(pool, fetch_file, &f, e));
        }
    }
    return FH_OK;
}

/* Rubbish costs only disk, so a failure to remove it is none. */
static void unlink_stale(int pack_dir, const struct store_repo *repo)
{
    DIR *d = wire_bare_list(pack_dir, ".");
    const struct dirent *entry;
    struct stat st;
    while (d && (entry = readdir(d)) != NULL)
        if (wire_bare_is_pack(entry->d_name) && !wire_bare_has_pack(repo, entry->d_name) &&
            fstatat(pack_dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            (st.st_mode & 0777) == WIRE_PACK_MODE && st.st_mtime + UNLINK_GRACE < fh_now())
            (void)unlinkat(pack_dir, entry->d_name, 0);
    if (d)
        closedir(d);
}

fh_err wire_materialise(const char *data, struct db_pool *pool, const struct store_repo *repo, bool refetch,
                        struct fh_error *e)
{
    int dir, packs;
    FH_TRY(open_folders(data, repo->owner.handle, &dir, &packs, e));
    fh_err rc = put_packs(packs, pool, repo, refetch, e);
    if (rc == FH_OK)
        rc = put_refs(dir, repo, e);
    close(dir);
    close(packs);
    return rc;
}

fh_err wire_materialise_refs(const char *data, const struct store_repo *repo, struct fh_error *e)
{
    int dir;
    FH_TRY(open_repo(data, repo->owner.handle, &dir, e));
    fh_err rc = put_refs(dir, repo, e);
    close(dir);
    return rc;
}

fh_err wire_materialise_sweep(const char *data, const struct store_repo *repo, struct fh_error *e)
{
    int dir, packs;
    FH_TRY(open_folders(data, repo->owner.handle, &dir, &packs, e));
    unlink_stale(packs, repo);
    close(dir);
    close(packs);
    return FH_OK;
}
