/* Reading a manifest. See manifest.h. */
#include "common/manifest.h"

#include "common/ceilings.h"
#include "common/manifest_check.h"
#include "common/toml_json.h"

const char *fh_schema_text(enum fh_schema schema)
{
    static const char *const texts[] = {"1", "1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.14.0", "1.15.0"};
    return texts[schema];
}

bool fh_strings_have(const struct fh_strings *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], word) == 0)
            return true;
    return false;
}

/* A service that forks away must say how to stop it (manifest-lockfile-client §3.3). */
static fh_err check_daemons(struct fh_arena *a, const struct fh_manifest *m, const char *name,
                            struct fh_error *e)
{
    const char *list = "";
    for (size_t i = 0; i < m->nservices; i++)
        if (m->services[i].is_daemon && !m->services[i].shutdown)
            list = fh_sprintf(a, "%s\n- %s", list, m->services[i].name);
    if (!list[0])
        return FH_OK;
    return fh_manifest_fail(name, 0, 0, e,
                            "Services that spawn daemon processes must supply a shutdown command.\n\n"
                            "The following services did not specify a shutdown command:%s",
                            list);
}

static fh_err from_tree(struct fh_arena *a, const struct fh_toml *root, const char *name,
                        const struct fh_manifest **out, struct fh_error *e)
{
    json_t *json = NULL;
    struct fh_manifest *m = fh_alloc(a, sizeof *m);
    FH_TRY(fh_manifest_check(root, name, &m->schema, &json, e));
    m->json = fh_json_own(a, json);
    fh_manifest_fill(a, m);
    FH_TRY(check_daemons(a, m, name, e));
    *out = m;
    return FH_OK;
}

fh_err fh_manifest_parse(struct fh_arena *a, const char *text, size_t n, const char *name,
                         const struct fh_manifest **out, struct fh_error *e)
{
    const struct fh_toml *root = NULL;
    FH_TRY(fh_toml_parse(a, text, n, name, &root, e));
    return from_tree(a, root, name, out, e);
}

fh_err fh_manifest_from_json(struct fh_arena *a, const json_t *object, const char *name,
                             const struct fh_manifest **out, struct fh_error *e)
{
    if (!json_is_object(object))
        return FH_FAIL(e, FH_INVALID, "%s: the manifest is not a JSON object.", name);
    struct fh_toml root = fh_toml_from_json(a, object);
    return from_tree(a, &root, name, out, e);
}

bool fh_manifest_equal(const struct fh_manifest *a, const struct fh_manifest *b)
{
    return json_equal(a->json, b->json);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct fh_strings fh_manifest_systems(struct fh_arena *a, const struct fh_manifest *m, const char *host)
{
    const char *defaults[] = {"aarch64-darwin", "aarch64-linux", "x86_64-linux", host};
    const char *const *from = m->has_systems ? m->systems.items : defaults;
    size_t n = m->has_systems ? m->systems.count : sizeof defaults / sizeof *defaults;
    const char **items = fh_alloc(a, (n + 1) * sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = from[i];
    qsort(items, n, sizeof *items, by_text);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || strcmp(items[kept - 1], items[i]) != 0)
            items[kept++] = items[i];
    return (struct fh_strings){.count = kept, .items = items};
}
