/* Changes: what they are called, how they are written, and how one is added. See metadata.h. */
#include "common/ceilings.h"
#include "common/json_model.h"
#include "common/metadata_parts.h"

const struct fh_change_shape fh_change_shapes[FH_CHANGE_UNKNOWN] = {
    [FH_CHANGE_IMPORT] = {.name = "import", .fixed = "imported environment"},
    [FH_CHANGE_INITIALIZE] = {.name = "initialize", .fixed = "initialized new environment"},
    [FH_CHANGE_MIGRATE_V1] = {.name = "migrate_v1", .text_key = "description"},
    [FH_CHANGE_INSTALL] = {.name = "install", .has_targets = true, .verb = "installed", .object = "package"},
    [FH_CHANGE_UNINSTALL] = {.name = "uninstall",
                             .has_targets = true,
                             .verb = "uninstalled",
                             .object = "package"},
    [FH_CHANGE_EDIT] = {.name = "edit", .fixed = "manually edited the manifest"},
    [FH_CHANGE_UPGRADE] = {.name = "upgrade",
                           .has_targets = true,
                           .verb = "upgraded",
                           .object = "package",
                           .all = "upgraded all packages"},
    [FH_CHANGE_INCLUDE_UPGRADE] = {.name = "include_upgrade",
                                   .has_targets = true,
                                   .verb = "upgraded",
                                   .object = "included environment",
                                   .all = "upgraded all included environments"},
    [FH_CHANGE_SWITCH] = {.name = "switch_generation"},
    [FH_CHANGE_OTHER] = {.name = "other", .text_key = "summary"},
};

bool fh_change_creates(const struct fh_change *c)
{
    return c->kind != FH_CHANGE_SWITCH;
}

static size_t targets_size(const struct fh_change *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->ntargets; i++)
        n += strlen(c->targets[i]) + sizeof ", ''";
    return n;
}

/* installed package 'a' / installed packages 'a', 'b' */
static const char *targets_text(struct fh_arena *a, const struct fh_change_shape *shape,
                                const struct fh_change *c)
{
    if (c->ntargets == 0 && shape->all)
        return shape->all;
    size_t size = targets_size(c) + strlen(shape->verb) + strlen(shape->object) + sizeof "  s ";
    char *text = fh_alloc(a, size);
    size_t used =
        (size_t)snprintf(text, size, "%s %s%s ", shape->verb, shape->object, c->ntargets < 2 ? "" : "s");
    for (size_t i = 0; i < c->ntargets; i++)
        used += (size_t)snprintf(text + used, size - used, "%s'%s'", i > 0 ? ", " : "", c->targets[i]);
    return text;
}

const char *fh_change_text(struct fh_arena *a, const struct fh_change *c)
{
    switch (c->kind) {
    case FH_CHANGE_UNKNOWN:
        return fh_sprintf(a, "performed unknown %s operation", c->kind_text);
    case FH_CHANGE_OTHER:
        return c->text;
    case FH_CHANGE_MIGRATE_V1:
        return fh_sprintf(a, "%s [metadata migrated]", c->text);
    case FH_CHANGE_SWITCH:
        if (c->previous == 0) /* against the rules, and the official client would abort */
            return fh_sprintf(a, "changed current generation to %lld", (long long)c->current);
        return fh_sprintf(a, "changed current generation %lld -> %lld", (long long)c->previous,
                          (long long)c->current);
    default:
        break;
    }
    const struct fh_change_shape *shape = &fh_change_shapes[c->kind];
    return shape->has_targets ? targets_text(a, shape, c) : shape->fixed;
}

const char *fh_change_message(struct fh_arena *a, const struct fh_change *c)
{
    const char *text = fh_change_text(a, c);
    if (!fh_change_creates(c))
        return text;
    return fh_sprintf(a, "Create generation %lld\n\n%s", (long long)c->current, text);
}

const char *fh_metadata_root_message(struct fh_arena *a, const char *env)
{
    return fh_sprintf(a, "Initialize generations branch for environment '%s'", env);
}

