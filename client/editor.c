/* Running the editor. */
#include "client/editor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *in_path(struct fh_arena *a, const char *name)
{
    const char *path = getenv("PATH");
    for (const char *at = path != NULL ? path : "/usr/bin:/bin"; *at != '\0';) {
        size_t n = strcspn(at, ":");
        const char *file = fh_sprintf(a, "%.*s/%s", (int)n, at, name);
        if (n > 0 && access(file, X_OK) == 0)
            return file;
        at += n + (at[n] == ':' ? 1 : 0);
    }
    return NULL;
}

static const char *choose(struct fh_arena *a)
{
    static const char *const variables[] = {"VISUAL", "EDITOR"};
    static const char *const editors[] = {"nano", "vim", "vi", "emacs"};
    for (size_t i = 0; i < 2; i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && *value != '\0')
            return value;
    }
    for (size_t i = 0; i < sizeof editors / sizeof editors[0]; i++)
        if (in_path(a, editors[i]) != NULL)
            return editors[i];
    return NULL;
}

fh_err editor_run(struct fh_arena *a, const char *path, struct fh_error *e)
{
    const char *editor = choose(a);
    if (editor == NULL)
        return FH_FAIL(
            e, FH_NOT_FOUND,
            "No editor found: set $EDITOR, or use 'floe edit -f FILE' to take the manifest from a file.");
    /* $EDITOR may hold options; the shell splits it as other programs do. */
    const char *command = fh_sprintf(a, "%s \"$1\"", editor);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, interrupt, quit;
    sigaction(SIGINT, &ignore, &interrupt);
    sigaction(SIGQUIT, &ignore, &quit);
    pid_t child = fork();
    if (child == 0) {
        sigaction(SIGINT, &interrupt, NULL);
        sigaction(SIGQUIT, &quit, NULL);
        execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGQUIT, &quit, NULL);
    if (child < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot start the editor");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return FH_FAIL(e, FH_INVALID, "The editor '%s' did not end well; nothing was changed.", editor);
    return FH_OK;
}
