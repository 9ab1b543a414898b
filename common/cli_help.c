/* --help, and the verbs every program has: help, completion, man. */
#include "common/cli_table.h"

#include "common/term.h"

#include <errno.h>
#include <unistd.h>

enum { INDENT = 2, MOST_LEFT = 30 };

/* Prints text from column `from` on, broken at spaces to fit the terminal; the first line is at `from`
 * already. */
static void print_wrapped(FILE *out, const char *text, size_t from)
{
    int width = isatty(fileno(out)) ? fh_term_width(fileno(out)) : 80;
    size_t room = (size_t)width > from + 20 ? (size_t)width - from : 20;
    while (*text) {
        size_t line = strcspn(text, "\n"), take = 0;
        for (size_t end = 0; end < line;) {
            end += 1 + strcspn(text + end + 1, " \n");
            if (end > line)
                end = line;
            if (take && fh_term_columns(text, end) > room)
                break;
            take = end;
        }
        fprintf(out, "%.*s\n", (int)take, text);
        text += take;
        text += strspn(text, " ");
        if (*text == '\n')
            text++;
        if (*text)
            fprintf(out, "%*s", (int)from, "");
    }
}

/* "  left            right", the right part wrapped; a long left part gets a line of its own. */
static void print_pair(FILE *out, const char *left, const char *right, size_t column)
{
    size_t wide = fh_term_columns(left, strlen(left));
    fprintf(out, "%*s%s", INDENT, "", left);
    if (INDENT + wide + 2 > column)
        fprintf(out, "\n%*s", (int)column, "");
    else
        fprintf(out, "%*s", (int)(column - INDENT - wide), "");
    print_wrapped(out, right, column);
}

/* "-o, --owner, --org ORG" */
static void opt_left(const struct fh_opt *o, char *out, size_t size)
{
    char letter[8] = "    ";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(out, size, "%s--%s%s%s%s%s%s", letter, o->name, o->alias ? ", --" : "", o->alias ? o->alias : "",
             o->kind == FH_OPT_FLAG ? "" : " ",
             o->kind == FH_OPT_FLAG ? ""
             : o->value             ? o->value
                                    : "VALUE",
             o->kind == FH_OPT_MANY || o->kind == FH_OPT_PAIRS ? " …" : "");
}

static void print_opts(FILE *out, const struct fh_program *p, const struct fh_verb *v)
{
    char left[160];
    size_t column = 0, i = 0;
    for (const struct fh_opt *o; (o = fh_cli_next_opt(p, v, &i));) {
        opt_left(o, left, sizeof left);
        size_t wide = fh_term_columns(left, strlen(left)) + INDENT + 2;
        if (wide > column && wide <= MOST_LEFT)
            column = wide;
    }
    fputs("\nOptions:\n", out);
    i = 0;
    for (const struct fh_opt *o; (o = fh_cli_next_opt(p, v, &i));) {
        opt_left(o, left, sizeof left);
        print_pair(out, left, o->help, column);
    }
}

static void verb_left(const struct fh_verb *v, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", v->path, v->args && *v->args ? " " : "", v->args ? v->args : "");
}

static void print_verbs(FILE *out, const struct fh_program *p, const char *group)
{
    const struct fh_verb *verbs[FH_CLI_VERBS];
    size_t n = fh_cli_verbs(p, verbs), column = 0;
    char left[256];
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            if (verbs[i]->hidden || (group && !fh_cli_in_group(verbs[i], group, strlen(group))))
                continue;
            verb_left(verbs[i], left, sizeof left);
            size_t wide = fh_term_columns(left, strlen(left)) + INDENT + 2;
            if (pass == 1)
                print_pair(out, left, verbs[i]->summary, column);
            else if (wide > column && wide <= MOST_LEFT + 4)
                column = wide;
        }
}

