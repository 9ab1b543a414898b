/* Version 1 of metadata.json, written by old clients, as version 2: every generation becomes a migrate_v1
 * entry, and a switch follows when the live one is not the last (git-environments §3.4).
 *
 *   {"currentGen":"2","generations":{"1":{"created":S,"lastActive":S|null,"description":"…"},…},"version":1}
 */
#include "common/json_model.h"
#include "common/metadata_parts.h"

struct old_generation {
    int64_t number;
    int64_t created;
    const json_t *last_active; /* an integer, or NULL */
    const char *description;
};

static int by_number(const void *a, const void *b)
{
    const struct old_generation *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static fh_err read_generation(const char *key, const json_t *from, struct old_generation *g,
                              struct fh_error *e)
{
    json_t *number = fh_json_text(key);
    bool known = fh_generation_parse(number, &g->number);
    json_decref(number);
    const json_t *created = json_object_get(from, "created");
    const json_t *last_active = json_object_get(from, "lastActive");
    g->description = fh_json_string(from, "description");
    if (!known || !json_is_integer(created) || !g->description)
        return FH_FAIL(e, FH_INVALID, "metadata.json: generation '%s' is not as version 1 has it.", key);
    g->created = json_integer_value(created);
    g->last_active = json_is_integer(last_active) ? last_active : NULL;
    return FH_OK;
}

static fh_err read_generations(struct fh_arena *a, const json_t *from, struct old_generation **out,
                               size_t *count, struct fh_error *e)
{
    struct old_generation *all = fh_alloc(a, (json_object_size(from) + 1) * sizeof *all);
    size_t n = 0;
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(from), key, value) FH_TRY(read_generation(key, value, &all[n++], e));
    qsort(all, n, sizeof *all, by_number);
    for (size_t i = 0; i < n; i++)
        if (all[i].number != (int64_t)i + 1)
            return FH_FAIL(e, FH_INVALID, "metadata.json: there is a gap in the generations: %zu is missing.",
                           i + 1);
    *out = all;
    *count = n;
    return FH_OK;
}

static fh_err add_switch(json_t *history, const struct old_generation *all, size_t n, int64_t live,
                         struct fh_error *e)
{
    if (live < 1 || live > (int64_t)n)
        return FH_FAIL(e, FH_INVALID, "metadata.json: the current generation is missing.");
    if (live == (int64_t)n)
        return FH_OK;
    if (!all[live - 1].last_active)
        return FH_FAIL(e, FH_INVALID, "metadata.json: the current generation has no time of its last use.");
    struct fh_change c = {.kind = FH_CHANGE_SWITCH,
                          .author = "unknown",
                          .hostname = "unknown",
                          .timestamp = json_integer_value(all[live - 1].last_active),
                          .current = live,
                          .previous = (int64_t)n};
    fh_json_push(history, fh_change_json(&c));
    return FH_OK;
}

fh_err fh_metadata_from_v1(struct fh_arena *a, const json_t *json, const struct fh_metadata **out,
                           struct fh_error *e)
{
    struct old_generation *all = NULL;
    size_t n = 0;
    int64_t live = 0;
    FH_TRY(read_generations(a, json_object_get(json, "generations"), &all, &n, e));
    if (!fh_generation_parse(json_object_get(json, "currentGen"), &live))
        return FH_FAIL(e, FH_INVALID, "metadata.json has no current generation.");
    json_t *made = fh_json_own(a, json_object());
    json_t *history = json_array();
    fh_json_set(made, "version", json_integer(2));
    fh_json_set(made, "history", history);
    fh_json_set(made, "total_generations", json_integer((json_int_t)n));
    for (size_t i = 0; i < n; i++) {
        struct fh_change c = {.kind = FH_CHANGE_MIGRATE_V1,
                              .text = all[i].description,
                              .author = "unknown",
                              .hostname = "unknown",
                              .timestamp = all[i].created,
                              .current = (int64_t)i + 1,
                              .previous = (int64_t)i};
        fh_json_push(history, fh_change_json(&c));
    }
    FH_TRY(add_switch(history, all, n, live, e));
    return fh_metadata_from_json(a, made, 1, out, e);
}
