/* Running PostgreSQL's programs as the user the data folder belongs to. See cluster_spawn.h.
 *
 * Between fork and exec only what is safe in the child of a many-threaded process is called; the setuid
 * family as bare system calls, because glibc's take locks to tell the other threads. */
#include "server/db/cluster_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

fh_err cluster_user_of(const char *data, struct cluster_user *out, struct fh_error *e)
{
    struct stat st;
    if (stat(data, &st) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The data folder %s cannot be read", data);
    if (!S_ISDIR(st.st_mode))
        return FH_FAIL(e, FH_INVALID, "The data folder %s is not a folder.", data);
    if (geteuid() != 0) {
        *out = (struct cluster_user){.uid = geteuid(), .gid = getegid(), .change = false};
        return FH_OK;
    }
    if (st.st_uid == 0)
        return FH_FAIL(e, FH_INVALID,
                       "PostgreSQL does not run as root: give the data folder %s to an unprivileged user "
                       "(chown), and it runs as that one.",
                       data);
    *out = (struct cluster_user){.uid = st.st_uid, .gid = st.st_gid, .change = true};
    return FH_OK;
}

fh_err cluster_make_folder(const char *path, const struct cluster_user *user, struct fh_error *e)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be made", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be opened", path);
    struct stat st;
    fh_err rc = FH_OK;
    if (fstat(fd, &st) != 0 || (user->change && st.st_uid == 0 && fchown(fd, user->uid, user->gid) != 0) ||
        fstat(fd, &st) != 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be prepared", path);
    else if (st.st_uid != user->uid)
        rc = FH_FAIL(e, FH_INVALID, "The folder %s belongs to somebody else.", path);
    else if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) != 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "The folder %s cannot be closed to others", path);
    close(fd);
    return rc;
}

static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", NULL};

static void set_signals(void)
{
    struct sigaction normal = {.sa_handler = SIG_DFL};
    for (int s = 1; s < 32; s++)
        sigaction(s, &normal, NULL); /* fails for SIGKILL and SIGSTOP, which cannot be anything else */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool change_user(const struct cluster_user *user)
{
    if (!user->change)
        return true;
    return syscall(SYS_setgroups, 0, NULL) == 0 &&
           syscall(SYS_setresgid, user->gid, user->gid, user->gid) == 0 &&
           syscall(SYS_setresuid, user->uid, user->uid, user->uid) == 0;
}

static bool set_files(const struct cluster_command *cmd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return false;
    int log = null;
    if (cmd->log)
        log = open(cmd->log, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (log < 0)
        return false;
    return dup2(null, 0) >= 0 && dup2(log, 2) >= 0 &&
           dup2(cmd->output_fd >= 0 ? cmd->output_fd : log, 1) >= 0;
}

_Noreturn static void become(const struct cluster_command *cmd, const struct cluster_user *user, int report)
{
    set_signals();
    umask(077);
    if (cmd->session)
        setsid();
    /* report is above 2 as long as our own standard files are open; keep it so when they are not. */
    int kept = fcntl(report, F_DUPFD_CLOEXEC, 10);
    if (kept >= 0 && change_user(user) && chdir(cmd->cwd ? cmd->cwd : "/") == 0 && set_files(cmd)) {
        syscall(SYS_close_range, 3u, (unsigned)kept - 1, 0u);
        syscall(SYS_close_range, (unsigned)kept + 1, ~0u, 0u);
        execve(cmd->argv[0], (char *const *)(uintptr_t)cmd->argv, (char *const *)(uintptr_t)environment);
    }
    int why = errno;
    ssize_t written = write(kept >= 0 ? kept : report, &why, sizeof why);
    _exit(written == sizeof why ? 126 : 127);
}

fh_err cluster_spawn(const struct cluster_command *cmd, const struct cluster_user *user, pid_t *pid,
                     struct fh_error *e)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No pipe could be made");
    pid_t child = fork();
    if (child == 0)
        become(cmd, user, report[1]);
    int saved = errno;
    close(report[1]);
    if (child < 0) {
        close(report[0]);
        errno = saved;
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s could not be started", cmd->argv[0]);
    }
    int why = 0;
    ssize_t n;
    do
        n = read(report[0], &why, sizeof why);
    while (n < 0 && errno == EINTR);
    close(report[0]);
    if (n == sizeof why) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        errno = why;
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s could not be started", cmd->argv[0]);
    }
    *pid = child;
    return FH_OK;
}

fh_err cluster_run(const struct cluster_command *cmd, const struct cluster_user *user, struct fh_error *e)
{
    pid_t pid;
    int status;
    FH_TRY(cluster_spawn(cmd, user, &pid, e));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s could not be waited for", cmd->argv[0]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return FH_OK;
    return FH_FAIL(e, FH_UNAVAILABLE, "%s failed; what it said is in %s.", cmd->argv[0],
                   cmd->log ? cmd->log : "nobody's log");
}