static void print_program(const struct fh_program *p, const char *group, FILE *out)
{
    if (group) {
        fprintf(out, "Usage: %s %s COMMAND [OPTION]… [ARGUMENT]…\n\nCommands:\n", p->name, group);
        print_verbs(out, p, group);
    } else {
        static const struct fh_opt version[] = {
            {.name = "version", .letter = 'V', .kind = FH_OPT_FLAG, .help = "Show the version and exit."},
            {0}};
        const struct fh_verb before = {.path = "", .opts = version};
        fprintf(out, "%s %s: ", p->name, p->version);
        print_wrapped(out, p->summary, 0);
        fprintf(out, "\nUsage: %s COMMAND [OPTION]… [ARGUMENT]…\n\nCommands:\n", p->name);
        print_verbs(out, p, NULL);
        print_opts(out, p, &before);
    }
    fprintf(out, "\n\"%s %s%sCOMMAND --help\" says more about one of them.\n", p->name, group ? group : "",
            group ? " " : "");
}

void fh_cli_print_help(const struct fh_program *p, const struct fh_verb *verb, const char *group, FILE *out)
{
    if (!verb) {
        print_program(p, group, out);
        return;
    }
    fprintf(out, "Usage: %s %s [OPTION]…%s%s\n\n", p->name, verb->path, verb->args && *verb->args ? " " : "",
            verb->args ? verb->args : "");
    print_wrapped(out, verb->summary, 0);
    if (verb->text) {
        fputc('\n', out);
        print_wrapped(out, verb->text, 0);
    }
    if (verb->aliases)
        fprintf(out, "\nAlso: %s\n", verb->aliases);
    print_opts(out, p, verb);
}

static int run_help(struct fh_cli *cli)
{
    const struct fh_verb *verbs[FH_CLI_VERBS];
    size_t n = fh_cli_verbs(cli->program, verbs);
    if (cli->nargs == 0) {
        fh_cli_print_help(cli->program, NULL, NULL, stdout);
        return 0;
    }
    char path[FH_CLI_PATH] = "";
    for (int i = 0, at = 0; i < cli->nargs && at < FH_CLI_PATH; i++)
        at += snprintf(path + at, sizeof path - (size_t)at, "%s%s", i ? " " : "", cli->args[i]);
    bool group = false;
    for (size_t i = 0; i < n; i++) {
        size_t len = fh_cli_group_len(verbs[i]);
        group = group || fh_cli_in_group(verbs[i], path, strlen(path));
        if (strcmp(verbs[i]->path, path) == 0 || (!len && fh_cli_last_word_is(verbs[i], path))) {
            fh_cli_print_help(cli->program, verbs[i], NULL, stdout);
            return 0;
        }
    }
    if (group) {
        fh_cli_print_help(cli->program, NULL, path, stdout);
        return 0;
    }
    char *safe = fh_term_safe(path);
    int rc = fh_cli_usage(cli, "There is no command \"%s\".", safe);
    free(safe);
    return rc;
}

static int print_text(struct fh_cli *cli, fh_err rc, char *text, const struct fh_error *e)
{
    if (rc != FH_OK)
        return fh_cli_fail(cli, e);
    fputs(text, stdout);
    free(text);
    return 0;
}

static int run_man(struct fh_cli *cli)
{
    struct fh_error e = {0};
    char *text = NULL;
    fh_err rc = fh_cli_man(cli->program, &text, &e);
    return print_text(cli, rc, text, &e);
}

static int run_completion(struct fh_cli *cli)
{
    struct fh_error e = {0};
    char *text = NULL;
    fh_err rc = fh_cli_completion(cli->program, cli->args[0], &text, &e);
    if (rc == FH_INVALID)
        return fh_cli_usage(cli, "%s", e.msg);
    return print_text(cli, rc, text, &e);
}

const struct fh_verb fh_cli_builtin[] = {
    {.path = "help",
     .args = "[COMMAND]",
     .max_args = 2,
     .summary = "Show help for a command.",
     .run = run_help},
    {.path = "completion",
     .args = "bash|zsh|fish",
     .min_args = 1,
     .max_args = 1,
     .summary = "Print a completion script for a shell.",
     .run = run_completion},
    {.path = "man", .summary = "Print the manual page, as roff.", .run = run_man},
    {0}};
