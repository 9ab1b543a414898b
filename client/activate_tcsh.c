/* tcsh: as a subshell, with a command, and as code for eval.
 *
 * tcsh has no option for a start-up file of ours. It reads .tcshrc in HOME, which is the rendered folder's
 * tcsh: the file there puts HOME back, reads the user's own and then the one that _FLOE_START names
 * (activate_render.c writes it). A one-line "if" expands its variables even when it does not hold: what may
 * not be set stands in an eval of its own. */
#include "client/activate_code.h"

#include "client/disk.h"
#include "client/shell_quote.h"

#include <string.h>

static fh_err set(struct fh_arena *a, const char *name, const char *value, struct fh_buf *out,
                  struct fh_error *e)
{
    if (value == NULL)
        return fh_buf_addf(out, e, "unsetenv %s;\n", name);
    return fh_buf_addf(out, e, "setenv %s %s;\n", name, shell_quote_tcsh(a, value));
}

static fh_err source(const char *const *quoted_files, size_t n, const char *guard, struct fh_buf *out,
                     struct fh_error *e)
{
    for (size_t i = 0; i < n; i++) {
        if (guard != NULL)
            FH_TRY(fh_buf_addf(out, e, "if ( ! $?%s ) ", guard));
        FH_TRY(fh_buf_addf(out, e, "source %s;\n", quoted_files[i]));
    }
    return guard != NULL ? fh_buf_addf(out, e, "set %s;\n", guard) : FH_OK;
}

static fh_err forget(const char *guard, struct fh_buf *out, struct fh_error *e)
{
    return fh_buf_addf(out, e, "unset %s;\n", guard);
}

static fh_err exit_if(int64_t pid, struct fh_buf *out, struct fh_error *e)
{
    return fh_buf_addf(out, e, "if ( $$ == %lld ) exit;\n", (long long)pid);
}

static fh_err prompt(struct fh_arena *a, const struct envset *env, const char *names, const char *old,
                     struct fh_buf *out, struct fh_error *e)
{
    (void)old; /* prompt is never exported */
    if (names == NULL)
        return fh_buf_add_str(
            out,
            "if ( $?prompt && $?_floe_prompt_now ) eval 'if ( \"$prompt:q\" == \"$_floe_prompt_now:q\" ) set "
            "prompt = $_floe_prompt:q';\nunset _floe_prompt _floe_prompt_now;\n",
            e);
    struct code_prompt p = code_prompt_words(a, env, names);
    const char *text =
        p.colour1 == NULL
            ? fh_sprintf(a, "%s [%s] ", p.label, p.names)
            : fh_sprintf(a, "%%{\\033[1m\\033[38;5;%sm%%}%s %%{\\033[38;5;%sm%%}[%s]%%{\\033[0m%%} ",
                         p.colour1, p.label, p.colour2, p.names);
    return fh_buf_addf(
        out, e,
        "if ( $?prompt && ! $?_floe_prompt_now ) eval 'set _floe_prompt = $prompt:q';\n"
        "if ( $?prompt && $?_floe_prompt_now ) eval 'if ( \"$prompt:q\" != \"$_floe_prompt_now:q\" ) set "
        "_floe_prompt = $prompt:q';\n"
        "set _floe_prefix = %s;\n"
        "if ( $?prompt ) eval 'set _floe_prompt_now = $_floe_prefix:q$_floe_prompt:q; set prompt = "
        "$_floe_prompt_now:q';\nunset _floe_prefix;\n",
        shell_quote_tcsh(a, text));
}

/* The folders come first again, whatever the start-up files did. (set -f loses words.) */
static fh_err add_path_repair(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    const char *front = code_path_front(a, &act->now, "/bin"), *words = "";
    for (const char *at = front; *at != '\0';) {
        size_t n = strcspn(at, ":");
        words = fh_sprintf(a, "%s %s", words, shell_quote_tcsh(a, fh_strndup(a, at, n)));
        at += n + (at[n] == ':' ? 1 : 0);
    }
    FH_TRY(fh_buf_addf(out, e,
                       "set _floe_front = (%s );\n"
                       "set _floe_path = ( $_floe_front:q );\n"
                       "foreach _floe_item ( $path:q )\n"
                       "  set _floe_new = 1\n"
                       "  foreach _floe_own ( $_floe_front:q )\n"
                       "    if ( \"$_floe_item:q\" == \"$_floe_own:q\" ) set _floe_new = 0\n"
                       "  end\n"
                       "  if ( $_floe_new ) set _floe_path = ( $_floe_path:q $_floe_item:q )\n"
                       "end\n"
                       "set path = ( $_floe_path:q );\n"
                       "unset _floe_front _floe_path _floe_item _floe_new _floe_own;\n",
                       words));
    return set(a, "MANPATH", envset_get(&act->now, "MANPATH"), out, e);
}

static fh_err write_start(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    FH_TRY(code_add_changes(act, &activate_tcsh, false, out, e));
    FH_TRY(add_path_repair(act, out, e));
    FH_TRY(code_add_prompt(act, &activate_tcsh, out, e));
    return code_add_profiles(act, &activate_tcsh, out, e);
}

static fh_err start(struct activation *act, const char *program, const char *command, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    struct fh_buf code = FH_BUF_INIT(ACTIVATE_MAX_CODE);
    const char *file, *home = envset_get(&act->now, "HOME");
    fh_err rc = write_start(act, &code, e);
    if (rc == FH_OK)
        rc = code_start_file(act->client, &activate_tcsh, &code, &file, e);
    fh_buf_free(&code);
    if (rc != FH_OK)
        return rc;
    envset_set(&act->now, "_FLOE_HOME", home != NULL ? home : "");
    envset_set(&act->now, "_FLOE_START", file);
    envset_set(&act->now, "HOME", fh_sprintf(a, "%s/activate.d/tcsh", act->scripts));
    /* -m: also where the folder belongs to another user, as after su. */
    const char *const words[] = {"tcsh", "-m", command != NULL ? "-c" : NULL, command, NULL};
    return code_exec(act, program, words, e);
}

const struct activate_shell activate_tcsh = {
    .name = "tcsh",
    .pid = "$$",
    .leave_line = "eval \"`floe deactivate`\"",
    .start = start,
    .quote = shell_quote_tcsh,
    .set = set,
    .source = source,
    .forget = forget,
    .prompt = prompt,
    .exit_if = exit_if,
    .unhash = "unhash;\n",
    .rehash = "rehash;\n",
    .wrap = "",
    .unwrap = "",
    .breaks_need_file = true,
};
