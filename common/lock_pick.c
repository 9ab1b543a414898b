/* Which packages of a previous lock are used again, and which the catalog is asked for
 * (manifest-lockfile-client §5.1, §5.3). See locking_parts.h.
 *
 * What was locked serves again when the entry's path, group and version are as they were when it was locked;
 * other systems, outputs or another priority do not matter. One (id, system) that is missing means that its
 * whole group is asked for, the others pinned to what they were.
 */
#include "common/locking_parts.h"

#include "common/json_model.h"
#include "common/system.h"

enum { MOST_NAMED = 20 }; /* in a message */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const struct fh_manifest_package *find_entry(const struct fh_manifest *m, const char *id)
{
    for (size_t i = 0; i < m->npackages; i++)
        if (strcmp(m->packages[i].id, id) == 0)
            return &m->packages[i];
    return NULL;
}

static const json_t *install_json(const struct fh_manifest *m, const char *id)
{
    return json_object_get(json_object_get(m->json, "install"), id);
}

/* May what was locked for this entry be used again? The text of pkg-group counts: absent is not "toplevel".
 */
static bool is_unchanged(const struct fh_locking *l, const struct fh_manifest_package *p)
{
    const struct fh_manifest *old_manifest = l->input.previous ? l->input.previous->manifest : NULL;
    const struct fh_manifest_package *old = old_manifest ? find_entry(old_manifest, p->id) : NULL;
    if (!old || old->kind != p->kind)
        return false;
    if (p->kind == FH_PACKAGE_FLAKE)
        return json_equal(install_json(l->manifest, p->id), install_json(old_manifest, p->id));
    return same_text(old->path, p->path) && same_text(old->version, p->version) &&
           same_text(fh_json_string(install_json(l->manifest, p->id), "pkg-group"),
                     fh_json_string(install_json(old_manifest, p->id), "pkg-group"));
}

static bool is_unlocked(const struct fh_locking *l, const struct fh_lock_package *locked)
{
    return locked->kind == FH_PACKAGE_CATALOG &&
           (l->input.unlocks_all || fh_strings_have(&l->input.unlocked, locked->install_id) ||
            fh_strings_have(&l->input.unlocked, locked->group));
}

