/* Whose hooks may run here (manifest-lockfile-client §9.7). */
#include "client/activate.h"

#include "client/say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* 1: trusted, 0: refused, -1: nothing is said about it. The exact name counts more than all of an owner's. */
static int configured(const struct client *c, const char *owner, const char *name)
{
    const char *const wanted[] = {fh_sprintf(c->arena, "%s/%s", owner, name),
                                  fh_sprintf(c->arena, "%s/*", owner)};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < c->settings.ntrust; i++)
            if (strcmp(c->settings.trust[i].what, wanted[k]) == 0)
                return c->settings.trust[i].trusted ? 1 : 0;
    return -1;
}

static fh_err not_trusted(const char *owner, const char *name, struct fh_error *e)
{
    return FH_FAIL(
        e, FH_DENIED,
        "The environment %s/%s is not trusted.\n\nflox environments do not run in a sandbox.\nActivation "
        "hooks can run arbitrary code on your machine.\nThus, environments need to be trusted to be "
        "activated.",
        owner, name);
}

static fh_err ask(struct client *c, const char *owner, const char *name, struct fh_error *e)
{
    char line[64];
    fprintf(stderr,
            "The environment %s/%s is not yours, and its hooks can run any program on this machine.\n"
            "Trust it? [y]es this time, [a]lways, [o]wner: everything of %s, [N]o: ",
            owner, name, owner);
    fflush(stderr);
    if (fgets(line, sizeof line, stdin) == NULL)
        return not_trusted(owner, name, e);
    const char *key = NULL;
    switch (line[0]) {
    case 'y':
    case 'Y':
        return FH_OK;
    case 'a':
    case 'A':
        key = fh_sprintf(c->arena, "trust.%s/%s", owner, name);
        break;
    case 'o':
    case 'O':
        key = fh_sprintf(c->arena, "trust.%s/*", owner);
        break;
    default:
        return not_trusted(owner, name, e);
    }
    const struct settings_line entry = {key, "trust"};
    return settings_store(c->arena, &c->settings, &entry, 1, e);
}

fh_err activate_check_trust(struct client *c, const char *owner, const char *name, struct fh_error *e)
{
    struct fh_error ignored;
    const char *handle;
    int decided = configured(c, owner, name);
    if (decided == 1 || (decided == -1 && strcmp(owner, "flox") == 0))
        return FH_OK;
    if (decided == 0)
        return not_trusted(owner, name, e);
    if (c->settings.token != NULL && client_handle(c, &handle, &ignored) == FH_OK &&
        strcmp(handle, owner) == 0)
        return FH_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return not_trusted(owner, name, e);
    return ask(c, owner, name, e);
}
