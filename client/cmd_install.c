/* floe install (manifest-lockfile-client §7.2)
 *
 *   words ──> the lock as it is ──> what to add, which outputs ──> text ──> lock ──> files
 *                                        ^                                   |
 *                                        └── systems of those that have it <─┘ once, where only some have it
 *
 * Everything is made in memory; the files change last, all or none.
 */
#include "client/cmd.h"

#include "client/change.h"
#include "client/lock_say.h"
#include "client/pkgedit.h"
#include "client/reason.h"
#include "client/say.h"
#include "client/suggest.h"

#include <string.h>

enum fate { UNCHANGED, ADDED, OUTPUTS };

struct wanted {
    const char *word; /* as it was typed */
    struct pkgspec spec;
    enum fate fate;
    enum fh_outputs outputs; /* with OUTPUTS: what they become */
    struct fh_strings output_names;
    bool on_some_systems;
};

struct install {
    struct client *c;
    struct change change;
    struct wanted *wanted;
    size_t nwanted, nchanged;
    const struct fh_manifest *manifest; /* as it was */
    const struct fh_lock *before, *after;
    struct floxdir_files locked; /* the files as they were, with a lock that fits */
    struct floxdir_files fresh;
    const struct fh_lock_failures *failures;
};

/* -- the command line */

static fh_err take_word(struct install *in, const char *word, const char *id, struct fh_error *e)
{
    struct wanted *w = &in->wanted[in->nwanted];
    *w = (struct wanted){.word = word, .fate = UNCHANGED};
    FH_TRY(pkgspec_parse(in->c->arena, word, &w->spec, e));
    if (w->spec.kind == FH_PACKAGE_FLAKE)
        return FH_FAIL(e, FH_INVALID,
                       "'%.200s' is a flake, which only Nix can evaluate. Install it with flox, or a package "
                       "of the catalog with floe.",
                       word);
    if (id != NULL && *id == '\0')
        return FH_FAIL(e, FH_INVALID, "The id of '%.200s' cannot be empty.", word);
    if (id != NULL)
        w->spec.id = id;
    for (size_t i = 0; i < in->nwanted; i++) {
        if (strcmp(in->wanted[i].spec.id, w->spec.id) != 0)
            continue;
        if (strcmp(in->wanted[i].word, word) != 0)
            return FH_FAIL(e, FH_INVALID,
                           "'%.200s' and '%.200s' would both have the id '%.100s'. Name one of them, or give "
                           "one another id with --id.",
                           in->wanted[i].word, word, w->spec.id);
        return FH_OK; /* the same twice */
    }
    in->nwanted++;
    return FH_OK;
}

static fh_err take_words(struct install *in, struct fh_cli *cli, struct fh_error *e)
{
    size_t n;
    const char *const *pairs = fh_cli_values(cli, "id", &n);
    in->wanted = fh_alloc(in->c->arena, ((size_t)cli->nargs + n + 1) * sizeof *in->wanted);
    for (int i = 0; i < cli->nargs; i++)
        FH_TRY(take_word(in, cli->args[i], NULL, e));
    for (size_t i = 0; i + 1 < n; i += 2)
        FH_TRY(take_word(in, pairs[i + 1], pairs[i], e));
    return in->nwanted > 0 ? FH_OK : FH_FAIL(e, FH_INVALID, "Must specify at least one package");
}

/* -- what to do with each */

static const struct fh_manifest_package *installed(const struct install *in, const char *id)
{
    for (size_t i = 0; i < in->manifest->npackages; i++)
        if (strcmp(in->manifest->packages[i].id, id) == 0)
            return &in->manifest->packages[i];
    return NULL;
}

static fh_err check_outputs(const struct pkgspec *spec, const struct fh_lock_package *locked,
                            struct fh_error *e)
{
    for (size_t i = 0; locked != NULL && i < spec->output_names.count; i++) {
        bool there = false;
        for (size_t k = 0; k < locked->noutputs; k++)
            there = there || strcmp(locked->outputs[k].name, spec->output_names.items[i]) == 0;
        if (!there)
            return FH_FAIL(e, FH_INVALID, "'%.200s' does not have an output '%.200s'", spec->id,
                           spec->output_names.items[i]);
    }
    return FH_OK;
}

