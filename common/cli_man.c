/* A program's manual page as roff, from its tables. */
#include "common/cli_table.h"

#include <ctype.h>

/* Text as roff: backslashes and hyphens escaped, a leading dot or quote made harmless, an empty line a
 * paragraph. */
static fh_err add_text(struct fh_buf *b, const char *text, struct fh_error *e)
{
    bool line_start = true;
    for (const char *p = text; *p; p++) {
        if (*p == '\n' && p[1] == '\n') {
            FH_TRY(fh_buf_add_str(b, "\n.PP\n", e));
            while (p[1] == '\n')
                p++;
            line_start = true;
            continue;
        }
        if (line_start && (*p == '.' || *p == '\''))
            FH_TRY(fh_buf_add_str(b, "\\&", e));
        if (*p == '\\')
            FH_TRY(fh_buf_add_str(b, "\\e", e));
        else if (*p == '-')
            FH_TRY(fh_buf_add_str(b, "\\-", e));
        else
            FH_TRY(fh_buf_add_char(b, *p, e));
        line_start = *p == '\n';
    }
    return FH_OK;
}

static fh_err add_line(struct fh_buf *b, const char *before, const char *text, const char *after,
                       struct fh_error *e)
{
    FH_TRY(fh_buf_add_str(b, before, e));
    FH_TRY(add_text(b, text, e));
    return fh_buf_add_str(b, after, e);
}

static fh_err add_opt(struct fh_buf *b, const struct fh_opt *o, struct fh_error *e)
{
    FH_TRY(fh_buf_add_str(b, ".TP\n", e));
    if (o->letter)
        FH_TRY(fh_buf_addf(b, e, "\\fB\\-%c\\fR, ", o->letter));
    FH_TRY(add_line(b, "\\fB\\-\\-", o->name, "\\fR", e));
    if (o->alias)
        FH_TRY(add_line(b, ", \\fB\\-\\-", o->alias, "\\fR", e));
    if (o->kind != FH_OPT_FLAG)
        FH_TRY(add_line(b, " \\fI", o->value ? o->value : "VALUE", "\\fR", e));
    if (o->kind == FH_OPT_MANY || o->kind == FH_OPT_PAIRS)
        FH_TRY(fh_buf_add_str(b, " …", e));
    return add_line(b, "\n", o->help, "\n", e);
}

static fh_err add_verb(struct fh_buf *b, const struct fh_program *p, const struct fh_verb *v,
                       struct fh_error *e)
{
    FH_TRY(add_line(b, ".SS ", v->path, "", e));
    if (v->args && *v->args)
        FH_TRY(add_line(b, " ", v->args, "", e));
    FH_TRY(add_line(b, "\n", v->summary, "\n", e));
    if (v->text)
        FH_TRY(add_line(b, ".PP\n", v->text, "\n", e));
    if (v->aliases)
        FH_TRY(add_line(b, ".PP\nAlso: ", v->aliases, "\n", e));
    for (const struct fh_opt *o = v->opts; o && o->name; o++)
        FH_TRY(add_opt(b, o, e));
    (void)p;
    return FH_OK;
}

static fh_err add_head(struct fh_buf *b, const struct fh_program *p, struct fh_error *e)
{
    FH_TRY(fh_buf_add_str(b, ".\\\" Made from the program's option tables.\n.TH ", e));
    for (const char *c = p->name; *c; c++)
        FH_TRY(*c == '-' ? fh_buf_add_str(b, "\\-", e) : fh_buf_add_char(b, (char)toupper(*c), e));
    FH_TRY(fh_buf_addf(b, e, " %d \"\" \"Floe %s\" \"Floe\"\n.SH NAME\n", p->section ? p->section : 1,
                       p->version));
    FH_TRY(add_text(b, p->name, e));
    FH_TRY(add_line(b, " \\- ", p->summary, "\n.SH SYNOPSIS\n.B ", e));
    FH_TRY(add_text(b, p->name, e));
    return fh_buf_add_str(b, "\n.I COMMAND\n[\\fIOPTION\\fR]… [\\fIARGUMENT\\fR]…\n", e);
}

static fh_err add_all(struct fh_buf *b, const struct fh_program *p, struct fh_error *e)
{
    FH_TRY(add_head(b, p, e));
    if (p->text)
        FH_TRY(add_line(b, ".SH DESCRIPTION\n", p->text, "\n", e));
    FH_TRY(fh_buf_add_str(b, ".SH OPTIONS\nEvery command takes these.\n", e));
    size_t i = 0;
    for (const struct fh_opt *o; (o = fh_cli_next_opt(p, NULL, &i));)
        FH_TRY(add_opt(b, o, e));
    FH_TRY(fh_buf_add_str(b, ".SH COMMANDS\n", e));
    const struct fh_verb *verbs[FH_CLI_VERBS];
    size_t n = fh_cli_verbs(p, verbs);
    for (size_t v = 0; v < n; v++)
        if (!verbs[v]->hidden)
            FH_TRY(add_verb(b, p, verbs[v], e));
    if (p->environment && p->environment->name)
        FH_TRY(fh_buf_add_str(b, ".SH ENVIRONMENT\n", e));
    for (const struct fh_env_doc *d = p->environment; d && d->name; d++) {
        FH_TRY(add_line(b, ".TP\n.B ", d->name, "\n", e));
        FH_TRY(add_line(b, "", d->help, "\n", e));
    }
    if (p->files)
        FH_TRY(add_line(b, ".SH FILES\n", p->files, "\n", e));
    return add_line(b, ".SH EXIT STATUS\n",
                    "0: done. 1: it failed, and standard error says why. 2: the command line was wrong.",
                    "\n", e);
}

fh_err fh_cli_man(const struct fh_program *program, char **out, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(FH_CLI_TEXT);
    fh_err rc = add_all(&b, program, e);
    if (rc == FH_OK)
        *out = fh_buf_take(&b, NULL);
    fh_buf_free(&b);
    return rc;
}
