/* The folder behind FLOX_ENV.
 *
 * It is made once for each lock, below the user's cache, and never changes;
 * .flox/run/floe/<system>.<name>-<mode> is a link to it, as .flox/run/<system>.<name>-<mode> is one into
 * /nix/store where flox made it. flox's link is used when the manifest.lock in its target has the lock's own
 * bytes, and never touched: Nix refuses to replace a link that leads elsewhere than into its store, so one of
 * ours in that place would end flox's activations. */
#include "client/activate.h"

#include "client/disk.h"
#include "client/shell_quote.h"
#include "common/buf.h"
#include "common/ceilings.h"
#include "common/digest.h"
#include "common/hex.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char render_version[] = "floe-render-3";

/* [vars] as bash reads them: double-quoted, so that they may refer to each other and to commands. */
static fh_err write_vars(struct activation *act, struct fh_buf *out, struct fh_error *e)
{
    struct fh_manifest_vars ordered;
    FH_TRY(fh_vars_order(act->client->arena, &act->manifest->vars, &ordered, e));
    for (size_t i = 0; i < ordered.count; i++) {
        const char *name = ordered.items[i].name;
        if (!shell_is_name(name) || strncmp(name, "BASH_ENVTRACE_", 14) == 0)
            return FH_FAIL(e, FH_INVALID, "'%.100s' in [vars] cannot be the name of an environment variable.",
                           name);
        FH_TRY(fh_buf_addf(out, e, "export %s=\"%s\"\n", name, ordered.items[i].value));
    }
    return FH_OK;
}

/* What zsh and tcsh read instead of the user's start-up files, which these read (activate_zsh.c, _tcsh.c).
 * The user's ZDOTDIR may be set by their .zshenv, so it is asked for after each file. */
static const char zshenv[] =
    "unset ZDOTDIR\n"
    "if [ -n \"${_FLOE_ZDOTDIR+set}\" ]; then export ZDOTDIR=\"$_FLOE_ZDOTDIR\"; fi\n"
    "_floe_zdotdir=${${(%):-%x}:A:h}\n"
    "[ ! -r \"${ZDOTDIR:-$HOME}/.zshenv\" ] || . \"${ZDOTDIR:-$HOME}/.zshenv\"\n"
    "unset _FLOE_ZDOTDIR _floe_own_zdotdir\n"
    "[ -z \"${ZDOTDIR+set}\" ] || _floe_own_zdotdir=\"$ZDOTDIR\"\n"
    "ZDOTDIR=\"$_floe_zdotdir\"\n";
static const char zshrc[] =
    "unset ZDOTDIR _floe_zdotdir\n"
    "if [ -n \"${_floe_own_zdotdir+set}\" ]; then export ZDOTDIR=\"$_floe_own_zdotdir\"; fi\n"
    "unset _floe_own_zdotdir\n"
    "setopt GLOBAL_RCS\n"
    "for _floe_rc in /etc/zsh/zshrc /etc/zshrc \"${ZDOTDIR:-$HOME}/.zshrc\"; do\n"
    "  [ ! -r \"$_floe_rc\" ] || . \"$_floe_rc\"\n"
    "done\n"
    "unset _floe_rc\n"
    ". \"$_FLOE_START\"\n"
    "unset _FLOE_START\n";
static const char tcshrc[] = "setenv HOME $_FLOE_HOME:q\n"
                             "set home = $HOME:q\n"
                             "unsetenv _FLOE_HOME\n"
                             "if ( -r ~/.tcshrc ) then\n"
                             "  source ~/.tcshrc\n"
                             "else if ( -r ~/.cshrc ) then\n"
                             "  source ~/.cshrc\n"
                             "endif\n"
                             "source $_FLOE_START:q\n"
                             "unsetenv _FLOE_START\n";

static fh_err write_start_files(struct activation *act, const char *dir, struct fh_error *e)
{
    struct fh_arena *a = act->client->arena;
    const struct {
        const char *path, *text;
    } files[] = {{"zdotdir/.zshenv", zshenv}, {"zdotdir/.zshrc", zshrc}, {"tcsh/.tcshrc", tcshrc}};
    FH_TRY(disk_make_dirs(fh_sprintf(a, "%s/activate.d/zdotdir", dir), 0755, e));
    FH_TRY(disk_make_dirs(fh_sprintf(a, "%s/activate.d/tcsh", dir), 0755, e));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        FH_TRY(disk_write(fh_sprintf(a, "%s/activate.d/%s", dir, files[i].path), files[i].text,
                          strlen(files[i].text), 0644, e));
    return FH_OK;
}

static fh_err write_script(struct activation *act, const char *dir, const char *name, const char *text,
                           struct fh_error *e)
{
    if (text == NULL)
        return FH_OK;
    return disk_write(fh_sprintf(act->client->arena, "%s/activate.d/%s", dir, name), text, strlen(text), 0644,
                      e);
}

