/* What bash and zsh share. */
#include "client/activate_code.h"

#include "client/shell_quote.h"

#include <string.h>

fh_err bourne_set(struct fh_arena *a, const char *name, const char *value, struct fh_buf *out,
                  struct fh_error *e)
{
    if (value == NULL)
        return fh_buf_addf(out, e, "unset %s;\n", name);
    return fh_buf_addf(out, e, "export %s=%s;\n", name, shell_quote(a, value));
}

fh_err bourne_source(const char *const *quoted_files, size_t n, const char *guard, struct fh_buf *out,
                     struct fh_error *e)
{
    if (guard != NULL)
        FH_TRY(fh_buf_addf(out, e, "[ -n \"${%s:-}\" ] || { %s=1; ", guard, guard));
    for (size_t i = 0; i < n; i++)
        FH_TRY(fh_buf_addf(out, e, ". %s; ", quoted_files[i]));
    return fh_buf_add_str(out, guard != NULL ? "};\n" : "\n", e);
}

fh_err bourne_forget(const char *guard, struct fh_buf *out, struct fh_error *e)
{
    return fh_buf_addf(out, e, "unset %s;\n", guard);
}

fh_err bourne_exit_if(int64_t pid, struct fh_buf *out, struct fh_error *e)
{
    return fh_buf_addf(out, e, "if [ \"$$\" = %lld ]; then exit; fi;\n", (long long)pid);
}

const char bourne_wrap[] =
    "case $- in *i*) typeset -f floe >/dev/null || { _floe_wraps=1; function floe { if [ \"${1:-}\" = "
    "deactivate ]; then eval \"$(command floe \"$@\")\"; else command floe \"$@\"; fi; }; };; esac;\n";
const char bourne_unwrap[] = "[ -z \"${_floe_wraps:-}\" ] || { unset _floe_wraps; unset -f floe; };\n";

/* The prompt as the user has it is kept beside ours; who changed PS1 since keeps what they made of it. */
fh_err bourne_prompt(struct fh_arena *a, const char *prefix, const char *old, const char *line_break,
                     struct fh_buf *out, struct fh_error *e)
{
    if (prefix == NULL)
        return fh_buf_add_str(out,
                              "if [ -n \"${_floe_ps1_now:-}\" ]; then [ \"${PS1:-}\" != \"$_floe_ps1_now\" ] "
                              "|| PS1=\"$_floe_ps1\"; unset _floe_ps1 _floe_ps1_now; fi;\n",
                              e);
    FH_TRY(fh_buf_add_str(out,
                          "case $- in *i*) [ -n \"${_floe_ps1_now:-}\" ] && [ \"${PS1:-}\" = "
                          "\"$_floe_ps1_now\" ] || _floe_ps1=\"${PS1:-}\"; ",
                          e));
    /* An exported PS1 brings the outer shell's. */
    if (old != NULL)
        FH_TRY(fh_buf_addf(out, e, "_floe_ps1=\"${_floe_ps1#%s}\"; ", shell_quote(a, old)));
    FH_TRY(fh_buf_addf(out, e, "_floe_ps1_now=%s; ", shell_quote(a, prefix)));
    return fh_buf_addf(out, e,
                       "case \"$_floe_ps1\" in *%s*) _floe_ps1_now=\"${_floe_ps1%%%%%s*}\"%s"
                       "\"$_floe_ps1_now${_floe_ps1#*%s}\";; *) "
                       "_floe_ps1_now=\"$_floe_ps1_now$_floe_ps1\";; esac; PS1=\"$_floe_ps1_now\";; esac;\n",
                       line_break, line_break, line_break, line_break);
}
