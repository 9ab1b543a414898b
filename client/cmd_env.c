/* floe env: environments as the hub has them. What is on this machine is 'floe envs', 'list' and 'delete'. */
#include "client/cmd.h"

#include "client/ask.h"
#include "client/hub.h"
#include "client/print.h"
#include "client/say.h"

#include <string.h>
#include <unistd.h>

const struct fh_opt cmd_env_list_opts[] = {
    {"search", 's', FH_OPT_VALUE, "TEXT", "only those with TEXT in their name", NULL, NULL},
    {"visibility", 0, FH_OPT_VALUE, "VISIBILITY", "only those of this visibility", NULL,
     "public internal unlisted private"},
    {"json", 0, FH_OPT_FLAG, NULL, "as JSON", NULL, NULL},
    {0},
};

const struct fh_opt cmd_env_delete_opts[] = {
    {"force", 'f', FH_OPT_FLAG, NULL, "without a question", NULL, NULL},
    {0},
};

const struct fh_opt cmd_env_restore_opts[] = {
    {"to", 0, FH_OPT_VALUE, "COMMIT", "an existing environment: set it back to a commit that it was at", NULL,
     NULL},
    {0},
};

struct named {
    struct client *c;
    const char *owner, *name;
    const char *path; /* of REST */
};

/* Begins a verb whose first word is OWNER/NAME. NULL when it has told why not. */
static struct client *begin_named(struct fh_cli *cli, bool login, struct named *out)
{
    struct client *c = client_begin(cli);
    *out = (struct named){.c = c};
    if (c == NULL)
        return NULL;
    if (hub_split(cli->args[0], c->arena, &out->owner, &out->name, &c->e) != FH_OK ||
        (login && client_need_login(c, &c->e) != FH_OK)) {
        say_fail(&c->e);
        return NULL;
    }
    out->path = ASK_PATH(c, "/environments/{}/{}", out->owner, out->name);
    return c;
}

/* -- looking */

static const char *count_of(struct client *c, const json_t *env)
{
    return json_is_string(json_object_get(env, "broken")) ? "broken" : ask_text(c, env, "generations");
}

static const char *list_path(struct client *c, struct fh_cli *cli)
{
    const char *path = "/environments", *join = "?";
    const char *const filters[][2] = {{"owner={}", cli->nargs > 0 ? cli->args[0] : NULL},
                                      {"q={}", fh_cli_value(cli, "search")},
                                      {"visibility={}", fh_cli_value(cli, "visibility")}};
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        if (filters[i][1] == NULL)
            continue;
        path = fh_sprintf(c->arena, "%s%s%s", path, join, ASK_PATH(c, filters[i][0], filters[i][1]));
        join = "&";
    }
    return path;
}

