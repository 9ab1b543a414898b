/* Which shell, and programs without one. */
#include "client/activate.h"

#include "client/say.h"
#include "client/shell_quote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct activate_shell *const shells[] = {&activate_bash, &activate_zsh, &activate_fish,
                                                      &activate_tcsh};

static const struct activate_shell *by_name(const char *program)
{
    const char *slash = strrchr(program, '/'), *name = slash != NULL ? slash + 1 : program;
    if (*name == '-') /* a login shell's own name for itself */
        name++;
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (strcmp(shells[i]->name, name) == 0)
            return shells[i];
    return NULL;
}

static const char *parent_program(struct fh_arena *a)
{
    char link[64], target[4096];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)getppid());
    ssize_t n = readlink(link, target, sizeof target - 1);
    return n > 0 ? fh_strndup(a, target, (size_t)n) : NULL;
}

const struct activate_shell *activate_choose_shell(struct fh_arena *a, bool in_place, const char **program,
                                                   struct fh_error *e)
{
    const char *forced = getenv("FLOX_SHELL"), *own = getenv("SHELL"), *parent = parent_program(a);
    const char *const candidates[] = {forced, in_place ? parent : own, in_place ? own : parent};
    for (size_t i = 0; i < 3; i++) {
        const struct activate_shell *shell = candidates[i] != NULL ? by_name(candidates[i]) : NULL;
        if (shell != NULL) {
            *program = candidates[i];
            return shell;
        }
        if (i == 0 && forced != NULL && *forced != '\0') {
            (void)FH_FAIL(e, FH_INVALID,
                          "The shell '%s' in FLOX_SHELL is not supported; bash, zsh, fish and tcsh are.",
                          forced);
            return NULL;
        }
    }
    *program = "bash";
    return shells[0];
}

int activate_exec(struct activation *act, char *const *argv)
{
    const char *program;
    struct fh_error e;
    if (shell_find(act->client->arena, envset_get(&act->now, "PATH"), argv[0], &program, &e) != FH_OK) {
        say_error("%s: command not found", argv[0]);
        return 127;
    }
    fflush(NULL);
    execve(program, argv, act->now.items);
    if (errno == ENOEXEC) { /* a script without a first line: as every shell does */
        size_t n = 0;
        while (argv[n] != NULL)
            n++;
        char **with_sh = fh_alloc(act->client->arena, (n + 2) * sizeof *with_sh);
        with_sh[0] = fh_strdup(act->client->arena, "sh");
        with_sh[1] = fh_strdup(act->client->arena, program);
        for (size_t i = 1; i < n; i++)
            with_sh[i + 1] = argv[i];
        execve("/bin/sh", with_sh, act->now.items);
    }
    (void)FH_FAIL_ERRNO(&e, FH_INTERNAL, "Cannot run '%s'", program);
    say_fail(&e);
    return 126;
}
