/* Which process is the postmaster of a cluster. See cluster_pid.h. */
#include "server/db/cluster_pid.h"

#include "server/db/cluster_files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PID_FILE_MAX = 1024, NO_PROCESS = 2147483646 /* over every possible pid_max */ };

static ssize_t read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    if (n >= 0)
        out[n] = '\0';
    return n;
}

static pid_t recorded_pid(const char *folder)
{
    char path[CLUSTER_PATH], text[PID_FILE_MAX];
    if (cluster_join(path, folder, "postmaster.pid", NULL) != FH_OK ||
        read_file(path, text, sizeof text) <= 0)
        return 0;
    long pid = strtol(text, NULL, 10);
    return pid > 1 && pid < NO_PROCESS ? (pid_t)pid : 0;
}

/* A postmaster is called postgres and stands in its folder. Where its folder may not be asked for, the name
 * has to do; a zombie has none. */
static bool is_postmaster(pid_t pid, const char *folder)
{
    char path[64], name[32], cwd[CLUSTER_PATH];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    if (read_file(path, name, sizeof name) <= 0 || strcmp(name, "postgres\n") != 0)
        return false;
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(path, cwd, sizeof cwd - 1);
    if (n < 0)
        return errno == EACCES || errno == EPERM;
    cwd[n] = '\0';
    char *real = realpath(folder, NULL);
    bool same = real && strcmp(real, cwd) == 0;
    free(real);
    return same;
}

pid_t cluster_running_pid(const char *folder)
{
    pid_t pid = recorded_pid(folder);
    if (!pid || (kill(pid, 0) != 0 && errno != EPERM))
        return 0;
    return is_postmaster(pid, folder) ? pid : 0;
}

/* The file is not removed: its other lines let PostgreSQL see children of the old postmaster that are still
 * about, and it then waits for them with good reason. Only the number is made one that no process has. */
fh_err cluster_bury_stale_pid(const char *folder, struct fh_error *e)
{
    char path[CLUSTER_PATH], text[PID_FILE_MAX], fresh[PID_FILE_MAX + 16];
    pid_t pid = recorded_pid(folder);
    if (!pid || kill(pid, 0) != 0)
        return FH_OK;
    FH_TRY(cluster_join(path, folder, "postmaster.pid", e));
    if (read_file(path, text, sizeof text) < 0)
        return FH_OK;
    int n = snprintf(fresh, sizeof fresh, "%d%s", NO_PROCESS, text + strcspn(text, "\n"));
    int fd = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, fresh, (size_t)n) == n;
    if (fd >= 0)
        close(fd);
    return written ? FH_OK : FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s cannot be written", path);
}

int cluster_pidfd(pid_t pid)
{
    if (pid <= 0)
        return -1;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

fh_err cluster_url_for(const char *run, const char *database, char *out, size_t size, struct fh_error *e)
{
    static const char start[] = "host='";
    size_t at = sizeof start - 1;
    if (size < sizeof start)
        return FH_FAIL(e, FH_INTERNAL, "The buffer for a database URL is too small.");
    memcpy(out, start, sizeof start);
    for (const char *p = run; *p && at + 3 < size; p++) {
        if (*p == '\'' || *p == '\\')
            out[at++] = '\\';
        out[at++] = *p;
    }
    int n = snprintf(out + at, size - at, "' port=5432 user=floe dbname=%s", database);
    if (n < 0 || (size_t)n >= size - at)
        return FH_FAIL(e, FH_INTERNAL, "The buffer for a database URL is too small.");
    return FH_OK;
}
