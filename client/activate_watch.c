/* hook.on-deactivate.
 *
 * It runs once, when the last activation of an environment is left, however that happens: exit, a signal, a
 * closed terminal, kill -9. So it cannot be the shell's to run. An activation of an environment that has the
 * hook is watched by a process of its own, which nobody waits for and which holds nothing of the caller's:
 *
 *   <cache>/active/<key>/<pid>   exists and is locked while that process is watched; whoever leaves in place
 *                                removes it
 *   <cache>/active/<key>/lock    every watcher of the environment has it shared; the one that gets it
 *                                exclusively is the last, and keeps it until the hook is done
 *
 * key is a hash of the .flox folder's path. A new activation waits for a hook that is running, but not long.
 */
#include "client/activate.h"

#include "client/disk.h"
#include "client/say.h"
#include "client/shell_quote.h"
#include "common/digest.h"
#include "common/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 10 * 1000, STEP_MS = 20, NFDS = 4 };

struct watcher {
    const struct activate_watch *w;
    const char *file;
    int mark, lock, shell, events; /* the file, the lock, a pidfd, inotify */
    bool locked;
};

bool activate_has_hook(struct fh_arena *a, const char *scripts)
{
    return disk_exists(fh_sprintf(a, "%s/activate.d/hook-on-deactivate", scripts));
}

static const char *folder_of(struct client *c, const char *dot_flox)
{
    uint8_t sum[FH_SHA256_SIZE];
    char hex[2 * FH_SHA256_SIZE + 1];
    fh_sha256(dot_flox, strlen(dot_flox), sum);
    fh_hex_encode(sum, 16, hex);
    return fh_sprintf(c->arena, "%s/%s", activate_folder(c, "active"), hex);
}

static void pause_ms(int ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    (void)nanosleep(&t, NULL);
}

/* Keeps the watcher's own descriptors and lets go of everything that came from the caller: a pipe that stays
 * open would make who reads from it wait. */
static void let_go(const struct watcher *s)
{
    int keep[NFDS] = {s->mark, s->lock, s->shell, s->events};
    for (int i = 0; i < NFDS; i++)
        for (int k = i + 1; k < NFDS; k++)
            if (keep[k] < keep[i]) {
                int other = keep[i];
                keep[i] = keep[k];
                keep[k] = other;
            }
    unsigned from = 3;
    for (int i = 0; i < NFDS; i++) {
        if ((unsigned)keep[i] > from)
            (void)close_range(from, (unsigned)keep[i] - 1, 0);
        from = (unsigned)keep[i] + 1;
    }
    (void)close_range(from, ~0U, 0);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        (void)dup2(null, fd);
    (void)!chdir("/");
}

static void run_hook(const struct activate_watch *w)
{
    struct fh_arena *a = fh_arena_new();
    struct envset given;
    struct fh_error ignored;
    const char *program;
    envset_init(&given, a, w->env->items);
    envset_unset(&given, "BASH_ENV");
    const char *logs = fh_sprintf(a, "%s/log", w->dot_flox);
    (void)mkdir(logs, 0777);
    int log = open(fh_sprintf(a, "%s/on-deactivate.log", logs),
                   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    for (int fd = 1; log >= 0 && fd < 3; fd++)
        (void)dup2(log, fd);
    (void)!chdir(w->project);
    if (shell_find(a, envset_get(&given, "PATH"), "bash", &program, &ignored) != FH_OK)
        _exit(127);
    const char *script = fh_sprintf(a, "%s/activate.d/hook-on-deactivate", w->scripts);
    execle(program, "bash", "--noprofile", "--norc", script, (char *)NULL, given.items);
    _exit(127);
}

/* Until the shell has ended, or has left in place: then the file is gone. */
static void wait_until_left(const struct watcher *s)
{
    struct pollfd fds[] = {{.fd = s->shell, .events = POLLIN}, {.fd = s->events, .events = POLLIN}};
    for (;;) {
        struct stat st;
        if (fstat(s->mark, &st) != 0 || st.st_nlink == 0)
            return;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents != 0) {
            unlink(s->file);
            return;
        }
        char event[4096];
        if (fds[1].revents != 0 && read(s->events, event, sizeof event) < 0 && errno != EINTR)
            return;
    }
}

static _Noreturn void watch(struct watcher *s)
{
    let_go(s);
    if (!s->locked)
        while (flock(s->lock, LOCK_SH) != 0 && errno == EINTR)
            ;
    wait_until_left(s);
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
        _exit(0); /* the environment is still active elsewhere */
    pid_t child = fork();
    if (child == 0)
        run_hook(s->w);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    _exit(0);
}

/* Twice, so that it is nobody's child that a shell would have to know of. */
static fh_err start_watcher(struct watcher *s, struct fh_error *e)
{
    pid_t child = fork();
    if (child == 0) {
        (void)setsid();
        if (fork() == 0)
            watch(s);
        _exit(0);
    }
    if (child < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot watch for the end of the activation");
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return FH_OK;
}

static bool lock_shared(int lock)
{
    for (int waited = 0;; waited += STEP_MS) {
        if (flock(lock, LOCK_SH | LOCK_NB) == 0)
            return true;
        if (waited == 1000)
            say_info("Waiting for the environment's hook.on-deactivate to end.");
        if (waited >= WAIT_MS)
            return false;
        pause_ms(STEP_MS);
    }
}

static fh_err open_all(struct watcher *s, const char *folder, struct client *c, struct fh_error *e)
{
    FH_TRY(disk_make_dirs(folder, 0700, e));
    s->file = fh_sprintf(c->arena, "%s/%d", folder, (int)s->w->pid);
    s->mark = open(s->file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    s->lock = open(fh_sprintf(c->arena, "%s/lock", folder), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    s->shell = pidfd_open(s->w->pid, 0);
    s->events = inotify_init1(IN_CLOEXEC);
    if (s->mark < 0 || s->lock < 0 || s->shell < 0 || s->events < 0 ||
        inotify_add_watch(s->events, s->file, IN_ATTRIB | IN_DELETE_SELF) < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot watch for the end of the activation in '%s'", folder);
    return FH_OK;
}

fh_err activate_watch(struct client *c, const struct activate_watch *w, struct fh_error *e)
{
    struct watcher s = {.w = w, .mark = -1, .lock = -1, .shell = -1, .events = -1};
    fh_err rc = open_all(&s, folder_of(c, w->dot_flox), c, e);
    /* Locked by another watcher: the shell entered the environment before. */
    if (rc == FH_OK && flock(s.mark, LOCK_EX | LOCK_NB) == 0) {
        s.locked = lock_shared(s.lock);
        rc = start_watcher(&s, e);
    }
    const int fds[] = {s.mark, s.lock, s.shell, s.events};
    for (int i = 0; i < NFDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return rc;
}

void activate_left(struct client *c, const char *dot_flox, pid_t pid)
{
    unlink(fh_sprintf(c->arena, "%s/%d", folder_of(c, dot_flox), (int)pid));
}
