/* fish: as a subshell, with a command, and as code for source. */
#include "client/activate_code.h"

#include "client/shell_quote.h"

#include <string.h>

static fh_err set(struct fh_arena *a, const char *name, const char *value, struct fh_buf *out,
                  struct fh_error *e)
{
    if (value == NULL)
        return fh_buf_addf(out, e, "set -e %s;\n", name);
    return fh_buf_addf(out, e, "set -gx %s %s;\n", name, shell_quote_fish(a, value));
}

static fh_err source(const char *const *quoted_files, size_t n, const char *guard, struct fh_buf *out,
                     struct fh_error *e)
{
    if (guard != NULL)
        FH_TRY(fh_buf_addf(out, e, "if not set -q %s; set -g %s 1; ", guard, guard));
    for (size_t i = 0; i < n; i++)
        FH_TRY(fh_buf_addf(out, e, "source %s; ", quoted_files[i]));
    return fh_buf_add_str(out, guard != NULL ? "end;\n" : "\n", e);
}

static fh_err forget(const char *guard, struct fh_buf *out, struct fh_error *e)
{
    return fh_buf_addf(out, e, "set -e %s;\n", guard);
}

/* exit would only end the reading of what is sourced. */
static fh_err exit_if(int64_t pid, struct fh_buf *out, struct fh_error *e)
{
    return fh_buf_addf(out, e,
                       "if test $fish_pid = %lld; function _floe_exit --on-event fish_prompt; exit; end; "
                       "exit; end;\n",
                       (long long)pid);
}

/* fish_prompt is a function: the user's is kept under another name and called by ours. */
static fh_err prompt(struct fh_arena *a, const struct envset *env, const char *names, const char *old,
                     struct fh_buf *out, struct fh_error *e)
{
    (void)old; /* functions are not inherited */
    if (names == NULL)
        return fh_buf_add_str(out,
                              "if functions -q _floe_prompt_before; functions -e fish_prompt; functions -c "
                              "_floe_prompt_before fish_prompt; functions -e _floe_prompt_before "
                              "_floe_status; set -e _floe_prompt; end;\n",
                              e);
    struct code_prompt p = code_prompt_words(a, env, names);
    const char *text = p.colour1 == NULL ? fh_sprintf(a, "%s [%s] ", p.label, p.names)
                                         : fh_sprintf(a, "\x1b[1m\x1b[38;5;%sm%s \x1b[38;5;%sm[%s]\x1b[0m ",
                                                      p.colour1, p.label, p.colour2, p.names);
    return fh_buf_addf(out, e,
                       "if status is-interactive; set -g _floe_prompt %s; if not functions -q "
                       "_floe_prompt_before; functions -q fish_prompt; or function fish_prompt; echo '> '; "
                       "end; functions -c fish_prompt _floe_prompt_before; function _floe_status; return "
                       "$argv[1]; end; function fish_prompt; set -l last $status; printf %%s "
                       "$_floe_prompt; _floe_status $last; _floe_prompt_before; end; end; end;\n",
                       shell_quote_fish(a, text));
}

static fh_err add_front(struct activation *act, const char *name, const char *front, struct fh_buf *out,
                        struct fh_error *e)
{
    FH_TRY(fh_buf_addf(out, e, "begin; set -l front (string split : -- %s); set -l rest; ",
                       shell_quote_fish(act->client->arena, front)));
    return fh_buf_addf(
        out, e,
        "for item in $%s; contains -- \"$item\" $front; or set -a rest \"$item\"; end; set -gx "
        "%s $front $rest; end;\n",
        name, name);
}

static fh_err write_start(struct activation *act, bool paths, struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    FH_TRY(code_add_changes(act, &activate_fish, paths, out, e));
    FH_TRY(add_front(act, "PATH", code_path_front(a, &act->now, "/bin"), out, e));
    FH_TRY(fh_buf_add_str(out, "set -q MANPATH[1]; or set -gx MANPATH '';\n", e));
    FH_TRY(add_front(act, "MANPATH", code_path_front(a, &act->now, "/share/man"), out, e));
    FH_TRY(code_add_prompt(act, &activate_fish, out, e));
    return code_add_profiles(act, &activate_fish, out, e);
}

static fh_err start(struct activation *act, const char *program, const char *command, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    struct fh_buf code = FH_BUF_INIT(ACTIVATE_MAX_CODE);
    const char *file;
    fh_err rc = write_start(act, false, &code, e);
    if (rc == FH_OK)
        rc = code_start_file(act->client, &activate_fish, &code, &file, e);
    fh_buf_free(&code);
    if (rc != FH_OK)
        return rc;
    const char *first = fh_sprintf(a, "source %s", shell_quote_fish(a, file));
    const char *const words[] = {"fish", "--init-command", first, command != NULL ? "-c" : NULL, command,
                                 NULL};
    return code_exec(act, program, words, e);
}

const struct activate_shell activate_fish = {
    .name = "fish",
    .pid = "$fish_pid",
    .leave_line = "floe deactivate | source",
    .start = start,
    .quote = shell_quote_fish,
    .set = set,
    .source = source,
    .forget = forget,
    .prompt = prompt,
    .exit_if = exit_if,
    .unhash = "",
    .rehash = "",
    .wrap =
        "if status is-interactive; and not functions -q floe; set -g _floe_wraps 1; function floe; if test "
        "\"$argv[1]\" = deactivate; command floe $argv | source; else; command floe $argv; end; end; end;\n",
    .unwrap = "if set -q _floe_wraps; functions -e floe; set -e _floe_wraps; end;\n",
};