static const struct fh_lock_package *find_locked(const struct fh_locking *l,
                                                 const struct fh_manifest_package *p, const char *system)
{
    const struct fh_lock *previous = l->input.previous;
    for (size_t i = 0; previous && i < previous->npackages; i++) {
        const struct fh_lock_package *locked = &previous->packages[i];
        if (locked->kind == p->kind && strcmp(locked->install_id, p->id) == 0 &&
            strcmp(locked->system, system) == 0)
            return is_unlocked(l, locked) ? NULL : locked;
    }
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static fh_err refuse_disabled(const struct fh_locking *l, const char *id, const char *system)
{
    const char *enabled = "";
    for (size_t k = 0; k < l->systems.count && k < MOST_NAMED; k++)
        enabled = fh_sprintf(l->arena, "%s%s%s", enabled, k > 0 ? ", " : "", l->systems.items[k]);
    return FH_FAIL(l->e, FH_MISMATCH,
                   "'%s' specifies disabled or unknown system '%s' (enabled systems: %s).\n\n"
                   "Add '%s' to 'options.systems' in manifest.toml",
                   id, system, enabled, system);
}

static fh_err systems_of(const struct fh_locking *l, const struct fh_manifest_package *p,
                         struct fh_strings *out)
{
    *out = p->has_systems ? p->systems : l->systems;
    if (p->kind != FH_PACKAGE_CATALOG) {
        if (!p->has_systems && l->manifest->has_systems)
            *out = l->manifest->systems; /* as written: only the catalog's requests are sorted */
        return FH_OK;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (!fh_strings_have(&l->systems, out->items[i]))
            return refuse_disabled(l, p->id, out->items[i]);
        if (fh_system_find(out->items[i]) == FH_SYSTEM_NONE)
            return FH_FAIL(l->e, FH_MISMATCH, "unrecognized system type: %s",
                           fh_json_shown(l->arena, out->items[i]));
    }
    const char **sorted = fh_memdup(l->arena, out->items, (out->count + 1) * sizeof *sorted);
    qsort(sorted, out->count, sizeof *sorted, by_text);
    out->items = sorted;
    return FH_OK;
}

fh_err lock_check_allowed(const struct fh_locking *l, const json_t *entry)
{
    const struct fh_manifest *m = l->manifest;
    const char *id = fh_json_shown(l->arena, fh_json_string(entry, "install_id"));
    const char *license = fh_json_string(entry, "license");
    if (m->licenses.count > 0 && license && !fh_strings_have(&m->licenses, license))
        return FH_FAIL(l->e, FH_MISMATCH,
                       "The package '%s' has license '%s' which is not in the list of allowed licenses.\n\n"
                       "Allow this license by adding it to 'options.allow.licenses' in manifest.toml",
                       id, fh_json_shown(l->arena, license));
    if (m->allow_broken != 1 && fh_json_flag(entry, "broken") == 1)
        return FH_FAIL(l->e, FH_MISMATCH,
                       "The package '%s' is marked as broken.\n\n"
                       "Allow broken packages by setting 'options.allow.broken = true' in manifest.toml",
                       id);
    if (m->allow_unfree == 0 && fh_json_flag(entry, "unfree") == 1)
        return FH_FAIL(l->e, FH_MISMATCH,
                       "The package '%s' has an unfree license.\n\n"
                       "Allow unfree packages by setting 'options.allow.unfree = true' in manifest.toml",
                       id);
    return FH_OK;
}

/* -- store paths and flakes */

static fh_err lock_store_path(struct fh_locking *l, const struct fh_manifest_package *p)
{
    struct fh_strings systems;
    FH_TRY(systems_of(l, p, &systems));
    for (size_t i = 0; i < systems.count; i++) {
        json_t *locked = json_object();
        fh_json_set(locked, "install_id", fh_json_text(p->id));
        fh_json_set(locked, "store_path", fh_json_text(p->path));
        fh_json_set(locked, "system", fh_json_text(systems.items[i]));
        fh_json_set(locked, "priority", json_integer(p->priority));
        fh_json_push(l->head, locked);
    }
    return FH_OK;
}

static fh_err reuse_flake(struct fh_locking *l, const struct fh_manifest_package *p)
{
    struct fh_strings systems;
    FH_TRY(systems_of(l, p, &systems));
    bool unchanged = is_unchanged(l, p);
    for (size_t i = 0; i < systems.count; i++) {
        const struct fh_lock_package *locked = unchanged ? find_locked(l, p, systems.items[i]) : NULL;
        if (!locked)
            return FH_FAIL(
                l->e, FH_UNAVAILABLE,
                "'%s' cannot be locked: it is the flake '%s', which only Nix can evaluate. Lock it "
                "with flox, or use a package of the catalog.",
                fh_json_shown(l->arena, p->id), fh_json_shown(l->arena, p->path));
        fh_json_push(l->tail, json_copy(fh_json_iterable(locked->json)));
    }
    return FH_OK;
}

/* -- packages of the catalog */

static fh_err describe(struct fh_locking *l, const struct fh_manifest_package *p, struct lock_group *group)
{
    struct fh_strings systems;
    FH_TRY(systems_of(l, p, &systems));
    bool unchanged = is_unchanged(l, p);
    for (size_t i = 0; i < systems.count; i++)
        group->descriptors[group->ndescriptors++] = (struct lock_descriptor){
            .package = p,
            .system = systems.items[i],
            .locked = unchanged ? find_locked(l, p, systems.items[i]) : NULL,
        };
    return FH_OK;
}

/* The group that begins at *at, which moves behind it. */
static fh_err next_group(struct fh_locking *l, size_t end, size_t *at, struct lock_group *group)
{
    size_t first = *at, room = 0;
    *group = (struct lock_group){.name = l->sorted[first]->group};
    for (; *at < end && strcmp(l->sorted[*at]->group, group->name) == 0; ++*at)
        room += l->sorted[*at]->has_systems ? l->sorted[*at]->systems.count : l->systems.count;
    group->descriptors = fh_alloc(l->arena, (room + 1) * sizeof *group->descriptors);
    for (size_t i = first; i < *at; i++)
        FH_TRY(describe(l, l->sorted[i], group));
    return FH_OK;
}

static bool is_locked(const struct lock_group *group)
{
    for (size_t i = 0; i < group->ndescriptors; i++)
        if (!group->descriptors[i].locked)
            return false;
    return true;
}

static fh_err reuse_group(struct fh_locking *l, const struct lock_group *group)
{
    for (size_t i = 0; i < group->ndescriptors; i++) {
        const struct lock_descriptor *d = &group->descriptors[i];
        FH_TRY(lock_check_allowed(l, d->locked->json));
        json_t *copy = json_copy(fh_json_iterable(d->locked->json));
        fh_json_set(copy, "priority", json_integer(d->package->priority));
        fh_json_push(l->head, copy);
    }
    return FH_OK;
}

/* With the include that it comes from, for one does not find it in one's own manifest. */
static void note_asked(struct fh_locking *l, const struct fh_manifest_package *p)
{
    const char *from = "";
    if (l->nnamed++ >= MOST_NAMED) {
        if (l->nnamed == MOST_NAMED + 1)
            l->asked_ids = fh_sprintf(l->arena, "%s, …", l->asked_ids);
        return;
    }
    for (size_t i = 0; i < l->input.nincludes && !find_entry(l->input.manifest, p->id); i++)
        if (find_entry(l->input.includes[i].manifest, p->id))
            from = fh_sprintf(l->arena, " (of the included environment '%s')",
                              fh_json_shown(l->arena, l->input.includes[i].name));
    l->asked_ids = fh_sprintf(l->arena, "%s%s'%s'%s", l->asked_ids, *l->asked_ids ? ", " : "",
                              fh_json_shown(l->arena, p->id), from);
}

static void ask_group(struct fh_locking *l, const struct lock_group *group)
{
    const struct fh_manifest_package *noted = NULL;
    l->asked[l->nasked++] = *group;
    for (size_t i = 0; i < group->ndescriptors; i++) {
        const struct lock_descriptor *d = &group->descriptors[i];
        if (!d->locked && d->package != noted)
            note_asked(l, noted = d->package);
    }
}

static fh_err pick_groups(struct fh_locking *l, size_t first, size_t end)
{
    l->asked = fh_alloc(l->arena, (end - first + 1) * sizeof *l->asked);
    for (size_t i = first; i < end;) {
        struct lock_group group;
        FH_TRY(next_group(l, end, &i, &group));
        if (is_locked(&group))
            FH_TRY(reuse_group(l, &group));
        else
            ask_group(l, &group);
    }
    return FH_OK;
}

/* The order of a lock (§5.2): store paths, packages of the catalog by group and id, flakes. */
static int rank(const struct fh_manifest_package *p)
{
    return p->kind == FH_PACKAGE_STORE_PATH ? 0 : p->kind == FH_PACKAGE_CATALOG ? 1 : 2;
}

static int in_order(const void *a, const void *b)
{
    const struct fh_manifest_package *x = *(const struct fh_manifest_package *const *)a;
    const struct fh_manifest_package *y = *(const struct fh_manifest_package *const *)b;
    if (rank(x) != rank(y))
        return rank(x) - rank(y);
    int order = strcmp(x->group ? x->group : "", y->group ? y->group : "");
    return order ? order : strcmp(x->id, y->id);
}

fh_err lock_pick_packages(struct fh_locking *l)
{
    size_t n = l->manifest->npackages, i = 0, first;
    l->sorted = fh_alloc(l->arena, (n + 1) * sizeof *l->sorted);
    for (size_t k = 0; k < n; k++)
        l->sorted[k] = &l->manifest->packages[k];
    qsort(l->sorted, n, sizeof *l->sorted, in_order);
    for (; i < n && l->sorted[i]->kind == FH_PACKAGE_STORE_PATH; i++)
        FH_TRY(lock_store_path(l, l->sorted[i]));
    for (first = i; i < n && l->sorted[i]->kind == FH_PACKAGE_CATALOG; i++)
        ;
    FH_TRY(pick_groups(l, first, i));
    for (; i < n; i++)
        FH_TRY(reuse_flake(l, l->sorted[i]));
    return FH_OK;
}
