/* floe activate */
#include "client/cmd.h"

#include "client/activate_code.h"
#include "client/disk.h"
#include "client/hub.h"
#include "client/include.h"
#include "client/say.h"
#include "client/shell_quote.h"
#include "client/upgrade_check.h"
#include "common/ceilings.h"

#include <stdio.h>
#include <stdlib.h>
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

/* Who asks for services, by hand or in the manifest, is refused before anything runs: to find out later that
 * there is no database is worse. Where the shell is already in the environment nothing would start. */
static fh_err check_services(struct activation *act, struct fh_cli *cli, const char *names, bool was_active,
                             struct fh_error *e)
{
    bool asked = fh_cli_flag(cli, "start-services");
    bool automatic = act->manifest->auto_start == 1 && !fh_cli_flag(cli, "no-start-services") && !was_active;
    if (*names == '\0' && asked)
        say_warn("Environment does not have any services defined.");
    if (*names == '\0' || !(asked || automatic))
        return FH_OK;
    return FH_FAIL(e, FH_INVALID,
                   "Cannot start the services of this environment (%s)%s: floe does not run services yet.\n\n"
                   "Activate with --no-start-services and start them yourself, or use 'flox activate%s'.",
                   names, asked ? "" : ", as its manifest says (services.auto-start)",
                   asked ? " --start-services" : "");
}

/* The lock that fits the manifest; a new one of a path environment is kept. */
static fh_err prepare(struct activation *act, struct fh_cli *cli, struct floxdir *d,
                      struct floxdir_files *files, struct fh_error *e)
{
    struct client *c = act->client;
    const struct fh_manifest *user;
    const struct fh_lock *lock;
    bool made;
    FH_TRY(activate_open(act, cli, d, files, e));
    FH_TRY(floxdir_lock_manifest(c, files, &user, &made, e));
    if (made && !d->is_managed)
        FH_TRY(floxdir_write(d->path, files, e));
    FH_TRY(fh_lock_parse(c->arena, files->lock, files->lock_len, "manifest.lock", &lock, e));
    act->lock = lock;
    act->manifest = lock->manifest;
    if (made)
        include_say_overrides(c, lock);
    if (!fh_cli_flag(cli, "trust"))
        FH_TRY(check_trust(c, d, user, e));
    FH_TRY(check_system(c, lock->manifest, e));
    if (act->mode == NULL)
        act->mode = lock->manifest->activate_mode != NULL ? lock->manifest->activate_mode : "dev";
    return activate_render(act, e);
}

/* What is known of newer packages; nobody is asked. */
static void tell_upgrades(const struct activation *act, struct fh_cli *cli)
{
    struct client *c = act->client;
    const struct floxdir *d = act->dir;
    const char *dir = fh_cli_value(cli, "dir"), *where = "";
    struct upgrades known;
    if (!c->settings.upgrade_notes)
        return;
    if (d->is_reference)
        where = fh_sprintf(c->arena, " -r %s/%s", d->pointer.owner, d->pointer.name);
    else if (dir != NULL)
        where = fh_sprintf(c->arena, " -d %s", dir);
    upgrade_check_read(c, d->path, act->lock, &known);
    if (known.n > 0)
        say_info("%s available in %s%s.\nUse 'floe upgrade --dry-run%s' for details.",
                 upgrades_counted(c, &known), d->title, d->is_reference ? " (local)" : "", where);
}

/* idle: the services that nobody asked for. */
static void announce(const struct activation *act, const struct activate_shell *shell, enum kind kind,
                     const char *idle, struct fh_cli *cli)
{
    struct fh_arena *a = act->client->arena;
    const struct floxdir *d = act->dir;
    const char *how = "";
    if (act->already_active || (kind != INTERACTIVE && !isatty(STDERR_FILENO)))
        return;
    if (*idle != '\0')
        say_info("The services of this environment (%s) are not started: floe does not run services yet.",
                 idle);
    if (kind == INTERACTIVE || kind == IN_PLACE)
        tell_upgrades(act, cli);
    if (strcmp(d->pointer.name, "default") == 0)
        return;
    if (kind == INTERACTIVE)
        how = "\nTo stop using this environment, type 'exit'\n";
    else if (kind == IN_PLACE)
        how = fh_sprintf(a, "\nTo stop using this environment, run '%s'\n", shell->leave_line);
    say_done("You are now using the environment %s%s%s", d->title, d->is_reference ? " (local)" : "", how);
}

