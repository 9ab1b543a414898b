/* Completion scripts from a program's tables: what the three shells share. The scripts are complete in
 * themselves but for the environments known here, which the program lists. */
#include "common/cli_table.h"

/* Do the paths share their first len bytes, and do these end with a word in both? */
static bool share(const char *a, const char *b, size_t len)
{
    return strncmp(a, b, len) == 0 && (a[len] == ' ' || a[len] == '\0') && (b[len] == ' ' || b[len] == '\0');
}

bool fh_cli_next_word(const struct fh_cli_script *s, size_t i, size_t len, char word[FH_CLI_PATH],
                      bool *is_last)
{
    const char *path = s->verbs[i]->path, *from = path + len + (len > 0);
    size_t n = strcspn(from, " "), all = (size_t)(from - path) + n;
    snprintf(word, FH_CLI_PATH, "%.*s", (int)n, from);
    *is_last = from[n] == '\0';
    for (size_t j = 0; j < i; j++)
        if (share(s->verbs[j]->path, path, all))
            return false;
    return true;
}

bool fh_cli_next_group(const struct fh_cli_script *s, size_t i, size_t *len, bool *begun)
{
    const char *path = s->verbs[i]->path;
    for (;;) {
        if (*begun) {
            const char *space = strchr(path + *len + (*len > 0), ' ');
            if (!space)
                return false;
            *len = (size_t)(space - path);
        }
        *begun = true;
        size_t j = 0;
        while (j < i && !fh_cli_in_group(s->verbs[j], path, *len))
            j++;
        if (j == i)
            return true;
    }
}

size_t fh_cli_words(const char *path, size_t len)
{
    size_t n = len > 0;
    for (size_t i = 0; i < len; i++)
        n += path[i] == ' ';
    return n;
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
