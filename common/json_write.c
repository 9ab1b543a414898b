/* Writing JSON in the two forms of the official client's files: compact, and pretty with two spaces.
 * See json.h. Numbers that are not integers get the shortest digits that read back as the same number. */
#include "common/json.h"

#include <math.h>

struct writer {
    struct fh_buf *out;
    bool pretty;
    struct fh_error *e;
};

fh_err fh_json_write_string(const char *s, size_t n, struct fh_buf *out, struct fh_error *e)
{
    FH_TRY(fh_buf_add_char(out, '"', e));
    size_t start = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        FH_TRY(fh_buf_add(out, s + start, i - start, e));
        start = i + 1;
        static const char letters[] = "btnvfr"; /* of 8…13; JSON has no \v */
        if (c == '"' || c == '\\')
            FH_TRY(fh_buf_addf(out, e, "\\%c", c));
        else if (c >= 8 && c <= 13 && c != 11)
            FH_TRY(fh_buf_addf(out, e, "\\%c", letters[c - 8]));
        else
            FH_TRY(fh_buf_addf(out, e, "\\u%04x", c));
    }
    FH_TRY(fh_buf_add(out, s + start, n - start, e));
    return fh_buf_add_char(out, '"', e);
}

/* The shortest decimal digits of a finite number that read back as it, and its power of ten:
 * 0.d1d2d3… × 10^point. */
static size_t shortest_digits(double value, char digits[20], int *point)
{
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    size_t n = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    *point = (int)strtol(p + 1, NULL, 10) + 1;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

static fh_err write_real(struct writer *w, double value)
{
    char digits[20];
    int point;
    if (signbit(value))
        FH_TRY(fh_buf_add_char(w->out, '-', w->e));
    int n = (int)shortest_digits(fabs(value), digits, &point);
    if (value == 0)
        return fh_buf_add_str(w->out, "0.0", w->e);
    if (point > 0 && point <= 16) {
        int whole = n < point ? n : point;
        FH_TRY(fh_buf_addf(w->out, w->e, "%.*s%.*s.", whole, digits, point - whole, "0000000000000000"));
        return fh_buf_addf(w->out, w->e, "%.*s", n > point ? n - point : 1, n > point ? digits + point : "0");
    }
    if (point > -5 && point <= 0)
        return fh_buf_addf(w->out, w->e, "0.%.*s%.*s", -point, "00000", n, digits);
    return fh_buf_addf(w->out, w->e, "%c%s%.*se%d", digits[0], n > 1 ? "." : "", n - 1, digits + 1,
                       point - 1);
}

static fh_err new_line(struct writer *w, unsigned depth)
{
    if (!w->pretty)
        return FH_OK;
    FH_TRY(fh_buf_add_char(w->out, '\n', w->e));
    for (unsigned i = 0; i < depth; i++)
        FH_TRY(fh_buf_add(w->out, "  ", 2, w->e));
    return FH_OK;
}

static fh_err write_value(struct writer *w, const json_t *value, unsigned depth);

static fh_err write_array(struct writer *w, const json_t *array, unsigned depth)
{
    size_t n = json_array_size(array);
    FH_TRY(fh_buf_add_char(w->out, '[', w->e));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            FH_TRY(fh_buf_add_char(w->out, ',', w->e));
        FH_TRY(new_line(w, depth + 1));
        FH_TRY(write_value(w, json_array_get(array, i), depth + 1));
    }
    if (n > 0)
        FH_TRY(new_line(w, depth));
    return fh_buf_add_char(w->out, ']', w->e);
}

static fh_err write_object(struct writer *w, const json_t *object, unsigned depth)
{
    FH_TRY(fh_buf_add_char(w->out, '{', w->e));
    /* jansson iterates through a pointer that is not const and changes nothing. */
    json_t *iterated = (json_t *)(uintptr_t)object;
    bool first = true;
    for (void *at = json_object_iter(iterated); at; at = json_object_iter_next(iterated, at)) {
        if (!first)
            FH_TRY(fh_buf_add_char(w->out, ',', w->e));
        first = false;
        FH_TRY(new_line(w, depth + 1));
        const char *key = json_object_iter_key(at);
        FH_TRY(fh_json_write_string(key, strlen(key), w->out, w->e));
        FH_TRY(fh_buf_add(w->out, ": ", w->pretty ? 2 : 1, w->e));
        FH_TRY(write_value(w, json_object_iter_value(at), depth + 1));
    }
    if (!first)
        FH_TRY(new_line(w, depth));
    return fh_buf_add_char(w->out, '}', w->e);
}

static fh_err write_value(struct writer *w, const json_t *value, unsigned depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_object(w, value, depth);
    case JSON_ARRAY:
        return write_array(w, value, depth);
    case JSON_STRING:
        return fh_json_write_string(json_string_value(value), json_string_length(value), w->out, w->e);
    case JSON_INTEGER:
        return fh_buf_addf(w->out, w->e, "%lld", (long long)json_integer_value(value));
    case JSON_REAL:
        return write_real(w, json_real_value(value));
    case JSON_TRUE:
        return fh_buf_add_str(w->out, "true", w->e);
    case JSON_FALSE:
        return fh_buf_add_str(w->out, "false", w->e);
    case JSON_NULL:
        return fh_buf_add_str(w->out, "null", w->e);
    }
    return FH_FAIL(w->e, FH_INTERNAL, "A JSON value has an unknown type.");
}

fh_err fh_json_write_compact(const json_t *value, struct fh_buf *out, struct fh_error *e)
{
    struct writer w = {.out = out, .e = e};
    return write_value(&w, value, 0);
}

fh_err fh_json_write_pretty(const json_t *value, struct fh_buf *out, struct fh_error *e)
{
    struct writer w = {.out = out, .pretty = true, .e = e};
    return write_value(&w, value, 0);
}
