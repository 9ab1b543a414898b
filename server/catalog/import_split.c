/* Cutting JSON into pieces. See import_split.h. */
#include "server/catalog/import_split.h"

#include "common/ceilings.h"

#include <string.h>

void catalog_split_init(struct catalog_split *s, catalog_split_piece *piece, void *arg)
{
    *s = (struct catalog_split){.piece = piece, .arg = arg};
    fh_buf_init(&s->buf, FH_MAX_IMPORT_LINE + 2);
}

void catalog_split_free(struct catalog_split *s)
{
    fh_buf_free(&s->buf);
}

static void keep(struct catalog_split *s, const char *bytes, size_t n)
{
    s->too_long =
        s->too_long || s->buf.len + n > FH_MAX_IMPORT_LINE || fh_buf_add(&s->buf, bytes, n, NULL) != FH_OK;
}

static fh_err emit(struct catalog_split *s, struct fh_error *e)
{
    bool whole = !s->too_long;
    if (whole && s->kind != CATALOG_SPLIT_OBJECTS)
        FH_TRY(fh_buf_add_char(&s->buf, '}', e));
    fh_err rc =
        s->piece(s->arg, s->kind, ++s->number, whole ? s->buf.data : "", whole ? s->buf.len : 0, whole, e);
    fh_buf_clear(&s->buf);
    s->too_long = s->something = false;
    return rc;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Between objects. */
static fh_err outside(struct catalog_split *s, char c, struct fh_error *e)
{
    if (is_space(c))
        return FH_OK;
    if (c != '{' || s->ended)
        return FH_FAIL(e, FH_INVALID,
                       s->ended || s->number ? "Something stands behind the JSON object."
                                             : "It is not JSON as nix-env or nix-eval-jobs prints it.");
    s->depth = 1;
    keep(s, "{", 1);
    return FH_OK;
}

/* Directly inside the outermost object: keys, colons, commas, and its end. */
static fh_err at_the_top(struct catalog_split *s, char c, struct fh_error *e)
{
    if (c == '}') {
        s->depth = 0;
        s->ended = s->kind != CATALOG_SPLIT_OBJECTS;
        if (s->kind == CATALOG_SPLIT_OBJECTS) {
            keep(s, &c, 1);
            return emit(s, e);
        }
        if (s->something)
            return emit(s, e);
        fh_buf_clear(&s->buf); /* behind a last comma, or {} */
        return FH_OK;
    }
    if (s->kind == CATALOG_SPLIT_UNKNOWN && s->after_colon && !is_space(c))
        s->kind = c == '{' ? CATALOG_SPLIT_MEMBERS : CATALOG_SPLIT_OBJECTS;
    if (c == ',' && s->kind == CATALOG_SPLIT_MEMBERS) {
        FH_TRY(emit(s, e));
        keep(s, "{", 1);
        return FH_OK;
    }
    s->after_colon = c == ':' || (s->after_colon && is_space(c));
    s->something = s->something || !is_space(c);
    s->in_string = c == '"';
    if (c == '{' || c == '[')
        s->depth++;
    keep(s, &c, 1);
    return FH_OK;
}

/* How many of the bytes are of no meaning here and may be kept as they are. */
static size_t plain(const struct catalog_split *s, const char *bytes, size_t n)
{
    size_t i = 0;
    if (s->escaped || s->depth == 0 || (s->depth == 1 && !s->in_string))
        return 0;
    if (s->in_string)
        while (i < n && bytes[i] != '"' && bytes[i] != '\\')
            i++;
    else
        while (i < n && !memchr("\"{}[]", bytes[i], 5))
            i++;
    return i;
}

static fh_err deeper(struct catalog_split *s, char c)
{
    keep(s, &c, 1);
    if (s->escaped)
        s->escaped = false;
    else if (s->in_string && c == '\\')
        s->escaped = true;
    else if (c == '"')
        s->in_string = !s->in_string;
    else if (!s->in_string && (c == '{' || c == '['))
        s->depth++;
    else if (!s->in_string && (c == '}' || c == ']'))
        s->depth--;
    return FH_OK;
}

fh_err catalog_split_feed(struct catalog_split *s, const char *bytes, size_t n, struct fh_error *e)
{
    for (size_t i = 0; i < n;) {
        size_t run = plain(s, bytes + i, n - i);
        if (run > 0) {
            keep(s, bytes + i, run);
            i += run;
        } else if (s->depth == 0) {
            FH_TRY(outside(s, bytes[i++], e));
        } else if (s->depth == 1 && !s->in_string) {
            FH_TRY(at_the_top(s, bytes[i++], e));
        } else {
            FH_TRY(deeper(s, bytes[i++]));
        }
        if (s->depth > FH_MAX_JSON_DEPTH)
            return FH_FAIL(e, FH_INVALID, "It is nested deeper than %d levels.", FH_MAX_JSON_DEPTH);
    }
    return FH_OK;
}

fh_err catalog_split_end(struct catalog_split *s, struct fh_error *e)
{
    if (s->depth > 0)
        return FH_FAIL(e, FH_INVALID, "It ends in the middle: what printed it did not get to its end.");
    return FH_OK;
}
