/* zsh: as a subshell, with a command, and as code for eval.
 *
 * An interactive zsh has no option for a start-up file of ours. It reads .zshenv and .zshrc in ZDOTDIR, which
 * is the rendered folder's zdotdir: its files put ZDOTDIR back, read the user's own and then the one in
 * memory that _FLOE_START names (activate_render.c writes them). */
#include "client/activate_code.h"

#include "client/disk.h"
#include "client/shell_quote.h"

#include <string.h>
#include <unistd.h>

/* Parameters of zsh's own whose names a variable of the environment may have: zsh does not take them from
 * there, and an assignment would end the eval, or change PATH and its like. */
static fh_err set(struct fh_arena *a, const char *name, const char *value, struct fh_buf *out,
                  struct fh_error *e)
{
    static const char *const own[] = {"argv",        "status",    "pipestatus",   "path",
                                      "fpath",       "cdpath",    "manpath",      "mailpath",
                                      "module_path", "fignore",   "psvar",        "watch",
                                      "options",     "functions", "aliases",      "commands",
                                      "parameters",  "history",   "signals",      "ARGC",
                                      "EGID",        "EUID",      "GID",          "UID",
                                      "LINENO",      "PPID",      "ZSH_SUBSHELL", "HISTCMD",
                                      "TTYIDLE",     "USERNAME",  "ERRNO",        "zsh_eval_context"};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (strcmp(own[i], name) == 0)
            return FH_OK;
    return bourne_set(a, name, value, out, e);
}

static fh_err prompt(struct fh_arena *a, const struct envset *set, const char *names, const char *old,
                     struct fh_buf *out, struct fh_error *e)
{
    const char *texts[2] = {names, old};
    for (size_t i = 0; i < 2; i++) {
        if (texts[i] == NULL)
            continue;
        struct code_prompt p = code_prompt_words(a, set, texts[i]);
        texts[i] = p.colour1 == NULL ? fh_sprintf(a, "%s [%s] ", p.label, p.names)
                                     : fh_sprintf(a, "%%B%%F{%s}%s %%F{%s}[%s]%%f%%b ", p.colour1, p.label,
                                                  p.colour2, p.names);
    }
    return bourne_prompt(a, texts[0], texts[1], "$'\\n'", out, e);
}

/* The elements of a colon list as words. */
static const char *words_of(struct fh_arena *a, const char *list)
{
    const char *out = "";
    for (const char *at = list; *at != '\0';) {
        size_t n = strcspn(at, ":");
        out = fh_sprintf(a, "%s %s", out, shell_quote(a, fh_strndup(a, at, n)));
        at += n + (at[n] == ':' ? 1 : 0);
    }
    return out;
}

/* Start-up files may have put other things in front, and have set any option. */
static fh_err add_path_repair(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    return fh_buf_addf(out, e,
                       "() { emulate -L zsh; local -a front; front=(%s ); path=(\"${front[@]}\" "
                       "\"${(@)path:|front}\"); front=(%s ); [ -n \"${MANPATH:-}\" ] || MANPATH=:; "
                       "manpath=(\"${front[@]}\" \"${(@)manpath:|front}\"); export PATH MANPATH; };\n",
                       words_of(a, code_path_front(a, &act->now, "/bin")),
                       words_of(a, code_path_front(a, &act->now, "/share/man")));
}

/* Completions that an environment brings (flox's layout has packages already). */
static fh_err add_completions(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    const char *here = fh_sprintf(a, "%s/share/zsh/site-functions", act->flox_env);
    if (!disk_is_dir(here))
        return FH_OK;
    const char *word = shell_quote(a, here);
    return fh_buf_addf(out, e,
                       "if [[ -o interactive ]] && (( ! ${fpath[(Ie)%s]} )); then fpath=(%s $fpath); if (( "
                       "${+functions[compdef]} )); then autoload -Uz compinit; compinit -D -u; fi; fi;\n",
                       word, word);
}

static fh_err write_rc(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    FH_TRY(code_add_changes(act, &activate_zsh, false, out, e));
    FH_TRY(add_path_repair(act, out, e));
    FH_TRY(add_completions(act, out, e));
    FH_TRY(code_add_prompt(act, &activate_zsh, out, e));
    return code_add_profiles(act, &activate_zsh, out, e);
}

static fh_err start_command(struct activation *act, const char *program, const char *command,
                            struct fh_error *e)
{
    struct fh_buf code = FH_BUF_INIT(ACTIVATE_MAX_CODE);
    fh_err rc = write_rc(act, &code, e);
    if (rc == FH_OK)
        rc = fh_buf_add_str(&code, command, e);
    const char *const words[] = {"zsh", "-c", code.data, NULL};
    if (rc == FH_OK)
        rc = code_exec(act, program, words, e);
    fh_buf_free(&code);
    return rc;
}

static fh_err start_interactive(struct activation *act, const char *program, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    struct fh_buf code = FH_BUF_INIT(ACTIVATE_MAX_CODE);
    int fd;
    FH_TRY(code_memory_file(&fd, e));
    fh_err rc = fh_buf_addf(&code, e, "_floe_fd=%d; exec {_floe_fd}<&-; unset _floe_fd;\n", fd);
    if (rc == FH_OK)
        rc = write_rc(act, &code, e);
    if (rc == FH_OK)
        rc = code_fill(fd, &code, e);
    const char *own = envset_get(&act->now, "ZDOTDIR");
    if (own != NULL)
        envset_set(&act->now, "_FLOE_ZDOTDIR", own);
    envset_set(&act->now, "ZDOTDIR", fh_sprintf(a, "%s/activate.d/zdotdir", act->scripts));
    envset_set(&act->now, "_FLOE_START", fh_sprintf(a, "/proc/self/fd/%d", fd));
    /* The start-up files of the machine would run with our ZDOTDIR: our files read them, with the user's. */
    static const char *const words[] = {"zsh", "-o", "NO_GLOBAL_RCS", NULL};
    if (rc == FH_OK)
        rc = code_exec(act, program, words, e);
    fh_buf_free(&code);
    close(fd);
    return rc;
}

static fh_err start(struct activation *act, const char *program, const char *command, struct fh_error *e)
{
    return command != NULL ? start_command(act, program, command, e) : start_interactive(act, program, e);
}

const struct activate_shell activate_zsh = {
    .name = "zsh",
    .pid = "$$",
    .leave_line = "eval \"$(floe deactivate)\"",
    .start = start,
    .completions = add_completions,
    .quote = shell_quote,
    .set = set,
    .source = bourne_source,
    .forget = bourne_forget,
    .prompt = prompt,
    .exit_if = bourne_exit_if,
    .wrap = bourne_wrap,
    .unwrap = bourne_unwrap,
    .unhash = "if [[ -o hashcmds ]]; then _floe_hash=1; unsetopt hashcmds; fi;\n",
    .rehash = "if [ -n \"${_floe_hash:-}\" ]; then unset _floe_hash; setopt hashcmds; fi;\n",
};
