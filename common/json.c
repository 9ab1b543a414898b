/* Reading JSON strictly. See json.h. */
#include "common/json.h"

#include "common/ceilings.h"
#include "common/mem.h"

struct place {
    unsigned line, column;
};

static struct place place_of(const char *text, size_t offset)
{
    struct place p = {.line = 1, .column = 1};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            p.line++;
            p.column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            p.column++;
        }
    }
    return p;
}

/* What a text may cost, in units of some hundred bytes of jansson's memory at most: eight for an object or an
 * array, one for every other value and key. An empty object takes two bytes of text and 750 of memory. */
static size_t most_units(size_t n)
{
    size_t by_size = n / 12; /* denser than any lock */
    return by_size > FH_MAX_JSON_UNITS ? by_size : FH_MAX_JSON_UNITS;
}

/* jansson recurses to a depth of its own (2048) and takes what memory it wants; ours is checked before it
 * sees the text. */
static fh_err check_shape(const char *text, size_t n, const char *name, struct fh_error *e)
{
    unsigned depth = 0;
    size_t units = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                in_string = false;
            continue;
        }
        if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '[' || text[i] == '{') {
            units += 8;
            if (++depth > FH_MAX_JSON_DEPTH) {
                struct place p = place_of(text, i);
                return FH_FAIL(e, FH_INVALID, "%s:%u:%u: nested deeper than %d levels.", name, p.line,
                               p.column, FH_MAX_JSON_DEPTH);
            }
        } else if ((text[i] == ']' || text[i] == '}') && depth > 0) {
            depth--;
        } else if (text[i] == ',' || text[i] == ':') {
            units++;
        }
    }
    if (units > most_units(n))
        return FH_FAIL(e, FH_TOO_LARGE, "%s: holds too many values.", name);
    return FH_OK;
}

/* jansson's text may quote the input; what a terminal might act on is masked. */
static void mask_controls(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

fh_err fh_json_parse(const char *text, size_t n, const char *name, json_t **out, struct fh_error *e)
{
    FH_TRY(check_shape(text, n, name, e));
    json_error_t error;
    json_t *value = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value) {
        mask_controls(error.text);
        return FH_FAIL(e, FH_INVALID, "%s:%d:%d: not valid JSON: %s.", name, error.line, error.column,
                       error.text);
    }
    *out = value;
    return FH_OK;
}

static void release(void *value)
{
    json_decref(value);
}

json_t *fh_json_own(struct fh_arena *a, json_t *take_value)
{
    fh_defer(a, release, take_value);
    return take_value;
}

const char *fh_json_string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* jansson fails only without memory (or on text that is not UTF-8, which no caller has). */
static void must(bool done)
{
    if (!done)
        abort();
}

void fh_json_set(json_t *object, const char *key, json_t *take_value)
{
    must(take_value && json_object_set_new(object, key, take_value) == 0);
}

void fh_json_push(json_t *array, json_t *take_value)
{
    must(take_value && json_array_append_new(array, take_value) == 0);
}

/* The length of the UTF-8 sequence at s (no surrogates, nothing overlong, U+10FFFF at most); 0: not one. */
static size_t sequence_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || beyond ? 0 : n;
}

json_t *fh_json_text(const char *s)
{
    json_t *value = json_string(s);
    if (value)
        return value;
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    char *clean = fh_xmalloc(3 * strlen(s) + 1), *to = clean;
    while (*s) {
        size_t n = sequence_length((const unsigned char *)s);
        memcpy(to, n > 0 ? s : replacement, n > 0 ? n : 3);
        to += n > 0 ? n : 3;
        s += n > 0 ? n : 1;
    }
    *to = '\0';
    value = json_string(clean);
    free(clean);
    must(value != NULL);
    return value;
}
