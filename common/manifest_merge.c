/* Merging manifests, as their JSON: one pair after the other, the later one on top. See manifest_merge.h. The
 * order of keys does not matter here: reading the result puts them in the tables' order. */
#include "common/manifest_merge.h"

#include "common/json_model.h"

enum { MAX_PATH = 4 }; /* containerize, config, labels, <key> */

struct merger {
    struct fh_arena *arena;
    const char *winner; /* the name of the one on top */
    struct fh_override *overrides;
    size_t count, room;
};

static const char *const options_path[] = {"options", NULL};
static const char *const allow_path[] = {"options", "allow", NULL};
static const char *const semver_path[] = {"options", "semver", NULL};
static const char *const activate_path[] = {"options", "activate", NULL};
static const char *const config_path[] = {"containerize", "config", NULL};
static const char *const labels_path[] = {"containerize", "config", "labels", NULL};
static const char *const no_path[] = {NULL};

static void note_override(struct merger *g, const char *const *path, const char *key)
{
    const char **parts = fh_alloc(g->arena, (MAX_PATH + 1) * sizeof *parts);
    size_t n = 0;
    for (; path[n]; n++)
        parts[n] = path[n];
    parts[n++] = fh_strdup(g->arena, key);
    if (g->count == g->room) {
        size_t room = g->room > 0 ? 2 * g->room : 16;
        struct fh_override *more = fh_alloc(g->arena, room * sizeof *more);
        for (size_t i = 0; i < g->count; i++)
            more[i] = g->overrides[i];
        g->overrides = more;
        g->room = room;
    }
    g->overrides[g->count++] =
        (struct fh_override){.path = {.count = n, .items = parts}, .winner = g->winner};
}

static void put(json_t *out, const char *key, const json_t *value)
{
    if (value)
        fh_json_set(out, key, json_deep_copy(value));
}

/* One value: the upper one where there is one. */
static void put_upper(struct merger *g, json_t *out, const char *const *path, const char *key,
                      const json_t *low, const json_t *high)
{
    const json_t *below = json_object_get(low, key), *above = json_object_get(high, key);
    if (below && above)
        note_override(g, path, key);
    put(out, key, above ? above : below);
}

static int by_winner_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The maps at key united; the keys in both are noted in order. skip: a key that is not one of the map's. */
static void put_union(struct merger *g, json_t *out, const char *const *path, const char *key,
                      const json_t *low, const json_t *high, const char *skip)
{
    const json_t *below = json_object_get(low, key), *above = json_object_get(high, key);
    if (!below || !above) {
        put(out, key, above ? above : below);
        return;
    }
    json_t *both = json_deep_copy(below), *value;
    const char *name;
    const char **shared = fh_alloc(g->arena, (json_object_size(above) + 1) * sizeof *shared);
    size_t n = 0;
    json_object_foreach(fh_json_iterable(above), name, value)
    {
        if (json_object_get(below, name) && !(skip && strcmp(name, skip) == 0))
            shared[n++] = name;
        put(both, name, value);
    }
    qsort(shared, n, sizeof *shared, by_winner_key);
    for (size_t i = 0; i < n; i++)
        note_override(g, path, shared[i]);
    fh_json_set(out, key, both);
}

/* Two lists without an order of their own; reading the result sorts it. */
static void put_set(json_t *out, const char *key, const json_t *low, const json_t *high)
{
    const json_t *below = json_object_get(low, key), *above = json_object_get(high, key);
    if (!below || !above) {
        put(out, key, above ? above : below);
        return;
    }
    json_t *both = json_deep_copy(below);
    for (size_t i = 0; i < json_array_size(above); i++)
        fh_json_push(both, json_incref(json_array_get(above, i)));
    fh_json_set(out, key, both);
}

/* Scripts: both, the first in front of a line break and the second. */
static void put_joined(struct merger *g, json_t *out, const char *key, const json_t *first,
                       const json_t *second)
{
    const char *a = fh_json_string(first, key), *b = fh_json_string(second, key);
    if (a && b)
        fh_json_set(out, key, fh_json_text(fh_sprintf(g->arena, "%s\n%s", a, b)));
    else if (a || b)
        fh_json_set(out, key, fh_json_text(a ? a : b));
}

static void put_scripts(struct merger *g, json_t *out, const json_t *first, const json_t *second)
{
    static const char *const shells[] = {"common", "bash", "zsh", "fish", "tcsh"};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        put_joined(g, out, shells[i], first, second);
}

static void put_hook(struct merger *g, json_t *out, const json_t *low, const json_t *high)
{
    const json_t *below = json_object_get(low, "hook"), *above = json_object_get(high, "hook");
    if (!below && !above)
        return;
    json_t *hook = json_object();
    put_joined(g, hook, "on-activate", below, above);
    put_joined(g, hook, "on-deactivate", above, below); /* what came last is left first */
    fh_json_set(out, "hook", hook);
}

