/* floe deactivate, and what shell code calls for hook.on-deactivate. */
#include "client/cmd.h"

#include "client/activate_code.h"
#include "client/disk.h"
#include "client/say.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* On a terminal nobody evaluates the code: how to have it done. */
static int tell_how(const struct layer *l, const char *line)
{
    if (l->pid > 0)
        return say_error(
            "A program cannot change the shell that started it.\n\nType 'exit' in the shell that 'floe "
            "activate' started; in a shell within it, run\n  %s",
            line);
    return say_error(
        "A program cannot change the shell that started it.\n\nTo stop using this environment, run\n  %s",
        line);
}

/* The newest active environment must be the layer's: flox, or something else, may have been at work since. */
static fh_err newest_layer(struct fh_arena *a, const struct envset *now, struct layer *l, const char **rest,
                           struct fh_error *e)
{
    const char *dirs = envset_get(now, "FLOX_ENV_DIRS");
    fh_err rc = layer_decode(a, envset_get(now, LAYER_VARIABLE), l, rest, e);
    if (rc == FH_NOT_FOUND && (dirs == NULL || *dirs == '\0'))
        return rc;
    if (rc == FH_INVALID)
        return rc;
    size_t n = rc == FH_OK ? strlen(l->flox_env) : 0;
    if (n == 0 || dirs == NULL || strncmp(dirs, l->flox_env, n) != 0 || (dirs[n] != '\0' && dirs[n] != ':'))
        return FH_FAIL(e, FH_CONFLICT,
                       "The newest active environment was not activated by floe. Leave it the way it was "
                       "entered: 'flox deactivate', or 'exit'.");
    return FH_OK;
}

int cmd_deactivate(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct layer l;
    struct envset now;
    const char *rest, *program;
    if (c == NULL)
        return 1;
    envset_init(&now, c->arena, environ);
    fh_err rc = newest_layer(c->arena, &now, &l, &rest, &c->e);
    if (rc == FH_NOT_FOUND) {
        say_info("No environment active!");
        return 0;
    }
    const struct activate_shell *shell = NULL;
    if (rc == FH_OK)
        shell = activate_choose_shell(c->arena, true, &program, &c->e);
    if (shell == NULL)
        return say_fail(&c->e);
    if (isatty(STDOUT_FILENO) && !fh_cli_flag(cli, "print-script"))
        return tell_how(&l, shell->leave_line);
    struct fh_buf code = FH_BUF_INIT(ACTIVATE_MAX_CODE);
    rc = code_add_leave(c->arena, shell, &l, rest, &now, &code, &c->e);
    if (rc == FH_OK)
        rc = code_print(c, shell, &code, &c->e);
    fh_buf_free(&code);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

static bool parse_pid(const char *text, pid_t *out)
{
    char *end;
    long pid = strtol(text, &end, 10);
    *out = (pid_t)pid;
    return *text != '\0' && *end == '\0' && pid > 0 && pid <= INT32_MAX;
}

int cmd_activate_watch(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct envset now;
    struct activate_watch w = {.dot_flox = cli->args[1], .scripts = cli->args[2], .env = &now};
    if (c == NULL)
        return 1;
    if (!parse_pid(cli->args[0], &w.pid))
        return fh_cli_usage(cli, "'%s' is not a process id.", cli->args[0]);
    envset_init(&now, c->arena, environ);
    const char *project = envset_get(&now, "FLOX_ENV_PROJECT");
    w.project = project != NULL ? project : "/";
    return activate_watch(c, &w, &c->e) == FH_OK ? 0 : say_fail(&c->e);
}

int cmd_activate_left(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    pid_t pid;
    if (c == NULL)
        return 1;
    if (!parse_pid(cli->args[0], &pid))
        return fh_cli_usage(cli, "'%s' is not a process id.", cli->args[0]);
    activate_left(c, cli->args[1], pid);
    return 0;
}
