/* The completion script for zsh. */
#include "common/cli_table.h"

/* 'name:what it does', for _describe. */
static fh_err add_item(struct fh_cli_script *s, const char *before, const char *name, const char *help,
                       struct fh_error *e)
{
    FH_TRY(fh_buf_addf(s->out, e, " '%s", before));
    FH_TRY(fh_cli_add_quoted(s, name, ":\\", false, e));
    FH_TRY(fh_buf_add_char(s->out, ':', e));
    FH_TRY(fh_cli_add_quoted(s, help, ":\\", false, e));
    return fh_buf_add_char(s->out, '\'', e);
}

static fh_err add_opts(struct fh_cli_script *s, const struct fh_verb *v, struct fh_error *e)
{
    size_t at = 0;
    for (const struct fh_opt *o; (o = fh_cli_next_opt(s->program, v, &at));)
        FH_TRY(add_item(s, "--", o->name, o->help, e));
    return FH_OK;
}

static fh_err add_value(struct fh_cli_script *s, const char *path, const struct fh_opt *o, struct fh_error *e)
{
    if (o->kind == FH_OPT_FLAG)
        return FH_OK;
    FH_TRY(fh_buf_addf(s->out, e, "    '%s --%s'", path, o->name));
    if (o->alias)
        FH_TRY(fh_buf_addf(s->out, e, "|'%s --%s'", path, o->alias));
    if (o->letter)
        FH_TRY(fh_buf_addf(s->out, e, "|'%s -%c'", path, o->letter));
    const char *c = fh_cli_candidates(o);
    if (strcmp(c, "file") == 0)
        return fh_buf_add_str(s->out, ") _files; return ;;\n", e);
    if (strcmp(c, "dir") == 0)
        return fh_buf_add_str(s->out, ") _files -/; return ;;\n", e);
    if (strcmp(c, "env") == 0 && s->program->list_envs)
        return fh_buf_addf(s->out, e, ") compadd -- ${(f)\"$(%s_envs)\"}; return ;;\n", s->id);
    if (strcmp(c, "none") == 0 || strcmp(c, "env") == 0)
        return fh_buf_add_str(s->out, ") _message value; return ;;\n", e);
    return fh_buf_addf(s->out, e, ") compadd -- %s; return ;;\n", c);
}

static fh_err add_values(struct fh_cli_script *s, struct fh_error *e)
{
    size_t at = 0;
    for (const struct fh_opt *o; (o = fh_cli_next_opt(s->program, NULL, &at));)
        FH_TRY(add_value(s, "", o, e));
    for (size_t i = 0; i < s->nverbs; i++) {
        at = 0;
        for (const struct fh_opt *o; (o = fh_cli_next_opt(s->program, s->verbs[i], &at));)
            FH_TRY(add_value(s, s->verbs[i]->path, o, e));
    }
    return FH_OK;
}

/* What the words behind a verb may be. */
static fh_err add_words(struct fh_cli_script *s, const struct fh_verb *v, struct fh_error *e)
{
    if (fh_cli_takes_env(v) && s->program->list_envs)
        return fh_buf_addf(s->out, e, " wanted=(${(f)\"$(%s_envs)\"})", s->id);
    if (!fh_cli_takes_list(v))
        return FH_OK;
    FH_TRY(fh_buf_add_str(s->out, " wanted=(", e));
    for (const char *c = v->args; *c; c++)
        FH_TRY(fh_buf_add_char(s->out, *c == '|' ? ' ' : *c, e));
    return fh_buf_add_char(s->out, ')', e);
}

static fh_err add_verbs(struct fh_cli_script *s, struct fh_error *e)
{
    FH_TRY(fh_buf_add_str(s->out, "    case \"${seen[1]} ${seen[2]} ${seen[3]}\" in\n", e));
    for (size_t words = 3; words > 0; words--) /* the longer path wins */
        for (size_t i = 0; i < s->nverbs; i++) {
            const struct fh_verb *v = s->verbs[i];
            if (fh_cli_words(v->path, strlen(v->path)) != words)
                continue;
            FH_TRY(fh_buf_addf(s->out, e, "    '%s%s) verb='%s' opts=(", v->path, words < 3 ? " '*" : "'",
                               v->path));
            FH_TRY(add_opts(s, v, e));
            FH_TRY(fh_buf_add_char(s->out, ')', e));
            FH_TRY(add_words(s, v, e));
            FH_TRY(fh_buf_add_str(s->out, " ;;\n", e));
        }
    return fh_buf_add_str(s->out, "    esac\n", e);
}

