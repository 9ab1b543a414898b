/* [vars] and hook.on-activate. Always bash, whatever shell follows; what they print goes to standard error,
 * and the variables they leave are read back from a memory file (a pipe would wait for whatever they left
 * running). */
#include "client/activate.h"

#include "client/disk.h"
#include "client/shell_quote.h"
#include "common/ceilings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DUMP_FD = 9, MAX_ENVIRONMENT = 16 * 1024 * 1024 };

/* "V" comes back when the vars, "F" when the hook did not work; nothing at all when the hook did not return.
 */
static const char *program_text(struct activation *act)
{
    struct fh_arena *a = act->client->arena;
    const char *dir = fh_sprintf(a, "%s/activate.d", act->scripts);
    const char *vars = shell_quote(a, fh_sprintf(a, "%s/vars", dir));
    const char *hook = shell_quote(a, fh_sprintf(a, "%s/hook-on-activate", dir));
    const char *text = "set +euo pipefail\n";
    if (act->manifest->vars.count > 0)
        text = fh_sprintf(a, "%s. %s >&2 9>&- || { printf V >&9; exit; }\n", text, vars);
    if (act->manifest->on_activate != NULL)
        text = fh_sprintf(a, "%s. %s >&2 9>&- || { printf F >&9; exit; }\n", text, hook);
    return fh_sprintf(a, "%sexec /usr/bin/env -0 >&9", text);
}

static void run_child(const char *program, const char *text, int memory, char **environment)
{
    /* dup2 onto itself would leave the descriptor to be closed by exec. */
    int from = memory == DUMP_FD ? dup(memory) : memory;
    if (from < 0 || dup2(from, DUMP_FD) < 0)
        _exit(126);
    execle(program, "bash", "--noprofile", "--norc", "-c", text, "bash", (char *)NULL, environment);
    _exit(127);
}

static fh_err wait_for(pid_t child, struct fh_error *e)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot wait for bash");
    if (WIFSIGNALED(status))
        return FH_FAIL(e, FH_INVALID, "The hook was ended by signal %d.", WTERMSIG(status));
    return FH_OK;
}

static fh_err read_back(struct activation *act, int memory, struct fh_error *e)
{
    char *text;
    size_t n;
    if (lseek(memory, 0, SEEK_SET) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot read what the hook left");
    FH_TRY(disk_read_fd(memory, "what the hook left", MAX_ENVIRONMENT, act->client->arena, &text, &n, e));
    if (n == 1 && text[0] == 'V')
        return FH_FAIL(e, FH_INVALID, "The [vars] of the environment could not be set.");
    if (n == 1 && text[0] == 'F')
        return FH_FAIL(e, FH_INVALID, "Running hook.on-activate failed");
    if (n == 0)
        return FH_FAIL(
            e, FH_INVALID,
            "The hook.on-activate script did not complete normally.\n\nReview your script for the use of:\n- "
            "'exit' commands, which should be replaced with 'return'\n- 'exec' commands, which should be "
            "run in a subshell: '(exec command)'");
    struct envset after;
    envset_init_zero_separated(&after, act->client->arena, text, n);
    static const char *const bash_own[] = {"_", "SHLVL", "PWD", "OLDPWD", "PS1", "PS2"};
    for (size_t i = 0; i < sizeof bash_own / sizeof bash_own[0]; i++)
        envset_take(&after, &act->before, bash_own[i]);
    if (envset_get(&after, "BASH_ENV") == NULL)
        envset_take(&after, &act->before, "BASH_ENV");
    act->now = after;
    return FH_OK;
}

fh_err activate_run_hook(struct activation *act, struct fh_error *e)
{
    const char *program;
    if (act->manifest->vars.count == 0 && act->manifest->on_activate == NULL)
        return FH_OK;
    if (shell_find(act->client->arena, envset_get(&act->before, "PATH"), "bash", &program, e) != FH_OK)
        return e->code;
    int memory = memfd_create("floe-environment", MFD_CLOEXEC);
    if (memory < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot make room for the environment");
    struct envset given;
    envset_copy(&given, &act->now);
    envset_unset(&given, "BASH_ENV"); /* bash would source it before the hook */
    const char *text = program_text(act);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        run_child(program, text, memory, given.items);
    fh_err rc = child < 0 ? FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot start bash") : wait_for(child, e);
    if (rc == FH_OK)
        rc = read_back(act, memory, e);
    close(memory);
    return rc;
}
