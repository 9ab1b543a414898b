/* Reading a lock. See lock.h; format: manifest-lockfile-client §4. */
#include "common/lock.h"

#include "common/ceilings.h"
#include "common/json_model.h"

struct lock_reader {
    struct fh_arena *arena;
    const char *name;
    struct fh_error *e;
};

static const char *const catalog_required[] = {"attr_path", "derivation", "install_id", "locked_url", "name",
                                               "pname",     "version",    "system",     "group",      NULL};
static const char *const flake_required[] = {
    "install_id", "locked-url", "locked-flake-attr-path", "derivation", "package-system", "system",
    "name",       NULL};
static const char *const store_path_required[] = {"install_id", "store_path", "system", NULL};

static bool has_strings(const json_t *object, const char *const *keys)
{
    for (; *keys; keys++)
        if (!fh_json_string(object, *keys))
            return false;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct fh_lock_output *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static fh_err read_outputs(struct lock_reader *r, const json_t *from, struct fh_lock_package *p)
{
    struct fh_lock_output *outputs = fh_alloc(r->arena, (json_object_size(from) + 1) * sizeof *outputs);
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(from), key, value)
    {
        if (!json_is_string(value))
            return FH_FAIL(r->e, FH_INVALID, "%s: an output of package '%s' has no store path.", r->name,
                           fh_json_shown(r->arena, p->install_id));
        outputs[p->noutputs++] = (struct fh_lock_output){.name = key, .path = json_string_value(value)};
    }
    qsort(outputs, p->noutputs, sizeof *outputs, by_name);
    p->outputs = outputs;
    return FH_OK;
}

static void read_outputs_to_install(struct lock_reader *r, const json_t *from, struct fh_lock_package *p)
{
    size_t n = 0;
    const json_t *item;
    size_t i;
    const char **items = fh_alloc(r->arena, (json_array_size(from) + 1) * sizeof *items);
    json_array_foreach(from, i, item) if (json_is_string(item)) items[n++] = json_string_value(item);
    p->has_outputs_to_install = json_is_array(from);
    p->outputs_to_install = (struct fh_strings){.count = n, .items = items};
}

/* Which kind it is shows in the keys it must have, tried in this order (§4.3). */
static fh_err read_package(struct lock_reader *r, const json_t *from, size_t index, struct fh_lock_package *p)
{
    bool is_catalog = has_strings(from, catalog_required) && json_is_object(json_object_get(from, "outputs"));
    bool is_flake = has_strings(from, flake_required) && json_is_object(json_object_get(from, "outputs"));
    if (is_catalog)
        p->kind = FH_PACKAGE_CATALOG;
    else if (is_flake)
        p->kind = FH_PACKAGE_FLAKE;
    else if (has_strings(from, store_path_required))
        p->kind = FH_PACKAGE_STORE_PATH;
    else
        return FH_FAIL(r->e, FH_INVALID,
                       "%s: entry %zu of 'packages' is neither a catalog package, a flake nor a store path.",
                       r->name, index);
    const json_t *priority = json_object_get(from, "priority");
    p->json = from;
    p->install_id = fh_json_string(from, "install_id");
    p->system = fh_json_string(from, "system");
    p->attr_path = fh_json_string(from, is_catalog ? "attr_path" : "locked-flake-attr-path");
    p->group = is_catalog ? fh_json_string(from, "group") : NULL;
    p->name = fh_json_string(from, "name");
    p->pname = fh_json_string(from, "pname");
    p->version = fh_json_string(from, "version");
    p->derivation = fh_json_string(from, "derivation");
    p->description = fh_json_string(from, "description");
    p->license = fh_json_string(from, "license");
    p->store_path = fh_json_string(from, "store_path");
    p->locked_url = fh_json_string(from, is_catalog ? "locked_url" : "locked-url");
    p->priority = json_is_integer(priority) ? json_integer_value(priority) : FH_DEFAULT_PRIORITY;
    p->broken = fh_json_flag(from, "broken");
    p->unfree = fh_json_flag(from, "unfree");
    read_outputs_to_install(
        r, json_object_get(from, is_catalog ? "outputs_to_install" : "outputs-to-install"), p);
    return read_outputs(r, json_object_get(from, "outputs"), p);
}

fh_err fh_lock_read_packages(struct fh_arena *a, const json_t *from, const char *name,
                             const struct fh_lock_package **out, size_t *n, struct fh_error *e)
{
    struct lock_reader r = {.arena = a, .name = name, .e = e};
    if (!json_is_array(from))
        return FH_FAIL(e, FH_INVALID, "%s has no 'packages' list.", name);
    *n = json_array_size(from);
    struct fh_lock_package *packages = fh_alloc(a, (*n + 1) * sizeof *packages);
    for (size_t i = 0; i < *n; i++)
        FH_TRY(read_package(&r, json_array_get(from, i), i, &packages[i]));
    *out = packages;
    return FH_OK;
}

