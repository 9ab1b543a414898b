/* floe auth login|status|logout|token */
#include "client/cmd.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/say.h"
#include "common/ceilings.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One line from the terminal, not shown while it is typed. Signals wait, so that none leaves it without echo.
 */
static fh_err prompt_hidden(struct client *c, const char *question, char **out, struct fh_error *e)
{
    struct termios shown, hidden;
    sigset_t ours, before;
    char line[FH_MAX_TOKEN_TEXT + 2];
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot prepare the terminal");
    fprintf(stderr, "%s", question);
    fflush(stderr);
    sigemptyset(&ours);
    sigaddset(&ours, SIGTSTP);
    sigprocmask(SIG_BLOCK, &ours, &before);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool got = fgets(line, sizeof line, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    sigprocmask(SIG_SETMASK, &before, NULL);
    fputc('\n', stderr);
    if (!got || strchr(line, 3) != NULL) { /* Ctrl-C is a character while signals are off */
        explicit_bzero(line, sizeof line);
        return FH_FAIL(e, FH_INVALID, "No token was given.");
    }
    *out = fh_strdup(c->arena, line);
    explicit_bzero(line, sizeof line);
    return FH_OK;
}

static fh_err read_token(struct client *c, const char *file, char **out, struct fh_error *e)
{
    size_t n;
    if (file == NULL && !isatty(STDIN_FILENO))
        return FH_FAIL(
            e, FH_INVALID,
            "Cannot prompt for a token without a terminal.\nUse 'floe auth login --token-file FILE', or - "
            "for standard input.");
    if (file == NULL)
        FH_TRY(prompt_hidden(c, fh_sprintf(c->arena, "Token for %s: ", c->settings.hub), out, e));
    else if (strcmp(file, "-") == 0)
        FH_TRY(disk_read_fd(STDIN_FILENO, "standard input", FH_MAX_TOKEN_TEXT, c->arena, out, &n, e));
    else
        FH_TRY(disk_read(file, FH_MAX_TOKEN_TEXT, c->arena, out, &n, e));
    char *at = *out;
    while (isspace((unsigned char)*at))
        at++;
    size_t len = strlen(at);
    while (len > 0 && isspace((unsigned char)at[len - 1]))
        at[--len] = '\0';
    for (const char *p = at; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 127)
            return FH_FAIL(e, FH_INVALID,
                           "What was given is not a token: it has spaces or odd characters in it.");
    *out = at;
    return len > 0 ? FH_OK : FH_FAIL(e, FH_INVALID, "No token was given.");
}

int cmd_auth_login(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    char *token;
    struct identity me;
    if (c == NULL)
        return 1;
    if (read_token(c, fh_cli_value(cli, "token-file"), &token, &c->e) != FH_OK ||
        client_identity(c, token, c->settings.hub, &me, &c->e) != FH_OK)
        return say_fail(&c->e);
    const struct settings_line lines[] = {{"hub", c->settings.hub}, {"token", token}, {"handle", me.handle}};
    if (settings_store(c->arena, &c->settings, lines, 3, &c->e) != FH_OK)
        return say_fail(&c->e);
    say_done("Authentication complete");
    say_done("Logged in as %s", me.handle);
    say_warn("Credential stored in plain text at '%s'.", c->settings.config);
    if (hub_is_clear_text(c->settings.hub))
        say_warn("%s is reached without TLS: whoever is on the way can read the token.", c->settings.hub);
    return 0;
}

int cmd_auth_status(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    struct identity me;
    if (c == NULL)
        return 1;
    if (c->settings.token == NULL) {
        say_warn("You are not currently logged in to FloxHub.");
        return 1;
    }
    fh_err rc = client_identity(c, c->settings.token, c->settings.hub, &me, &c->e);
    if (rc == FH_UNAUTHENTICATED) {
        say_warn("Your token for %s is invalid, expired or revoked.\nLog in again with 'floe auth login'.",
                 c->settings.hub);
        return 1;
    }
    if (rc != FH_OK) {
        say_warn("Your login could not be checked: %s", c->e.msg);
        return 1;
    }
    say_plain("You are logged in as %s on %s", me.handle, c->settings.hub);
    if (me.expires != NULL)
        say_plain("The token expires at %s.", me.expires);
    if (c->settings.token_source == SETTINGS_ENVIRONMENT)
        say_plain("Credential read from the %s environment variable.", c->settings.token_from);
    else
        say_warn("Credential stored in plain text at '%s'.", c->settings.token_from);
    return 0;
}

int cmd_auth_logout(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    if (c == NULL)
        return 1;
    const struct settings_line lines[] = {{"token", NULL}, {"handle", NULL}};
    if (c->settings.config_token == NULL && c->settings.token == NULL) {
        say_warn("You are not currently logged in to FloxHub.");
        return 0;
    }
    if (c->settings.config_token != NULL && settings_store(c->arena, &c->settings, lines, 2, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (c->settings.config_token != NULL)
        say_done("Logout successful");
    if (c->settings.token_source == SETTINGS_ENVIRONMENT)
        say_warn("The environment variable %s still logs you in.", c->settings.token_from);
    else if (c->settings.token_source == SETTINGS_FLOX_FILE)
        say_warn("The token in flox's '%s' still logs you in; 'flox auth logout' removes it.",
                 c->settings.token_from);
    return 0;
}

/* To standard output, for scripts: what the other verbs would send. */
int cmd_auth_token(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    if (c == NULL)
        return 1;
    if (c->settings.token == NULL) {
        say_warn("You are not currently logged in to FloxHub.");
        return 1;
    }
    puts(c->settings.token);
    return 0;
}
