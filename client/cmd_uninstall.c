/* floe uninstall (manifest-lockfile-client §7.3) */
#include "client/cmd.h"

#include "client/change.h"
#include "client/lock_say.h"
#include "client/pkgedit.h"
#include "client/say.h"

#include <string.h>

/* What goes of one package: outputs, or all of it. */
struct removal {
    const struct fh_manifest_package *package;
    bool whole;
    size_t nnames;
    const char **names; /* outputs to take away */
    struct fh_strings left;
};

struct uninstall {
    struct client *c;
    struct change change;
    struct removal *removals;
    size_t nremovals;
    const struct fh_manifest *manifest; /* as it was */
    const struct fh_lock *before, *after;
    struct floxdir_files locked, fresh;
    const char **targets; /* for the history: the packages as they were typed */
    size_t ntargets;
};

/* An install id, or a path that one entry has; NULL, with several or none. */
static const struct fh_manifest_package *find_package(const struct fh_manifest *m, const struct pkgspec *spec,
                                                      size_t *matches)
{
    const struct fh_manifest_package *found = NULL;
    *matches = 0;
    for (size_t i = 0; i < m->npackages; i++)
        if (strcmp(m->packages[i].id, spec->path) == 0) {
            *matches = 1;
            return &m->packages[i];
        }
    for (size_t i = 0; i < m->npackages; i++) {
        const struct fh_manifest_package *p = &m->packages[i];
        bool same_version =
            spec->version == NULL || (p->version != NULL && strcmp(p->version, spec->version) == 0);
        if (p->kind == FH_PACKAGE_CATALOG && strcmp(p->path, spec->path) == 0 && same_version) {
            found = p;
            ++*matches;
        }
    }
    return *matches == 1 ? found : NULL;
}

static fh_err refuse_several(struct uninstall *un, const struct pkgspec *spec, struct fh_error *e)
{
    const char *ids = "";
    for (size_t i = 0; i < un->manifest->npackages; i++)
        if (un->manifest->packages[i].kind == FH_PACKAGE_CATALOG &&
            strcmp(un->manifest->packages[i].path, spec->path) == 0)
            ids = fh_sprintf(un->c->arena, "%s%s\"%s\"", ids, *ids != '\0' ? ", " : "",
                             say_safe(un->c->arena, un->manifest->packages[i].id));
    return FH_FAIL(
        e, FH_CONFLICT,
        "multiple packages match '%.200s', please specify an install id from possible matches: [%s]",
        spec->path, ids);
}

/* The include, last first, that brings the package; NULL: none. */
static const struct fh_included *included_by(const struct fh_lock *lock, const struct pkgspec *spec)
{
    size_t matches;
    for (size_t i = lock->nincludes; i-- > 0;)
        if (find_package(lock->includes[i].manifest, spec, &matches) != NULL)
            return &lock->includes[i];
    return NULL;
}

static fh_err refuse_missing(struct uninstall *un, const struct pkgspec *spec, struct fh_error *e)
{
    const struct fh_included *include = included_by(un->before, spec);
    if (include != NULL)
        return FH_FAIL(
            e, FH_CONFLICT,
            "Cannot remove included package '%.200s'\nRemove the package from environment '%.100s' "
            "and then run 'floe include upgrade'",
            spec->path, say_safe(un->c->arena, include->name));
    return FH_FAIL(e, FH_NOT_FOUND, "no package named '%.200s' in the manifest", spec->path);
}

static struct removal *removal_of(struct uninstall *un, const struct fh_manifest_package *p, size_t room)
{
    for (size_t i = 0; i < un->nremovals; i++)
        if (un->removals[i].package == p)
            return &un->removals[i];
    struct removal *r = &un->removals[un->nremovals++];
    *r = (struct removal){.package = p, .names = fh_alloc(un->c->arena, (room + 1) * sizeof *r->names)};
    return r;
}

