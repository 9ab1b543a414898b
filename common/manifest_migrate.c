/* Manifests between schema versions. See manifest_migrate.h. */
#include "common/manifest_migrate.h"

#include "common/json_model.h"

/* Takes from set (an object used as a set) what is not in the list or among the keys of other. */
static void keep_common(json_t *set, const json_t *other)
{
    const char *key;
    void *next;
    json_t *value, *item;
    json_object_foreach_safe(set, next, key, value)
    {
        bool there = json_object_get(other, key) != NULL;
        for (size_t i = 0; i < json_array_size(other) && !there; i++) {
            item = json_array_get(other, i);
            there = json_is_string(item) && strcmp(json_string_value(item), key) == 0;
        }
        if (!there)
            json_object_del(set, key);
    }
}

static void add_all(json_t *set, const json_t *from)
{
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(from), key, value) fh_json_set(set, key, json_true());
    for (size_t i = 0; i < json_array_size(from); i++)
        if (json_is_string(json_array_get(from, i)))
            fh_json_set(set, json_string_value(json_array_get(from, i)), json_true());
}

/* Not locked, or the outputs that every system has are others than those installed by default on every
 * system. */
static bool wants_all_outputs(struct fh_arena *a, const struct fh_manifest_package *p, const json_t *packages)
{
    json_t *has = fh_json_own(a, json_object()), *installs = fh_json_own(a, json_object());
    size_t locked = 0;
    for (size_t i = 0; i < json_array_size(packages); i++) {
        const json_t *entry = json_array_get(packages, i);
        const char *id = fh_json_string(entry, "install_id");
        if (id == NULL || strcmp(id, p->id) != 0)
            continue;
        const json_t *defaults =
            json_object_get(entry, p->kind == FH_PACKAGE_FLAKE ? "outputs-to-install" : "outputs_to_install");
        if (locked++ == 0) {
            add_all(has, json_object_get(entry, "outputs"));
            add_all(installs, defaults);
        } else {
            keep_common(has, json_object_get(entry, "outputs"));
            keep_common(installs, defaults);
        }
    }
    return locked == 0 || !json_equal(has, installs);
}

struct fh_strings fh_manifest_all_outputs(struct fh_arena *a, const struct fh_manifest *m,
                                          const json_t *packages)
{
    const char **ids = fh_alloc(a, (m->npackages + 1) * sizeof *ids);
    size_t n = 0;
    for (size_t i = 0; i < m->npackages && m->schema == FH_SCHEMA_V1; i++)
        if (m->packages[i].kind != FH_PACKAGE_STORE_PATH && wants_all_outputs(a, &m->packages[i], packages))
            ids[n++] = m->packages[i].id;
    return (struct fh_strings){.count = n, .items = ids};
}

/* A copy of json with another version at its head. */
static json_t *with_schema(struct fh_arena *a, const json_t *json, enum fh_schema schema)
{
    json_t *copy = fh_json_own(a, json_deep_copy(json));
    json_object_del(copy, "version");
    json_object_del(copy, "schema-version");
    if (schema == FH_SCHEMA_V1)
        fh_json_set(copy, "version", json_integer(1));
    else
        fh_json_set(copy, "schema-version", json_string(fh_schema_text(schema)));
    return copy;
}

fh_err fh_manifest_to_newest(struct fh_arena *a, const struct fh_manifest *m, const json_t *packages,
                             const char *name, const struct fh_manifest **out, struct fh_error *e)
{
    if (m->schema == FH_SCHEMA_NEWEST) {
        *out = m;
        return FH_OK;
    }
    json_t *json = with_schema(a, m->json, FH_SCHEMA_NEWEST);
    struct fh_strings ids = fh_manifest_all_outputs(a, m, packages);
    for (size_t i = 0; i < ids.count; i++)
        fh_json_set(json_object_get(json_object_get(json, "install"), ids.items[i]), "outputs",
                    json_string("all"));
    return fh_manifest_from_json(a, json, name, out, e);
}

fh_err fh_manifest_to_schema(struct fh_arena *a, const struct fh_manifest *m, enum fh_schema schema,
                             const json_t *packages, const struct fh_manifest **out, struct fh_error *e)
{
    const struct fh_manifest *older, *again;
    *out = m;
    if (schema == FH_SCHEMA_NEWEST ||
        fh_manifest_from_json(a, with_schema(a, m->json, schema), "manifest", &older, NULL) != FH_OK)
        return FH_OK;
    FH_TRY(fh_manifest_to_newest(a, older, packages, "manifest", &again, e));
    if (fh_manifest_equal(again, m))
        *out = older;
    return FH_OK;
}
