/* The embedded cluster's files. See cluster_files.h. */
#include "server/db/cluster_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

fh_err cluster_join(char out[CLUSTER_PATH], const char *folder, const char *name, struct fh_error *e)
{
    int n = snprintf(out, CLUSTER_PATH, "%s/%s", folder, name);
    if (n < 0 || n >= CLUSTER_PATH)
        return FH_FAIL(e, FH_INVALID, "The path of the data folder is too long.");
    return FH_OK;
}

/* A small file's first line without its end; false when it is absent or empty. */
static bool read_line(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    if (n <= 0)
        return false;
    out[n] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return out[0] != '\0';
}

/* A comma or a quotation mark would be read as a list of folders, by libpq and by the postmaster. */
static bool socket_fits(const char *folder)
{
    return strlen(folder) + strlen("/.s.PGSQL.5432") <= CLUSTER_SOCKET_MAX && !strpbrk(folder, ",\"");
}

/* Ours, closed to others and no link: the folder is what keeps strangers from the database. */
static bool is_private(const char *folder, const struct cluster_user *user)
{
    struct stat st;
    return lstat(folder, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == user->uid &&
           (st.st_mode & 077) == 0;
}

static fh_err record(const char *path, const char *text, const struct cluster_user *user, struct fh_error *e)
{
    char fresh[CLUSTER_PATH + 8];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t n = strlen(text);
    bool written = fd >= 0 && write(fd, text, n) == (ssize_t)n &&
                   (!user->change || fchown(fd, user->uid, user->gid) == 0) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    if (!written || rename(fresh, path) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be written", path);
    return FH_OK;
}

/* The data folder's path is too long for a socket: a folder in $TMPDIR or /tmp, noted in postgres-socket. It
 * is made anew when it is gone, as after a restart of the machine. */
static fh_err short_folder(struct cluster_paths *p, bool make, struct fh_error *e)
{
    char note[CLUSTER_PATH];
    struct cluster_user user;
    FH_TRY(cluster_user_of(p->data, &user, e));
    FH_TRY(cluster_join(note, p->data, "postgres-socket", e));
    if (read_line(note, p->run, sizeof p->run) && socket_fits(p->run) && is_private(p->run, &user))
        return FH_OK;
    if (!make)
        return FH_FAIL(e, FH_UNAVAILABLE, "The database in %s is not running.", p->data);
    snprintf(p->run, sizeof p->run, "/tmp/floe-XXXXXX");
    if (!mkdtemp(p->run))
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No folder for the database's socket could be made in /tmp");
    if (user.change && lchown(p->run, user.uid, user.gid) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be prepared", p->run);
    return record(note, p->run, &user, e);
}

fh_err cluster_paths_find(const char *data, bool make, struct cluster_paths *out, struct fh_error *e)
{
    char *absolute = realpath(data, NULL);
    if (!absolute)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The data folder %s cannot be read", data);
    int n = snprintf(out->data, sizeof out->data, "%s", absolute);
    free(absolute);
    if (n < 0 || (size_t)n >= sizeof out->data)
        return FH_FAIL(e, FH_INVALID, "The path of the data folder is too long.");
    FH_TRY(cluster_join(out->folder, out->data, "postgres", e));
    FH_TRY(cluster_join(out->log, out->data, "postgres.log", e));
    FH_TRY(cluster_join(out->lock, out->data, "postgres.lock", e));
    FH_TRY(cluster_join(out->run, out->data, "postgres-run", e));
    if (!socket_fits(out->run))
        return short_folder(out, make, e);
    if (!make)
        return FH_OK;
    struct cluster_user user;
    FH_TRY(cluster_user_of(out->data, &user, e));
    return cluster_make_folder(out->run, &user, e);
}

int cluster_major(const char *folder)
{
    char path[CLUSTER_PATH], text[16];
    if (cluster_join(path, folder, "PG_VERSION", NULL) != FH_OK || !read_line(path, text, sizeof text))
        return 0;
    return (int)strtol(text, NULL, 10);
}

static bool has_programs(const char *bin)
{
    char postgres[CLUSTER_PATH], initdb[CLUSTER_PATH];
    return cluster_join(postgres, bin, "postgres", NULL) == FH_OK && access(postgres, X_OK) == 0 &&
           cluster_join(initdb, bin, "initdb", NULL) == FH_OK && access(initdb, X_OK) == 0;
}

/* "postgres (PostgreSQL) 15.18 (Debian …)" */
static fh_err ask_major(const char *bin, int *major, struct fh_error *e)
{
    char program[CLUSTER_PATH], text[128] = "";
    FH_TRY(cluster_join(program, bin, "postgres", e));
    int out[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No pipe could be made");
    struct cluster_user as_we_are = {.change = false};
    const char *argv[] = {program, "--version", NULL};
    struct cluster_command cmd = {.argv = argv, .output_fd = out[1]};
    fh_err rc = cluster_run(&cmd, &as_we_are, e);
    close(out[1]);
    if (rc == FH_OK && read(out[0], text, sizeof text - 1) > 0) {
        const char *number = strchr(text, ')');
        *major = number ? (int)strtol(number + 1, NULL, 10) : 0;
    }
    close(out[0]);
    if (rc == FH_OK && *major <= 0)
        rc = FH_FAIL(e, FH_UNAVAILABLE, "%s does not say its version.", program);
    return rc;
}

static bool find_in_debian(int wanted, char out[CLUSTER_PATH], int *major)
{
    static const char root[] = "/usr/lib/postgresql";
    DIR *dir = opendir(root);
    if (!dir)
        return false;
    int best = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (*end || number <= best || number > INT_MAX || (wanted && number != wanted))
            continue;
        char bin[CLUSTER_PATH];
        snprintf(bin, sizeof bin, "%s/%ld/bin", root, number);
        if (!has_programs(bin))
            continue;
        snprintf(out, CLUSTER_PATH, "%s", bin);
        best = (int)number;
    }
    closedir(dir);
    *major = best;
    return best != 0;
}

static bool find_in_path(char out[CLUSTER_PATH])
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t n = strcspn(path, ":");
        int len = snprintf(out, CLUSTER_PATH, "%.*s", (int)n, path);
        if (len > 0 && len < CLUSTER_PATH && out[0] == '/' && has_programs(out))
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

fh_err cluster_find_programs(const char *bin_dir, int wanted, char out[CLUSTER_PATH], int *major,
                             struct fh_error *e)
{
    *major = 0;
    if (bin_dir) {
        if (!has_programs(bin_dir))
            return FH_FAIL(e, FH_NOT_FOUND, "PostgreSQL's programs postgres and initdb are not in %s.",
                           bin_dir);
        snprintf(out, CLUSTER_PATH, "%s", bin_dir);
        return ask_major(out, major, e);
    }
    if (find_in_debian(wanted, out, major) || (wanted && find_in_debian(0, out, major)))
        return FH_OK;
    if (find_in_path(out))
        return ask_major(out, major, e);
    return FH_FAIL(
        e, FH_NOT_FOUND,
        "PostgreSQL's programs are not on this machine: install Debian's package postgresql-15, or "
        "set database_url to a server elsewhere.");
}

/* What an operator may want to tune; what must not be off is given on the postmaster's command line. */
static const char tunables[] = "\n# Floe's choices, made once; edit them as you like.\n"
                               "shared_buffers = 64MB\n"
                               "max_wal_size = 512MB\n"
                               "min_wal_size = 64MB\n"
                               "wal_compression = on\n"
                               "checkpoint_timeout = 15min\n"
                               "max_parallel_workers_per_gather = 0\n"
                               "autovacuum_vacuum_insert_scale_factor = 0.1\n"
                               "wal_level = replica\n";

static fh_err add_tunables(const char *folder, struct fh_error *e)
{
    char path[CLUSTER_PATH];
    FH_TRY(cluster_join(path, folder, "postgresql.conf", e));
    int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    size_t n = sizeof tunables - 1;
    bool good = fd >= 0 && write(fd, tunables, n) == (ssize_t)n && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good ? FH_OK : FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be written", path);
}

fh_err cluster_make(const struct cluster_paths *p, const char *bin, const struct cluster_user *user,
                    const char *target, struct fh_error *e)
{
    char initdb[CLUSTER_PATH], fresh[CLUSTER_PATH];
    FH_TRY(cluster_join(initdb, bin, "initdb", e));
    FH_TRY(cluster_join(fresh, p->data, "postgres.making", e));
    const char *remove[] = {"/bin/rm", "-rf", "--one-file-system", fresh, NULL};
    const char *init[] = {initdb,
                          "-D",
                          fresh,
                          "-U",
                          "floe",
                          "-E",
                          "UTF8",
                          "--locale=C",
                          "--auth-local=trust",
                          "--auth-host=reject",
                          "--data-checksums",
                          "--no-instructions",
                          NULL};
    struct cluster_command cmd = {.argv = remove, .log = p->log, .output_fd = -1};
    FH_TRY(cluster_run(&cmd, user, e)); /* of a first start that was cut short */
    cmd.argv = init;
    FH_TRY(cluster_run(&cmd, user, e));
    FH_TRY(add_tunables(fresh, e));
    if (rename(fresh, target) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be renamed", fresh);
    int fd = open(p->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return synced ? FH_OK : FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be synced", p->data);
}

/* The postmaster holds the file open for appending, so it is emptied where it is. Lines written during the
 * copy may be lost. */
void cluster_bound_log(const char *log)
{
    struct stat st;
    char old[CLUSTER_PATH + 2], bytes[65536];
    int from = open(log, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return;
    snprintf(old, sizeof old, "%s.1", log);
    if (fstat(from, &st) == 0 && st.st_size > CLUSTER_LOG_MAX) {
        unlink(old);
        int to = open(old, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        ssize_t n;
        while (to >= 0 && (n = read(from, bytes, sizeof bytes)) > 0)
            if (write(to, bytes, (size_t)n) != n)
                break; /* a full disk: emptying the log is what helps */
        if (to >= 0)
            close(to);
        if (ftruncate(from, 0) != 0) {
            close(from);
            return;
        }
    }
    close(from);
}
