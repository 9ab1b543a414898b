/* The completion script for bash:
 *
 *     words typed so far, options left out -> the verb -> what its options and their values may be */
#include "common/cli_table.h"

/* One row of the table "verb option" -> candidates for its value. */
static fh_err add_value(struct fh_cli_script *s, const char *path, const struct fh_opt *o, struct fh_error *e)
{
    if (o->kind == FH_OPT_FLAG)
        return FH_OK;
    FH_TRY(fh_buf_addf(s->out, e, "    '%s --%s'", path, o->name));
    if (o->alias)
        FH_TRY(fh_buf_addf(s->out, e, " | '%s --%s'", path, o->alias));
    if (o->letter)
        FH_TRY(fh_buf_addf(s->out, e, " | '%s -%c'", path, o->letter));
    const char *c = fh_cli_candidates(o);
    if (strcmp(c, "file") == 0)
        return fh_buf_add_str(s->out, ") mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n", e);
    if (strcmp(c, "dir") == 0)
        return fh_buf_add_str(s->out, ") mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n", e);
    if (strcmp(c, "env") == 0 && s->program->list_envs)
        return fh_buf_addf(s->out, e,
                           ") mapfile -t COMPREPLY < <(compgen -W \"$(%s_envs)\" -- \"$cur\"); return ;;\n",
                           s->id);
    if (strcmp(c, "none") == 0 || strcmp(c, "env") == 0)
        return fh_buf_add_str(s->out, ") return ;;\n", e);
    FH_TRY(fh_buf_add_str(s->out, ") mapfile -t COMPREPLY < <(compgen -W '", e));
    FH_TRY(fh_cli_add_quoted(s, c, "", false, e));
    return fh_buf_add_str(s->out, "' -- \"$cur\"); return ;;\n", e);
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

static fh_err add_opts(struct fh_cli_script *s, const struct fh_verb *v, struct fh_error *e)
{
    size_t at = 0;
    for (const struct fh_opt *o; (o = fh_cli_next_opt(s->program, v, &at));) {
        FH_TRY(fh_buf_addf(s->out, e, " --%s", o->name));
        if (o->alias)
            FH_TRY(fh_buf_addf(s->out, e, " --%s", o->alias));
    }
    return FH_OK;
}

/* What the words behind a verb may be. */
static fh_err add_words(struct fh_cli_script *s, const struct fh_verb *v, struct fh_error *e)
{
    if (fh_cli_takes_env(v) && s->program->list_envs)
        return fh_buf_addf(s->out, e, " words=$(%s_envs)", s->id);
    if (!fh_cli_takes_list(v))
        return FH_OK;
    FH_TRY(fh_buf_add_str(s->out, " words='", e));
    for (const char *c = v->args; *c; c++)
        FH_TRY(fh_buf_add_char(s->out, *c == '|' ? ' ' : *c, e));
    return fh_buf_add_char(s->out, '\'', e);
}

static fh_err add_verbs(struct fh_cli_script *s, struct fh_error *e)
{
    FH_TRY(fh_buf_add_str(s->out, "    case \"${seen[0]-} ${seen[1]-} ${seen[2]-}\" in\n", e));
    for (size_t words = 3; words > 0; words--) /* the longer path wins */
        for (size_t i = 0; i < s->nverbs; i++) {
            const struct fh_verb *v = s->verbs[i];
            if (fh_cli_words(v->path, strlen(v->path)) != words)
                continue;
            FH_TRY(fh_buf_addf(s->out, e, "    '%s%s) verb='%s' opts='", v->path, words < 3 ? " '*" : "'",
                               v->path));
            FH_TRY(add_opts(s, v, e));
            FH_TRY(fh_buf_add_char(s->out, '\'', e));
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
            FH_TRY(fh_buf_addf(s->out, e, " %s", word));
    return FH_OK;
}

/* The words that may stand where a verb is still to come. */
static fh_err add_next(struct fh_cli_script *s, struct fh_error *e)
{
    FH_TRY(fh_buf_add_str(s->out, "    case \"${#seen[@]} ${seen[*]}\" in\n", e));
    for (size_t i = 0; i < s->nverbs; i++) {
        const char *path = s->verbs[i]->path;
        size_t len = 0;
        for (bool begun = false; fh_cli_next_group(s, i, &len, &begun);) {
            FH_TRY(fh_buf_addf(s->out, e, "    '%zu %.*s') next='", fh_cli_words(path, len), (int)len, path));
            FH_TRY(add_next_words(s, i, len, e));
            FH_TRY(fh_buf_add_str(s->out, "' ;;\n", e));
        }
    }
    return fh_buf_add_str(s->out, "    esac\n", e);
}

fh_err fh_cli_add_bash(struct fh_cli_script *s, struct fh_error *e)
{
    FH_TRY(
        fh_buf_addf(s->out, e, "# bash completion for %s, made from its option tables\n", s->program->name));
    if (s->program->list_envs)
        FH_TRY(fh_buf_addf(s->out, e, "%s_envs()\n{\n    %s %s 2>/dev/null\n}\n", s->id, s->program->name,
                           s->program->list_envs));
    FH_TRY(fh_buf_addf(s->out, e,
                       "%s()\n{\n"
                       "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
                       "    local verb='' next='' words='' i seen=() IFS=$' \\t\\n' opts='",
                       s->id));
    FH_TRY(add_opts(s, NULL, e));
    FH_TRY(fh_buf_add_str(s->out,
                          " --version'\n    COMPREPLY=()\n"
                          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                          "        case ${COMP_WORDS[i]} in\n"
                          "        --) return ;;\n        ",
                          e));
    FH_TRY(fh_cli_add_value_pattern(s, e));
    FH_TRY(fh_buf_add_str(s->out,
                          ") i=$((i + 1)) ;;\n        -*) ;;\n"
                          "        *) seen+=(\"${COMP_WORDS[i]}\") ;;\n        esac\n    done\n",
                          e));
    FH_TRY(add_verbs(s, e));
    FH_TRY(fh_buf_add_str(s->out, "    case \"$verb $prev\" in\n", e));
    FH_TRY(add_values(s, e));
    FH_TRY(fh_buf_add_str(s->out, "    esac\n", e));
    FH_TRY(add_next(s, e));
    return fh_buf_addf(s->out, e,
                       "    if [[ $cur == -* ]]; then\n        next=$opts\n"
                       "    elif [[ -z $next ]]; then\n        next=$words\n    fi\n"
                       "    mapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$cur\")\n}\n"
                       "complete -o bashdefault -o default -F %s %s\n",
                       s->id, s->program->name);
}
