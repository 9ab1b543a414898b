/* Reading metadata.json, version 2. See metadata.h; format: git-environments §3.2. Version 1 is made into
 * version 2 first (metadata_v1.c). */
#include "common/metadata.h"

#include "common/ceilings.h"
#include "common/json_model.h"
#include "common/metadata_parts.h"

/* One more than this still fits the ids that fh_generation_parse reads. */
#define MAX_TOTAL INT64_C(999999999999999)

struct history_reader {
    struct fh_arena *arena;
    size_t index; /* of the entry, for messages */
    struct fh_error *e;
};

static fh_err wrong_entry(struct history_reader *r, const char *key, const char *expected)
{
    return FH_FAIL(r->e, FH_INVALID, "metadata.json: '%s' of history entry %zu is not %s.", key, r->index,
                   expected);
}

bool fh_generation_parse(const json_t *value, int64_t *out)
{
    const char *text = json_string_value(value);
    if (!text)
        return false;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 16 || text[digits])
        return false;
    *out = strtoll(text, NULL, 10);
    return true;
}

static bool all_strings(const json_t *array)
{
    const json_t *item;
    size_t i;
    json_array_foreach(array, i, item) if (!json_is_string(item)) return false;
    return json_is_array(array);
}

/* A known kind whose own fields are not as known counts as an unknown one, as the official client has it. */
static enum fh_change_kind find_kind(const json_t *entry, const char *text)
{
    for (enum fh_change_kind kind = 0; kind < FH_CHANGE_UNKNOWN; kind++) {
        const struct fh_change_shape *shape = &fh_change_shapes[kind];
        if (strcmp(text, shape->name) != 0)
            continue;
        if (shape->has_targets && !all_strings(json_object_get(entry, "targets")))
            return FH_CHANGE_UNKNOWN;
        if (shape->text_key && !json_is_string(json_object_get(entry, shape->text_key)))
            return FH_CHANGE_UNKNOWN;
        return kind;
    }
    return FH_CHANGE_UNKNOWN;
}

static fh_err read_command(struct history_reader *r, const json_t *command, struct fh_change *c)
{
    if (!command || json_is_null(command))
        return FH_OK;
    if (!all_strings(command))
        return wrong_entry(r, "command", "a list of strings");
    struct fh_strings words = fh_json_strings(r->arena, command);
    c->has_command = true;
    c->ncommand = words.count;
    c->command = words.items;
    return FH_OK;
}

static fh_err read_change(struct history_reader *r, const json_t *entry, struct fh_change *c)
{
    c->kind_text = fh_json_string(entry, "kind");
    c->author = fh_json_string(entry, "author");
    c->hostname = fh_json_string(entry, "hostname");
    const json_t *timestamp = json_object_get(entry, "timestamp");
    const json_t *previous = json_object_get(entry, "previous_generation");
    if (!c->kind_text)
        return wrong_entry(r, "kind", "a string");
    if (!c->author)
        return wrong_entry(r, "author", "a string");
    if (!c->hostname)
        return wrong_entry(r, "hostname", "a string");
    if (!json_is_integer(timestamp))
        return wrong_entry(r, "timestamp", "an integer");
    if (!fh_generation_parse(json_object_get(entry, "current_generation"), &c->current))
        return wrong_entry(r, "current_generation", "a number in a string");
    if (previous && !json_is_null(previous) && !fh_generation_parse(previous, &c->previous))
        return wrong_entry(r, "previous_generation", "a number in a string or null");
    FH_TRY(read_command(r, json_object_get(entry, "command"), c));
    c->timestamp = json_integer_value(timestamp);
    c->kind = find_kind(entry, c->kind_text);
    if (c->kind == FH_CHANGE_UNKNOWN)
        return FH_OK;
    const struct fh_change_shape *shape = &fh_change_shapes[c->kind];
    if (shape->has_targets) {
        struct fh_strings targets = fh_json_strings(r->arena, json_object_get(entry, "targets"));
        c->ntargets = targets.count;
        c->targets = targets.items;
    }
    if (shape->text_key)
        c->text = fh_json_string(entry, shape->text_key);
    return FH_OK;
}

fh_err fh_metadata_from_json(struct fh_arena *a, const json_t *json, int version,
                             const struct fh_metadata **out, struct fh_error *e)
{
    const json_t *history = json_object_get(json, "history");
    const json_t *total = json_object_get(json, "total_generations");
    if (!json_is_array(history))
        return FH_FAIL(e, FH_INVALID, "metadata.json: 'history' is not a list.");
    if (!json_is_integer(total) || json_integer_value(total) < 0 || json_integer_value(total) > MAX_TOTAL)
        return FH_FAIL(e, FH_INVALID, "metadata.json: 'total_generations' is not a number of generations.");
    struct fh_metadata *m = fh_alloc(a, sizeof *m);
    struct fh_change *changes = fh_alloc(a, (json_array_size(history) + 1) * sizeof *changes);
    struct history_reader r = {.arena = a, .e = e};
    for (; r.index < json_array_size(history); r.index++)
        FH_TRY(read_change(&r, json_array_get(history, r.index), &changes[r.index]));
    m->version = version;
    m->nchanges = r.index;
    m->changes = changes;
    m->total = json_integer_value(total);
    m->live = m->nchanges > 0 ? changes[m->nchanges - 1].current : 0;
    m->json = json;
    *out = m;
    return FH_OK;
}

/* Version 1 is told by its generations; its version number may be missing (§3.4). */
static fh_err read_any(struct fh_arena *a, const json_t *json, const struct fh_metadata **out,
                       struct fh_error *e)
{
    if (!json_is_object(json))
        return FH_FAIL(e, FH_INVALID, "metadata.json is not a JSON object.");
    const json_t *version = json_object_get(json, "version");
    json_int_t number = json_integer_value(version);
    if (json_is_object(json_object_get(json, "generations")) &&
        (!version || json_is_null(version) || (json_is_integer(version) && number == 1)))
        return fh_metadata_from_v1(a, json, out, e);
    if (!json_is_integer(version))
        return FH_FAIL(e, FH_INVALID, "metadata.json has no 'version' number.");
    if (number == 2)
        return fh_metadata_from_json(a, json, 2, out, e);
    if (number == 1)
        return FH_FAIL(e, FH_INVALID, "metadata.json says version 1 and does not look like it.");
    return FH_FAIL(e, FH_INVALID,
                   "metadata.json has version %lld, which is not known here: a newer program wrote it.",
                   (long long)number);
}

fh_err fh_metadata_parse(struct fh_arena *a, const char *text, size_t n, const struct fh_metadata **out,
                         struct fh_error *e)
{
    json_t *json = NULL;
    if (n > FH_MAX_METADATA)
        return FH_FAIL(e, FH_TOO_LARGE, "metadata.json is larger than %d bytes.", FH_MAX_METADATA);
    FH_TRY(fh_json_parse(text, n, "metadata.json", &json, e));
    return read_any(a, fh_json_own(a, json), out, e);
}

fh_err fh_metadata_write(const struct fh_metadata *m, struct fh_buf *out, struct fh_error *e)
{
    return fh_json_write_compact(m->json, out, e);
}