int cmd_env_list(struct fh_cli *cli)
{
    static const char *const titles[] = {"ENVIRONMENT", "VISIBILITY", "GENERATIONS", "LIVE", "UPDATED (UTC)"};
    struct client *c = client_begin(cli);
    const json_t *items, *o;
    size_t i;
    if (c == NULL)
        return 1;
    if (ask_list(c, list_path(c, cli), 0, &items, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, items);
    struct fh_table *t = fh_table_new(titles, 5);
    json_array_foreach(items, i, o) fh_table_row(
        t,
        (const char *const[]){fh_sprintf(c->arena, "%s/%s", ask_text(c, o, "owner"), ask_text(c, o, "name")),
                              ask_text(c, o, "visibility"), count_of(c, o), ask_text(c, o, "live"),
                              ask_when(c, o, "updated_at", "")});
    fh_table_print(t, STDOUT_FILENO);
    return 0;
}

static void show(struct client *c, const json_t *o)
{
    const char *role = ask_text(c, o, "role"), *broken = ask_text(c, o, "broken");
    printf("%-14s %s/%s\n", "Environment:", ask_text(c, o, "owner"), ask_text(c, o, "name"));
    printf("%-14s %s\n", "Visibility:", ask_text(c, o, "visibility"));
    printf("%-14s %s\n", "Your role:", *role != '\0' ? role : "none");
    if (*broken != '\0')
        printf("%-14s %s\n", "Broken:", broken);
    else
        printf("%-14s %s, %s is live\n", "Generations:", ask_text(c, o, "generations"),
               ask_text(c, o, "live"));
    printf("%-14s %s\n", "Tip:", ask_text(c, o, "tip"));
    printf("%-14s %s\n", "Created:", ask_when(c, o, "created_at", ""));
    printf("%-14s %s\n", "Updated:", ask_when(c, o, "updated_at", ""));
    printf("%-14s %s\n", "Page:", ask_text(c, o, "url"));
}

int cmd_env_show(struct fh_cli *cli)
{
    struct named n;
    struct ask_answer answer;
    struct client *c = begin_named(cli, false, &n);
    if (c == NULL)
        return 1;
    if (ask_get(c, n.path, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, answer.json);
    show(c, answer.json);
    return 0;
}

/* -- changing: what was looked at is what is changed (If-Match) */

static fh_err change(const struct named *n, const char *method, json_t *take_body, struct fh_error *e)
{
    struct ask_answer now, answer;
    fh_json_own(n->c->arena, take_body);
    FH_TRY(ask_get(n->c, n->path, &now, e));
    const struct ask_request request = {
        .method = method, .path = n->path, .body = take_body, .if_match = now.etag};
    return ask_send(n->c, &request, &answer, e);
}

int cmd_env_visibility(struct fh_cli *cli)
{
    struct named n;
    struct client *c = begin_named(cli, true, &n);
    if (c == NULL)
        return 1;
    if (change(&n, "PATCH", json_pack("{s:s}", "visibility", cli->args[1]), &c->e) != FH_OK)
        return say_fail(&c->e);
    say_done("%s/%s is %s", n.owner, n.name, cli->args[1]);
    return 0;
}

int cmd_env_rename(struct fh_cli *cli)
{
    struct named n;
    struct client *c = begin_named(cli, true, &n);
    if (c == NULL)
        return 1;
    if (hub_check_name("Environment", cli->args[1], &c->e) != FH_OK ||
        change(&n, "PATCH", json_pack("{s:s}", "name", cli->args[1]), &c->e) != FH_OK)
        return say_fail(&c->e);
    say_done("%s/%s is %s/%s now", n.owner, n.name, n.owner, cli->args[1]);
    say_info("Who has pulled it pulls it anew: 'floe pull %s/%s'.", n.owner, cli->args[1]);
    return 0;
}

int cmd_env_delete(struct fh_cli *cli)
{
    struct named n;
    struct ask_answer now, answer;
    struct client *c = begin_named(cli, true, &n);
    if (c == NULL)
        return 1;
    bool force = fh_cli_flag(cli, "force");
    if (!force && !isatty(STDIN_FILENO))
        return say_error(
            "Cannot ask without a terminal. Use 'floe env delete -f %s/%s' to delete it for everybody.",
            n.owner, n.name);
    if (ask_get(c, n.path, &now, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (!force && !ask_confirmed(fh_sprintf(c->arena,
                                            "You are about to delete %s/%s and its %s generations on %s, for "
                                            "everybody. Are you sure?",
                                            n.owner, n.name, count_of(c, now.json), c->settings.hub)))
        return say_error("Environment not deleted.");
    const struct ask_request request = {.method = "DELETE", .path = n.path, .if_match = now.etag};
    if (ask_send(c, &request, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    say_deleted("%s/%s is deleted on the hub; copies on machines stay", n.owner, n.name);
    say_info("'floe env restore %s/%s' brings it back while the hub's log has it.", n.owner, n.name);
    return 0;
}

int cmd_env_restore(struct fh_cli *cli)
{
    const char *to = fh_cli_value(cli, "to");
    struct named n;
    struct ask_answer answer;
    struct client *c = begin_named(cli, true, &n);
    if (c == NULL)
        return 1;
    json_t *body =
        fh_json_own(c->arena, to != NULL ? json_pack("{s:o}", "tip", fh_json_text(to)) : json_object());
    const struct ask_request request = {
        .method = "POST",
        .path = fh_sprintf(c->arena, "%s/restore", n.path),
        .body = body,
    };
    if (ask_send(c, &request, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (to != NULL)
        say_done("%s/%s is at %s again", n.owner, n.name, say_safe(c->arena, to));
    else
        say_done("%s/%s is back", n.owner, n.name);
    return 0;
}
