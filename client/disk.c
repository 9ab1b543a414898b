/* Bounded reads and whole writes of files. */
#include "client/disk.h"

#include "client/say.h"
#include "common/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

fh_err disk_fail(struct fh_error *e, const char *what, const char *path)
{
    int why = errno;
    char text[128];
    const char *out = "";
    if (why == ENOSPC || why == EDQUOT)
        out = " Nothing was changed; free some space and try again.";
    else if (why == EACCES || why == EPERM)
        out = " The folder belongs to somebody else, or may not be written by you.";
    else if (why == EROFS)
        out = " It can only be read here; use a folder that can be written.";
    return FH_FAIL(e, FH_INTERNAL, "%s '%s': %s.%s", what, path, strerror_r(why, text, sizeof text), out);
}

fh_err disk_read_fd(int fd, const char *what, size_t ceiling, struct fh_arena *a, char **out, size_t *len,
                    struct fh_error *e)
{
    struct fh_buf bytes = FH_BUF_INIT(ceiling);
    fh_err rc = FH_OK;
    for (;;) {
        char chunk[16384];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot read %s", what);
        if (n <= 0)
            break;
        if (fh_buf_add(&bytes, chunk, (size_t)n, NULL) != FH_OK) {
            rc = FH_FAIL(e, FH_TOO_LARGE, "%s is larger than %zu bytes.", what, ceiling);
            break;
        }
    }
    if (rc == FH_OK) {
        *out = fh_strndup(a, bytes.data != NULL ? bytes.data : "", bytes.len);
        if (bytes.len > 0)
            memcpy(*out, bytes.data, bytes.len);
        *len = bytes.len;
    }
    fh_buf_free(&bytes);
    return rc;
}

fh_err disk_read(const char *path, size_t ceiling, struct fh_arena *a, char **out, size_t *len,
                 struct fh_error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return FH_FAIL(e, FH_NOT_FOUND, "There is no file '%s'.", path);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot open '%s'", path);
    char what[512];
    snprintf(what, sizeof what, "'%s'", path);
    fh_err rc = disk_read_fd(fd, what, ceiling, a, out, len, e);
    close(fd);
    return rc;
}

fh_err disk_write_all(int fd, const void *bytes, size_t len, const char *what, struct fh_error *e)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return disk_fail(e, "Cannot write", what);
        at += n;
        len -= (size_t)n;
    }
    return FH_OK;
}

/* A rename is durable once the folder that holds the name is synced. */
static void sync_parent(const char *path)
{
    char copy[PATH_MAX];
    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
        return;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

fh_err disk_stage(const char *path, const void *bytes, size_t len, mode_t mode, char *temp,
                  struct fh_error *e)
{
    if ((size_t)snprintf(temp, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX) {
        *temp = '\0';
        return FH_FAIL(e, FH_INVALID, "The path '%s' is too long.", path);
    }
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        *temp = '\0';
        return disk_fail(e, "Cannot write", path);
    }
    fh_err rc = disk_write_all(fd, bytes, len, path, e);
    if (rc == FH_OK && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        rc = disk_fail(e, "Cannot write", path);
    if (close(fd) != 0 && rc == FH_OK)
        rc = disk_fail(e, "Cannot write", path);
    if (rc != FH_OK) {
        unlink(temp);
        *temp = '\0';
    }
    return rc;
}

fh_err disk_commit(const char *temp, const char *path, struct fh_error *e)
{
    if (rename(temp, path) != 0) {
        (void)disk_fail(e, "Cannot write", path);
        unlink(temp);
        return FH_INTERNAL;
    }
    sync_parent(path);
    return FH_OK;
}

fh_err disk_write(const char *path, const void *bytes, size_t len, mode_t mode, struct fh_error *e)
{
    char temp[PATH_MAX];
    FH_TRY(disk_stage(path, bytes, len, mode, temp, e));
    return disk_commit(temp, path, e);
}

fh_err disk_make_dirs(const char *path, mode_t mode, struct fh_error *e)
{
    char copy[PATH_MAX];
    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
        return FH_FAIL(e, FH_INVALID, "The path '%s' is too long.", path);
    for (char *at = copy + 1;; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char end = *at;
        *at = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            return disk_fail(e, "Cannot make the folder", copy);
        if (end == '\0')
            return disk_is_dir(path) ? FH_OK : FH_FAIL(e, FH_INVALID, "'%s' is not a folder.", path);
        *at = end;
    }
}

fh_err disk_remove(const char *path, struct fh_error *e)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return disk_fail(e, "Cannot remove", path);
    return FH_OK;
}

bool disk_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

bool disk_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

fh_err disk_canonical(const char *path, struct fh_arena *a, char **out, struct fh_error *e)
{
    char *real = realpath(path, NULL);
    if (real == NULL && (errno == ENOENT || errno == ENOTDIR))
        return FH_FAIL(e, FH_NOT_FOUND, "There is no '%s'.", path);
    if (real == NULL)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot resolve the path '%s'", path);
    *out = fh_strdup(a, real);
    free(real);
    return FH_OK;
}
