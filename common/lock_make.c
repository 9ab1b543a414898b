/* Writing the lock of a manifest without asking a catalog: included manifests are merged in (§6), packages of
 * the previous lock are used again where the official client would (manifest-lockfile-client §5.3), store
 * paths are locked by definition. See lock.h.
 *
 * What was locked serves again when the entry's path, group and version are as they were when it was locked;
 * other systems, outputs or another priority do not matter. One (id, system) that is missing means that its
 * whole group would be sent to the catalog.
 */
#include "common/lock.h"

#include "common/ceilings.h"
#include "common/json_model.h"
#include "common/manifest_migrate.h"

struct locker {
    struct fh_arena *arena;
    const struct fh_lock_input *input;
    const struct fh_manifest *manifest; /* what is locked: merged */
    const struct fh_lock *previous;     /* may be NULL */
    struct fh_strings systems;
    json_t *packages;
    const char *missing; /* ids that only a catalog can lock: "'a', 'b'" */
    struct fh_error *e;
};

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
static bool is_unchanged(const struct locker *l, const struct fh_manifest_package *p)
{
    const struct fh_manifest *old_manifest = l->previous ? l->previous->manifest : NULL;
    const struct fh_manifest_package *old = old_manifest ? find_entry(old_manifest, p->id) : NULL;
    if (!old || old->kind != p->kind)
        return false;
    if (p->kind == FH_PACKAGE_FLAKE)
        return json_equal(install_json(l->manifest, p->id), install_json(old_manifest, p->id));
    return same_text(old->path, p->path) && same_text(old->version, p->version) &&
           same_text(fh_json_string(install_json(l->manifest, p->id), "pkg-group"),
                     fh_json_string(install_json(old_manifest, p->id), "pkg-group"));
}

static const struct fh_lock_package *find_locked(const struct locker *l, const struct fh_manifest_package *p,
                                                 const char *system)
{
    for (size_t i = 0; l->previous && i < l->previous->npackages; i++) {
        const struct fh_lock_package *locked = &l->previous->packages[i];
        if (locked->kind == p->kind && strcmp(locked->install_id, p->id) == 0 &&
            strcmp(locked->system, system) == 0)
            return locked;
    }
    return NULL;
}

static bool contains(const struct fh_strings *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], word) == 0)
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static fh_err systems_of(struct locker *l, const struct fh_manifest_package *p, struct fh_strings *out)
{
    *out = p->has_systems ? p->systems : l->systems;
    if (p->kind != FH_PACKAGE_CATALOG) {
        if (!p->has_systems && l->manifest->has_systems)
            *out = l->manifest->systems; /* as written: only the catalog's requests are sorted */
        return FH_OK;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (contains(&l->systems, out->items[i]))
            continue;
        const char *enabled = "";
        for (size_t k = 0; k < l->systems.count; k++)
            enabled = fh_sprintf(l->arena, "%s%s%s", enabled, k > 0 ? ", " : "", l->systems.items[k]);
        return FH_FAIL(l->e, FH_INVALID,
                       "'%s' specifies disabled or unknown system '%s' (enabled systems: %s).\n\n"
                       "Add '%s' to 'options.systems' in manifest.toml",
                       p->id, out->items[i], enabled, out->items[i]);
    }
    const char **sorted = fh_memdup(l->arena, out->items, (out->count + 1) * sizeof *sorted);
    qsort(sorted, out->count, sizeof *sorted, by_text);
    out->items = sorted;
    return FH_OK;
}

/* The client checks again what the manifest allows, also for what it uses again (§5.2). */
static fh_err check_allowed(const struct locker *l, const struct fh_lock_package *p)
{
    const struct fh_manifest *m = l->manifest;
    if (m->licenses.count > 0 && p->license && !contains(&m->licenses, p->license))
        return FH_FAIL(l->e, FH_INVALID,
                       "The package '%s' has license '%s' which is not in the list of allowed licenses.\n\n"
                       "Allow this license by adding it to 'options.allow.licenses' in manifest.toml",
                       fh_json_shown(l->arena, p->install_id), fh_json_shown(l->arena, p->license));
    if (m->allow_broken != 1 && p->broken == 1)
        return FH_FAIL(l->e, FH_INVALID,
                       "The package '%s' is marked as broken.\n\n"
                       "Allow broken packages by setting 'options.allow.broken = true' in manifest.toml",
                       fh_json_shown(l->arena, p->install_id));
    if (m->allow_unfree == 0 && p->unfree == 1)
        return FH_FAIL(l->e, FH_INVALID,
                       "The package '%s' has an unfree license.\n\n"
                       "Allow unfree packages by setting 'options.allow.unfree = true' in manifest.toml",
                       fh_json_shown(l->arena, p->install_id));
    return FH_OK;
}

