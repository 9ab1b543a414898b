/* floe org|member: organisations of a hub, who belongs to them and what was done to them. */
#include "client/cmd.h"

#include "client/ask.h"
#include "client/hub.h"
#include "client/print.h"
#include "client/say.h"

#include <string.h>
#include <unistd.h>

const struct fh_opt cmd_json_opts[] = {
    {"json", 0, FH_OPT_FLAG, NULL, "as JSON", NULL, NULL},
    {0},
};

const struct fh_opt cmd_audit_opts[] = {
    {"action", 0, FH_OPT_VALUE, "ACTION", "only what was done this way: env.push, member.set, …", NULL, NULL},
    {"object", 0, FH_OPT_VALUE, "OBJECT", "only what was done to this: OWNER/NAME, a handle, \"token 7\"",
     NULL, NULL},
    {"limit", 'n', FH_OPT_VALUE, "N", "the newest N entries; by default 50, 0 for all", NULL, NULL},
    {"json", 0, FH_OPT_FLAG, NULL, "as JSON", NULL, NULL},
    {0},
};

/* -- org */

int cmd_org_list(struct fh_cli *cli)
{
    static const char *const titles[] = {"ORGANISATION", "YOUR ROLE", "DEFAULT VISIBILITY", "SINCE"};
    struct client *c = client_begin(cli);
    const json_t *items, *o;
    size_t i;
    if (c == NULL)
        return 1;
    if (client_need_login(c, &c->e) != FH_OK || ask_list(c, "/orgs", 0, &items, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, items);
    if (json_array_size(items) == 0) {
        say_info("You belong to no organisation on %s.", c->settings.hub);
        return 0;
    }
    struct fh_table *t = fh_table_new(titles, 4);
    json_array_foreach(items, i, o) fh_table_row(
        t, (const char *const[]){ask_text(c, o, "handle"), ask_text(c, o, "role"),
                                 ask_text(c, o, "default_visibility"), ask_when(c, o, "created_at", "")});
    fh_table_print(t, STDOUT_FILENO);
    return 0;
}

int cmd_org_create(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct ask_answer answer;
    if (c == NULL)
        return 1;
    const struct ask_request request = {
        .method = "POST",
        .path = "/orgs",
        .body = fh_json_own(c->arena, json_pack("{s:s}", "handle", cli->args[0])),
        .creates = true,
    };
    if (client_need_login(c, &c->e) != FH_OK ||
        hub_check_name("Organisation", cli->args[0], &c->e) != FH_OK ||
        ask_send(c, &request, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    say_created("Created the organisation %s on %s; you are its owner", cli->args[0], c->settings.hub);
    return 0;
}

static void show_members(struct client *c, const json_t *members)
{
    static const char *const titles[] = {"HANDLE", "ROLE"};
    const json_t *m;
    size_t i;
    struct fh_table *t = fh_table_new(titles, 2);
    json_array_foreach(members, i, m)
        fh_table_row(t, (const char *const[]){ask_text(c, m, "user"), ask_text(c, m, "role")});
    fh_table_print(t, STDOUT_FILENO);
}

static void show_owner(struct client *c, const json_t *o)
{
    const char *role = ask_text(c, o, "role"), *visibility = ask_text(c, o, "default_visibility");
    bool org = strcmp(ask_text(c, o, "kind"), "org") == 0;
    printf("%-20s %s\n", org ? "Organisation:" : "User:", ask_text(c, o, "handle"));
    printf("%-20s %s\n", "Since:", ask_when(c, o, "created_at", ""));
    printf("%-20s %s\n", "Your role:", *role != '\0' ? role : "none");
    if (*visibility != '\0')
        printf("%-20s %s\n", "Default visibility:", visibility);
    if (json_is_true(json_object_get(o, "disabled")))
        printf("%-20s %s\n", "Disabled:", "yes");
}

int cmd_org_show(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct ask_answer answer;
    const json_t *members = NULL;
    if (c == NULL)
        return 1;
    if (ask_get(c, ASK_PATH(c, "/owners/{}", cli->args[0]), &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    bool listed =
        strcmp(ask_text(c, answer.json, "kind"), "org") == 0 && *ask_text(c, answer.json, "role") != '\0';
    if (listed && ask_list(c, ASK_PATH(c, "/orgs/{}/members", cli->args[0]), 0, &members, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json")) {
        json_t *all = fh_json_own(c->arena, json_copy((json_t *)(uintptr_t)answer.json));
        if (members != NULL)
            fh_json_set(all, "members", json_deep_copy(members));
        return print_json(c, all);
    }
    show_owner(c, answer.json);
    if (members != NULL) {
        putchar('\n');
        show_members(c, members);
    }
    return 0;
}

int cmd_org_visibility(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct ask_answer answer;
    if (c == NULL)
        return 1;
    const struct ask_request request = {
        .method = "PATCH",
        .path = ASK_PATH(c, "/owners/{}", cli->args[0]),
        .body = fh_json_own(c->arena, json_pack("{s:s}", "default_visibility", cli->args[1])),
    };
    if (client_need_login(c, &c->e) != FH_OK || ask_send(c, &request, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (strcmp(cli->args[1], "default") == 0)
        say_done("New environments of %s get the visibility that the hub has for them", cli->args[0]);
    else
        say_done("New environments of %s are %s", cli->args[0], cli->args[1]);
    return 0;
}

/* -- audit */

static const char *detail_text(struct client *c, const json_t *entry)
{
    json_t *detail = json_object_get(entry, "detail"), *value;
    const char *text = "", *key;
    json_object_foreach(detail, key, value) text =
        fh_sprintf(c->arena, "%s%s%s=%s", text, *text != '\0' ? " " : "", say_safe(c->arena, key),
                   ask_text(c, detail, key));
    return text;
}

static fh_err audit_path(struct client *c, struct fh_cli *cli, const char **path, size_t *max,
                         struct fh_error *e)
{
    const char *action = fh_cli_value(cli, "action"), *object = fh_cli_value(cli, "object");
    const char *limit = fh_cli_value(cli, "limit");
    *max = 50;
    if (limit != NULL &&
        (strspn(limit, "0123456789") != strlen(limit) || strlen(limit) > 6 || *limit == '\0'))
        return FH_FAIL(e, FH_INVALID, "'%.50s' is not a number of entries.", limit);
    if (limit != NULL)
        *max = (size_t)strtoul(limit, NULL, 10);
    *path = ASK_PATH(c, "/owners/{}/audit", cli->args[0]);
    const char *join = "?";
    if (action != NULL) {
        *path = fh_sprintf(c->arena, "%s%s", *path, ASK_PATH(c, "?action={}", action));
        join = "&";
    }
    if (object != NULL)
        *path = fh_sprintf(c->arena, "%s%s%s", *path, join, ASK_PATH(c, "object={}", object));
    return FH_OK;
}

int cmd_org_audit(struct fh_cli *cli)
{
    static const char *const titles[] = {"WHEN (UTC)", "WHO", "TOKEN", "FROM", "ACTION", "OBJECT", "DETAIL"};
    struct client *c = client_begin(cli);
    const char *path;
    const json_t *items, *o;
    size_t i, max;
    if (c == NULL)
        return 1;
    if (audit_path(c, cli, &path, &max, &c->e) != FH_OK || client_need_login(c, &c->e) != FH_OK ||
        ask_list(c, path, max, &items, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, items);
    struct fh_table *t = fh_table_new(titles, 7);
    json_array_foreach(items, i, o) fh_table_row(
        t, (const char *const[]){ask_when(c, o, "at", ""), ask_text(c, o, "actor"),
                                 ask_text(c, o, "token_id"), ask_text(c, o, "remote"),
                                 ask_text(c, o, "action"), ask_text(c, o, "object"), detail_text(c, o)});
    fh_table_print(t, STDOUT_FILENO);
    return 0;
}

/* -- member */

int cmd_member_list(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    const json_t *items;
    if (c == NULL)
        return 1;
    if (client_need_login(c, &c->e) != FH_OK ||
        ask_list(c, ASK_PATH(c, "/orgs/{}/members", cli->args[0]), 0, &items, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, items);
    show_members(c, items);
    return 0;
}

int cmd_member_set(struct fh_cli *cli)
{
    const char *org = cli->args[0], *user = cli->args[1], *role = cli->args[2];
    struct ask_answer answer;
    if (strcmp(role, "owner") != 0 && strcmp(role, "writer") != 0 && strcmp(role, "reader") != 0)
        return fh_cli_usage(cli, "A role is owner, writer or reader.");
    struct client *c = client_begin(cli);
    if (c == NULL)
        return 1;
    const struct ask_request request = {
        .method = "PUT",
        .path = ASK_PATH(c, "/orgs/{}/members/{}", org, user),
        .body = fh_json_own(c->arena, json_pack("{s:s}", "role", role)),
    };
    if (client_need_login(c, &c->e) != FH_OK || ask_send(c, &request, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    say_done("%s is %s %s of %s", user, strcmp(role, "owner") == 0 ? "an" : "a", role, org);
    return 0;
}

int cmd_member_remove(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct ask_answer answer;
    if (c == NULL)
        return 1;
    const struct ask_request request = {
        .method = "DELETE",
        .path = ASK_PATH(c, "/orgs/{}/members/{}", cli->args[0], cli->args[1]),
    };
    if (client_need_login(c, &c->e) != FH_OK || ask_send(c, &request, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    say_deleted("%s is no member of %s any more", cli->args[1], cli->args[0]);
    return 0;
}
