/* TOML values as JSON and back. See toml_json.h. */
#include "common/toml_json.h"

#include <math.h>

json_t *fh_json_from_toml(const struct fh_toml *value)
{
    json_t *out = NULL;
    switch (value->kind) {
    case FH_TOML_STRING:
        return fh_json_text(value->text);
    case FH_TOML_INTEGER:
        return json_integer(value->integer);
    case FH_TOML_FLOAT:
        return isfinite(value->real) ? json_real(value->real) : json_null();
    case FH_TOML_BOOLEAN:
        return json_boolean(value->boolean);
    case FH_TOML_DATETIME:
        out = json_object();
        fh_json_set(out, "$__toml_private_datetime", fh_json_text(value->text));
        return out;
    case FH_TOML_ARRAY:
        out = json_array();
        for (size_t i = 0; i < value->count; i++)
            fh_json_push(out, fh_json_from_toml(&value->items[i]));
        return out;
    case FH_TOML_TABLE:
        out = json_object();
        for (size_t i = 0; i < value->count; i++)
            fh_json_set(out, value->entries[i].key, fh_json_from_toml(&value->entries[i].value));
        return out;
    case FH_TOML_NULL:
        break;
    }
    return json_null();
}

static int by_key(const void *a, const void *b)
{
    const struct fh_toml_entry *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static struct fh_toml from_object(struct fh_arena *a, json_t *object)
{
    struct fh_toml_entry *entries = fh_alloc(a, (json_object_size(object) + 1) * sizeof *entries);
    size_t n = 0;
    const char *key;
    json_t *item;
    json_object_foreach(object, key, item) entries[n++] =
        (struct fh_toml_entry){.key = key, .value = fh_toml_from_json(a, item)};
    qsort(entries, n, sizeof *entries, by_key);
    return (struct fh_toml){.kind = FH_TOML_TABLE, .entries = entries, .count = n};
}

static struct fh_toml from_array(struct fh_arena *a, const json_t *array)
{
    size_t n = json_array_size(array);
    struct fh_toml *items = fh_alloc(a, (n + 1) * sizeof *items);
    for (size_t i = 0; i < n; i++)
        items[i] = fh_toml_from_json(a, json_array_get(array, i));
    return (struct fh_toml){.kind = FH_TOML_ARRAY, .items = items, .count = n};
}

struct fh_toml fh_toml_from_json(struct fh_arena *a, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return (struct fh_toml){.kind = FH_TOML_STRING, .text = json_string_value(value)};
    case JSON_INTEGER:
        return (struct fh_toml){.kind = FH_TOML_INTEGER, .integer = json_integer_value(value)};
    case JSON_REAL:
        return (struct fh_toml){.kind = FH_TOML_FLOAT, .real = json_real_value(value)};
    case JSON_TRUE:
    case JSON_FALSE:
        return (struct fh_toml){.kind = FH_TOML_BOOLEAN, .boolean = json_is_true(value)};
    case JSON_ARRAY:
        return from_array(a, value);
    case JSON_OBJECT: /* jansson iterates through a pointer that is not const and changes nothing */
        return from_object(a, (json_t *)(uintptr_t)value);
    case JSON_NULL:
        break;
    }
    return (struct fh_toml){.kind = FH_TOML_NULL};
}
