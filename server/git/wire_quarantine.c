/* The quarantine of a pushed pack. See wire_quarantine.h. */
#include "server/git/wire_quarantine.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "server/git/wire_guard.h"
#include "server/git/wire_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEFT_BEHIND = 60 * 60 }; /* seconds; no request lives so long */

static fh_err join(char out[WIRE_PATH_SIZE], const char *a, const char *b, struct fh_error *e)
{
    int n = snprintf(out, WIRE_PATH_SIZE, "%s%s", a, b);
    if (n < 0 || n >= WIRE_PATH_SIZE)
        return FH_FAIL(e, FH_INTERNAL, "The path of the data folder is too long.");
    return FH_OK;
}

fh_err wire_private_folder(const char *data_folder, const char *kind, char out[WIRE_PATH_SIZE],
                           struct fh_error *e)
{
    char parent[WIRE_PATH_SIZE], name[64];
    FH_TRY(join(parent, data_folder, "/tmp", e));
    if (mkdir(parent, 0700) < 0 && errno != EEXIST)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be made", parent);
    snprintf(name, sizeof name, "/%s-XXXXXX", kind);
    FH_TRY(join(out, parent, name, e));
    if (!mkdtemp(out)) {
        out[0] = '\0';
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No private folder can be made in %s", parent);
    }
    return FH_OK;
}

void wire_private_remove(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    (void)rmdir(folder);
}

void wire_private_sweep(const char *data_folder)
{
    char parent[WIRE_PATH_SIZE], path[WIRE_PATH_SIZE];
    if (join(parent, data_folder, "/tmp/", NULL) != FH_OK)
        return;
    DIR *d = opendir(parent);
    const struct dirent *entry;
    struct stat st;
    while (d && (entry = readdir(d)) != NULL)
        if ((strncmp(entry->d_name, "push-", 5) == 0 || strncmp(entry->d_name, "pack-", 5) == 0) &&
            fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
            st.st_mtime + LEFT_BEHIND < fh_now() && join(path, parent, entry->d_name, NULL) == FH_OK)
            wire_private_remove(path);
    if (d)
        closedir(d);
}

static fh_err no_memory(struct fh_error *e)
{
    return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No memory for a push can be had");
}

static fh_err write_all(int fd, const void *bytes, size_t size, struct fh_error *e)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return no_memory(e);
        at += put;
        size -= (size_t)put;
    }
    return FH_OK;
}

/* A file in memory with these bytes. */
static fh_err memory_file(const void *bytes, size_t size, int *out, struct fh_error *e)
{
    int fd = memfd_create("push", MFD_CLOEXEC);
    if (fd < 0)
        return no_memory(e);
    fh_err rc = write_all(fd, bytes, size, e);
    if (rc == FH_OK)
        *out = fd;
    else
        close(fd);
    return rc;
}

/* The same with bytes of a file. */
static fh_err memory_copy(int from, off_t offset, size_t size, int *out, struct fh_error *e)
{
    int fd = memfd_create("push", MFD_CLOEXEC);
    if (fd < 0)
        return no_memory(e);
    while (size > 0) {
        ssize_t put = sendfile(fd, from, &offset, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            close(fd);
            return put < 0 ? no_memory(e) : FH_FAIL(e, FH_INTERNAL, "The body of a push is cut short.");
        }
        size -= (size_t)put;
    }
    *out = fd;
    return FH_OK;
}

static fh_err open_sized(const char *path, const char *ending, int *fd, int64_t *bytes, struct fh_error *e)
{
    char name[WIRE_PATH_SIZE];
    struct stat st;
    FH_TRY(join(name, path, ending, e));
    *fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st) < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "A pack that was just indexed cannot be opened");
    *bytes = st.st_size;
    return FH_OK;
}

static fh_err index_in(struct wire_quarantine *q, const char *data_folder, int fd, off_t offset, size_t size,
                       struct fh_error *e)
{
    uint32_t objects;
    FH_TRY(wire_private_folder(data_folder, "push", q->folder, e));
    FH_TRY(wire_index_pack(fd, offset, size, q->folder, q->path, q->checksum, &objects, e));
    q->objects = objects;
    FH_TRY(open_sized(q->path, ".pack", &q->pack_fd, &q->pack_bytes, e));
    return open_sized(q->path, ".idx", &q->idx_fd, &q->idx_bytes, e);
}

