/* A request's JSON body held against a table. See rest_body.h. */
#include "server/rest/rest_body.h"

#include "common/buf.h"
#include "common/json.h"

#include <string.h>

enum { SHOWN_NAME = 60, MAX_LIST = 400 };

struct rest_body {
    json_t *object;
};

static const struct rest_member *find(const struct rest_member *members, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

/* "owner, name and scope", for a sentence. */
static const char *list_of(struct fh_arena *a, const struct rest_member *members, size_t count)
{
    char text[MAX_LIST] = "";
    size_t at = 0;
    for (size_t i = 0; i < count && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s",
                               i == 0           ? ""
                               : i + 1 == count ? " and "
                                                : ", ",
                               members[i].name);
    return fh_strdup(a, text);
}

static fh_err refuse_unknown(struct fh_arena *a, const char *name, const struct rest_member *members,
                             size_t count, struct fh_error *e)
{
    char shown[SHOWN_NAME + 1];
    snprintf(shown, sizeof shown, "%s", name);
    for (char *p = shown; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
            *p = '?';
    if (count == 0)
        return FH_FAIL(e, FH_INVALID, "This request has no members, but \"%s\" was sent.", shown);
    return FH_FAIL(e, FH_INVALID, "This request has no member \"%s\"; what it may have is %s.", shown,
                   list_of(a, members, count));
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return true;
    return false;
}

static fh_err check_text(const struct rest_member *m, const json_t *value, struct fh_error *e)
{
    const char *text = json_string_value(value);
    if (!text)
        return FH_FAIL(e, FH_INVALID, "\"%s\" must be a string.", m->name);
    size_t n = json_string_length(value);
    if (n > m->max)
        return FH_FAIL(e, m->type == REST_TEXT ? FH_TOO_LARGE : FH_INVALID,
                       "\"%s\" is longer than %zu bytes.", m->name, m->max);
    if (m->type == REST_LINE && (n == 0 || has_control(text)))
        return FH_FAIL(e, FH_INVALID, "\"%s\" must be one line of text, and not an empty one.", m->name);
    return FH_OK;
}

static fh_err check_enum(struct fh_arena *a, const struct rest_member *m, const json_t *value,
                         struct fh_error *e)
{
    const char *text = json_string_value(value), *all = "";
    size_t n = 0;
    while (m->values[n])
        n++;
    for (size_t i = 0; i < n; i++) {
        if (text && strcmp(text, m->values[i]) == 0)
            return FH_OK;
        all = fh_sprintf(a, "%s%s%s", all, i == 0 ? "" : i + 1 == n ? " or " : ", ", m->values[i]);
    }
    return FH_FAIL(e, FH_INVALID, "\"%s\" must be %s.", m->name, all);
}

static fh_err check_value(struct fh_arena *a, const struct rest_member *m, const json_t *value,
                          struct fh_error *e)
{
    static const int64_t exact = (int64_t)1 << 53;
    switch (m->type) {
    case REST_LINE:
    case REST_TEXT:
        return check_text(m, value, e);
    case REST_ENUM:
        return check_enum(a, m, value, e);
    case REST_INT:
        if (json_is_integer(value) && json_integer_value(value) >= 1 && json_integer_value(value) <= exact)
            return FH_OK;
        return FH_FAIL(e, FH_INVALID, "\"%s\" must be a whole number, 1 or more.", m->name);
    case REST_BOOL:
        if (json_is_boolean(value))
            return FH_OK;
        return FH_FAIL(e, FH_INVALID, "\"%s\" must be true or false.", m->name);
    case REST_OBJECT:
        if (json_is_object(value))
            return FH_OK;
        return FH_FAIL(e, FH_INVALID, "\"%s\" must be an object.", m->name);
    }
    return FH_FAIL(e, FH_INTERNAL, "\"%s\" is of no known type.", m->name);
}

static fh_err check(struct fh_arena *a, json_t *object, const struct rest_member *members, size_t count,
                    struct fh_error *e)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return FH_FAIL(e, FH_INVALID, "The request's body must be a JSON object.");
    json_object_foreach(object, key, value)
    {
        const struct rest_member *m = find(members, count, key);
        if (!m)
            return refuse_unknown(a, key, members, count, e);
        if (!json_is_null(value))
            FH_TRY(check_value(a, m, value, e));
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *v = json_object_get(object, members[i].name);
        if (members[i].required && (!v || json_is_null(v)))
            return FH_FAIL(e, FH_INVALID, "The request needs the member \"%s\".", members[i].name);
    }
    return FH_OK;
}

fh_err rest_body_parse(struct fh_arena *a, const char *bytes, size_t n, const struct rest_member *members,
                       size_t count, const struct rest_body **out, struct fh_error *e)
{
    json_t *object = NULL;
    if (n > 0)
        FH_TRY(fh_json_parse(bytes, n, "body", &object, e));
    else
        object = json_object();
    fh_json_own(a, object);
    FH_TRY(check(a, object, members, count, e));
    struct rest_body *b = fh_alloc(a, sizeof *b);
    b->object = object;
    *out = b;
    return FH_OK;
}

static json_t *get(const struct rest_body *b, const char *name)
{
    json_t *v = json_object_get(b->object, name);
    return v && !json_is_null(v) ? v : NULL;
}

bool rest_body_has(const struct rest_body *b, const char *name)
{
    return get(b, name) != NULL;
}

const char *rest_body_text(const struct rest_body *b, const char *name)
{
    return json_string_value(get(b, name));
}

int64_t rest_body_int(const struct rest_body *b, const char *name)
{
    return json_integer_value(get(b, name));
}

bool rest_body_is_true(const struct rest_body *b, const char *name)
{
    return json_is_true(get(b, name));
}

struct json_t *rest_body_object(const struct rest_body *b, const char *name)
{
    return get(b, name);
}