json_t *fh_generation_json(int64_t generation)
{
    char text[24];
    if (generation == 0)
        return json_null();
    snprintf(text, sizeof text, "%lld", (long long)generation);
    return fh_json_text(text);
}

static json_t *string_array(const char *const *items, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        fh_json_push(array, fh_json_text(items[i]));
    return array;
}

json_t *fh_change_json(const struct fh_change *c)
{
    const struct fh_change_shape *shape = &fh_change_shapes[c->kind];
    json_t *entry = json_object();
    fh_json_set(entry, "kind", fh_json_text(shape->name));
    if (shape->has_targets)
        fh_json_set(entry, "targets", string_array(c->targets, c->ntargets));
    if (shape->text_key)
        fh_json_set(entry, shape->text_key, fh_json_text(c->text));
    fh_json_set(entry, "author", fh_json_text(c->author));
    fh_json_set(entry, "hostname", fh_json_text(c->hostname));
    fh_json_set(entry, "command", c->has_command ? string_array(c->command, c->ncommand) : json_null());
    fh_json_set(entry, "timestamp", json_integer(c->timestamp));
    fh_json_set(entry, "current_generation", fh_generation_json(c->current));
    fh_json_set(entry, "previous_generation", fh_generation_json(c->previous));
    return entry;
}

/* Sets the generations of a new change by what it is. */
static fh_err place_change(const struct fh_metadata *m, struct fh_change *c, struct fh_error *e)
{
    if (c->kind >= FH_CHANGE_UNKNOWN)
        return FH_FAIL(e, FH_INTERNAL, "A change of unknown kind cannot be added to metadata.json.");
    c->previous = m->live;
    if (c->kind != FH_CHANGE_SWITCH) {
        c->current = m->total + 1;
        return FH_OK;
    }
    if (m->live == 0)
        return FH_FAIL(e, FH_INVALID, "The environment has no generations to switch to.");
    if (c->current == m->live)
        return FH_FAIL(e, FH_INVALID, "Generation %lld is already live.", (long long)c->current);
    if (c->current < 1 || c->current > m->total)
        return FH_FAIL(e, FH_INVALID, "Generation %lld does not exist.", (long long)c->current);
    return FH_OK;
}

/* A copy of json with one more entry: our keys first and in order, then those we do not know. */
static json_t *extended(const struct fh_metadata *m, json_t *take_entry, int64_t total)
{
    static const char *const known[] = {"version", "history", "total_generations"};
    json_t *json = json_object();
    json_t *history = json_copy(fh_json_iterable(json_object_get(m->json, "history")));
    fh_json_push(history, take_entry);
    fh_json_set(json, known[0], json_integer(2));
    fh_json_set(json, known[1], history);
    fh_json_set(json, known[2], json_integer(total));
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(m->json), key, value) if (!json_object_get(json, key))
        fh_json_set(json, key, json_incref(value));
    return json;
}

fh_err fh_metadata_append(struct fh_arena *a, const struct fh_metadata *m, const struct fh_change *change,
                          const struct fh_metadata **out, struct fh_error *e)
{
    struct fh_change placed = *change;
    FH_TRY(place_change(m, &placed, e));
    if (placed.has_command && placed.ncommand > 0) { /* its first word is always the official client's name */
        const char **command = fh_memdup(a, placed.command, placed.ncommand * sizeof *command);
        command[0] = "flox";
        placed.command = command;
    }
    int64_t total = fh_change_creates(&placed) ? m->total + 1 : m->total;
    json_t *json = fh_json_own(a, extended(m, fh_change_json(&placed), total));
    return fh_metadata_from_json(a, json, 2, out, e);
}

const struct fh_metadata *fh_metadata_new(struct fh_arena *a)
{
    json_t *json = fh_json_own(a, json_object());
    struct fh_metadata *m = fh_alloc(a, sizeof *m);
    fh_json_set(json, "version", json_integer(2));
    fh_json_set(json, "history", json_array());
    fh_json_set(json, "total_generations", json_integer(0));
    *m = (struct fh_metadata){.version = 2, .json = json};
    return m;
}
