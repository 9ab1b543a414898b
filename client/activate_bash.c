/* bash: as a subshell, with a command, and as code for eval. */
#include "client/activate_code.h"

#include "client/shell_quote.h"

#include <unistd.h>

static fh_err prompt(struct fh_arena *a, const struct envset *set, const char *names, const char *old,
                     struct fh_buf *out, struct fh_error *e)
{
    const char *texts[2] = {names, old};
    for (size_t i = 0; i < 2; i++) {
        if (texts[i] == NULL)
            continue;
        struct code_prompt p = code_prompt_words(a, set, texts[i]);
        texts[i] = p.colour1 == NULL
                       ? fh_sprintf(a, "%s [%s] ", p.label, p.names)
                       : fh_sprintf(a, "\\[\\e[1m\\]\\[\\e[38;5;%sm\\]%s \\[\\e[38;5;%sm\\][%s]\\[\\e[0m\\] ",
                                    p.colour1, p.label, p.colour2, p.names);
    }
    return bourne_prompt(a, texts[0], texts[1], "'\\n'", out, e);
}

/* Start-up files may have put other things in front: the environments' folders come first again. */
static fh_err add_path_repair(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    return fh_buf_addf(
        out, e,
        "_floe_front() { local have=\":${!1:-}:\" want=\"$2\" item; local IFS=:; for item in $2; do "
        "have=\"${have//\":$item:\"/:}\"; done; have=\"${have#:}\"; have=\"${have%%:}\"; "
        "if [ \"$1\" = MANPATH ]; then export MANPATH=\"$want:$have\"; else export "
        "PATH=\"$want${have:+:$have}\"; fi; };\n"
        "_floe_front PATH %s;\n_floe_front MANPATH %s;\nunset -f _floe_front;\n",
        shell_quote(a, code_path_front(a, &act->now, "/bin")),
        shell_quote(a, code_path_front(a, &act->now, "/share/man")));
}

/* What a new interactive bash reads instead of ~/.bashrc, which it reads first. */
static fh_err write_rc(struct activation *act, int fd, struct fh_buf *out, struct fh_error *e)
{
    FH_TRY(fh_buf_addf(out, e, "exec %d<&-\n[ -r ~/.bashrc ] && . ~/.bashrc\n", fd));
    FH_TRY(code_add_changes(act, &activate_bash, false, out, e));
    FH_TRY(add_path_repair(act, out, e));
    FH_TRY(code_add_prompt(act, &activate_bash, out, e));
    return code_add_profiles(act, &activate_bash, out, e);
}

static fh_err start_command(struct activation *act, const char *program, const char *command,
                            struct fh_error *e)
{
    struct fh_buf code = FH_BUF_INIT(ACTIVATE_MAX_CODE);
    fh_err rc = code_add_profiles(act, &activate_bash, &code, e);
    if (rc == FH_OK)
        rc = fh_buf_add_str(&code, command, e);
    const char *const words[] = {"bash", "--noprofile", "--norc", "-c", code.data, NULL};
    if (rc == FH_OK)
        rc = code_exec(act, program, words, e);
    fh_buf_free(&code);
    return rc;
}

static fh_err start_interactive(struct activation *act, const char *program, struct fh_error *e)
{
    struct fh_buf code = FH_BUF_INIT(ACTIVATE_MAX_CODE);
    int fd;
    FH_TRY(code_memory_file(&fd, e));
    const char *path = fh_sprintf(act->client->arena, "/proc/self/fd/%d", fd);
    const char *const words[] = {"bash", "--noprofile", "--rcfile", path, NULL};
    fh_err rc = write_rc(act, fd, &code, e);
    if (rc == FH_OK)
        rc = code_fill(fd, &code, e);
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

const struct activate_shell activate_bash = {
    .name = "bash",
    .pid = "$$",
    .leave_line = "eval \"$(floe deactivate)\"",
    .start = start,
    .quote = shell_quote,
    .set = bourne_set,
    .source = bourne_source,
    .forget = bourne_forget,
    .prompt = prompt,
    .exit_if = bourne_exit_if,
    .wrap = bourne_wrap,
    .unwrap = bourne_unwrap,
    .unhash = "case $- in *h*) _floe_hash=1; set +h;; esac;\n",
    .rehash = "[ -z \"${_floe_hash:-}\" ] || { unset _floe_hash; set -h; };\n",
};