/* The pack is what was sent; its index is made. */
static fh_err index_small(struct wire_quarantine *q, int fd, size_t size, struct fh_error *e)
{
    struct wire_indexed made;
    FH_TRY(wire_index_bytes(fd, 0, size, &made, e));
    fh_err rc = memory_file(made.idx, made.nidx, &q->idx_fd, e);
    free(made.idx);
    memcpy(q->checksum, made.checksum, sizeof q->checksum);
    q->objects = made.objects;
    q->pack_bytes = (int64_t)size;
    q->idx_bytes = (int64_t)made.nidx;
    return rc;
}

static fh_err enter_small(struct wire_quarantine *q, const char *data, int fd, off_t offset, size_t size,
                          struct fh_error *e)
{
    struct wire_scan scan;
    int own = -1;
    FH_TRY(fd < 0 ? memory_file(data + offset, size, &own, e) : memory_copy(fd, offset, size, &own, e));
    fh_err rc = wire_guard_scan(own, 0, size, &scan, e);
    if (rc == FH_OK && scan.objects > 0)
        rc = index_small(q, own, size, e);
    if (rc == FH_OK && scan.objects > 0)
        q->pack_fd = own;
    else
        close(own);
    return rc;
}

fh_err wire_quarantine_enter(struct wire_quarantine *q, const char *data_folder, const char *data, int fd,
                             off_t offset, size_t size, struct fh_error *e)
{
    struct wire_scan scan;
    *q = (struct wire_quarantine){.pack_fd = -1, .idx_fd = -1};
    if (size == 0)
        return FH_OK;
    if (fd < 0 || size <= FH_PACK_CHUNK)
        return enter_small(q, data, fd, offset, size, e);
    FH_TRY(wire_guard_scan(fd, offset, size, &scan, e));
    return scan.objects > 0 ? index_in(q, data_folder, fd, offset, size, e) : FH_OK;
}

static fh_err move_pack(const struct wire_quarantine *q, const char *data_folder, const char *owner,
                        struct fh_error *e)
{
    static const char *const endings[] = {".pack", ".idx"};
    char to[WIRE_PATH_SIZE];
    FH_TRY(wire_materialise_folder(data_folder, owner, e));
    FH_TRY(wire_pack_path(data_folder, owner, q->checksum, to, e));
    for (size_t i = 0; i < 2; i++) {
        char old_name[WIRE_PATH_SIZE], new_name[WIRE_PATH_SIZE];
        FH_TRY(join(old_name, q->path, endings[i], e));
        FH_TRY(join(new_name, to, endings[i], e));
        if (rename(old_name, new_name) < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack cannot be moved to its place");
    }
    return FH_OK;
}

void wire_quarantine_place(struct wire_quarantine *q, const char *data_folder, const char *owner)
{
    if (q->pack_fd < 0 || *q->path || q->is_placed)
        return;
    q->is_placed =
        wire_materialise_pack(data_folder, owner, q->checksum, q->pack_fd, q->idx_fd, NULL) == FH_OK;
}

fh_err wire_quarantine_release(struct wire_quarantine *q, const char *data_folder, const char *owner,
                               struct fh_error *e)
{
    if (q->pack_fd < 0 || q->is_placed)
        return FH_OK;
    if (*q->path)
        return move_pack(q, data_folder, owner, e);
    return wire_materialise_pack(data_folder, owner, q->checksum, q->pack_fd, q->idx_fd, e);
}

void wire_quarantine_leave(struct wire_quarantine *q)
{
    if (q->pack_fd >= 0)
        close(q->pack_fd);
    if (q->idx_fd >= 0)
        close(q->idx_fd);
    if (*q->folder)
        wire_private_remove(q->folder);
    *q = (struct wire_quarantine){.pack_fd = -1, .idx_fd = -1};
}
