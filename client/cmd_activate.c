/* floe activate */
#include "client/cmd.h"

#include "client/activate.h"
#include "client/disk.h"
#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"

#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum kind { EXEC, COMMAND, IN_PLACE, INTERACTIVE };

static enum kind kind_of(const struct fh_cli *cli)
{
    if (cli->dashes)
        return EXEC;
    if (fh_cli_value(cli, "command") != NULL)
        return COMMAND;
    if (fh_cli_flag(cli, "print-script") || !isatty(STDOUT_FILENO))
        return IN_PLACE;
    return INTERACTIVE;
}

static fh_err open_environment(struct client *c, struct fh_cli *cli, struct floxdir *d, struct fh_error *e)
{
    struct floxmeta m = {.lock_fd = -1};
    const char *ref = fh_cli_value(cli, "reference"), *dir = fh_cli_value(cli, "dir");
    fh_err rc;
    if (ref != NULL) {
        rc = cmd_open_reference(c, ref, d, &m, e);
    } else {
        rc = floxdir_find(c, cli, false, d, e);
        if (rc == FH_NOT_FOUND)
            return FH_FAIL(e, rc, "%s\n\nCreate an environment with 'floe init%s%s'",
                           dir != NULL ? fh_sprintf(c->arena, "Did not find an environment in '%s'", dir)
                                       : "Did not find an environment in the current directory.",
                           dir != NULL ? " --dir " : "", dir != NULL ? dir : "");
        if (rc == FH_OK)
            rc = d->is_managed ? cmd_open_managed(c, d, &m, e) : floxdir_lock(c, d, e);
    }
    floxmeta_close(&m);
    return rc;
}

/* The environment's own owner with -r, and those of the remote environments it includes. */
static fh_err check_trust(struct client *c, const struct floxdir *d, const struct fh_manifest *m,
                          struct fh_error *e)
{
    if (d->is_reference)
        FH_TRY(activate_check_trust(c, d->pointer.owner, d->pointer.name, e));
    for (size_t i = 0; i < m->nincludes; i++) {
        const char *owner, *name;
        if (m->includes[i].remote == NULL)
            continue;
        FH_TRY(hub_split(m->includes[i].remote, c->arena, &owner, &name, e));
        FH_TRY(activate_check_trust(c, owner, name, e));
    }
    return FH_OK;
}

static fh_err check_system(struct client *c, const struct fh_manifest *m, struct fh_error *e)
{
    const char *system = settings_system(c->arena);
    for (size_t i = 0; m->has_systems && i < m->systems.count; i++)
        if (strcmp(m->systems.items[i], system) == 0)
            return FH_OK;
    if (!m->has_systems)
        return FH_OK;
    return FH_FAIL(
        e, FH_INVALID,
        "This environment is not yet compatible with your system (%s).\n\nAdd it to options.systems with "
        "'floe edit'.",
        system);
}

/* The lock that fits the manifest; a new one of a path environment is kept. */
static fh_err prepare(struct activation *act, const struct floxdir *d, struct floxdir_files *files,
                      bool trust, struct fh_error *e)
{
    struct client *c = act->client;
    const struct fh_manifest *user;
    const struct fh_lock *lock;
    bool made;
    FH_TRY(floxdir_read(c, d, files, e));
    FH_TRY(floxdir_lock_manifest(c, files, &user, &made, e));
    if (made && !d->is_managed)
        FH_TRY(floxdir_write(d->path, files, e));
    FH_TRY(fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock", &lock, e));
    act->manifest = lock->manifest;
    act->files = files;
    if (!trust)
        FH_TRY(check_trust(c, d, user, e));
    FH_TRY(check_system(c, lock->manifest, e));
    if (act->mode == NULL)
        act->mode = lock->manifest->activate_mode != NULL ? lock->manifest->activate_mode : "dev";
    return activate_render(act, e);
}

static void announce(const struct activation *act, enum kind kind)
{
    const struct floxdir *d = act->dir;
    if (act->already_active || strcmp(d->pointer.name, "default") == 0 ||
        (kind != INTERACTIVE && !isatty(STDERR_FILENO)))
        return;
    say_done("You are now using the environment %s%s%s", d->title, d->is_reference ? " (local)" : "",
             kind == INTERACTIVE ? "\nTo stop using this environment, type 'exit'\n" : "");
}

static int print_script(struct activation *act, const struct activate_shell *shell)
{
    struct client *c = act->client;
    struct fh_buf text = FH_BUF_INIT(16 * 1024 * 1024);
    fh_err rc = shell->script(act, &text, &c->e);
    if (rc == FH_OK)
        rc = disk_write_all(STDOUT_FILENO, text.data, text.len, "the script", &c->e);
    fh_buf_free(&text);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

static int enter(struct activation *act, struct fh_cli *cli, enum kind kind)
{
    struct client *c = act->client;
    const struct activate_shell *shell = NULL;
    const char *program = NULL;
    if (kind != EXEC) {
        shell = activate_choose_shell(act, kind == IN_PLACE, &program, &c->e);
        if (shell == NULL)
            return say_fail(&c->e);
    }
    bool was_active = envset_list_has(envset_get(&act->before, "FLOX_ENV_DIRS"), act->flox_env);
    if (kind == INTERACTIVE && was_active)
        return say_error("Environment %s is already active", act->dir->title);
    if (activate_enter(act, &c->e) != FH_OK)
        return say_fail(&c->e);
    announce(act, kind);
    switch (kind) {
    case EXEC:
        return activate_exec(act, cli->args);
    case IN_PLACE:
        return print_script(act, shell);
    default:
        if (shell->start(act, program, kind == COMMAND ? fh_cli_value(cli, "command") : NULL, &c->e) != FH_OK)
            return say_fail(&c->e);
        return 1;
    }
}

int cmd_activate(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxdir_files files;
    enum kind kind = kind_of(cli);
    if (c == NULL)
        return 1;
    struct activation act = {.client = c, .dir = &d, .mode = fh_cli_value(cli, "mode")};
    if (kind == EXEC && cli->nargs == 0)
        return say_error("empty command provided");
    if (kind != EXEC && cli->nargs > 0)
        return fh_cli_usage(cli, "A command goes behind --: 'floe activate -- %s'.", cli->args[0]);
    if (act.mode != NULL && strcmp(act.mode, "dev") != 0 && strcmp(act.mode, "run") != 0)
        return fh_cli_usage(cli, "The mode is dev or run, not '%s'.", act.mode);
    envset_init(&act.before, c->arena, environ);
    if (open_environment(c, cli, &d, &c->e) != FH_OK ||
        prepare(&act, &d, &files, fh_cli_flag(cli, "trust"), &c->e) != FH_OK)
        return say_fail(&c->e);
    /* A hook may use floe on this very environment. */
    flock(d.lock_fd, LOCK_UN);
    cmd_warn_packages(c, &files);
    if (act.manifest->nservices > 0)
        say_warn("The services of this environment are not started: floe does not run services.");
    return enter(&act, cli, kind);
}
