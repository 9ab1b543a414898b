/* The data folder and the service user. See data_folder.h. */
#include "server/data_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static fh_err find_user(const char *user, struct passwd *pw, char *buf, size_t size, struct fh_error *e)
{
    struct passwd *found = NULL;
    if (getpwnam_r(user, pw, buf, size, &found) != 0 || !found)
        return FH_FAIL(
            e, FH_INVALID,
            "The hub does not run as root, and there is no user \"%s\". Make one (useradd --system "
            "--user-group %s), name another with user, or start the hub as an ordinary user.",
            user, user);
    if (pw->pw_uid == 0)
        return FH_FAIL(e, FH_INVALID, "The hub does not run as root: name another user with user.");
    return FH_OK;
}

static fh_err make_folders(const char *path, struct fh_error *e)
{
    char part[4096];
    size_t n = strlen(path);
    if (n >= sizeof part)
        return FH_FAIL(e, FH_INVALID, "The name of the data folder is too long.");
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, path[i] ? 0755 : 0700) != 0 && errno != EEXIST)
            return FH_FAIL_ERRNO(e, FH_INVALID, "The data folder %s cannot be made", path);
    }
    return FH_OK;
}

/* nftw takes no argument. Single-threaded: before anything is started. */
static uid_t new_owner;
static gid_t new_group;

static int give(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)kind, (void)at;
    return st->st_uid == new_owner ? 0 : lchown(path, new_owner, new_group);
}

/* Empty (but for what a new file system has), or a hub's: anything else, a home or /etc by a slip of the
 * hand, is not given away. */
static bool is_for_a_hub(const char *data)
{
    bool marked = false, empty = true;
    DIR *d = opendir(data);
    const struct dirent *item;
    while (d && (item = readdir(d))) {
        marked |= strcmp(item->d_name, "server.lock") == 0;
        empty &= strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0 ||
                 strcmp(item->d_name, "lost+found") == 0;
    }
    if (d)
        closedir(d);
    return d && (empty || marked);
}

fh_err data_folder_make(const char *data, const char *user, struct fh_error *e)
{
    struct stat st;
    umask(022); /* the folders above are nobody's secret; all that the hub makes from here on is */
    fh_err rc = make_folders(data, e);
    umask(077);
    if (rc != FH_OK)
        return rc;
    if (stat(data, &st) != 0 || !S_ISDIR(st.st_mode))
        return FH_FAIL(e, FH_INVALID, "The data folder %s is not a folder.", data);
    if (geteuid() != 0)
        return FH_OK;
    struct passwd pw;
    char buf[4096];
    FH_TRY(find_user(user, &pw, buf, sizeof buf, e));
    if (st.st_uid == pw.pw_uid)
        return FH_OK;
    if (!is_for_a_hub(data))
        return FH_FAIL(
            e, FH_INVALID,
            "The folder %s is not %s's and holds other things, so it is not taken for the hub's data; "
            "name an empty or a new one.",
            data, user);
    new_owner = pw.pw_uid;
    new_group = pw.pw_gid;
    if (nftw(data, give, 32, FTW_PHYS | FTW_DEPTH) != 0)
        return FH_FAIL_ERRNO(e, FH_INVALID, "The data folder %s cannot be given to the user %s", data, user);
    return FH_OK;
}

fh_err data_folder_become_owner(const char *user, struct fh_error *e)
{
    struct passwd pw;
    char buf[4096];
    if (geteuid() != 0)
        return FH_OK;
    FH_TRY(find_user(user, &pw, buf, sizeof buf, e));
    if (initgroups(user, pw.pw_gid) != 0 || setgid(pw.pw_gid) != 0 || setuid(pw.pw_uid) != 0)
        return FH_FAIL_ERRNO(e, FH_INVALID, "The hub could not become the user %s", user);
    if (setuid(0) == 0)
        return FH_FAIL(e, FH_INTERNAL, "The hub could become root again.");
    setenv("HOME", pw.pw_dir, 1);
    if (chdir("/") != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "The root folder cannot be entered");
    return FH_OK;
}

fh_err data_folder_lock(const char *data, int *fd, struct fh_error *e)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/server.lock", data);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return FH_FAIL_ERRNO(e, FH_INVALID, "The data folder %s cannot be used", data);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        close(lock);
        return FH_FAIL(e, FH_CONFLICT, "Another floe-server is using the data folder %s.", data);
    }
    *fd = lock;
    return FH_OK;
}
