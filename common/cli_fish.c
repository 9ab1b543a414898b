/* The completion script for fish: one `complete` line a verb and an option. */
#include "common/cli_table.h"

/* complete -c floe -n '__floe_at user create' */
static fh_err add_when(struct fh_cli_script *s, const char *path, size_t len, struct fh_error *e)
{
    return fh_buf_addf(s->out, e, "complete -c %s -n '_%s_at%s%.*s'", s->program->name, s->id, len ? " " : "",
                       (int)len, path);
}

static fh_err add_help(struct fh_cli_script *s, const char *help, struct fh_error *e)
{
    FH_TRY(fh_buf_add_str(s->out, " -d '", e));
    FH_TRY(fh_cli_add_quoted(s, help, "\\", true, e));
    return fh_buf_add_str(s->out, "'\n", e);
}

static fh_err add_opt(struct fh_cli_script *s, const char *path, const struct fh_opt *o, struct fh_error *e)
{
    FH_TRY(fh_buf_addf(s->out, e, "complete -c %s -n '_%s_in %s' -l %s", s->program->name, s->id, path,
                       o->name));
    if (o->alias)
        FH_TRY(fh_buf_addf(s->out, e, " -l %s", o->alias));
    if (o->letter)
        FH_TRY(fh_buf_addf(s->out, e, " -s %c", o->letter));
    if (o->kind != FH_OPT_FLAG) {
        const char *c = fh_cli_candidates(o);
        if (strcmp(c, "file") == 0)
            FH_TRY(fh_buf_add_str(s->out, " -r -F", e));
        else if (strcmp(c, "dir") == 0)
            FH_TRY(fh_buf_add_str(s->out, " -x -a '(__fish_complete_directories)'", e));
        else if (strcmp(c, "env") == 0 && s->program->list_envs)
            FH_TRY(fh_buf_addf(s->out, e, " -x -a '(_%s_envs)'", s->id));
        else if (strcmp(c, "none") == 0 || strcmp(c, "env") == 0)
            FH_TRY(fh_buf_add_str(s->out, " -x", e));
        else
            FH_TRY(fh_buf_addf(s->out, e, " -x -a '%s'", c));
    }
    return add_help(s, o->help, e);
}

/* What the words behind a verb may be. */
static fh_err add_words(struct fh_cli_script *s, const struct fh_verb *v, struct fh_error *e)
{
    bool env = fh_cli_takes_env(v) && s->program->list_envs;
    if (!env && !fh_cli_takes_list(v))
        return FH_OK;
    FH_TRY(add_when(s, v->path, strlen(v->path), e));
    if (env)
        return fh_buf_addf(s->out, e, " -f -a '(_%s_envs)'\n", s->id);
    FH_TRY(fh_buf_add_str(s->out, " -f -a '", e));
    for (const char *c = v->args; *c; c++)
        FH_TRY(fh_buf_add_char(s->out, *c == '|' ? ' ' : *c, e));
    return fh_buf_add_str(s->out, "'\n", e);
}

/* Each word of a verb's path, where those before it have been typed. */
static fh_err add_path(struct fh_cli_script *s, size_t i, struct fh_error *e)
{
    const char *path = s->verbs[i]->path;
    char word[FH_CLI_PATH];
    bool is_last = false;
    for (size_t len = 0; !is_last; len += strlen(word) + (len > 0)) {
        if (!fh_cli_next_word(s, i, len, word, &is_last))
            continue;
        FH_TRY(add_when(s, path, len, e));
        FH_TRY(fh_buf_addf(s->out, e, " -f -a %s", word));
        FH_TRY(add_help(s, is_last ? s->verbs[i]->summary : "…", e));
    }
    return FH_OK;
}

static fh_err add_functions(struct fh_cli_script *s, struct fh_error *e)
{
    FH_TRY(
        fh_buf_addf(s->out, e,
                    "# fish completion for %s, made from its option tables\n"
                    "function _%s_seen\n    set -l skip 0\n"
                    "    for word in (commandline -opc)[2..-1]\n"
                    "        if test $skip = 1\n            set skip 0\n            continue\n        end\n"
                    "        if string match -qr -- '^(",
                    s->program->name, s->id));
    FH_TRY(fh_cli_add_value_pattern(s, e));
    return fh_buf_addf(
        s->out, e,
        ")$' $word\n            set skip 1\n"
        "        else if not string match -q -- '-*' $word\n            echo $word\n        end\n"
        "    end\nend\n"
        "# the words so far are exactly these\n"
        "function _%s_at\n    set -l seen (_%s_seen)\n    test \"$seen\" = \"$argv\"\nend\n"
        "# the words so far begin with these\n"
        "function _%s_in\n    set -l seen (_%s_seen)\n"
        "    test (count $seen) -ge (count $argv)\n"
        "    and test \"$seen[1..\"(count $argv)\"]\" = \"$argv\"\nend\n",
        s->id, s->id, s->id, s->id);
}

fh_err fh_cli_add_fish(struct fh_cli_script *s, struct fh_error *e)
{
    FH_TRY(add_functions(s, e));
    if (s->program->list_envs)
        FH_TRY(fh_buf_addf(s->out, e, "function _%s_envs\n    %s %s 2>/dev/null\nend\n", s->id,
                           s->program->name, s->program->list_envs));
    for (size_t i = 0; i < s->nverbs; i++) {
        const struct fh_verb *v = s->verbs[i];
        FH_TRY(add_path(s, i, e));
        FH_TRY(add_words(s, v, e));
        size_t at = 0;
        for (const struct fh_opt *o; (o = fh_cli_next_opt(s->program, v, &at));)
            FH_TRY(add_opt(s, v->path, o, e));
    }
    return FH_OK;
}
