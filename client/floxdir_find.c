/* Which .flox a verb means. */
#include "client/floxdir.h"

#include "client/ask.h"
#include "client/disk.h"
#include "client/hub.h"
#include "client/registry.h"
#include "client/say.h"
#include "common/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder's own .flox; inside a git work tree also one of a folder above, up to the tree's top. */
static const char *search(struct client *c, const char *from)
{
    const char *here = fh_sprintf(c->arena, "%s/.flox", from);
    if (disk_is_dir(here))
        return here;
    const char *top = NULL;
    for (char *at = fh_strdup(c->arena, from); *at != '\0'; *strrchr(at, '/') = '\0')
        if (disk_exists(fh_sprintf(c->arena, "%s/.git", at))) {
            top = fh_strdup(c->arena, at);
            break;
        }
    if (top == NULL)
        return NULL;
    for (char *at = fh_strdup(c->arena, from); strlen(at) >= strlen(top) && *at != '\0';
         *strrchr(at, '/') = '\0') {
        const char *found = fh_sprintf(c->arena, "%s/.flox", at);
        if (disk_is_dir(found))
            return found;
    }
    return NULL;
}

/* The newest of _FLOX_ACTIVE_ENVIRONMENTS, where it is still there. One of -r is known by its name. */
static const char *last_active(struct client *c, bool *is_reference)
{
    const char *text = getenv("_FLOX_ACTIVE_ENVIRONMENTS"), *owner, *name;
    json_t *list = NULL;
    struct fh_error ignored;
    if (text == NULL || fh_json_parse(text, strlen(text), "_FLOX_ACTIVE_ENVIRONMENTS", &list, NULL) != FH_OK)
        return NULL;
    fh_json_own(c->arena, list);
    const json_t *env = json_object_get(json_array_get(list, 0), "environment");
    const char *type = fh_json_string(env, "type"), *path = fh_json_string(env, "path");
    *is_reference = type != NULL && strcmp(type, "remote") == 0;
    if (*is_reference) {
        owner = fh_json_string(env, "owner");
        name = fh_json_string(env, "name");
        path = owner != NULL && name != NULL && hub_check_name("Owner", owner, &ignored) == FH_OK &&
                       hub_check_name("Environment", name, &ignored) == FH_OK
                   ? floxdir_of_reference(c, owner, name)
                   : NULL;
    }
    return path != NULL && disk_is_dir(path) ? path : NULL;
}

/* Of the folder's own environment and the active one: one that is not called "default", else the one that the
 * person says, else the folder's. */
static fh_err choose(struct client *c, struct floxdir *found, const struct floxdir *active,
                     struct fh_error *e)
{
    bool wants_active = strcmp(found->pointer.name, "default") == 0;
    if (strcmp(found->path, active->path) == 0 || strcmp(active->pointer.name, "default") == 0)
        return FH_OK;
    if (!wants_active && isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
        FH_TRY(
            ask_which(fh_sprintf(c->arena, "%s, of '%s'", found->title, say_safe(c->arena, found->project)),
                      fh_sprintf(c->arena, "%s, which is active", active->title), &wants_active, e));
    if (wants_active)
        *found = *active;
    return FH_OK;
}

static fh_err find_reference(struct client *c, const char *ref, struct floxdir *out, struct fh_error *e)
{
    const char *owner, *name;
    FH_TRY(hub_split(ref, c->arena, &owner, &name, e));
    const char *path = floxdir_of_reference(c, owner, name);
    if (!disk_is_dir(path))
        return FH_FAIL(
            e, FH_NOT_FOUND,
            "Remote environment %s/%s not found in local cache.\n\nHave you activated or pulled this "
            "environment?\nTry: floe activate -r %s/%s",
            owner, name, owner, name);
    FH_TRY(floxdir_open(c, path, out, e));
    out->is_reference = true;
    return FH_OK;
}

static fh_err find_in(struct client *c, const char *dir, struct floxdir *out, struct fh_error *e)
{
    const char *path = fh_sprintf(c->arena, "%s/.flox", dir);
    if (!disk_is_dir(path))
        return FH_FAIL(e, FH_NOT_FOUND, "Did not find an environment in '%s'", dir);
    return floxdir_open(c, path, out, e);
}

static fh_err find(struct client *c, struct fh_cli *cli, bool uses_active, struct floxdir *out,
                   struct fh_error *e)
{
    const char *ref = fh_cli_value(cli, "reference"), *dir = fh_cli_value(cli, "dir");
    if (ref != NULL)
        return find_reference(c, ref, out, e);
    if (dir != NULL)
        return find_in(c, dir, out, e);
    char *cwd = getcwd(NULL, 0);
    const char *found = cwd != NULL ? search(c, cwd) : NULL;
    free(cwd);
    bool is_reference = false;
    const char *active = uses_active ? last_active(c, &is_reference) : NULL;
    if (found == NULL && active == NULL)
        return uses_active
                   ? FH_FAIL(e, FH_NOT_FOUND,
                             "Did not find an active environment or an environment in the current "
                             "directory.")
                   : FH_FAIL(e, FH_NOT_FOUND, "Did not find an environment in the current directory.");
    if (found == NULL) {
        FH_TRY(floxdir_open(c, active, out, e));
        out->is_reference = is_reference;
        return FH_OK;
    }
    FH_TRY(floxdir_open(c, found, out, e));
    struct floxdir other;
    struct fh_error ignored;
    if (active == NULL || floxdir_open(c, active, &other, &ignored) != FH_OK)
        return FH_OK;
    other.is_reference = is_reference;
    return choose(c, out, &other, e);
}

fh_err floxdir_find(struct client *c, struct fh_cli *cli, bool uses_active, struct floxdir *out,
                    struct fh_error *e)
{
    FH_TRY(find(c, cli, uses_active, out, e));
    /* One of a hub is noted when its generations could be opened. */
    if (!out->is_managed)
        registry_note(c, out->path, &out->pointer);
    return FH_OK;
}
