/* floe config: floe's own file, by key. What flox keeps in flox.toml is read where floe's file says nothing
 * and is never written; flox's names for the same things are understood. */
#include "client/cmd.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/print.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>

static const char trust_prefix[] = "trust.";

/* floe's name of a key, also for flox's; the sentence names them all. */
static fh_err key_name(struct fh_arena *a, const char *given, const char **out, struct fh_error *e)
{
    static const char flox_trust[] = "trusted_environments.";
    const char *owner, *name, *rest = NULL;
    if (strcmp(given, "hub") == 0 || strcmp(given, "floxhub_url") == 0)
        *out = "hub";
    else if (strcmp(given, "catalog") == 0 || strcmp(given, "catalog_url") == 0)
        *out = "catalog";
    else if (strcmp(given, "token") == 0 || strcmp(given, "floxhub_token") == 0)
        *out = "token";
    else if (strncmp(given, trust_prefix, strlen(trust_prefix)) == 0)
        rest = given + strlen(trust_prefix);
    else if (strncmp(given, flox_trust, strlen(flox_trust)) == 0)
        rest = given + strlen(flox_trust);
    else
        return FH_FAIL(e, FH_INVALID,
                       "There is no setting '%.100s'; there are hub, catalog, token and trust.OWNER/NAME (or "
                       "trust.OWNER/* for all of an owner).",
                       given);
    if (rest == NULL)
        return FH_OK;
    size_t n = strlen(rest);
    if (n > 2 && strcmp(rest + n - 2, "/*") == 0)
        FH_TRY(hub_check_name("Owner", fh_strndup(a, rest, n - 2), e));
    else
        FH_TRY(hub_split(rest, a, &owner, &name, e));
    *out = fh_sprintf(a, "%s%s", trust_prefix, rest);
    return FH_OK;
}

static fh_err check_value(struct fh_arena *a, const char *key, const char **value, struct fh_error *e)
{
    if (strcmp(key, "hub") == 0 || strcmp(key, "catalog") == 0)
        return hub_normalise(*value, a, value, e);
    if (strcmp(key, "token") == 0)
        return FH_FAIL(
            e, FH_INVALID,
            "A token on a command line can be read by everybody on this machine: use 'floe auth login "
            "--token-file FILE', or - for standard input.");
    if (strcmp(*value, "trust") != 0 && strcmp(*value, "deny") != 0)
        return FH_FAIL(e, FH_INVALID, "'%.100s' is neither trust nor deny.", *value);
    return FH_OK;
}

static int set(struct client *c, const char *given, const char *value)
{
    const char *key;
    const struct settings ours = {.config = settings_path(c->arena)};
    if (key_name(c->arena, given, &key, &c->e) != FH_OK ||
        (value != NULL && check_value(c->arena, key, &value, &c->e) != FH_OK))
        return say_fail(&c->e);
    /* Without its token a handle says nothing. */
    const struct settings_line lines[] = {{key, value}, {"handle", NULL}};
    if (settings_store(c->arena, &ours, lines, strcmp(key, "token") == 0 ? 2 : 1, &c->e) != FH_OK)
        return say_fail(&c->e);
    return 0;
}

static int reset(struct client *c)
{
    return disk_remove(settings_path(c->arena), &c->e) == FH_OK ? 0 : say_fail(&c->e);
}

struct row {
    const char *key, *value, *from;
};

static size_t collect(struct client *c, struct row *rows)
{
    const struct settings *s = &c->settings;
    size_t n = 0;
    rows[n++] = (struct row){"hub", s->hub, s->hub_from};
    if (s->catalog_from != NULL)
        rows[n++] = (struct row){"catalog", s->catalog, s->catalog_from};
    if (s->token != NULL)
        rows[n++] = (struct row){"token", "(set; 'floe auth token' prints it)", s->token_from};
    if (s->handle != NULL)
        rows[n++] = (struct row){"handle", s->handle, s->token_from};
    for (size_t i = 0; i < s->ntrust; i++)
        rows[n++] = (struct row){fh_sprintf(c->arena, "%s%s", trust_prefix, s->trust[i].what),
                                 s->trust[i].trusted ? "trust" : "deny",
                                 i < s->nown_trust ? s->config : "flox's configuration"};
    return n;
}

static int list(struct client *c, bool as_json)
{
    static const char *const titles[] = {"SETTING", "VALUE", "FROM"};
    struct row *rows = fh_alloc(c->arena, (c->settings.ntrust + 5) * sizeof *rows);
    size_t n = collect(c, rows);
    struct fh_table *table = as_json ? NULL : fh_table_new(titles, 3);
    json_t *object = fh_json_own(c->arena, json_object());
    for (size_t i = 0; i < n; i++) {
        const char *cells[] = {rows[i].key, rows[i].value, rows[i].from};
        bool is_token = strcmp(rows[i].key, "token") == 0;
        json_t *one = json_object();
        if (table != NULL)
            fh_table_row(table, cells);
        fh_json_set(one, "value", is_token ? json_true() : fh_json_text(rows[i].value));
        fh_json_set(one, "from", fh_json_text(rows[i].from));
        fh_json_set(object, rows[i].key, one);
    }
    if (table != NULL) {
        fh_table_print(table, fileno(stdout));
        return 0;
    }
    return print_json(c, object);
}

int cmd_config(struct fh_cli *cli)
{
    const char *key = fh_cli_value(cli, "set"), *gone = fh_cli_value(cli, "delete");
    bool resets = fh_cli_flag(cli, "reset");
    if ((key != NULL) + (gone != NULL) + resets + fh_cli_flag(cli, "list") > 1)
        return fh_cli_usage(cli, "Give one of --list, --set, --delete and --reset.");
    if ((key != NULL) != (cli->nargs == 1))
        return fh_cli_usage(cli, "A value goes with --set: 'floe config --set KEY VALUE'.");
    struct client *c = cli->context; /* the settings are not loaded: they may be what is to be repaired */
    if (key != NULL)
        return set(c, key, cli->args[0]);
    if (gone != NULL)
        return set(c, gone, NULL);
    if (resets)
        return reset(c);
    c = client_begin(cli);
    return c != NULL ? list(c, fh_cli_flag(cli, "json")) : 1;
}
