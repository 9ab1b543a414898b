/* Reading and writing env-registry.json. */
#include "client/registry.h"

#include "client/disk.h"
#include "common/blake3.h"
#include "common/ceilings.h"
#include "common/clock.h"
#include "common/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *file_of(struct client *c)
{
    return fh_sprintf(c->arena, "%s/env-registry.json", c->settings.data_dir);
}

static json_t *new_registry(void)
{
    json_t *registry = json_object();
    fh_json_set(registry, "version", json_integer(1));
    fh_json_set(registry, "entries", json_array());
    return registry;
}

/* An empty one when there is no file. */
static fh_err load(struct client *c, json_t **out, struct fh_error *e)
{
    char *text;
    size_t n;
    const char *file = file_of(c);
    fh_err rc = disk_read(file, FH_MAX_LOCK, c->arena, &text, &n, e);
    if (rc != FH_OK && rc != FH_NOT_FOUND)
        return rc;
    json_t *registry = NULL;
    if (rc == FH_NOT_FOUND)
        registry = new_registry();
    else
        FH_TRY(fh_json_parse(text, n, file, &registry, e));
    fh_json_own(c->arena, registry);
    const json_t *version = json_object_get(registry, "version");
    if (!json_is_array(json_object_get(registry, "entries")) || json_integer_value(version) != 1)
        return FH_FAIL(e, FH_INVALID,
                       "The list of environments '%s' is not one of version 1. A newer flox may have written "
                       "it; removing it loses only what 'floe envs' shows.",
                       file);
    *out = registry;
    return FH_OK;
}

static json_t *pointer_json(struct client *c, const struct fh_envjson *pointer)
{
    struct fh_buf text = FH_BUF_INIT(FH_MAX_BODY_SMALL);
    json_t *out = NULL;
    if (fh_envjson_write(pointer, FH_ENVJSON_COMPACT, &text, NULL) == FH_OK)
        (void)!fh_json_parse(text.data, text.len, "env.json", &out, NULL);
    fh_buf_free(&text);
    return out != NULL ? fh_json_own(c->arena, out) : NULL;
}

static json_t *find(json_t *registry, const char *dot_flox)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(registry, "entries"), i, entry)
    {
        const char *path = fh_json_string(entry, "path");
        if (path != NULL && strcmp(path, dot_flox) == 0 && json_is_array(json_object_get(entry, "envs")))
            return entry;
    }
    return NULL;
}

/* The newest environment noted in an entry; NULL when it has none. */
static json_t *latest(const json_t *entry)
{
    json_t *envs = json_object_get(entry, "envs");
    size_t n = json_array_size(envs);
    return n > 0 ? json_array_get(envs, n - 1) : NULL;
}

static bool is_latest(const json_t *entry, const json_t *pointer)
{
    const json_t *env = latest(entry);
    return env != NULL && json_equal(json_object_get(env, "pointer"), pointer);
}

static void add(json_t *registry, const char *dot_flox, json_t *pointer)
{
    json_t *entry = find(registry, dot_flox);
    if (entry == NULL) {
        uint8_t digest[FH_BLAKE3_SIZE];
        char hex[9];
        fh_blake3(dot_flox, strlen(dot_flox), digest);
        fh_hex_encode(digest, 4, hex);
        entry = json_object();
        fh_json_set(entry, "hash", fh_json_text(hex));
        fh_json_set(entry, "path", fh_json_text(dot_flox));
        fh_json_set(entry, "envs", json_array());
        fh_json_push(json_object_get(registry, "entries"), entry);
    }
    /* Clocks may go backwards, the list may not. */
    int64_t now = fh_now(), before = json_integer_value(json_object_get(latest(entry), "created_at"));
    json_t *env = json_object();
    fh_json_set(env, "created_at", json_integer(now > before ? now : before));
    fh_json_set(env, "pointer", json_incref(pointer));
    fh_json_push(json_object_get(entry, "envs"), env);
}

static void take_out(json_t *registry, const char *dot_flox)
{
    json_t *entry = find(registry, dot_flox), *envs = json_object_get(entry, "envs");
    json_array_remove(envs, json_array_size(envs) - 1);
    json_t *entries = json_object_get(registry, "entries");
    for (size_t i = 0; json_array_size(envs) == 0 && i < json_array_size(entries); i++)
        if (json_array_get(entries, i) == entry) {
            json_array_remove(entries, i);
            return;
        }
}

static fh_err store(struct client *c, const json_t *registry, struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(2 * FH_MAX_LOCK);
    fh_err rc = fh_json_write_pretty(registry, &text, e);
    if (rc == FH_OK)
        rc = disk_write(file_of(c), text.data, text.len, 0644, e);
    fh_buf_free(&text);
    return rc;
}

/* Read without the lock first: nearly always there is nothing to change. */
static fh_err change(struct client *c, const char *dot_flox, const struct fh_envjson *pointer, bool present,
                     struct fh_error *e)
{
    json_t *registry, *wanted = pointer_json(c, pointer),
                      *text = fh_json_own(c->arena, json_string(dot_flox));
    int lock;
    if (wanted == NULL || text == NULL)
        return FH_OK; /* a path that is not UTF-8 cannot be in JSON */
    FH_TRY(load(c, &registry, e));
    if (is_latest(find(registry, dot_flox), wanted) == present)
        return FH_OK;
    FH_TRY(disk_make_dirs(c->settings.data_dir, 0777, e));
    FH_TRY(disk_lock_file(fh_sprintf(c->arena, "%s/env-registry.lock", c->settings.data_dir), &lock, e));
    fh_err rc = load(c, &registry, e);
    if (rc == FH_OK && is_latest(find(registry, dot_flox), wanted) != present) {
        if (present)
            add(registry, dot_flox, wanted);
        else
            take_out(registry, dot_flox);
        rc = store(c, registry, e);
    }
    close(lock);
    return rc;
}

void registry_note(struct client *c, const char *dot_flox, const struct fh_envjson *pointer)
{
    struct fh_error ignored;
    (void)!change(c, dot_flox, pointer, true, &ignored);
}

void registry_forget(struct client *c, const char *dot_flox, const struct fh_envjson *pointer)
{
    struct fh_error ignored;
    (void)!change(c, dot_flox, pointer, false, &ignored);
}

static int by_path(const void *x, const void *y)
{
    return strcmp(((const struct registry_env *)x)->dot_flox, ((const struct registry_env *)y)->dot_flox);
}

fh_err registry_read(struct client *c, struct registry_env **out, size_t *n, struct fh_error *e)
{
    json_t *registry, *entry;
    size_t i, found = 0;
    FH_TRY(load(c, &registry, e));
    json_t *entries = json_object_get(registry, "entries");
    struct registry_env *list = fh_alloc(c->arena, (json_array_size(entries) + 1) * sizeof *list);
    json_array_foreach(entries, i, entry)
    {
        const char *path = fh_json_string(entry, "path");
        const json_t *pointer = json_object_get(latest(entry), "pointer");
        struct fh_buf text = FH_BUF_INIT(FH_MAX_BODY_SMALL);
        struct fh_error ignored;
        if (path != NULL && pointer != NULL && disk_is_dir(path) &&
            fh_json_write_compact(pointer, &text, &ignored) == FH_OK &&
            fh_envjson_parse(c->arena, text.data, text.len, "pointer", &list[found].pointer, &ignored) ==
                FH_OK)
            list[found++].dot_flox = path;
        fh_buf_free(&text);
    }
    qsort(list, found, sizeof *list, by_path);
    *out = list;
    *n = found;
    return FH_OK;
}
