/* floe env diff: what changed between two generations of an environment on a hub. */
#include "client/cmd.h"

#include "client/ask.h"
#include "client/hub.h"
#include "client/print.h"
#include "client/say.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct diff {
    struct client *c;
    const char *owner, *name;
    int64_t from, to;
    const json_t *json;
};

static fh_err parse_number(const char *text, int64_t *out, struct fh_error *e)
{
    if (*text == '\0' || strlen(text) > 12 || strspn(text, "0123456789") != strlen(text) ||
        (*out = strtoll(text, NULL, 10)) < 1)
        return FH_FAIL(e, FH_INVALID, "'%.50s' is not the number of a generation.", text);
    return FH_OK;
}

/* Without TO the live generation, without FROM the one before it. */
static fh_err choose(struct fh_cli *cli, struct diff *d, struct fh_error *e)
{
    struct client *c = d->c;
    struct ask_answer env;
    if (cli->nargs > 1)
        FH_TRY(parse_number(cli->args[1], &d->from, e));
    if (cli->nargs > 2)
        return parse_number(cli->args[2], &d->to, e);
    FH_TRY(ask_get(c, ASK_PATH(c, "/environments/{}/{}", d->owner, d->name), &env, e));
    d->to = (int64_t)json_integer_value(json_object_get(env.json, "live"));
    if (d->to < 1)
        return FH_FAIL(e, FH_NOT_FOUND, "%s/%s has no live generation to compare.", d->owner, d->name);
    if (cli->nargs < 2)
        d->from = d->to - 1;
    if (d->from < 1)
        return FH_FAIL(e, FH_NOT_FOUND, "Generation %lld of %s/%s is its first: there is nothing before it.",
                       (long long)d->to, d->owner, d->name);
    return FH_OK;
}

static fh_err load(struct diff *d, struct fh_error *e)
{
    struct client *c = d->c;
    struct ask_answer answer;
    const char *from = fh_sprintf(c->arena, "%lld", (long long)d->from);
    const char *to = fh_sprintf(c->arena, "%lld", (long long)d->to);
    FH_TRY(ask_get(c, ASK_PATH(c, "/environments/{}/{}/diff?from={}&to={}", d->owner, d->name, from, to),
                   &answer, e));
    d->json = answer.json;
    return FH_OK;
}

static void show_manifest(const struct diff *d)
{
    const json_t *manifest = json_object_get(d->json, "manifest");
    const char *text = fh_json_string(manifest, "diff");
    bool colour = fh_term_colour(STDOUT_FILENO);
    if (text == NULL) {
        say_info("The manifests are too different to show how.");
        return;
    }
    if (*text == '\0') {
        say_info("The manifests are the same.");
        return;
    }
    printf("--- generation %lld: manifest.toml\n+++ generation %lld: manifest.toml\n", (long long)d->from,
           (long long)d->to);
    for (const char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        const char *hue = *line == '+'   ? "\033[32m"
                          : *line == '-' ? "\033[31m"
                          : *line == '@' ? "\033[36m"
                                         : "";
        const char *safe = say_safe(d->c->arena, fh_strndup(d->c->arena, line, n));
        if (colour && *hue != '\0')
            printf("%s%s\033[0m\n", hue, safe);
        else
            puts(safe);
        line += n + (line[n] == '\n');
    }
}

/* What a package is, in a word: its version, else where it comes from. */
static const char *what(struct client *c, const json_t *package)
{
    static const char *const keys[] = {"version", "store_path", "derivation", "attr_path"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (*ask_text(c, package, keys[i]) != '\0')
            return ask_text(c, package, keys[i]);
    return "";
}

static void add_rows(const struct diff *d, struct fh_table *t, const json_t *packages, const char *kind)
{
    struct client *c = d->c;
    const json_t *p;
    size_t i;
    json_array_foreach(json_object_get(packages, kind), i, p)
    {
        const json_t *from = json_object_get(p, "from"), *to = json_object_get(p, "to");
        if (strcmp(kind, "added") == 0)
            to = p;
        else if (strcmp(kind, "removed") == 0)
            from = p;
        fh_table_row(t, (const char *const[]){kind, ask_text(c, p, "id"), ask_text(c, p, "system"),
                                              what(c, from), what(c, to)});
    }
}

static void show_packages(const struct diff *d)
{
    static const char *const titles[] = {"PACKAGES", "INSTALL ID", "SYSTEM", "FROM", "TO"};
    static const char *const kinds[] = {"added", "removed", "changed"};
    const json_t *packages = json_object_get(d->json, "packages");
    size_t all = 0;
    if (!json_is_object(packages)) {
        say_info("The packages cannot be compared: a lock is not there or cannot be read.");
        return;
    }
    for (size_t i = 0; i < 3; i++)
        all += json_array_size(json_object_get(packages, kinds[i]));
    if (all == 0) {
        say_info("The packages are the same.");
        return;
    }
    struct fh_table *t = fh_table_new(titles, 5);
    for (size_t i = 0; i < 3; i++)
        add_rows(d, t, packages, kinds[i]);
    fh_table_print(t, STDOUT_FILENO);
}

int cmd_env_diff(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct diff d = {.c = c};
    if (c == NULL)
        return 1;
    if (hub_split(cli->args[0], c->arena, &d.owner, &d.name, &c->e) != FH_OK ||
        choose(cli, &d, &c->e) != FH_OK || load(&d, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, d.json);
    show_manifest(&d);
    show_packages(&d);
    return 0;
}
