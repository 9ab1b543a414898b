/* bash: as a subshell, with a command, and as code for eval. */
#include "client/activate.h"

#include "client/disk.h"
#include "client/shell_quote.h"
#include "common/ceilings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_SCRIPT = 16 * 1024 * 1024 };

/* The profile scripts of every active environment that this shell has not had yet, the oldest first. */
static fh_err add_profiles(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    static const char *const scripts[] = {"profile-common", "profile-bash"};
    char *dirs = fh_strdup(a, envset_get(&act->now, "FLOX_ENV_DIRS"));
    while (*dirs != '\0') {
        char *colon = strrchr(dirs, ':');
        const char *dir = colon != NULL ? colon + 1 : dirs;
        for (size_t i = 0; i < 2 && *dir != '\0'; i++) {
            const char *file = fh_sprintf(a, "%s/activate.d/%s", dir, scripts[i]);
            if (!disk_exists(file))
                continue;
            const char *word = shell_quote(a, file);
            FH_TRY(fh_buf_addf(
                out, e,
                "case \"${_floe_sourced:-}\" in *:%s:*) ;; *) _floe_sourced=\"${_floe_sourced:-}\":%s:; "
                ". %s;; esac; ",
                word, word, word));
        }
        *(colon != NULL ? colon : dirs) = '\0';
    }
    return fh_buf_add_str(out, "set +h;\n", e);
}

/* Exports and unsets that lead from one environment to the other; PATH and MANPATH only where asked for. */
static fh_err add_changes(struct activation *act, bool paths, struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    for (size_t i = 0; i < act->now.n; i++) {
        const char *entry = act->now.items[i], *equals = strchr(entry, '=');
        const char *name = fh_strndup(a, entry, (size_t)(equals - entry));
        const char *old = envset_get(&act->before, name);
        bool is_path = strcmp(name, "PATH") == 0 || strcmp(name, "MANPATH") == 0;
        if (!shell_is_name(name) || (is_path && !paths) || (old != NULL && strcmp(old, equals + 1) == 0))
            continue;
        FH_TRY(fh_buf_addf(out, e, "export %s=%s;\n", name, shell_quote(a, equals + 1)));
    }
    for (size_t i = 0; i < act->before.n; i++) {
        const char *entry = act->before.items[i];
        const char *name = fh_strndup(a, entry, (size_t)(strchr(entry, '=') - entry));
        if (shell_is_name(name) && envset_get(&act->now, name) == NULL)
            FH_TRY(fh_buf_addf(out, e, "unset %s;\n", name));
    }
    return FH_OK;
}

/* Start-up files may have put other things in front: the environments' folders come first again. */
static fh_err add_path_repair(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    const char *dirs = envset_get(&act->now, "FLOX_ENV_DIRS");
    const char *front = envset_fix_path(a, dirs, "/bin", NULL, false);
    const char *manuals = envset_fix_path(a, dirs, "/share/man", NULL, false);
    return fh_buf_addf(
        out, e,
        "_floe_front() { local have=\":${!1:-}:\" want=\"$2\" item; local IFS=:; for item in $2; do "
        "have=\"${have//\":$item:\"/:}\"; done; have=\"${have#:}\"; have=\"${have%%:}\"; "
        "if [ \"$1\" = MANPATH ]; then export MANPATH=\"$want:$have\"; else export "
        "PATH=\"$want${have:+:$have}\"; fi; };\n"
        "_floe_front PATH %s;\n_floe_front MANPATH %s;\nunset -f _floe_front;\n",
        shell_quote(a, front), shell_quote(a, manuals));
}

static const char prompt_code[] =
    "if [ -n \"${PS1:-}\" ]; then case \"$PS1\" in *'$FLOX_PROMPT_ENVIRONMENTS'*) ;; *) "
    "PS1='\\[\\e[1m\\]\\[\\e[38;5;'\"${FLOX_PROMPT_COLOR_1:-99}\"'m\\]'\"${FLOX_PROMPT:-floe}\"' "
    "\\[\\e[38;5;'\"${FLOX_PROMPT_COLOR_2:-141}\"'m\\][$FLOX_PROMPT_ENVIRONMENTS]\\[\\e[0m\\] '\"$PS1\";; "
    "esac; fi;\n";

/* What a new interactive bash reads instead of ~/.bashrc, which it reads first. */
static fh_err write_rc(struct activation *act, int fd, struct fh_buf *out, struct fh_error *e)
{
    FH_TRY(fh_buf_addf(out, e, "exec %d<&-\n[ -r ~/.bashrc ] && . ~/.bashrc\n", fd));
    FH_TRY(add_changes(act, false, out, e));
    FH_TRY(add_path_repair(act, out, e));
    FH_TRY(fh_buf_add_str(out, prompt_code, e));
    return add_profiles(act, out, e);
}

static fh_err exec_bash(struct activation *act, const char *program, const char *const *words,
                        struct fh_error *e)
{
    size_t n = 0;
    while (words[n] != NULL)
        n++;
    char **argv = fh_alloc(act->client->arena, (n + 1) * sizeof *argv);
    for (size_t i = 0; i < n; i++)
        argv[i] = fh_strdup(act->client->arena, words[i]);
    fflush(NULL);
    execve(program, argv, act->now.items);
    return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot start '%s'", program);
}

static fh_err start_command(struct activation *act, const char *program, const char *command,
                            struct fh_error *e)
{
    struct fh_buf script = FH_BUF_INIT(MAX_SCRIPT);
    fh_err rc = add_profiles(act, &script, e);
    if (rc == FH_OK)
        rc = fh_buf_add_str(&script, command, e);
    const char *const words[] = {"bash", "--noprofile", "--norc", "-c", script.data, NULL};
    if (rc == FH_OK)
        rc = exec_bash(act, program, words, e);
    fh_buf_free(&script);
    return rc;
}

static fh_err start_interactive(struct activation *act, const char *program, struct fh_error *e)
{
    struct fh_buf rc_text = FH_BUF_INIT(MAX_SCRIPT);
    int fd = memfd_create("floe-bashrc", 0);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot write the shell's start-up file");
    const char *path = fh_sprintf(act->client->arena, "/proc/self/fd/%d", fd);
    const char *const words[] = {"bash", "--noprofile", "--rcfile", path, NULL};
    fh_err rc = write_rc(act, fd, &rc_text, e);
    if (rc == FH_OK)
        rc = disk_write_all(fd, rc_text.data, rc_text.len, "the shell's start-up file", e);
    if (rc == FH_OK)
        rc = exec_bash(act, program, words, e);
    fh_buf_free(&rc_text);
    close(fd);
    return rc;
}

static fh_err start(struct activation *act, const char *program, const char *command, struct fh_error *e)
{
    FH_TRY(shell_find(act->client->arena, envset_get(&act->before, "PATH"), program, &program, e));
    return command != NULL ? start_command(act, program, command, e) : start_interactive(act, program, e);
}

static fh_err script(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    FH_TRY(add_changes(act, true, out, e));
    return add_profiles(act, out, e);
}

const struct activate_shell activate_bash = {.name = "bash", .start = start, .script = script};