static fh_err add_next_words(struct fh_cli_script *s, size_t first, size_t len, struct fh_error *e)
{
    char word[FH_CLI_PATH];
    bool is_last;
    for (size_t j = first; j < s->nverbs; j++)
        if (fh_cli_in_group(s->verbs[j], s->verbs[first]->path, len) &&
            fh_cli_next_word(s, j, len, word, &is_last))
            FH_TRY(add_item(s, "", word, is_last ? s->verbs[j]->summary : "…", e));
    return FH_OK;
}

/* The words that may stand where a verb is still to come. */
static fh_err add_next(struct fh_cli_script *s, struct fh_error *e)
{
    FH_TRY(fh_buf_add_str(s->out, "    case \"${#seen} ${(j: :)seen}\" in\n", e));
    for (size_t i = 0; i < s->nverbs; i++) {
        const char *path = s->verbs[i]->path;
        size_t len = 0;
        for (bool begun = false; fh_cli_next_group(s, i, &len, &begun);) {
            FH_TRY(fh_buf_addf(s->out, e, "    '%zu %.*s') next=(", fh_cli_words(path, len), (int)len, path));
            FH_TRY(add_next_words(s, i, len, e));
            FH_TRY(fh_buf_add_str(s->out, ") ;;\n", e));
        }
    }
    return fh_buf_add_str(s->out, "    esac\n", e);
}

fh_err fh_cli_add_zsh(struct fh_cli_script *s, struct fh_error *e)
{
    FH_TRY(fh_buf_addf(s->out, e, "#compdef %s\n# zsh completion for %s, made from its option tables\n",
                       s->program->name, s->program->name));
    if (s->program->list_envs)
        FH_TRY(fh_buf_addf(s->out, e, "%s_envs() {\n    %s %s 2>/dev/null\n}\n", s->id, s->program->name,
                           s->program->list_envs));
    FH_TRY(fh_buf_addf(s->out, e,
                       "%s() {\n"
                       "    local cur=${words[CURRENT]} prev=${words[CURRENT-1]} verb='' i\n"
                       "    local -a seen next opts wanted\n    opts=(",
                       s->id));
    FH_TRY(add_opts(s, NULL, e));
    FH_TRY(fh_buf_add_str(s->out,
                          " '--version:Show the version and exit.')\n"
                          "    for ((i = 2; i < CURRENT; i++)); do\n        case ${words[i]} in\n"
                          "        --) _normal; return ;;\n        ",
                          e));
    FH_TRY(fh_cli_add_value_pattern(s, e));
    FH_TRY(fh_buf_add_str(s->out,
                          ") i=$((i + 1)) ;;\n        -*) ;;\n        *) seen+=(\"${words[i]}\") ;;\n"
                          "        esac\n    done\n",
                          e));
    FH_TRY(add_verbs(s, e));
    FH_TRY(fh_buf_add_str(s->out, "    case \"$verb $prev\" in\n", e));
    FH_TRY(add_values(s, e));
    FH_TRY(fh_buf_add_str(s->out, "    esac\n", e));
    FH_TRY(add_next(s, e));
    return fh_buf_addf(s->out, e,
                       "    if [[ $cur == -* ]]; then\n        _describe option opts\n"
                       "    elif (( ${#next} )); then\n        _describe command next\n"
                       "    elif (( ${#wanted} )); then\n        compadd -- $wanted\n"
                       "    else\n        _files\n    fi\n}\n"
                       "if [[ $funcstack[1] == %s ]]; then\n    %s \"$@\"\nelse\n    compdef %s %s\nfi\n",
                       s->id, s->id, s->id, s->program->name);
}
