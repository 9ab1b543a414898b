/* Manifests between schema versions. See manifest_migrate.h. */
#include "common/manifest_migrate.h"

#include "common/ceilings.h"
#include "common/json_model.h"
#include "common/manifest_edit.h"

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
    for (size_t i = 0; i < m->npackages && m->schema == FH_SCHEMA_V1; i++)
        if (m->packages[i].kind != FH_PACKAGE_STORE_PATH && wants_all_outputs(a, &m->packages[i], packages))
            fh_json_set(json_object_get(json_object_get(json, "install"), m->packages[i].id), "outputs",
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

/* One change after the other, each on the text that the one before left. */
struct rewriting {
    struct fh_arena *arena;
    const char *text;
    size_t n;
    struct fh_error *e;
};

static fh_err set_key(struct rewriting *w, const char *table, const char *key, const char *value)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    fh_err rc = fh_manifest_edit_set(w->text, w->n, table, key, value, &b, w->e);
    if (rc == FH_OK) {
        w->n = b.len;
        w->text = fh_strndup(w->arena, b.data, b.len);
    }
    fh_buf_free(&b);
    return rc;
}

static fh_err rename_version(struct rewriting *w)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    fh_err rc = fh_manifest_edit_rename(w->text, w->n, "", "version", "schema-version", &b, w->e);
    if (rc == FH_OK) {
        w->n = b.len;
        w->text = fh_strndup(w->arena, b.data, b.len);
    }
    fh_buf_free(&b);
    return rc;
}

static fh_err set_outputs(struct rewriting *w, const char *id)
{
    struct fh_buf key = FH_BUF_INIT(FH_MAX_MANIFEST);
    fh_err rc = fh_toml_quote_key(id, &key, w->e);
    if (rc == FH_OK)
        rc = fh_buf_add_str(&key, ".outputs", w->e);
    if (rc == FH_OK)
        rc = set_key(w, "install", key.data, "\"all\"");
    fh_buf_free(&key);
    return rc;
}

static fh_err rewrite(struct rewriting *w, const struct fh_manifest *from, const struct fh_manifest *to)
{
    if (from->schema == FH_SCHEMA_V1)
        FH_TRY(rename_version(w));
    FH_TRY(set_key(w, "", "schema-version", fh_sprintf(w->arena, "\"%s\"", fh_schema_text(to->schema))));
    for (size_t i = 0; i < from->npackages; i++) /* both are sorted by id */
        if (from->packages[i].outputs != to->packages[i].outputs)
            FH_TRY(set_outputs(w, from->packages[i].id));
    return FH_OK;
}

fh_err fh_manifest_migrate_text(const char *text, size_t n, const struct fh_manifest *from,
                                const struct fh_manifest *to, struct fh_buf *out, struct fh_error *e)
{
    struct rewriting w = {.arena = fh_arena_new(), .text = text, .n = n, .e = e};
    const struct fh_manifest *read;
    fh_err rc = rewrite(&w, from, to);
    if (rc == FH_OK)
        rc = fh_manifest_parse(w.arena, w.text, w.n, "manifest.toml", &read, e);
    if (rc != FH_OK || !fh_manifest_equal(read, to))
        rc = FH_FAIL(e, FH_CONFLICT,
                     "What the environment includes needs schema-version = \"%s\", and this manifest.toml is "
                     "written in a way that cannot be changed to it. Change it with 'floe edit'.",
                     fh_schema_text(to->schema));
    if (rc == FH_OK)
        rc = fh_buf_add(out, w.text, w.n, e);
    fh_arena_free(w.arena);
    return rc;
}