static fh_err read_include(struct lock_reader *r, const json_t *from, struct fh_included *out)
{
    const json_t *descriptor = json_object_get(from, "descriptor");
    out->name = fh_json_string(from, "name");
    out->descriptor = descriptor;
    out->entry = (struct fh_manifest_include){
        .dir = fh_json_string(descriptor, "dir"),
        .remote = fh_json_string(descriptor, "remote"),
        .name = fh_json_string(descriptor, "name"),
        .generation = json_integer_value(json_object_get(descriptor, "generation")),
    };
    if (!out->name || (!out->entry.dir && !out->entry.remote))
        return FH_FAIL(r->e, FH_INVALID, "%s: an entry of 'compose.include' does not say what it is.",
                       r->name);
    return fh_manifest_from_json(
        r->arena, json_object_get(from, "manifest"),
        fh_sprintf(r->arena, "%s: included '%s'", r->name, fh_json_shown(r->arena, out->name)),
        &out->manifest, r->e);
}

/* Warnings of kinds that are not known are passed over. */
static void read_overrides(struct lock_reader *r, const json_t *from, struct fh_lock *lock)
{
    struct fh_override *overrides = fh_alloc(r->arena, (json_array_size(from) + 1) * sizeof *overrides);
    for (size_t i = 0; i < json_array_size(from); i++) {
        const json_t *item = json_array_get(from, i), *part;
        const json_t *path = json_object_get(json_object_get(item, "warning"), "Overriding");
        const char *winner = fh_json_string(item, "higher_priority_name");
        bool readable = winner && json_array_size(path) > 0;
        size_t k;
        json_array_foreach(path, k, part) readable = readable && json_is_string(part);
        if (readable)
            overrides[lock->noverrides++] =
                (struct fh_override){.path = fh_json_strings(r->arena, path), .winner = winner};
    }
    lock->overrides = overrides;
}

static fh_err read_compose(struct lock_reader *r, const json_t *compose, struct fh_lock *lock)
{
    const json_t *includes = json_object_get(compose, "include");
    lock->composed = true;
    FH_TRY(fh_manifest_from_json(r->arena, json_object_get(compose, "composer"), r->name, &lock->user, r->e));
    if (!json_is_array(includes))
        return FH_FAIL(r->e, FH_INVALID, "%s: 'compose' has no 'include' list.", r->name);
    if (json_array_size(includes) > FH_MAX_INCLUDES)
        return FH_FAIL(r->e, FH_TOO_LARGE, "%s: 'compose.include' has more than %d entries.", r->name,
                       FH_MAX_INCLUDES);
    struct fh_included *list = fh_alloc(r->arena, (json_array_size(includes) + 1) * sizeof *list);
    for (size_t i = 0; i < json_array_size(includes); i++)
        FH_TRY(read_include(r, json_array_get(includes, i), &list[i]));
    lock->nincludes = json_array_size(includes);
    lock->includes = list;
    read_overrides(r, json_object_get(compose, "warnings"), lock);
    return FH_OK;
}

static fh_err read_lock(struct lock_reader *r, const json_t *json, struct fh_lock *lock)
{
    const json_t *version = json_object_get(json, "lockfile-version");
    const json_t *compose = json_object_get(json, "compose");
    if (!json_is_integer(version))
        return FH_FAIL(r->e, FH_INVALID, "%s is not a lock: it has no 'lockfile-version' number.", r->name);
    if (json_integer_value(version) != 1)
        return FH_FAIL(r->e, FH_INVALID, "%s has lockfile-version %lld; only version 1 is known.", r->name,
                       (long long)json_integer_value(version));
    lock->json = json;
    FH_TRY(
        fh_manifest_from_json(r->arena, json_object_get(json, "manifest"), r->name, &lock->manifest, r->e));
    lock->user = lock->manifest;
    if (compose && !json_is_null(compose))
        FH_TRY(read_compose(r, compose, lock));
    return fh_lock_read_packages(r->arena, json_object_get(json, "packages"), r->name, &lock->packages,
                                 &lock->npackages, r->e);
}

fh_err fh_lock_parse(struct fh_arena *a, const char *text, size_t n, const char *name,
                     const struct fh_lock **out, struct fh_error *e)
{
    struct lock_reader r = {.arena = a, .name = name, .e = e};
    json_t *json = NULL;
    if (n > FH_MAX_LOCK)
        return FH_FAIL(e, FH_TOO_LARGE, "%s is larger than %d bytes.", name, FH_MAX_LOCK);
    FH_TRY(fh_json_parse(text, n, name, &json, e));
    fh_json_own(a, json);
    struct fh_lock *lock = fh_alloc(a, sizeof *lock);
    FH_TRY(read_lock(&r, json, lock));
    *out = lock;
    return FH_OK;
}

bool fh_lock_fits(const struct fh_lock *lock, const struct fh_manifest *m)
{
    return fh_manifest_equal(lock->user, m);
}

const struct fh_included *fh_lock_find_include(const struct fh_lock *previous, const json_t *descriptor)
{
    for (size_t i = 0; previous && i < previous->nincludes; i++)
        if (json_equal(previous->includes[i].descriptor, descriptor))
            return &previous->includes[i];
    return NULL;
}

bool fh_included_equal(const struct fh_included *a, const struct fh_included *b)
{
    return strcmp(a->name, b->name) == 0 && json_equal(a->descriptor, b->descriptor) &&
           fh_manifest_equal(a->manifest, b->manifest);
}
