/* Shell code that activation is made of, whatever the shell. */
#include "client/activate_code.h"

#include "client/disk.h"
#include "client/shell_quote.h"
#include "common/digest.h"
#include "common/hex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The name of the variable by which a shell knows that it has had an environment's profile scripts. */
static const char *guard_of(struct fh_arena *a, const char *flox_env)
{
    uint8_t sum[FH_SHA256_SIZE];
    char hex[2 * FH_SHA256_SIZE + 1];
    fh_sha256(flox_env, strlen(flox_env), sum);
    fh_hex_encode(sum, 8, hex);
    return fh_sprintf(a, "_floe_had_%s", hex);
}

static size_t add_file(struct fh_arena *a, const struct activate_shell *shell, const char *dir,
                       const char *script, const char **files, size_t n)
{
    const char *file = fh_sprintf(a, "%s/activate.d/%s", dir, script);
    if (!disk_exists(file))
        return n;
    files[n] = shell->quote(a, file);
    return n + 1;
}

fh_err code_add_profiles(struct activation *act, const struct activate_shell *shell, struct fh_buf *out,
                         struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    char *dirs = fh_strdup(a, envset_get(&act->now, "FLOX_ENV_DIRS"));
    while (*dirs != '\0') {
        char *colon = strrchr(dirs, ':');
        const char *dir = colon != NULL ? colon + 1 : dirs, *files[2];
        size_t n = add_file(a, shell, dir, "profile-common", files, 0);
        n = add_file(a, shell, dir, fh_sprintf(a, "profile-%s", shell->name), files, n);
        if (n > 0 && *dir != '\0')
            FH_TRY(shell->source(files, n, guard_of(a, dir), out, e));
        *(colon != NULL ? colon : dirs) = '\0';
    }
    FH_TRY(fh_buf_add_str(out, shell->wrap, e));
    return fh_buf_add_str(out, shell->unhash, e);
}

fh_err code_add_changes(struct activation *act, const struct activate_shell *shell, bool paths,
                        struct fh_buf *out, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    for (size_t i = 0; i < act->now.n; i++) {
        const char *entry = act->now.items[i], *equals = strchr(entry, '=');
        const char *name = fh_strndup(a, entry, (size_t)(equals - entry));
        const char *old = envset_get(&act->before, name);
        bool is_path = strcmp(name, "PATH") == 0 || strcmp(name, "MANPATH") == 0;
        if (!shell_is_name(name) || strcmp(name, "_") == 0 || (is_path && !paths) ||
            (old != NULL && strcmp(old, equals + 1) == 0))
            continue;
        FH_TRY(shell->set(a, name, equals + 1, out, e));
    }
    for (size_t i = 0; i < act->before.n; i++) {
        const char *entry = act->before.items[i];
        const char *name = fh_strndup(a, entry, (size_t)(strchr(entry, '=') - entry));
        if (shell_is_name(name) && envset_get(&act->now, name) == NULL)
            FH_TRY(shell->set(a, name, NULL, out, e));
    }
    return FH_OK;
}

const char *code_path_front(struct fh_arena *a, const struct envset *s, const char *suffix)
{
    const char *dirs = envset_get(s, "FLOX_ENV_DIRS"), *sbin = envset_get(s, "_FLOX_ENV_DIRS_ADD_SBIN");
    const char *out = "";
    bool is_bin = strcmp(suffix, "/bin") == 0;
    for (const char *at = dirs != NULL ? dirs : ""; *at != '\0';) {
        size_t n = strcspn(at, ":");
        const char *dir = fh_strndup(a, at, n), *colon = *out != '\0' ? ":" : "";
        if (n > 0)
            out = fh_sprintf(a, "%s%s%s%s", out, colon, dir, suffix);
        if (n > 0 && is_bin && envset_list_has(sbin, dir))
            out = fh_sprintf(a, "%s:%s/sbin", out, dir);
        at += n + (at[n] == ':' ? 1 : 0);
    }
    return out;
}

/* Names come from a file that somebody else may have written: nothing in them may mean anything to a prompt.
 */
static const char *prompt_safe(struct fh_arena *a, const char *s)
{
    char *out = fh_strdup(a, s);
    for (char *p = out; *p != '\0'; p++)
        if ((unsigned char)*p < 128 && !isalnum((unsigned char)*p) && strchr(" _-.@+:/", *p) == NULL)
            *p = '?';
    return out;
}

static const char *colour(struct fh_arena *a, const struct envset *s, const char *name, const char *usual)
{
    const char *value = envset_get(s, name);
    bool is_number =
        value != NULL && *value != '\0' && strlen(value) <= 3 && strspn(value, "0123456789") == strlen(value);
    return fh_strdup(a, is_number ? value : usual);
}

