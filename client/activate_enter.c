/* What an environment adds to the variables (manifest-lockfile-client §9.2, §9.3). */
#include "client/activate_code.h"

#include "client/disk.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "name", "owner/name", "owner/name (local)" */
static const char *description(struct activation *act)
{
    const struct floxdir *d = act->dir;
    if (!d->is_managed)
        return d->pointer.name;
    return fh_sprintf(act->client->arena, "%s/%s%s", d->pointer.owner, d->pointer.name,
                      d->is_reference ? " (local)" : "");
}

/* The list that says what is active, newest first; tools look up the last one's path there. */
static void add_to_active(struct activation *act)
{
    struct fh_arena *a = act->client->arena;
    const char *old = envset_get(&act->now, "_FLOX_ACTIVE_ENVIRONMENTS");
    json_t *list = NULL, *pointer = NULL;
    struct fh_buf text = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    if (old == NULL || fh_json_parse(old, strlen(old), "active", &list, NULL) != FH_OK ||
        !json_is_array(list)) {
        json_decref(list);
        list = json_array();
    }
    fh_json_own(a, list);
    if (fh_envjson_write(&act->dir->pointer, FH_ENVJSON_COMPACT, &text, NULL) == FH_OK)
        (void)!fh_json_parse(text.data, text.len, "env.json", &pointer, NULL);
    json_t *environment = json_object(), *entry = json_object();
    fh_json_set(environment, "type", fh_json_text(act->dir->is_reference ? "remote" : "dot-flox"));
    fh_json_set(environment, "path", json_stringn_nocheck(act->dir->path, strlen(act->dir->path)));
    if (act->dir->is_reference) /* flat, as flox reads it; the path is for floe */
        json_object_update(environment, pointer);
    else
        fh_json_set(environment, "pointer", pointer != NULL ? json_incref(pointer) : json_null());
    json_decref(pointer);
    fh_json_set(entry, "environment", environment);
    if (act->generation > 0)
        fh_json_set(entry, "generation", json_integer(act->generation));
    fh_json_set(entry, "mode", fh_json_text(act->mode));
    json_array_insert_new(list, 0, entry);
    fh_buf_clear(&text);
    if (fh_json_write_compact(list, &text, NULL) == FH_OK)
        envset_set(&act->now, "_FLOX_ACTIVE_ENVIRONMENTS", text.data);
    fh_buf_free(&text);
}

static void add_identity(struct activation *act)
{
    struct fh_arena *a = act->client->arena;
    struct envset *s = &act->now;
    char *cwd = act->dir->is_reference ? getcwd(NULL, 0) : NULL;
    envset_set(s, "FLOX_ENV", act->flox_env);
    envset_set(s, "FLOX_ENV_CACHE", fh_sprintf(a, "%s/cache", act->dir->path));
    envset_set(s, "FLOX_ENV_PROJECT", cwd != NULL ? cwd : act->dir->project);
    envset_set(s, "FLOX_ENV_DESCRIPTION", say_safe(a, description(act)));
    envset_set(s, "FLOX_ACTIVATE_START_SERVICES", "false");
    free(cwd);
    if (envset_get(s, "FLOX_PROMPT_COLOR_1") == NULL)
        envset_set(s, "FLOX_PROMPT_COLOR_1", "99");
    if (envset_get(s, "FLOX_PROMPT_COLOR_2") == NULL)
        envset_set(s, "FLOX_PROMPT_COLOR_2", "141");
    const char *sbin = envset_get(s, "_FLOX_ENV_DIRS_ADD_SBIN");
    if (sbin == NULL || strcmp(sbin, "empty") == 0) /* the word that stands for none */
        envset_set(s, "_FLOX_ENV_DIRS_ADD_SBIN", act->add_sbin ? act->flox_env : "empty");
    else if (act->add_sbin)
        envset_prepend(s, "_FLOX_ENV_DIRS_ADD_SBIN", act->flox_env);
    if (act->already_active)
        return;
    const char *names = envset_get(s, "FLOX_PROMPT_ENVIRONMENTS"),
               *name = say_safe(a, act->dir->pointer.name);
    envset_set(s, "FLOX_PROMPT_ENVIRONMENTS",
               names != NULL && *names != '\0' ? fh_sprintf(a, "%s %s", name, names) : name);
    envset_prepend(s, "FLOX_ENV_DIRS", act->flox_env);
    add_to_active(act);
}

