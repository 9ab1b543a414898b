/* PostgreSQL's client programs as child processes. See db_child.h. */
#include "server/db/db_child.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SAID = 4096, POLL_MS = 50 };

extern char **environ;

/* libpq gives an option's variable; one without is either tuning that a backup can do without, or a secret
 * that could only go through an argument. */
static fh_err add_option(struct fh_arena *a, const PQconninfoOption *o, char **env, size_t *n,
                         struct fh_error *e)
{
    if (!o->val || !*o->val)
        return FH_OK;
    if (o->envvar)
        env[(*n)++] = fh_sprintf(a, "%s=%s", o->envvar, o->val);
    else if (*o->dispchar == '*')
        return FH_FAIL(e, FH_INVALID,
                       "The database URL has %s, which PostgreSQL's programs take only as an argument that "
                       "everybody can see; use a client key without a passphrase.",
                       o->keyword);
    return FH_OK;
}

static bool replaced(const PQconninfoOption *options, const char *variable)
{
    if (strncmp(variable, "FLOE_", 5) == 0)
        return true;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        size_t n = o->envvar ? strlen(o->envvar) : 0;
        if (n && o->val && *o->val && strncmp(variable, o->envvar, n) == 0 && variable[n] == '=')
            return true;
    }
    return false;
}

fh_err db_child_environment(struct fh_arena *a, const char *url, char ***out, struct fh_error *e)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (!options)
        return FH_FAIL(e, FH_INVALID, "The database URL cannot be read.");
    size_t n = 0, count = 0;
    while (environ[count])
        count++;
    for (const PQconninfoOption *o = options; o->keyword; o++)
        count++;
    char **env = fh_alloc(a, (count + 2) * sizeof *env);
    for (char **v = environ; *v; v++)
        if (!replaced(options, *v) && strncmp(*v, "LC_ALL=", 7) != 0)
            env[n++] = *v;
    env[n++] = fh_strdup(a, "LC_ALL=C");
    fh_err rc = FH_OK;
    for (const PQconninfoOption *o = options; rc == FH_OK && o->keyword; o++)
        rc = add_option(a, o, env, &n, e);
    PQconninfoFree(options);
    *out = env;
    return rc;
}

static int spawn(struct db_child *c, const char *const *argv, char *const *environment,
                 const struct db_child_files *files)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, normal;
    sigemptyset(&none);
    sigemptyset(&normal);
    sigaddset(&normal, SIGPIPE);
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return rc;
    }
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &normal);
    rc = files->in >= 0 ? posix_spawn_file_actions_adddup2(&actions, files->in, 0)
                        : posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = files->out >= 0 ? posix_spawn_file_actions_adddup2(&actions, files->out, 1)
                             : posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, c->said_fd, 2);
    if (rc == 0)
        rc = posix_spawnp(&c->pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, environment);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

fh_err db_child_start(struct db_child *c, const char *const *argv, char *const *environment,
                      const struct db_child_files *files, struct fh_error *e)
{
    *c = (struct db_child){.said_fd = memfd_create("said", MFD_CLOEXEC), .name = argv[0]};
    if (c->said_fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "%s could not be started", argv[0]);
    int rc = spawn(c, argv, environment, files);
    if (rc == 0)
        return FH_OK;
    c->pid = 0;
    close(c->said_fd);
    errno = rc;
    return FH_FAIL_ERRNO(e, rc == ENOENT ? FH_NOT_FOUND : FH_UNAVAILABLE, "%s could not be started", argv[0]);
}

bool db_child_ended(struct db_child *c, int wait_ms)
{
    int64_t end = fh_ticks_ms() + wait_ms;
    for (;;) {
        if (c->pid == 0)
            return true;
        pid_t got = waitpid(c->pid, &c->status, WNOHANG);
        if (got == c->pid)
            c->pid = 0;
        else if (fh_ticks_ms() >= end)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
}

/* The first line of what it said, without "pg_dump: error: ". */
static void first_line(int fd, char out[512])
{
    char said[MAX_SAID];
    ssize_t n = pread(fd, said, sizeof said - 1, 0);
    said[n > 0 ? n : 0] = '\0';
    const char *error = strstr(said, "ERROR:  "), *at = strstr(said, "error: ");
    at = error ? error + 8 : at ? at + 7 : said;
    snprintf(out, 512, "%.*s", (int)strcspn(at, "\n"), at);
}

fh_err db_child_finish(struct db_child *c, struct fh_error *e)
{
    char said[512];
    while (!db_child_ended(c, 1000))
        ;
    int status = c->status;
    first_line(c->said_fd, said);
    close(c->said_fd);
    c->said_fd = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return FH_OK;
    if (WIFSIGNALED(status))
        return FH_FAIL(e, FH_UNAVAILABLE, "%s was ended by signal %d.", c->name, WTERMSIG(status));
    return FH_FAIL(e, FH_UNAVAILABLE, "%s failed: %s", c->name, *said ? said : "it said nothing.");
}

void db_child_kill(struct db_child *c)
{
    if (!c->name)
        return;
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        c->pid = 0;
    }
    if (c->said_fd >= 0)
        close(c->said_fd);
    *c = (struct db_child){.said_fd = -1};
}