/* With the include that it comes from, for one does not find it in one's own manifest. */
static void note_missing(struct locker *l, const struct fh_manifest_package *p)
{
    const char *from = "";
    for (size_t i = 0; i < l->input->nincludes && !find_entry(l->input->manifest, p->id); i++)
        if (find_entry(l->input->includes[i].manifest, p->id))
            from = fh_sprintf(l->arena, " (of the included environment '%s')",
                              fh_json_shown(l->arena, l->input->includes[i].name));
    l->missing = fh_sprintf(l->arena, "%s%s'%s'%s", l->missing, l->missing[0] ? ", " : "",
                            fh_json_shown(l->arena, p->id), from);
}

static fh_err reuse_package(struct locker *l, const struct fh_manifest_package *p)
{
    struct fh_strings systems;
    FH_TRY(systems_of(l, p, &systems));
    bool unchanged = is_unchanged(l, p);
    for (size_t i = 0; i < systems.count; i++) {
        const struct fh_lock_package *locked = unchanged ? find_locked(l, p, systems.items[i]) : NULL;
        if (!locked) {
            note_missing(l, p);
            return FH_OK;
        }
        if (p->kind == FH_PACKAGE_CATALOG)
            FH_TRY(check_allowed(l, locked));
        json_t *copy = json_copy(fh_json_iterable(locked->json));
        if (p->kind == FH_PACKAGE_CATALOG)
            fh_json_set(copy, "priority", json_integer(p->priority));
        fh_json_push(l->packages, copy);
    }
    return FH_OK;
}

static fh_err lock_store_path(struct locker *l, const struct fh_manifest_package *p)
{
    struct fh_strings systems;
    FH_TRY(systems_of(l, p, &systems));
    for (size_t i = 0; i < systems.count; i++) {
        json_t *locked = json_object();
        fh_json_set(locked, "install_id", fh_json_text(p->id));
        fh_json_set(locked, "store_path", fh_json_text(p->path));
        fh_json_set(locked, "system", fh_json_text(systems.items[i]));
        fh_json_set(locked, "priority", json_integer(p->priority));
        fh_json_push(l->packages, locked);
    }
    return FH_OK;
}

static int by_group(const void *a, const void *b)
{
    const struct fh_manifest_package *x = *(const struct fh_manifest_package *const *)a;
    const struct fh_manifest_package *y = *(const struct fh_manifest_package *const *)b;
    int order = strcmp(x->group ? x->group : "", y->group ? y->group : "");
    return order ? order : strcmp(x->id, y->id);
}

/* Order (§5.2): store paths, catalog packages by group and id, flakes. */
static fh_err lock_packages(struct locker *l)
{
    size_t n = l->manifest->npackages;
    const struct fh_manifest_package **sorted = fh_alloc(l->arena, (n + 1) * sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &l->manifest->packages[i];
    qsort(sorted, n, sizeof *sorted, by_group);
    static const enum fh_package_kind order[] = {FH_PACKAGE_STORE_PATH, FH_PACKAGE_CATALOG, FH_PACKAGE_FLAKE};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t i = 0; i < n; i++)
            if (sorted[i]->kind == order[k])
                FH_TRY(order[k] == FH_PACKAGE_STORE_PATH ? lock_store_path(l, sorted[i])
                                                         : reuse_package(l, sorted[i]));
    if (l->missing[0])
        return FH_FAIL(
            l->e, FH_UNAVAILABLE,
            "%s cannot be locked: resolving packages needs the hub's catalog, which this version of "
            "floe does not use yet.",
            l->missing);
    return FH_OK;
}

static json_t *compose_json(const struct fh_lock_input *in, const struct fh_manifest *composer,
                            const struct fh_merged *merged)
{
    json_t *compose = json_object(), *includes = json_array(), *warnings = json_array();
    fh_json_set(compose, "composer", json_deep_copy(composer->json));
    for (size_t i = 0; i < in->nincludes; i++) {
        json_t *include = json_object();
        fh_json_set(include, "manifest", json_deep_copy(in->includes[i].manifest->json));
        fh_json_set(include, "name", fh_json_text(in->includes[i].name));
        fh_json_set(include, "descriptor", json_deep_copy(in->includes[i].descriptor));
        fh_json_push(includes, include);
    }
    for (size_t i = 0; i < merged->noverrides; i++) {
        const struct fh_override *o = &merged->overrides[i];
        json_t *item = json_object(), *warning = json_object(), *path = json_array();
        for (size_t k = 0; k < o->path.count; k++)
            fh_json_push(path, fh_json_text(o->path.items[k]));
        fh_json_set(warning, "Overriding", path);
        fh_json_set(item, "warning", warning);
        fh_json_set(item, "higher_priority_name", fh_json_text(o->winner));
        fh_json_push(warnings, item);
    }
    fh_json_set(compose, "include", includes);
    fh_json_set(compose, "warnings", warnings);
    return compose;
}