static bool is_id(const struct fh_manifest *m, const char *word)
{
    for (size_t i = 0; i < m->npackages; i++)
        if (strcmp(m->packages[i].id, word) == 0)
            return true;
    return false;
}

static fh_err take_word(struct uninstall *un, const char *word, size_t room, struct fh_error *e)
{
    struct pkgspec spec = {.path = word, .outputs = FH_OUTPUTS_DEFAULT};
    size_t matches;
    /* An id may look like anything; a flake is known by its id alone, and a store path is not typed again. */
    if (!is_id(un->manifest, word) && strchr(word, ':') == NULL && word[0] != '/')
        FH_TRY(pkgspec_parse(un->c->arena, word, &spec, e));
    const struct fh_manifest_package *p = find_package(un->manifest, &spec, &matches);
    if (p == NULL)
        return matches > 1 ? refuse_several(un, &spec, e) : refuse_missing(un, &spec, e);
    struct removal *r = removal_of(un, p, room);
    un->targets[un->ntargets++] = spec.path;
    r->whole = r->whole || spec.outputs != FH_OUTPUTS_LIST;
    for (size_t i = 0; i < spec.output_names.count; i++)
        r->names[r->nnames++] = spec.output_names.items[i];
    return FH_OK;
}

static bool takes(const struct removal *r, const char *output)
{
    for (size_t i = 0; i < r->nnames; i++)
        if (strcmp(r->names[i], output) == 0)
            return true;
    return false;
}

static fh_err check_outputs(const struct removal *r, const struct fh_lock_package *locked, struct fh_error *e)
{
    for (size_t i = 0; i < r->nnames; i++) {
        bool there = false;
        for (size_t k = 0; k < locked->noutputs; k++)
            there = there || strcmp(locked->outputs[k].name, r->names[i]) == 0;
        if (!there)
            return FH_FAIL(e, FH_INVALID, "'%.200s' does not have an output '%.200s'", r->package->id,
                           r->names[i]);
    }
    return FH_OK;
}

/* The outputs that are left; a package without any goes altogether. */
static fh_err decide(struct uninstall *un, struct removal *r, struct fh_error *e)
{
    const struct fh_manifest_package *p = r->package;
    const struct fh_lock_package *locked = lock_find(un->before, p->id, NULL);
    if (r->whole)
        return FH_OK;
    if (locked == NULL)
        return FH_FAIL(e, FH_CONFLICT, "'%.200s' was not found in Lockfile", p->id);
    FH_TRY(check_outputs(r, locked, e));
    bool all = p->outputs == FH_OUTPUTS_ALL || un->manifest->schema == FH_SCHEMA_V1 ||
               (p->outputs == FH_OUTPUTS_DEFAULT && !locked->has_outputs_to_install);
    const struct fh_strings *named =
        p->outputs == FH_OUTPUTS_LIST ? &p->output_names : &locked->outputs_to_install;
    size_t n = all ? locked->noutputs : named->count;
    const char **left = fh_alloc(un->c->arena, (n + 1) * sizeof *left);
    for (size_t i = 0; i < n; i++) {
        const char *output = all ? locked->outputs[i].name : named->items[i];
        bool gone = takes(r, output);
        for (size_t k = 0; k < r->left.count; k++) /* the catalog may name one twice */
            gone = gone || strcmp(left[k], output) == 0;
        if (!gone)
            left[r->left.count++] = output;
    }
    r->left.items = left;
    r->whole = r->left.count == 0;
    return FH_OK;
}

static fh_err edit_text(struct uninstall *un, struct fh_error *e)
{
    bool names_outputs = false;
    struct pkgedit ed = {.arena = un->c->arena, .text = un->locked.manifest, .n = un->locked.manifest_len};
    for (size_t i = 0; i < un->nremovals; i++)
        names_outputs = names_outputs || !un->removals[i].whole;
    if (names_outputs)
        FH_TRY(pkgedit_allow_outputs(&ed, un->manifest, json_object_get(un->before->json, "packages"), e));
    for (size_t i = 0; i < un->nremovals; i++) {
        const struct removal *r = &un->removals[i];
        FH_TRY(r->whole ? pkgedit_remove(&ed, r->package->id, e)
                        : pkgedit_set_outputs(&ed, r->package->id, FH_OUTPUTS_LIST, &r->left, e));
    }
    un->fresh = un->locked;
    un->fresh.manifest = fh_strndup(un->c->arena, ed.text, ed.n);
    un->fresh.manifest_len = ed.n;
    return FH_OK;
}

