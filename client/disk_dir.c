/* Whole folders: removing them, swapping a finished one in, and locks. */
#include "client/disk.h"
#include "client/say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FOLDER_DEPTH = 64 };

static int remove_entries(int dir_fd, int depth)
{
    if (depth > MAX_FOLDER_DEPTH) {
        errno = ELOOP;
        return -1;
    }
    int copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (dir == NULL) {
        if (copy >= 0)
            close(copy);
        return -1;
    }
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dir_fd, entry->d_name, 0) == 0 || errno == ENOENT)
            continue;
        int sub = openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (sub < 0) {
            rc = -1;
            break;
        }
        rc = remove_entries(sub, depth + 1);
        close(sub);
        if (rc == 0)
            rc = unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR);
    }
    int saved = errno;
    closedir(dir);
    errno = saved;
    return rc;
}

fh_err disk_remove_tree(const char *path, struct fh_error *e)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return FH_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot remove '%s'", path);
    int rc = remove_entries(fd, 0);
    if (rc != 0)
        (void)FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot remove everything in '%s'", path);
    close(fd);
    if (rc != 0)
        return FH_INTERNAL;
    if (rmdir(path) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot remove '%s'", path);
    return FH_OK;
}

/* mkdtemp's and mkostemp's names, and nothing a person would choose. */
static bool is_temporary(const char *name, const char *stem)
{
    enum { RANDOM = 6 };
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t n = strlen(stem);
    return strncmp(name, stem, n) == 0 && strlen(name + n) == RANDOM && strspn(name + n, letters) == RANDOM;
}

static void sweep_one(const char *path, int seconds)
{
    struct stat st;
    struct fh_error ignored;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && time(NULL) - st.st_mtime >= seconds &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)!disk_remove_tree(path, &ignored);
    if (fd >= 0)
        close(fd);
}

void disk_sweep(const char *folder, const char *stem, int seconds)
{
    char path[PATH_MAX];
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        if (is_temporary(entry->d_name, stem) &&
            (size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < sizeof path)
            sweep_one(path, seconds);
    if (dir != NULL)
        closedir(dir);
}

static fh_err replace_dir(const char *fresh, const char *final, struct fh_error *e)
{
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, final, RENAME_EXCHANGE) == 0)
        return disk_remove_tree(fresh, e);
    if (errno != EINVAL && errno != ENOSYS && errno != ENOENT)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot replace '%s'", final);
    /* A file system without exchange, or nothing to replace. */
    FH_TRY(disk_remove_tree(final, e));
    if (rename(fresh, final) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot make '%s'", final);
    return FH_OK;
}

fh_err disk_install_dir(const char *fresh, const char *final, bool replace, struct fh_error *e)
{
    if (replace)
        return replace_dir(fresh, final, e);
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, final, RENAME_NOREPLACE) == 0)
        return FH_OK;
    if (errno == EINVAL || errno == ENOSYS) {
        if (disk_exists(final))
            errno = EEXIST;
        else if (rename(fresh, final) == 0)
            return FH_OK;
    }
    if (errno == EEXIST || errno == ENOTEMPTY)
        return FH_FAIL(e, FH_CONFLICT, "'%s' exists already.", final);
    return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot make '%s'", final);
}

static fh_err wait_for(int fd, const char *path, struct fh_error *e)
{
    const struct timespec pause = {.tv_nsec = 50L * 1000 * 1000};
    for (int tries = 0; tries < 20; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return FH_OK;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot lock '%s'", path);
        nanosleep(&pause, NULL);
    }
    say_info("Waiting for another command that is using '%s'.", path);
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR)
            return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot lock '%s'", path);
    return FH_OK;
}

static fh_err lock_path(const char *path, int flags, int *out, struct fh_error *e)
{
    for (;;) {
        int fd = open(path, flags | O_CLOEXEC, 0600);
        if (fd < 0)
            return disk_fail(e, "Cannot open", path);
        fh_err rc = wait_for(fd, path, e);
        if (rc != FH_OK) {
            close(fd);
            return rc;
        }
        /* Whoever held it may have put another folder there under the same name. */
        struct stat held, named;
        if (fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev) {
            *out = fd;
            return FH_OK;
        }
        close(fd);
    }
}

fh_err disk_lock_file(const char *path, int *fd, struct fh_error *e)
{
    return lock_path(path, O_RDWR | O_CREAT, fd, e);
}

fh_err disk_lock_dir(const char *path, int *fd, struct fh_error *e)
{
    return lock_path(path, O_RDONLY | O_DIRECTORY, fd, e);
}