static int print_script(struct activation *act, const struct activate_shell *shell)
{
    struct client *c = act->client;
    struct fh_buf text = FH_BUF_INIT(ACTIVATE_MAX_CODE);
    fh_err rc = code_add_in_place(act, shell, &text, &c->e);
    if (rc == FH_OK)
        rc = code_print(c, shell, &text, &c->e);
    fh_buf_free(&text);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

/* This process becomes the program or the shell: who waits for hook.on-deactivate waits for its end. */
static int become(struct activation *act, const struct activate_shell *shell, const char *program,
                  struct fh_cli *cli)
{
    struct client *c = act->client;
    const struct activate_watch w = {.dot_flox = act->dir->path,
                                     .scripts = act->scripts,
                                     .project = envset_get(&act->now, "FLOX_ENV_PROJECT"),
                                     .pid = getpid(),
                                     .env = &act->now};
    if (activate_has_hook(c->arena, act->scripts) && activate_watch(c, &w, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (shell == NULL)
        return activate_exec(act, cli->args);
    if (shell_find(c->arena, envset_get(&act->before, "PATH"), program, &program, &c->e) == FH_OK)
        (void)!shell->start(act, program, fh_cli_value(cli, "command"), &c->e);
    return say_fail(&c->e);
}

static int enter(struct activation *act, struct fh_cli *cli, enum kind kind)
{
    struct client *c = act->client;
    const struct activate_shell *shell = NULL;
    const char *program = NULL;
    if (kind != EXEC) {
        shell = activate_choose_shell(c->arena, kind == IN_PLACE, &program, &c->e);
        if (shell == NULL)
            return say_fail(&c->e);
    }
    bool was_active = envset_list_has(envset_get(&act->before, "FLOX_ENV_DIRS"), act->flox_env);
    if (kind == INTERACTIVE && was_active)
        return say_error("Environment %s is already active", act->dir->title);
    const char *services = cmd_service_names(c, act->manifest);
    if (check_services(act, cli, services, was_active, &c->e) != FH_OK || activate_enter(act, &c->e) != FH_OK)
        return say_fail(&c->e);
    activate_add_layer(act, kind == INTERACTIVE ? getpid() : 0);
    announce(act, shell, kind, fh_cli_flag(cli, "no-start-services") ? "" : services, cli);
    return kind == IN_PLACE ? print_script(act, shell) : become(act, shell, program, cli);
}

static bool is_generation(const char *text, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    return *text != '\0' && *end == '\0' && *out > 0;
}

int cmd_activate(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct floxdir d;
    struct floxdir_files files = {0};
    enum kind kind = kind_of(cli);
    const char *number = fh_cli_value(cli, "generation");
    if (c == NULL)
        return 1;
    struct activation act = {
        .client = c, .mode = fh_cli_value(cli, "mode"), .add_sbin = fh_cli_flag(cli, "add-sbin")};
    if (kind == EXEC && cli->nargs == 0)
        return say_error("empty command provided");
    if (kind != EXEC && cli->nargs > 0)
        return fh_cli_usage(cli, "A command goes behind --: 'floe activate -- %s'.", cli->args[0]);
    if (act.mode != NULL && strcmp(act.mode, "dev") != 0 && strcmp(act.mode, "run") != 0)
        return fh_cli_usage(cli, "The mode is dev or run, not '%s'.", act.mode);
    if (number != NULL && !is_generation(number, &act.generation))
        return fh_cli_usage(cli, "'%s' is not the number of a generation.", number);
    if (fh_cli_flag(cli, "start-services") && fh_cli_flag(cli, "no-start-services"))
        return fh_cli_usage(cli, "--start-services and --no-start-services are mutually exclusive");
    envset_init(&act.before, c->arena, environ);
    if (prepare(&act, cli, &d, &files, &c->e) != FH_OK)
        return client_fail(c);
    /* A hook may use floe on this very environment. */
    flock(d.lock_fd, LOCK_UN);
    cmd_warn_packages(c, &files);
    return enter(&act, cli, kind);
}