static fh_err uninstall(struct uninstall *un, struct fh_cli *cli, struct fh_error *e)
{
    struct client *c = un->c;
    const struct fh_manifest *after;
    size_t room = 0;
    FH_TRY(change_refuse_unsynced(&un->change, e));
    un->locked = un->change.before;
    FH_TRY(floxdir_lock_manifest(c, &un->locked, &un->manifest, NULL, e));
    FH_TRY(fh_lock_parse(c->arena, un->locked.lock, un->locked.lock_len, "manifest.lock", &un->before, e));
    un->removals = fh_alloc(c->arena, (size_t)(cli->nargs + 1) * sizeof *un->removals);
    un->targets = fh_alloc(c->arena, (size_t)(cli->nargs + 1) * sizeof *un->targets);
    for (int i = 0; i < cli->nargs; i++)
        room += strlen(cli->args[i]);
    for (int i = 0; i < cli->nargs; i++)
        FH_TRY(take_word(un, cli->args[i], room, e));
    for (size_t i = 0; i < un->nremovals; i++)
        FH_TRY(decide(un, &un->removals[i], e));
    FH_TRY(edit_text(un, e));
    FH_TRY(floxdir_lock_manifest(c, &un->fresh, &after, NULL, e));
    FH_TRY(fh_lock_parse(c->arena, un->fresh.lock, un->fresh.lock_len, "manifest.lock", &un->after, e));
    const struct fh_change what = {
        .kind = FH_CHANGE_UNINSTALL, .ntargets = un->ntargets, .targets = un->targets};
    return change_apply(&un->change, &un->fresh, &what, e);
}

static const char *joined(struct fh_arena *a, const struct fh_strings *names)
{
    const char *text = "";
    for (size_t i = 0; i < names->count; i++)
        text = fh_sprintf(a, "%s%s%s", text, i > 0 ? ", " : "", say_safe(a, names->items[i]));
    return text;
}

static int tell(struct uninstall *un)
{
    struct fh_arena *a = un->c->arena;
    for (size_t i = 0; i < un->nremovals; i++) {
        const struct removal *r = &un->removals[i];
        const char *id = say_safe(a, r->package->id);
        const struct pkgspec by_id = {.path = r->package->id};
        const struct fh_included *include = included_by(un->after, &by_id);
        if (!r->whole) {
            say_deleted("Updated outputs of %s to [%s] from environment %s", id, joined(a, &r->left),
                        un->change.title);
            continue;
        }
        say_deleted("'%s' uninstalled from environment %s", id, un->change.title);
        if (include != NULL)
            say_info("'%s' is still installed by environment '%s'", id, say_safe(a, include->name));
    }
    lock_say_systems(un->c, un->before, un->after);
    return 0;
}

int cmd_uninstall(struct fh_cli *cli)
{
    struct uninstall un = {.c = client_begin(cli)};
    struct client *c = un.c;
    if (c == NULL)
        return 1;
    if (change_begin(&un.change, c, cli, true, &c->e) != FH_OK)
        return un.change.is_nowhere
                   ? say_error("Did not find an environment in the current directory.\n\n"
                               "Create an environment with 'floe init' or uninstall packages from an "
                               "environment found elsewhere with 'floe uninstall %s --dir <path>'",
                               cmd_words(c, cli))
                   : say_fail(&c->e);
    return uninstall(&un, cli, &c->e) == FH_OK ? tell(&un) : client_fail(c);
}
