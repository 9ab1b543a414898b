/* Writing TOML. See toml_write.h. */
#include "common/toml_write.h"

#include "common/json_model.h"
#include "common/manifest_edit.h"

struct toml_writer {
    struct fh_buf *out;
    struct fh_error *e;
};

/* Lines between three quotes, where nothing but a backslash and the quotes themselves need an escape. */
static fh_err write_lines(struct toml_writer *w, const char *s)
{
    FH_TRY(fh_buf_add_str(w->out, "\"\"\"\n", w->e));
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '\\' || (c == '"' && (s[1] == '"' || !s[1])))
            FH_TRY(fh_buf_addf(w->out, w->e, "\\%c", c));
        else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            FH_TRY(fh_buf_addf(w->out, w->e, "\\u%04X", c));
        else
            FH_TRY(fh_buf_add_char(w->out, *s, w->e));
    }
    return fh_buf_add_str(w->out, "\"\"\"", w->e);
}

static fh_err write_value(struct toml_writer *w, const json_t *value);

static fh_err write_inline(struct toml_writer *w, const json_t *object)
{
    const char *key, *gap = "{ ";
    json_t *item;
    json_object_foreach(fh_json_iterable(object), key, item)
    {
        FH_TRY(fh_buf_add_str(w->out, gap, w->e));
        FH_TRY(fh_toml_quote_key(key, w->out, w->e));
        FH_TRY(fh_buf_add_str(w->out, " = ", w->e));
        FH_TRY(write_value(w, item));
        gap = ", ";
    }
    return fh_buf_add_str(w->out, json_object_size(object) > 0 ? " }" : "{}", w->e);
}

static fh_err write_value(struct toml_writer *w, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        if (strchr(json_string_value(value), '\n'))
            return write_lines(w, json_string_value(value));
        return fh_toml_quote(json_string_value(value), w->out, w->e);
    case JSON_ARRAY:
        FH_TRY(fh_buf_add_char(w->out, '[', w->e));
        for (size_t i = 0; i < json_array_size(value); i++) {
            FH_TRY(fh_buf_add_str(w->out, i > 0 ? ", " : "", w->e));
            FH_TRY(write_value(w, json_array_get(value, i)));
        }
        return fh_buf_add_char(w->out, ']', w->e);
    case JSON_OBJECT:
        return write_inline(w, value);
    case JSON_NULL: /* an infinite number of a plugin's table, which JSON cannot say */
        return fh_buf_add_str(w->out, "nan", w->e);
    default:
        return fh_json_write_compact(value, w->out, w->e);
    }
}

/* The leaves below object as lines of dotted keys; prefix is what stands in front of them. */
static fh_err write_dotted(struct toml_writer *w, const json_t *object, const char *prefix)
{
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(object), key, value)
    {
        struct fh_buf name = FH_BUF_INIT(w->out->ceiling);
        fh_err rc = fh_buf_add_str(&name, prefix, w->e);
        if (rc == FH_OK)
            rc = fh_toml_quote_key(key, &name, w->e);
        if (rc == FH_OK && json_is_object(value)) {
            rc = fh_buf_add_char(&name, '.', w->e);
            if (rc == FH_OK)
                rc = write_dotted(w, value, name.data);
        } else if (rc == FH_OK) {
            rc = fh_buf_addf(w->out, w->e, "%s = ", name.data);
            if (rc == FH_OK)
                rc = write_value(w, value);
            if (rc == FH_OK)
                rc = fh_buf_add_char(w->out, '\n', w->e);
        }
        fh_buf_free(&name);
        FH_TRY(rc);
    }
    return FH_OK;
}

static bool has_leaf(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(fh_json_iterable(object), key,
                        value) if (!json_is_object(value) || has_leaf(value)) return true;
    return false;
}

fh_err fh_toml_write_manifest(const json_t *manifest, struct fh_buf *out, struct fh_error *e)
{
    struct toml_writer w = {.out = out, .e = e};
    const char *key;
    json_t *value;
    for (int sections = 0; sections < 2; sections++) /* what stands in no section goes first */
        json_object_foreach(fh_json_iterable(manifest), key, value)
        {
            if (!sections && !json_is_object(value)) {
                FH_TRY(fh_buf_addf(out, e, "%s = ", key));
                FH_TRY(write_value(&w, value));
                FH_TRY(fh_buf_add_char(out, '\n', e));
            } else if (sections && json_is_object(value) && has_leaf(value)) {
                FH_TRY(fh_buf_addf(out, e, "\n[%s]\n", key));
                FH_TRY(write_dotted(&w, value, ""));
            }
        }
    return FH_OK;
}
