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
    }
    return json_null();
}

static int by_key(const void *a, const void *b)
{
    const struct fh_toml_entry *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static fh_err from_object(struct fh_arena *a, json_t *object, const char *name, struct fh_toml *out,
                          struct fh_error *e)
{
    struct fh_toml_entry *entries = fh_alloc(a, (json_object_size(object) + 1) * sizeof *entries);
    const char *key;
    json_t *item;
    out->kind = FH_TOML_TABLE;
    json_object_foreach(object, key, item)
    {
        if (json_is_null(item))
            continue;
        entries[out->count].key = key;
        FH_TRY(fh_toml_from_json(a, item, name, &entries[out->count].value, e));
        out->count++;
    }
    qsort(entries, out->count, sizeof *entries, by_key);
    out->entries = entries;
    return FH_OK;
}

fh_err fh_toml_from_json(struct fh_arena *a, const json_t *value, const char *name, struct fh_toml *out,
                         struct fh_error *e)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        out->kind = FH_TOML_STRING;
        out->text = json_string_value(value);
        return FH_OK;
    case JSON_INTEGER:
        out->kind = FH_TOML_INTEGER;
        out->integer = json_integer_value(value);
        return FH_OK;
    case JSON_REAL:
        out->kind = FH_TOML_FLOAT;
        out->real = json_real_value(value);
        return FH_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        out->kind = FH_TOML_BOOLEAN;
        out->boolean = json_is_true(value);
        return FH_OK;
    case JSON_ARRAY: {
        struct fh_toml *items = fh_alloc(a, (json_array_size(value) + 1) * sizeof *items);
        for (size_t i = 0; i < json_array_size(value); i++)
            FH_TRY(fh_toml_from_json(a, json_array_get(value, i), name, &items[i], e));
        out->kind = FH_TOML_ARRAY;
        out->items = items;
        out->count = json_array_size(value);
        return FH_OK;
    }
    case JSON_OBJECT: /* jansson iterates through a pointer that is not const and changes nothing */
        return from_object(a, (json_t *)(uintptr_t)value, name, out, e);
    case JSON_NULL:
        break;
    }
    return FH_FAIL(e, FH_INVALID, "%s: a null stands where a manifest can have none.", name);
}