static void fix_paths(struct activation *act)
{
    struct envset *s = &act->now;
    if (envset_get(s, "FLOX_ENV_DIRS") == NULL) /* the hook unset it */
        envset_set(s, "FLOX_ENV_DIRS", act->flox_env);
    const char *bin = code_path_front(s->arena, s, "/bin"), *man = code_path_front(s->arena, s, "/share/man");
    envset_set(s, "PATH", envset_fix_path(s->arena, bin, "", envset_get(s, "PATH"), false));
    envset_set(s, "MANPATH", envset_fix_path(s->arena, man, "", envset_get(s, "MANPATH"), true));
}

static void add_search_paths(struct activation *act)
{
    struct fh_arena *a = act->client->arena;
    struct envset *s = &act->now;
    const char *env = act->flox_env, *info = envset_get(s, "INFOPATH");
    const char *own_info = fh_sprintf(a, "%s/share/info", env);
    if (!envset_list_has(info, own_info))
        envset_set(s, "INFOPATH", fh_sprintf(a, "%s:%s", own_info, info != NULL ? info : ""));
    const char *data = envset_get(s, "XDG_DATA_DIRS");
    if (data == NULL || *data == '\0') /* the default that an unset variable stands for */
        envset_set(s, "XDG_DATA_DIRS", "/usr/local/share:/usr/share");
    envset_prepend(s, "XDG_DATA_DIRS", fh_sprintf(a, "%s/share", env));
    if (strcmp(act->mode, "dev") != 0)
        return;
    envset_prepend(s, "CPATH", fh_sprintf(a, "%s/include", env));
    envset_prepend(s, "LIBRARY_PATH", fh_sprintf(a, "%s/lib", env));
    envset_prepend(s, "PKG_CONFIG_PATH", fh_sprintf(a, "%s/share/pkgconfig", env));
    envset_prepend(s, "PKG_CONFIG_PATH", fh_sprintf(a, "%s/lib/pkgconfig", env));
    envset_prepend(s, "ACLOCAL_PATH", fh_sprintf(a, "%s/share/aclocal", env));
}

fh_err activate_enter(struct activation *act, struct fh_error *e)
{
    struct fh_error ignored;
    envset_copy(&act->now, &act->before);
    act->already_active = envset_list_has(envset_get(&act->before, "FLOX_ENV_DIRS"), act->flox_env);
    add_identity(act);
    (void)!disk_make_dirs(envset_get(&act->now, "FLOX_ENV_CACHE"), 0777, &ignored);
    fix_paths(act);
    add_search_paths(act);
    FH_TRY(activate_run_hook(act, e));
    fix_paths(act);
    return FH_OK;
}

/* A variable of more than 128 KiB would keep the kernel from starting any program. */
enum { MAX_LAYERS = 96 * 1024 };

void activate_add_layer(struct activation *act, int64_t pid)
{
    struct fh_arena *a = act->client->arena;
    struct layer l;
    struct fh_error ignored;
    const char *old = envset_get(&act->before, LAYER_VARIABLE), *rest = "";
    if (act->already_active && layer_decode(a, old, &l, &rest, &ignored) == FH_OK) {
        layer_extend(&l, &act->before, &act->now);
    } else {
        l = (struct layer){.flox_env = act->flox_env,
                           .scripts = act->scripts,
                           .dot_flox = act->dir->path,
                           .pid = pid,
                           .has_hook = activate_has_hook(a, act->scripts)};
        layer_compare(&l, &act->before, &act->now);
        rest = old != NULL ? old : "";
    }
    const char *text = layer_encode(a, &l);
    if (strlen(text) + strlen(rest) > MAX_LAYERS) {
        say_warn("The environment changes more than can be remembered: leave it by ending the shell, "
                 "'floe deactivate' cannot.");
        return;
    }
    envset_set(&act->now, LAYER_VARIABLE, fh_sprintf(a, "%s%s%s", text, *rest != '\0' ? ":" : "", rest));
}