/* The outputs that are linked now: in a version 1 manifest all of them. */
static fh_err current_outputs(struct install *in, const struct fh_manifest_package *p,
                              const struct fh_lock_package *locked, enum fh_outputs *kind,
                              struct fh_strings *names, struct fh_error *e)
{
    if (locked == NULL)
        return FH_FAIL(e, FH_CONFLICT, "'%.200s' was not found in Lockfile", p->id);
    *kind = in->manifest->schema == FH_SCHEMA_V1 ? FH_OUTPUTS_ALL : p->outputs;
    *names = p->outputs == FH_OUTPUTS_LIST ? p->output_names : locked->outputs_to_install;
    return FH_OK;
}

/* More outputs for one that is installed: the union of what there is and what was asked for. */
static fh_err decide_outputs(struct install *in, struct wanted *w, const struct fh_manifest_package *p,
                             struct fh_error *e)
{
    const struct fh_lock_package *locked = lock_find(in->before, p->id, NULL);
    enum fh_outputs kind;
    struct fh_strings now;
    if (w->spec.outputs == FH_OUTPUTS_DEFAULT || p->kind != FH_PACKAGE_CATALOG)
        return FH_OK;
    FH_TRY(current_outputs(in, p, locked, &kind, &now, e));
    if (kind == FH_OUTPUTS_ALL)
        return FH_OK;
    w->outputs = w->spec.outputs;
    if (w->spec.outputs == FH_OUTPUTS_ALL) {
        w->fate = OUTPUTS;
        return FH_OK;
    }
    FH_TRY(check_outputs(&w->spec, locked, e));
    const struct fh_strings *asked = &w->spec.output_names;
    const char **names = fh_alloc(in->c->arena, (now.count + asked->count + 1) * sizeof *names);
    struct fh_strings all = {.items = names};
    for (size_t i = 0; i < now.count; i++)
        if (!fh_strings_have(&all, now.items[i]))
            names[all.count++] = now.items[i];
    size_t had = all.count;
    for (size_t i = 0; i < asked->count; i++)
        if (!fh_strings_have(&all, asked->items[i]))
            names[all.count++] = asked->items[i];
    w->fate = all.count > had ? OUTPUTS : UNCHANGED;
    w->output_names = all;
    return FH_OK;
}

static fh_err decide(struct install *in, struct fh_error *e)
{
    for (size_t i = 0; i < in->nwanted; i++) {
        struct wanted *w = &in->wanted[i];
        const struct fh_manifest_package *p = installed(in, w->spec.id);
        if (p == NULL)
            w->fate = ADDED;
        else
            FH_TRY(decide_outputs(in, w, p, e));
        in->nchanged += w->fate != UNCHANGED;
    }
    return FH_OK;
}

/* -- the change */

static bool names_outputs(const struct install *in)
{
    for (size_t i = 0; i < in->nwanted; i++) {
        const struct wanted *w = &in->wanted[i];
        if (w->fate == OUTPUTS || (w->fate == ADDED && w->spec.outputs != FH_OUTPUTS_DEFAULT))
            return true;
    }
    return false;
}

static fh_err edit_text(struct install *in, struct fh_error *e)
{
    struct pkgedit ed = {.arena = in->c->arena, .text = in->locked.manifest, .n = in->locked.manifest_len};
    if (names_outputs(in))
        FH_TRY(pkgedit_allow_outputs(&ed, in->manifest, json_object_get(in->before->json, "packages"), e));
    for (size_t i = 0; i < in->nwanted; i++) {
        struct wanted *w = &in->wanted[i];
        if (w->fate == ADDED)
            FH_TRY(pkgedit_add(&ed, &w->spec, e));
        else if (w->fate == OUTPUTS)
            FH_TRY(pkgedit_set_outputs(&ed, w->spec.id, w->outputs, &w->output_names, e));
    }
    in->fresh = in->locked;
    in->fresh.manifest = fh_strndup(in->c->arena, ed.text, ed.n);
    in->fresh.manifest_len = ed.n;
    return FH_OK;
}

static struct fh_strings ids_with(struct install *in, enum fate fate, bool and_on_some_systems)
{
    const char **ids = fh_alloc(in->c->arena, (in->nwanted + 1) * sizeof *ids);
    struct fh_strings list = {.items = ids};
    for (size_t i = 0; i < in->nwanted; i++)
        if (in->wanted[i].fate == fate && (and_on_some_systems || !in->wanted[i].on_some_systems))
            ids[list.count++] = in->wanted[i].spec.id;
    return list;
}