static void put_profile(struct merger *g, json_t *out, const json_t *low, const json_t *high)
{
    const json_t *below = json_object_get(low, "profile"), *above = json_object_get(high, "profile");
    if (!below && !above)
        return;
    json_t *profile = json_object();
    put_scripts(g, profile, below, above);
    const json_t *leave_below = json_object_get(below, "deactivate");
    const json_t *leave_above = json_object_get(above, "deactivate");
    if (leave_below || leave_above) {
        json_t *leave = json_object();
        put_scripts(g, leave, leave_above, leave_below);
        fh_json_set(profile, "deactivate", leave);
    }
    fh_json_set(out, "profile", profile);
}

/* The order of the fields is the order of the overrides in a lock. */
static void put_options(struct merger *g, json_t *out, const json_t *low, const json_t *high)
{
    const json_t *below = json_object_get(low, "options"), *above = json_object_get(high, "options");
    json_t *options = json_object(), *activate = json_object(), *allow = json_object(),
           *semver = json_object();
#define INNER(name) json_object_get(below, name), json_object_get(above, name)
    put_upper(g, activate, activate_path, "mode", INNER("activate"));
    put_upper(g, allow, allow_path, "unfree", INNER("allow"));
    put_upper(g, allow, allow_path, "broken", INNER("allow"));
    put_upper(g, allow, allow_path, "licenses", INNER("allow"));
    put_upper(g, semver, semver_path, "allow-pre-releases", INNER("semver"));
#undef INNER
    put_upper(g, options, options_path, "cuda-detection", below, above);
    put_upper(g, options, options_path, "systems", below, above);
    fh_json_set(options, "activate", activate);
    fh_json_set(options, "allow", allow);
    fh_json_set(options, "semver", semver);
    fh_json_set(out, "options", options);
}

static void put_services(struct merger *g, json_t *out, const json_t *low, const json_t *high)
{
    static const char *const path[] = {"services", NULL};
    put_union(g, out, path, "services", low, high, "auto-start");
}

static void put_containerize(struct merger *g, json_t *out, const json_t *low, const json_t *high)
{
    const json_t *below = json_object_get(low, "containerize");
    const json_t *above = json_object_get(high, "containerize");
    if (!below || !above) {
        put(out, "containerize", above ? above : below);
        return;
    }
    json_t *containerize = json_object();
    below = json_object_get(below, "config");
    above = json_object_get(above, "config");
    if (below && above) {
        json_t *config = json_object();
        put_upper(g, config, config_path, "user", below, above);
        put_upper(g, config, config_path, "cmd", below, above);
        put_upper(g, config, config_path, "working-dir", below, above);
        put_union(g, config, labels_path, "labels", below, above, NULL);
        put_upper(g, config, config_path, "stop-signal", below, above);
        put_set(config, "exposed-ports", below, above);
        put_set(config, "volumes", below, above);
        fh_json_set(containerize, "config", config);
    } else {
        put(containerize, "config", above ? above : below);
    }
    fh_json_set(out, "containerize", containerize);
}

static json_t *merge_pair(struct merger *g, const json_t *low, const json_t *high)
{
    static const char *const install[] = {"install", NULL}, *const vars[] = {"vars", NULL},
                             *const build[] = {"build", NULL}, *const plugins[] = {"plugins", NULL};
    json_t *out = json_object();
    put(out, "schema-version", json_object_get(high, "schema-version"));
    put_upper(g, out, no_path, "minimum-cli-version", low, high);
    put_union(g, out, install, "install", low, high, NULL);
    put_union(g, out, vars, "vars", low, high, NULL);
    put_hook(g, out, low, high);
    put_profile(g, out, low, high);
    put_options(g, out, low, high);
    put_services(g, out, low, high);
    put_union(g, out, build, "build", low, high, NULL);
    put_containerize(g, out, low, high);
    put_union(g, out, plugins, "plugins", low, high, NULL);
    return out;
}

fh_err fh_manifest_merge(struct fh_arena *a, const struct fh_manifest *composer,
                         const struct fh_included *includes, size_t n, struct fh_merged *out,
                         struct fh_error *e)
{
    struct merger g = {.arena = a};
    const json_t *low = n > 0 ? includes[0].manifest->json : composer->json;
    json_t *merged = NULL; /* what low is, but for the first */
    for (size_t i = 1; i <= n; i++) {
        g.winner = i < n ? includes[i].name : FH_COMPOSER_NAME;
        json_t *next = merge_pair(&g, low, i < n ? includes[i].manifest->json : composer->json);
        json_decref(merged);
        low = merged = next;
    }
    out->noverrides = g.count;
    out->overrides = g.overrides;
    return fh_manifest_from_json(a, merged ? fh_json_own(a, merged) : low, "the merged manifest",
                                 &out->manifest, e);
}
