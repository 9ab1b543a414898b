/* Which .flox a verb means. */
#include "client/floxdir.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/registry.h"
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

/* The newest of _FLOX_ACTIVE_ENVIRONMENTS, where it is still there. */
static const char *last_active(struct client *c)
{
    const char *text = getenv("_FLOX_ACTIVE_ENVIRONMENTS");
    json_t *list = NULL;
    if (text == NULL || fh_json_parse(text, strlen(text), "_FLOX_ACTIVE_ENVIRONMENTS", &list, NULL) != FH_OK)
        return NULL;
    fh_json_own(c->arena, list);
    const char *path = fh_json_string(json_object_get(json_array_get(list, 0), "environment"), "path");
    return path != NULL && disk_is_dir(path) ? path : NULL;
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
    const char *active = uses_active ? last_active(c) : NULL;
    if (found == NULL && active == NULL)
        return uses_active
                   ? FH_FAIL(e, FH_NOT_FOUND,
                             "Did not find an active environment or an environment in the current "
                             "directory.")
                   : FH_FAIL(e, FH_NOT_FOUND, "Did not find an environment in the current directory.");
    if (found == NULL)
        return floxdir_open(c, active, out, e);
    FH_TRY(floxdir_open(c, found, out, e));
    /* An environment named "default" gives way to the other one. */
    if (active != NULL && strcmp(out->pointer.name, "default") == 0) {
        struct floxdir other;
        struct fh_error ignored;
        if (floxdir_open(c, active, &other, &ignored) == FH_OK)
            *out = other;
    }
    return FH_OK;
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