/* New text and new lock. FH_CONFLICT with in->failures where the catalog does not have everything. */
static fh_err attempt(struct install *in, struct fh_error *e)
{
    struct client *c = in->c;
    struct floxdir_wish wish = {.fresh = ids_with(in, ADDED, true)};
    const struct fh_manifest *manifest;
    FH_TRY(edit_text(in, e));
    fh_err rc = floxdir_lock_packages(c, &in->fresh, &wish, &manifest, NULL, e);
    in->failures = wish.failures;
    if (rc != FH_OK)
        return rc;
    FH_TRY(fh_lock_parse(c->arena, in->fresh.lock, in->fresh.lock_len, "manifest.lock", &in->after, e));
    for (size_t i = 0; i < in->nwanted; i++)
        FH_TRY(check_outputs(&in->wanted[i].spec, lock_find(in->after, in->wanted[i].spec.id, NULL), e));
    return FH_OK;
}

static struct wanted *find_added(struct install *in, const char *id)
{
    for (size_t i = 0; i < in->nwanted; i++)
        if (in->wanted[i].fate == ADDED && strcmp(in->wanted[i].spec.id, id) == 0)
            return &in->wanted[i];
    return NULL;
}

/* Where nothing is wrong but that some systems do not have what is to be installed, it is installed for those
 * that have it. */
static bool narrow_systems(struct install *in)
{
    const struct fh_lock_failures *f = in->failures;
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].kind != FH_FAILURE_SOME_SYSTEMS || f->items[i].valid.count == 0 ||
            find_added(in, f->items[i].install_id) == NULL)
            return false;
    for (size_t i = 0; i < f->count; i++) {
        struct wanted *w = find_added(in, f->items[i].install_id);
        w->on_some_systems = w->spec.has_systems = true;
        w->spec.systems = f->items[i].valid;
    }
    return true;
}

/* What failed at first, and that the second attempt failed, too. */
static fh_err join_failures(struct install *in, const struct fh_lock_failures *first, fh_err rc,
                            struct fh_error *e)
{
    struct client *c = in->c;
    const char *second = c->why != NULL ? c->why : fh_strdup(c->arena, e->msg);
    struct fh_lock_failure *items = fh_alloc(c->arena, (first->count + 1) * sizeof *items);
    memcpy(items, first->items, first->count * sizeof *items);
    items[first->count] = (struct fh_lock_failure){
        .kind = FH_FAILURE_OTHER,
        .message = fh_sprintf(c->arena,
                              "While attempting to install for available systems, the following error "
                              "occurred:\n%s",
                              second),
    };
    struct fh_lock_failures all = {.count = first->count + 1, .items = items, .note = first->note};
    c->why = fh_lock_failures_text(c->arena, &all);
    return rc;
}

/* Names that are not in the catalog are told with what may have been meant. */
static void suggest(struct install *in)
{
    struct client *c = in->c;
    const struct fh_lock_failures *f = in->failures;
    struct fh_lock_failure *items = fh_alloc(c->arena, (f->count + 1) * sizeof *items);
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].kind != FH_FAILURE_NOT_FOUND)
            items[n++] = f->items[i];
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].kind == FH_FAILURE_NOT_FOUND)
            items[n++] = (struct fh_lock_failure){.kind = FH_FAILURE_OTHER,
                                                  .message = suggest_for_install(c, f->items[i].attr_path)};
    struct fh_lock_failures all = {.count = n, .items = items, .note = f->note};
    c->why = fh_lock_failures_text(c->arena, &all);
}

static fh_err resolve(struct install *in, struct fh_error *e)
{
    fh_err rc = attempt(in, e);
    const struct fh_lock_failures *first = in->failures;
    if (rc == FH_OK || first == NULL)
        return rc;
    if (narrow_systems(in)) {
        rc = attempt(in, e);
        return rc == FH_OK ? FH_OK : join_failures(in, first, rc, e);
    }
    suggest(in);
    return rc;
}

