/* Completion scripts from a program's tables: what the three shells share. The scripts are complete in
 * themselves but for the environments known here, which the program lists. */
#include "common/cli_table.h"

bool fh_cli_first_word(const struct fh_cli_script *s, size_t i, char word[FH_CLI_PATH])
{
    size_t len = strcspn(s->verbs[i]->path, " ");
    snprintf(word, FH_CLI_PATH, "%.*s", (int)len, s->verbs[i]->path);
    for (size_t j = 0; j < i; j++)
        if (strcspn(s->verbs[j]->path, " ") == len && memcmp(s->verbs[j]->path, word, len) == 0)
            return false;
    return true;
}

const char *fh_cli_candidates(const struct fh_opt *o)
{
    return o->complete ? o->complete : "none";
}

bool fh_cli_takes_env(const struct fh_verb *v)
{
    return v->args && strstr(v->args, "OWNER/NAME");
}

bool fh_cli_takes_list(const struct fh_verb *v)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz|";
    return v->args && strchr(v->args, '|') && strspn(v->args, letters) == strlen(v->args);
}

fh_err fh_cli_add_value_pattern(struct fh_cli_script *s, struct fh_error *e)
{
    const char *between = "";
    for (const struct fh_opt *o = s->program->globals; o && o->name; o++) {
        if (o->kind == FH_OPT_FLAG)
            continue;
        FH_TRY(fh_buf_addf(s->out, e, "%s--%s", between, o->name));
        between = "|";
        if (o->alias)
            FH_TRY(fh_buf_addf(s->out, e, "|--%s", o->alias));
        if (o->letter)
            FH_TRY(fh_buf_addf(s->out, e, "|-%c", o->letter));
    }
    /* A pattern may not be empty; no option is called so. */
    return *between ? FH_OK : fh_buf_add_str(s->out, "---", e);
}

fh_err fh_cli_add_quoted(struct fh_cli_script *s, const char *text, const char *escaped, bool fish,
                         struct fh_error *e)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\'') {
            FH_TRY(fh_buf_add_str(s->out, fish ? "\\'" : "'\\''", e));
            continue;
        }
        if (strchr(escaped, *p))
            FH_TRY(fh_buf_add_char(s->out, '\\', e));
        FH_TRY(fh_buf_add_char(s->out, *p, e));
    }
    return FH_OK;
}

fh_err fh_cli_completion(const struct fh_program *program, const char *shell, char **out, struct fh_error *e)
{
    struct fh_buf b = FH_BUF_INIT(FH_CLI_TEXT);
    struct fh_cli_script s = {.program = program, .out = &b};
    const struct fh_verb *all[FH_CLI_VERBS];
    size_t n = fh_cli_verbs(program, all);
    for (size_t i = 0; i < n; i++)
        if (!all[i]->hidden)
            s.verbs[s.nverbs++] = all[i];
    snprintf(s.id, sizeof s.id, "_%s", program->name);
    for (char *c = s.id; *c; c++)
        if (*c == '-')
            *c = '_';
    fh_err rc;
    if (strcmp(shell, "bash") == 0)
        rc = fh_cli_add_bash(&s, e);
    else if (strcmp(shell, "zsh") == 0)
        rc = fh_cli_add_zsh(&s, e);
    else if (strcmp(shell, "fish") == 0)
        rc = fh_cli_add_fish(&s, e);
    else
        rc = FH_FAIL(e, FH_INVALID, "There is a completion for bash, zsh and fish, but not for that shell.");
    if (rc == FH_OK)
        *out = fh_buf_take(&b, NULL);
    fh_buf_free(&b);
    return rc;
}
