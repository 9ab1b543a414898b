/* floe token list|create|revoke: what people and machines log in to a hub with. */
#include "client/cmd.h"

#include "client/ask.h"
#include "client/print.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct fh_opt cmd_token_list_opts[] = {
    {"owner", 'o', FH_OPT_VALUE, "ORG", "those of an organisation, which machines use; by default yours",
     "org", NULL},
    {"json", 0, FH_OPT_FLAG, NULL, "as JSON", NULL, NULL},
    {0},
};

const struct fh_opt cmd_token_create_opts[] = {
    {"owner", 'o', FH_OPT_VALUE, "ORG", "for an organisation, to be used by machines; by default yours",
     "org", NULL},
    {"name", 'n', FH_OPT_VALUE, "NAME", "what it is for, shown in lists", NULL, NULL},
    {"expires", 0, FH_OPT_VALUE, "WHEN", "90d, 12h, a date such as 2027-01-31, or never (the default)", NULL,
     NULL},
    {"scope", 0, FH_OPT_VALUE, "SCOPE", "read, write (the default) or admin: the most it is good for", NULL,
     "read write admin"},
    {0},
};

/* Everything in one spelling of the hub's times, which sort as texts. */
static const char *state_of(struct client *c, const json_t *token, const char *now)
{
    const char *expires = ask_text(c, token, "expires_at");
    if (*ask_text(c, token, "revoked_at") != '\0')
        return "revoked";
    return *expires != '\0' && strcmp(expires, now) <= 0 ? "expired" : "valid";
}

int cmd_token_list(struct fh_cli *cli)
{
    static const char *const titles[] = {"ID",    "OWNER", "NAME",    "TOKEN",
                                         "SCOPE", "STATE", "EXPIRES", "LAST USED"};
    struct client *c = client_begin(cli);
    const char *owner = fh_cli_value(cli, "owner");
    const json_t *items, *o;
    char now[FH_RFC3339_SIZE];
    size_t i;
    if (c == NULL)
        return 1;
    fh_time_format(fh_now(), now);
    const char *path = owner != NULL ? ASK_PATH(c, "/tokens?owner={}", owner) : "/tokens";
    if (client_need_login(c, &c->e) != FH_OK || ask_list(c, path, 0, &items, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (fh_cli_flag(cli, "json"))
        return print_json(c, items);
    struct fh_table *t = fh_table_new(titles, 8);
    json_array_foreach(items, i, o)
        fh_table_row(t, (const char *const[]){
                            ask_text(c, o, "id"), ask_text(c, o, "owner"), ask_text(c, o, "name"),
                            ask_text(c, o, "hint"), ask_text(c, o, "scope"), state_of(c, o, now),
                            ask_when(c, o, "expires_at", "never"), ask_when(c, o, "last_used_at", "never")});
    fh_table_print(t, STDOUT_FILENO);
    return 0;
}

/* What goes to standard output is used as a token without another look: nothing else may stand there. */
static bool is_token(const char *text)
{
    size_t n = text != NULL ? strlen(text) : 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 127)
            return false;
    return n > 0 && n <= FH_MAX_TOKEN_TEXT;
}

static int show_token(struct client *c, const json_t *made)
{
    const char *text = fh_json_string(made, "token"), *id = ask_text(c, made, "id");
    if (!is_token(text))
        return say_error(
            "The hub made a token but did not say which; see 'floe token list', revoke it and make "
            "another.");
    if (puts(text) == EOF || fflush(stdout) != 0)
        return say_error("Token %s was made but could not be written out: 'floe token revoke %s' and make "
                         "another.",
                         id, id);
    if (isatty(STDOUT_FILENO))
        say_info("This is token %s of %s, scope %s, good until %s. It is shown this once.", id,
                 ask_text(c, made, "owner"), ask_text(c, made, "scope"),
                 ask_when(c, made, "expires_at", "it is revoked"));
    return 0;
}

int cmd_token_create(struct fh_cli *cli)
{
    static const char *const members[] = {"owner", "name", "expires"};
    const char *scope = fh_cli_value(cli, "scope");
    struct ask_answer answer;
    if (scope != NULL && strcmp(scope, "read") != 0 && strcmp(scope, "write") != 0 &&
        strcmp(scope, "admin") != 0)
        return fh_cli_usage(cli, "A scope is read, write or admin.");
    struct client *c = client_begin(cli);
    if (c == NULL)
        return 1;
    json_t *body = fh_json_own(c->arena, json_object());
    fh_json_set(body, "scope", json_string(scope != NULL ? scope : "write"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (fh_cli_value(cli, members[i]) != NULL)
            fh_json_set(body, members[i], fh_json_text(fh_cli_value(cli, members[i])));
    const struct ask_request request = {.method = "POST", .path = "/tokens", .body = body, .creates = true};
    if (client_need_login(c, &c->e) != FH_OK || ask_send(c, &request, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    return show_token(c, answer.json);
}

int cmd_token_revoke(struct fh_cli *cli)
{
    const char *id = cli->args[0];
    struct ask_answer answer;
    if (*id == '\0' || strspn(id, "0123456789") != strlen(id))
        return fh_cli_usage(cli, "A token is revoked by its number, which 'floe token list' shows.");
    struct client *c = client_begin(cli);
    if (c == NULL)
        return 1;
    const struct ask_request request = {.method = "DELETE", .path = ASK_PATH(c, "/tokens/{}", id)};
    if (client_need_login(c, &c->e) != FH_OK || ask_send(c, &request, &answer, &c->e) != FH_OK)
        return say_fail(&c->e);
    say_deleted("Token %s is revoked", id);
    return 0;
}
