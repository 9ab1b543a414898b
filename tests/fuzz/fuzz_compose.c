/* Two manifests, one included by the other: a NUL stands between them. Merging ends; the result is a
 * manifest, its lock is read with what was included and fits, and as TOML it reads back as the same. */
#include "common/ceilings.h"
#include "common/lock.h"
#include "common/manifest_migrate.h"
#include "common/toml_write.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static bool drop_empty(json_t *object)
{
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe(object, next, key, value) if (json_is_object(value) && drop_empty(value))
        json_object_del(object, key);
    return json_object_size(object) == 0;
}

static void check_written(struct fh_arena *a, const struct fh_manifest *m)
{
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    const struct fh_manifest *again;
    if (fh_toml_write_manifest(m->json, &b, &e) == FH_OK) {
        must(fh_manifest_parse(a, b.data, b.len, "written", &again, &e) == FH_OK);
        json_t *x = fh_json_own(a, json_deep_copy(m->json)), *y = fh_json_own(a, json_deep_copy(again->json));
        drop_empty(x);
        drop_empty(y);
        must(json_equal(x, y));
    }
    fh_buf_free(&b);
}

static void check_migrated(struct fh_arena *a, const char *text, size_t n, const struct fh_manifest *from,
                           const struct fh_manifest *to)
{
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_MANIFEST);
    const struct fh_manifest *again;
    if (fh_manifest_migrate_text(text, n, from, to, &b, &e) == FH_OK) {
        must(fh_manifest_parse(a, b.data, b.len, "migrated", &again, &e) == FH_OK);
        must(fh_manifest_equal(again, to));
    }
    fh_buf_free(&b);
}

static void compose(struct fh_arena *a, const struct fh_manifest *included, const struct fh_manifest *m,
                    const char *text, size_t n)
{
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_LOCK);
    struct fh_included *list = fh_alloc(a, (m->nincludes + 1) * sizeof *list);
    const json_t *entries = json_object_get(json_object_get(m->json, "include"), "environments");
    const struct fh_manifest *composer;
    const struct fh_lock *lock;
    for (size_t i = 0; i < m->nincludes; i++)
        list[i] = (struct fh_included){.name = fh_sprintf(a, "i%zu", i),
                                       .manifest = included,
                                       .entry = m->includes[i],
                                       .descriptor = json_array_get(entries, i)};
    const struct fh_lock_input input = {
        .manifest = m, .includes = list, .nincludes = m->nincludes, .host = "x86_64-linux"};
    if (fh_lock_compose(a, &input, &b, &composer, &e) == FH_OK) {
        must(fh_lock_parse(a, b.data, b.len, "lock", &lock, &e) == FH_OK);
        must(fh_lock_fits(lock, composer) && lock->nincludes == m->nincludes);
        for (size_t i = 0; i < m->nincludes; i++)
            must(fh_included_equal(&lock->includes[i], &list[i]));
        check_written(a, lock->manifest);
        if (composer != m)
            check_migrated(a, text, n, m, composer);
    } else {
        must(e.msg[0] != '\0' && b.len == 0);
    }
    fh_buf_free(&b);
}

static void merge(struct fh_arena *a, const struct fh_manifest *low, const struct fh_manifest *high)
{
    struct fh_error e;
    struct fh_merged merged;
    const struct fh_manifest *again;
    struct fh_included included = {.name = "low"};
    if (fh_manifest_to_newest(a, low, NULL, "low", &included.manifest, &e) != FH_OK ||
        fh_manifest_to_newest(a, high, NULL, "high", &high, &e) != FH_OK)
        return;
    must(fh_manifest_merge(a, high, &included, 1, &merged, &e) == FH_OK);
    must(fh_manifest_from_json(a, merged.manifest->json, "merged", &again, &e) == FH_OK);
    must(fh_manifest_equal(merged.manifest, again) && merged.manifest->nincludes == 0);
    check_written(a, merged.manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *mark = memchr(data, '\0', size);
    if (!mark || size > 16 * 1024) /* more only takes time: every value is written several times */
        return 0;
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    const struct fh_manifest *low, *high;
    size_t n = (size_t)(mark - data);
    const char *text = (const char *)mark + 1;
    if (fh_manifest_parse(a, (const char *)data, n, "low", &low, &e) == FH_OK &&
        fh_manifest_parse(a, text, size - n - 1, "high", &high, &e) == FH_OK) {
        merge(a, low, high);
        compose(a, low, high, text, size - n - 1);
    }
    fh_arena_free(a);
    return 0;
}
