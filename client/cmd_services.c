/* floe services, which is refused by name until floe runs services: a command of flox that people type must
 * say what is missing, and not that there is no such command. */
#include "client/cmd.h"

#include "client/say.h"

#include <string.h>

const char *cmd_service_names(struct client *c, const struct fh_manifest *m)
{
    const char *system = settings_system(c->arena), *names = "";
    for (size_t i = 0; i < m->nservices; i++) {
        const struct fh_manifest_service *s = &m->services[i];
        bool here = !s->has_systems;
        for (size_t k = 0; k < s->systems.count; k++)
            here = here || strcmp(s->systems.items[k], system) == 0;
        if (here)
            names = fh_sprintf(c->arena, "%s%s%s", names, *names != '\0' ? ", " : "",
                               say_safe(c->arena, s->name));
    }
    return names;
}

/* Those of the environment that is meant, as it is on this machine: nothing is fetched or locked for a
 * refusal. "" where there is none to be read. */
static const char *names_here(struct client *c, struct fh_cli *cli)
{
    struct floxdir d;
    struct floxdir_files files;
    const struct fh_lock *lock;
    struct fh_error ignored;
    if (floxdir_find(c, cli, true, &d, &ignored) != FH_OK || floxdir_read(c, &d, &files, &ignored) != FH_OK ||
        files.lock == NULL ||
        fh_lock_parse(c->arena, files.lock, files.lock_len, "manifest.lock", &lock, &ignored) != FH_OK)
        return "";
    return cmd_service_names(c, lock->manifest);
}

int cmd_services(struct fh_cli *cli)
{
    static const char *const known[] = {"start", "stop", "status", "restart", "logs", "persist"};
    bool is_known = cli->nargs == 0;
    for (size_t i = 0; !is_known && i < sizeof known / sizeof *known; i++)
        is_known = strcmp(cli->args[0], known[i]) == 0;
    if (!is_known)
        return fh_cli_usage(cli, "There is no command \"services %s\".", cli->args[0]);
    struct client *c = client_begin(cli);
    if (c == NULL)
        return 1;
    const char *names = names_here(c, cli), *whose = "services", *verb = "services";
    if (*names != '\0')
        whose = fh_sprintf(c->arena, "the services of this environment (%s)", names);
    if (cli->nargs > 0)
        verb = fh_sprintf(c->arena, "services %s", cli->args[0]);
    return say_error(
        "Cannot run 'floe %s': floe does not run %s yet.\n\nStart and stop them yourself, or use "
        "'flox %s'.",
        verb, whose, verb);
}