static fh_err keep(struct install *in, struct fh_error *e)
{
    const char **targets = fh_alloc(in->c->arena, (in->nwanted + 1) * sizeof *targets);
    for (size_t i = 0; i < in->nwanted; i++)
        targets[i] = pkgspec_text(in->c->arena, &in->wanted[i].spec);
    const struct fh_change what = {.kind = FH_CHANGE_INSTALL, .ntargets = in->nwanted, .targets = targets};
    return change_apply(&in->change, &in->fresh, &what, e);
}

static fh_err install(struct install *in, struct fh_error *e)
{
    struct client *c = in->c;
    struct change *ch = &in->change;
    FH_TRY(change_refuse_unsynced(ch, e));
    bool made;
    in->locked = ch->before;
    FH_TRY(floxdir_lock_manifest(c, &in->locked, &in->manifest, &made, e));
    FH_TRY(fh_lock_parse(c->arena, in->locked.lock, in->locked.lock_len, "manifest.lock", &in->before, e));
    FH_TRY(decide(in, e));
    if (in->nchanged == 0) {
        in->after = in->before;
        if (made)
            change_keep_lock(c, &ch->dir, &ch->before, &in->locked);
        return FH_OK;
    }
    FH_TRY(resolve(in, e));
    return keep(in, e);
}

/* -- telling */

static void tell_each(struct install *in)
{
    struct fh_arena *a = in->c->arena;
    for (size_t i = 0; i < in->nwanted; i++) {
        struct wanted *w = &in->wanted[i];
        const char *text = "";
        const struct fh_strings *list = w->on_some_systems ? &w->spec.systems : &w->output_names;
        for (size_t k = 0; k < list->count; k++)
            text = fh_sprintf(a, "%s%s%s", text,
                              k == 0               ? ""
                              : w->on_some_systems ? ", "
                                                   : ",",
                              list->items[k]);
        if (w->on_some_systems)
            say_warn("'%s' installed only for the following systems: %s", w->spec.id, say_safe(a, text));
        else if (w->fate == OUTPUTS)
            say_done("'%s' outputs updated to '%s' in environment %s", w->spec.id,
                     w->outputs == FH_OUTPUTS_ALL ? "all" : text, in->change.title);
    }
}

static int tell(struct install *in)
{
    struct client *c = in->c;
    struct fh_strings added = ids_with(in, ADDED, false), all = ids_with(in, ADDED, true);
    struct fh_strings there = ids_with(in, UNCHANGED, true);
    const char **plain = fh_alloc(c->arena, (in->nwanted + 1) * sizeof *plain);
    struct fh_strings unasked = {.items = plain}; /* of which no outputs were named */
    for (size_t i = 0; i < in->nwanted; i++)
        if (in->wanted[i].fate == ADDED && !in->wanted[i].on_some_systems &&
            in->wanted[i].spec.outputs == FH_OUTPUTS_DEFAULT)
            plain[unasked.count++] = in->wanted[i].spec.id;
    if (added.count > 0)
        say_done("%s installed to environment %s", lock_quoted(c->arena, &added), in->change.title);
    lock_say_more_outputs(c, in->after, &unasked);
    tell_each(in);
    if (there.count > 0)
        say_warn("Package%s with id%s %s already installed to environment %s", there.count == 1 ? "" : "s",
                 there.count == 1 ? "" : "s", lock_quoted(c->arena, &there), in->change.title);
    if (in->nchanged == 0)
        return 0;
    lock_say_dragged(c, in->before, in->after);
    lock_say_new_overrides(c, in->before, in->after);
    lock_say_systems(c, in->before, in->after);
    lock_say_doubts(c, in->after, &all);
    return 0;
}

int cmd_install(struct fh_cli *cli)
{
    struct install in = {.c = client_begin(cli)};
    struct client *c = in.c;
    if (c == NULL)
        return 1;
    if (take_words(&in, cli, &c->e) != FH_OK)
        return say_fail(&c->e);
    if (change_begin(&in.change, c, cli, true, &c->e) != FH_OK)
        return in.change.is_nowhere
                   ? say_error("Did not find an environment in the current directory.\n\n"
                               "Create an environment with 'floe init' or install to an environment found "
                               "elsewhere with 'floe install %s --dir <PATH>'",
                               cmd_words(c, cli))
                   : say_fail(&c->e);
    int status = install(&in, &c->e) == FH_OK ? tell(&in) : client_fail(c);
    if (fh_cli_flag(cli, "explain"))
        reason_say(c, c->question);
    return status;
}