/* take_compose may be NULL */
static fh_err write_lock(const struct fh_manifest *m, json_t *packages, json_t *take_compose,
                         struct fh_buf *out, struct fh_error *e)
{
    json_t *lock = json_object();
    fh_json_set(lock, "lockfile-version", json_integer(1));
    fh_json_set(lock, "manifest", json_deep_copy(m->json));
    fh_json_set(lock, "packages", json_incref(packages));
    if (take_compose)
        fh_json_set(lock, "compose", take_compose);
    fh_err rc = fh_json_write_pretty(lock, out, e);
    if (rc == FH_OK)
        rc = fh_buf_add_char(out, '\n', e);
    json_decref(lock);
    return rc;
}

/* The manifests of the includes and the composing one, in the newest schema, merged. */
static fh_err merge(struct locker *l, struct fh_merged *merged)
{
    const struct fh_lock_input *in = l->input;
    struct fh_included *newest = fh_alloc(l->arena, (in->nincludes + 1) * sizeof *newest);
    const struct fh_manifest *composer;
    const json_t *locked = in->previous ? json_object_get(in->previous->json, "packages") : NULL;
    for (size_t i = 0; i < in->nincludes; i++) {
        const char *name = fh_sprintf(l->arena, "the included environment '%s'",
                                      fh_json_shown(l->arena, in->includes[i].name));
        newest[i] = in->includes[i];
        FH_TRY(
            fh_manifest_to_newest(l->arena, in->includes[i].manifest, NULL, name, &newest[i].manifest, l->e));
    }
    FH_TRY(fh_manifest_to_newest(l->arena, in->manifest, locked, "manifest.toml", &composer, l->e));
    return fh_manifest_merge(l->arena, composer, newest, in->nincludes, merged, l->e);
}

/* The result keeps the composing manifest's schema version where that says the same; where not, that manifest
 * has to go to the newest one too. */
static fh_err lock_composed(struct locker *l, struct fh_buf *out, const struct fh_manifest **composer)
{
    const struct fh_lock_input *in = l->input;
    struct fh_merged merged;
    const struct fh_manifest *kept;
    FH_TRY(merge(l, &merged));
    l->manifest = merged.manifest;
    l->systems = fh_manifest_systems(l->arena, l->manifest, in->host);
    FH_TRY(lock_packages(l));
    FH_TRY(fh_manifest_to_schema(l->arena, l->manifest, in->manifest->schema, l->packages, &kept, l->e));
    *composer = in->manifest;
    if (kept->schema != in->manifest->schema)
        FH_TRY(fh_manifest_to_newest(l->arena, in->manifest, l->packages, "manifest.toml", composer, l->e));
    return write_lock(kept, l->packages, compose_json(in, *composer, &merged), out, l->e);
}

static fh_err lock_plain(struct locker *l, struct fh_buf *out, const struct fh_manifest **composer)
{
    l->manifest = l->input->manifest;
    l->systems = fh_manifest_systems(l->arena, l->manifest, l->input->host);
    FH_TRY(lock_packages(l));
    *composer = l->manifest;
    return write_lock(l->manifest, l->packages, NULL, out, l->e);
}

fh_err fh_lock_compose(struct fh_arena *a, const struct fh_lock_input *input, struct fh_buf *out,
                       const struct fh_manifest **composer, struct fh_error *e)
{
    struct locker l = {.arena = a, .input = input, .previous = input->previous, .missing = "", .e = e};
    if (input->nincludes != input->manifest->nincludes)
        return FH_FAIL(e, FH_INVALID, "The environment includes %zu others, of which %zu are at hand.",
                       input->manifest->nincludes, input->nincludes);
    l.packages = json_array();
    fh_err rc = input->nincludes > 0 ? lock_composed(&l, out, composer) : lock_plain(&l, out, composer);
    json_decref(l.packages);
    return rc;
}

fh_err fh_lock_make(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock *previous,
                    const char *host, struct fh_buf *out, struct fh_error *e)
{
    const struct fh_lock_input input = {.manifest = m, .previous = previous, .host = host};
    const struct fh_manifest *same;
    return fh_lock_compose(a, &input, out, &same, e);
}