static fh_err fill(struct activation *act, const char *dir, struct fh_error *e)
{
    const struct fh_manifest *m = act->manifest;
    struct fh_arena *a = act->client->arena;
    struct fh_buf vars = FH_BUF_INIT(2 * FH_MAX_MANIFEST);
    fh_err rc = disk_make_dirs(fh_sprintf(a, "%s/activate.d", dir), 0755, e);
    if (rc == FH_OK)
        rc = write_start_files(act, dir, e);
    if (rc == FH_OK)
        rc = write_vars(act, &vars, e);
    const struct {
        const char *name, *text;
    } scripts[] = {
        {"vars", vars.data},
        {"hook-on-activate", m->on_activate},
        {"hook-on-deactivate", m->on_deactivate},
        {"profile-common", m->profile.common},
        {"profile-bash", m->profile.bash},
        {"profile-zsh", m->profile.zsh},
        {"profile-fish", m->profile.fish},
        {"profile-tcsh", m->profile.tcsh},
        {"profile-deactivate-common", m->deactivate.common},
        {"profile-deactivate-bash", m->deactivate.bash},
        {"profile-deactivate-zsh", m->deactivate.zsh},
        {"profile-deactivate-fish", m->deactivate.fish},
        {"profile-deactivate-tcsh", m->deactivate.tcsh},
    };
    for (size_t i = 0; rc == FH_OK && i < sizeof scripts / sizeof scripts[0]; i++)
        rc = write_script(act, dir, scripts[i].name, scripts[i].text, e);
    fh_buf_free(&vars);
    return rc;
}

static const char *target_of(struct activation *act)
{
    struct fh_arena *a = act->client->arena;
    uint8_t sum[FH_SHA256_SIZE];
    char hex[2 * FH_SHA256_SIZE + 1];
    struct fh_digest *d = fh_digest_new(FH_SHA256);
    fh_digest_add(d, render_version, sizeof render_version);
    fh_digest_add(d, act->files->lock, act->files->lock_len);
    fh_digest_finish(d, sum);
    fh_digest_free(d);
    fh_hex_encode(sum, 20, hex);
    return fh_sprintf(a, "%s/%s", act->client->settings.rendered_dir, hex);
}

static fh_err make_target(struct activation *act, const char *target, struct fh_error *e)
{
    struct client *c = act->client;
    if (disk_is_dir(target))
        return FH_OK;
    FH_TRY(disk_make_dirs(c->settings.rendered_dir, 0700, e));
    char *fresh = fh_sprintf(c->arena, "%s.XXXXXX", target);
    if (mkdtemp(fresh) == NULL)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot make a folder in '%s'", c->settings.rendered_dir);
    fh_err rc = fill(act, fresh, e);
    if (rc == FH_OK)
        rc = disk_install_dir(fresh, target, false, e);
    struct fh_error ignored;
    if (rc != FH_OK)
        (void)!disk_remove_tree(fresh, &ignored);
    return rc == FH_CONFLICT ? FH_OK : rc;
}

static bool is_of_this_lock(struct activation *act, const char *link)
{
    char *text;
    size_t n;
    struct fh_error ignored;
    return disk_read(fh_sprintf(act->client->arena, "%s/manifest.lock", link), FH_MAX_LOCK,
                     act->client->arena, &text, &n, &ignored) == FH_OK &&
           n == act->files->lock_len && memcmp(text, act->files->lock, n) == 0;
}

static bool leads_to(const char *link, const char *target)
{
    char there[PATH_MAX];
    ssize_t len = readlink(link, there, sizeof there);
    return len >= 0 && (size_t)len == strlen(target) && memcmp(there, target, (size_t)len) == 0;
}

static fh_err point_link(struct activation *act, const char *link, const char *target, struct fh_error *e)
{
    char *fresh = fh_sprintf(act->client->arena, "%s.%d", link, (int)getpid());
    if (symlink(target, fresh) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot make the link '%s'", link);
    if (rename(fresh, link) != 0) {
        (void)FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot make the link '%s'", link);
        unlink(fresh);
        return FH_INTERNAL;
    }
    return FH_OK;
}

fh_err activate_render(struct activation *act, struct fh_error *e)
{
    struct client *c = act->client;
    const char *run = fh_sprintf(c->arena, "%s/run", act->dir->path);
    const char *own = fh_sprintf(c->arena, "%s/floe", run);
    const char *generation =
        act->generation > 0 ? fh_sprintf(c->arena, ".gen%lld", (long long)act->generation) : "";
    const char *name = fh_sprintf(c->arena, "%s.%s%s-%s", settings_system(c->arena), act->dir->pointer.name,
                                  generation, act->mode);
    const char *target = target_of(act);
    FH_TRY(make_target(act, target, e));
    act->scripts = target;
    act->flox_env = fh_sprintf(c->arena, "%s/%s", run, name);
    if (is_of_this_lock(act, act->flox_env))
        return FH_OK;
    act->flox_env = fh_sprintf(c->arena, "%s/%s", own, name);
    if (leads_to(act->flox_env, target))
        return FH_OK;
    (void)!mkdir(run, 0777);
    if ((mkdir(own, 0777) != 0 && errno != EEXIST) || access(own, W_OK) != 0) {
        /* A project that cannot be written to is activated all the same. */
        act->flox_env = target;
        return FH_OK;
    }
    return point_link(act, act->flox_env, target, e);
}