struct code_prompt code_prompt_words(struct fh_arena *a, const struct envset *set, const char *names)
{
    const char *label = envset_get(set, "FLOX_PROMPT"), *plain = envset_get(set, "NO_COLOR");
    struct code_prompt p = {.label = prompt_safe(a, label != NULL ? label : "floe"),
                            .names = prompt_safe(a, names)};
    if (plain == NULL || *plain == '\0') {
        p.colour1 = colour(a, set, "FLOX_PROMPT_COLOR_1", "99");
        p.colour2 = colour(a, set, "FLOX_PROMPT_COLOR_2", "141");
    }
    return p;
}

static const char *prompt_names(const struct envset *s)
{
    const char *names = envset_get(s, "FLOX_PROMPT_ENVIRONMENTS");
    return names != NULL && *names != '\0' ? names : NULL;
}

fh_err code_add_prompt(struct activation *act, const struct activate_shell *shell, struct fh_buf *out,
                       struct fh_error *e)
{
    return shell->prompt(act->client->arena, &act->now, prompt_names(&act->now), prompt_names(&act->before),
                         out, e);
}

/* Tells the watcher, which only an environment with an on-deactivate has. */
static fh_err add_watch(struct activation *act, const struct activate_shell *shell, struct fh_buf *out,
                        struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    char *self;
    if (!activate_has_hook(a, act->scripts))
        return FH_OK;
    FH_TRY(disk_canonical("/proc/self/exe", a, &self, e));
    return fh_buf_addf(out, e, "%s activate-watch %s %s %s;\n", shell->quote(a, self), shell->pid,
                       shell->quote(a, act->dir->path), shell->quote(a, act->scripts));
}

fh_err code_add_in_place(struct activation *act, const struct activate_shell *shell, struct fh_buf *out,
                         struct fh_error *e)
{
    FH_TRY(code_add_changes(act, shell, true, out, e));
    if (shell->completions != NULL)
        FH_TRY(shell->completions(act, out, e));
    FH_TRY(add_watch(act, shell, out, e));
    FH_TRY(code_add_prompt(act, shell, out, e));
    return code_add_profiles(act, shell, out, e);
}

static fh_err add_leave_scripts(struct fh_arena *a, const struct activate_shell *shell, const struct layer *l,
                                struct fh_buf *out, struct fh_error *e)
{
    const char *files[2];
    size_t n = add_file(a, shell, l->scripts, fh_sprintf(a, "profile-deactivate-%s", shell->name), files, 0);
    n = add_file(a, shell, l->scripts, "profile-deactivate-common", files, n);
    return n > 0 ? shell->source(files, n, NULL, out, e) : FH_OK;
}

static fh_err add_left(struct fh_arena *a, const struct activate_shell *shell, const struct layer *l,
                       struct fh_buf *out, struct fh_error *e)
{
    char *self;
    if (!l->has_hook)
        return FH_OK;
    FH_TRY(disk_canonical("/proc/self/exe", a, &self, e));
    return fh_buf_addf(out, e, "%s activate-left %s %s;\n", shell->quote(a, self), shell->pid,
                       shell->quote(a, l->dot_flox));
}

fh_err code_add_leave(struct fh_arena *a, const struct activate_shell *shell, const struct layer *l,
                      const char *rest, const struct envset *now, struct fh_buf *out, struct fh_error *e)
{
    struct envset then;
    envset_init(&then, a, now->items);
    if (l->pid > 0)
        FH_TRY(shell->exit_if(l->pid, out, e));
    FH_TRY(add_leave_scripts(a, shell, l, out, e));
    for (size_t i = 0; i < l->n; i++) {
        const char *name = l->changes[i].name, *current = envset_get(now, name);
        const char *value = layer_restored(a, &l->changes[i], current);
        bool same = value == NULL || current == NULL ? value == current : strcmp(value, current) == 0;
        if (!shell_is_name(name))
            continue;
        if (!same)
            FH_TRY(shell->set(a, name, value, out, e));
        if (value != NULL)
            envset_set(&then, name, value);
        else
            envset_unset(&then, name);
    }
    FH_TRY(shell->set(a, LAYER_VARIABLE, *rest != '\0' ? rest : NULL, out, e));
    FH_TRY(shell->forget(guard_of(a, l->flox_env), out, e));
    FH_TRY(shell->prompt(a, &then, prompt_names(&then), NULL, out, e));
    if (*rest == '\0') {
        FH_TRY(fh_buf_add_str(out, shell->unwrap, e));
        FH_TRY(fh_buf_add_str(out, shell->rehash, e));
    }
    return add_left(a, shell, l, out, e);
}
