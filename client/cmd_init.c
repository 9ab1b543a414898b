/* floe init: in a folder, or with -r on the hub (manifest-lockfile-client §7.1, git-environments §7.4). */
#include "client/cmd.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/registry.h"
#include "client/say.h"
#include "common/ceilings.h"
#include "common/digest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A random UUID (version 4), as flox's init writes for each environment. */
static fh_err write_id(struct client *c, const char *dot_flox, struct fh_error *e)
{
    unsigned char r[16];
    fh_random(r, sizeof r);
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    char text[64];
    int n = snprintf(
        text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", r[0],
        r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
    return disk_write(fh_sprintf(c->arena, "%s/telemetry_id", dot_flox), text, (size_t)n, 0644, e);
}

static fh_err first_files(struct client *c, bool bare, bool run_mode, struct floxdir_files *out,
                          struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_MANIFEST);
    const struct fh_manifest *manifest;
    fh_err rc = fh_manifest_template(bare ? FH_TEMPLATE_BARE : FH_TEMPLATE_DOCUMENTED, run_mode, &text, e);
    if (rc == FH_OK)
        *out = (struct floxdir_files){.manifest = fh_strndup(c->arena, text.data, text.len),
                                      .manifest_len = text.len};
    fh_buf_free(&text);
    return rc == FH_OK ? floxdir_lock_manifest(c, out, &manifest, NULL, e) : rc;
}

static fh_err fill(struct client *c, const char *fresh, const char *name, bool bare, bool run_mode,
                   struct fh_error *e)
{
    struct floxdir_files files;
    const struct fh_envjson pointer = {.name = name};
    fh_err rc = first_files(c, bare, run_mode, &files, e);
    if (rc == FH_OK)
        rc = floxdir_write(fresh, &files, e);
    if (rc == FH_OK)
        rc = floxdir_write_pointer(fresh, &pointer, FH_ENVJSON_PRETTY_NEWLINE, e);
    if (rc == FH_OK)
        rc = floxdir_write_ignores(fresh, true, e);
    if (rc == FH_OK)
        rc = write_id(c, fresh, e);
    return rc;
}

static bool in_git(struct client *c, const char *dir)
{
    for (char *at = fh_strdup(c->arena, dir); *at != '\0'; *strrchr(at, '/') = '\0')
        if (disk_exists(fh_sprintf(c->arena, "%s/.git", at)))
            return true;
    return false;
}

static void say_next(struct client *c, const char *name, const char *dir)
{
    say_created("Created environment '%s' (%s)\n\nNext:\n"
                "  $ floe search <package>    <- Search for a package\n"
                "  $ floe install <package>   <- Install a package into an environment\n"
                "  $ floe activate            <- Enter the environment\n"
                "  $ floe edit                <- Add environment variables and shell hooks%s\n",
                name, settings_system(c->arena),
                in_git(c, dir)
                    ? ""
                    : "\n  $ floe push                <- Use the environment from other machines or\n"
                      "                                share it with someone on the hub");
}

/* As flox does, what is made on the hub is for running unless it is bare. */
static int init_remote(struct client *c, struct fh_cli *cli, const char *ref)
{
    struct fh_error *e = &c->e;
    const char *owner, *name;
    struct floxdir_files files;
    bool bare = fh_cli_flag(cli, "bare");
    if (fh_cli_value(cli, "name") != NULL || fh_cli_value(cli, "dir") != NULL)
        return fh_cli_usage(cli, "--reference goes with neither --name nor --dir.");
    if (client_need_login(c, e) != FH_OK || hub_split(ref, c->arena, &owner, &name, e) != FH_OK ||
        first_files(c, bare, !bare, &files, e) != FH_OK)
        return say_fail(e);
    fh_err rc = cmd_make_remote(c, owner, name, &files, e);
    if (rc == FH_DENIED)
        return say_error("You do not have permission to write to %s/%s\n\n%s", owner, name, e->msg);
    if (rc != FH_OK)
        return say_fail(e);
    say_created("Created environment '%s'\n\nNext:\n"
                "  Enter the environment                     -> $ floe activate -r %s\n"
                "  Add environment variables and shell hooks -> $ floe edit -r %s",
                ref, ref, ref);
    return 0;
}

static const char *default_name(struct client *c, const char *project, bool is_home)
{
    return is_home ? "default" : fh_envname_slug(c->arena, strrchr(project, '/') + 1);
}

int cmd_init(struct fh_cli *cli)
{
    struct client *c = client_begin(cli);
    if (c == NULL)
        return 1;
    const char *dir = fh_cli_value(cli, "dir"), *name = fh_cli_value(cli, "name"), *fresh = NULL;
    char *project;
    struct fh_error *e = &c->e, ignored;
    if (fh_cli_value(cli, "reference") != NULL)
        return init_remote(c, cli, fh_cli_value(cli, "reference"));
    if (name != NULL && fh_envname_check(name, e) != FH_OK)
        return say_fail(e);
    bool made = dir != NULL && !disk_exists(dir);
    if (disk_make_dirs(dir != NULL ? dir : ".", 0777, e) != FH_OK ||
        disk_canonical(dir != NULL ? dir : ".", c->arena, &project, e) != FH_OK)
        return say_fail(e);
    char *home = NULL;
    bool is_home =
        disk_canonical(c->settings.home, c->arena, &home, e) == FH_OK && strcmp(home, project) == 0;
    if (name == NULL)
        name = default_name(c, project, is_home);
    const char *final = fh_sprintf(c->arena, "%s/.flox", strcmp(project, "/") == 0 ? "" : project);
    fh_err rc = disk_exists(final) ? FH_CONFLICT : floxdir_prepare(c, project, &fresh, e);
    if (rc == FH_OK)
        rc = fill(c, fresh, name, fh_cli_flag(cli, "bare"), is_home, e);
    if (rc == FH_OK)
        rc = disk_install_dir(fresh, final, false, e);
    if (rc != FH_OK && fresh != NULL)
        (void)!disk_remove_tree(fresh, &ignored);
    if (rc != FH_OK && made)
        rmdir(project);
    if (rc == FH_CONFLICT)
        return say_error(
            "Found an existing environment at \"%s\".\n\nTo make another one, choose a different "
            "folder with --dir, or remove that one with 'floe delete'.",
            final);
    if (rc != FH_OK)
        return say_fail(e);
    const struct fh_envjson pointer = {.name = name};
    registry_note(c, final, &pointer);
    say_next(c, name, project);
    return 0;
}
