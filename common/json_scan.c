/* JSON in one pass. See json_scan.h. */
#include "common/json_scan.h"

#include "common/ceilings.h"

#include <string.h>

void fh_scan_begin(struct fh_scan *s, const char *text, size_t n, char *memory)
{
    *s = (struct fh_scan){.at = text, .end = text + n, .memory = memory};
}

static bool wrong(struct fh_scan *s, const char *why)
{
    if (!s->why)
        s->why = why;
    s->end = s->at; /* nothing more to be read */
    return false;
}

static void skip_space(struct fh_scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

char fh_scan_peek(struct fh_scan *s)
{
    skip_space(s);
    return s->at < s->end ? *s->at : '\0';
}

bool fh_scan_open(struct fh_scan *s, char bracket)
{
    if (fh_scan_peek(s) != bracket)
        return wrong(s, bracket == '{' ? "an object is wanted" : "a list is wanted");
    s->at++;
    s->fresh = true;
    return true;
}

/* Before an item of a list or a key: the comma, or the end. */
static bool next(struct fh_scan *s, char close)
{
    char c = fh_scan_peek(s);
    bool fresh = s->fresh;
    s->fresh = false;
    if (c == close) {
        s->at++;
        return false;
    }
    if (fresh)
        return c ? true : wrong(s, "it ends in the middle");
    if (c != ',')
        return wrong(s, c ? "a comma is wanted" : "it ends in the middle");
    s->at++;
    return true;
}

bool fh_scan_item(struct fh_scan *s)
{
    return next(s, ']');
}

static int hex4(const char *at, const char *end)
{
    int v = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static void put_utf8(char **to, unsigned c)
{
    char *p = *to;
    if (c < 0x80) {
        *p++ = (char)c;
    } else if (c < 0x800) {
        *p++ = (char)(0xc0 | c >> 6);
        *p++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *p++ = (char)(0xe0 | c >> 12);
        *p++ = (char)(0x80 | (c >> 6 & 0x3f));
        *p++ = (char)(0x80 | (c & 0x3f));
    } else {
        *p++ = (char)(0xf0 | c >> 18);
        *p++ = (char)(0x80 | (c >> 12 & 0x3f));
        *p++ = (char)(0x80 | (c >> 6 & 0x3f));
        *p++ = (char)(0x80 | (c & 0x3f));
    }
    *to = p;
}

/* Behind "\u"; six bytes of text make three of UTF-8 at most, twelve make four. */
static bool unicode_escape(struct fh_scan *s, char **to)
{
    int c = hex4(s->at, s->end);
    if (c < 0)
        return wrong(s, "an escape \\u wants four hexadecimal digits");
    s->at += 4;
    if (c == 0)
        return wrong(s, "a string may not hold NUL");
    if (c >= 0xdc00 && c <= 0xdfff)
        return wrong(s, "half of a surrogate pair stands alone");
    if (c < 0xd800 || c > 0xdbff) {
        put_utf8(to, (unsigned)c);
        return true;
    }
    int low = s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u' ? hex4(s->at + 2, s->end) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return wrong(s, "half of a surrogate pair stands alone");
    s->at += 6;
    put_utf8(to, 0x10000u + ((unsigned)(c - 0xd800) << 10) + (unsigned)(low - 0xdc00));
    return true;
}

static bool escape(struct fh_scan *s, char **to)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    if (s->at == s->end)
        return wrong(s, "it ends in the middle of a string");
    char c = *s->at++;
    if (c == 'u')
        return unicode_escape(s, to);
    const char *found = c ? strchr(names, c) : NULL;
    if (!found)
        return wrong(s, "there is no such escape");
    *(*to)++ = means[found - names];
    return true;
}

/* A sequence of two to four bytes: no surrogates, nothing overlong, U+10FFFF at most. */
static bool copy_sequence(struct fh_scan *s, char **to)
{
    const unsigned char *p = (const unsigned char *)s->at;
    size_t left = (size_t)(s->end - s->at), n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    bool good = p[0] >= 0xc2 && p[0] <= 0xf4 && left >= n;
    for (size_t i = 1; good && i < n; i++)
        good = (p[i] & 0xc0) == 0x80;
    if (!good || (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f))
        return wrong(s, "a string is not UTF-8");
    memcpy(*to, p, n);
    *to += n;
    s->at += n;
    return true;
}

/* Eight bytes at once, while none of them is a quote, a backslash, a control character or beyond ASCII: where
 * there is one, a top bit rises (one may also rise beside it, which only costs a slower look). */
static char *copy_plain(struct fh_scan *s, char *to)
{
    static const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    while (s->end - s->at >= 8) {
        uint64_t x;
        memcpy(&x, s->at, sizeof x);
        uint64_t quote = x ^ (ones * '"'), back = x ^ (ones * '\\');
        if (((x - ones * 0x20) | (quote - ones) | (back - ones) | x) & tops)
            break;
        memcpy(to, &x, sizeof x);
        to += sizeof x;
        s->at += sizeof x;
    }
    return to;
}

static bool string(struct fh_scan *s, struct fh_scan_value *v)
{
    char *to = s->memory;
    s->at++;
    *v = (struct fh_scan_value){.kind = FH_SCAN_STRING, .text = to};
    for (;;) {
        to = copy_plain(s, to);
        while (s->at < s->end && (signed char)*s->at >= 0x20 && *s->at != '"' && *s->at != '\\')
            *to++ = *s->at++;
        if (s->at == s->end)
            return wrong(s, "it ends in the middle of a string");
        if (*s->at == '"')
            break;
        if (*s->at == '\\') {
            s->at++;
            if (!escape(s, &to))
                return false;
        } else if ((unsigned char)*s->at < 0x20) {
            return wrong(s, "a string may not hold a control character");
        } else if (!copy_sequence(s, &to)) {
            return false;
        }
    }
    s->at++;
    v->len = (size_t)(to - s->memory);
    *to++ = '\0';
    s->memory = to;
    return true;
}

bool fh_scan_key(struct fh_scan *s, struct fh_scan_value *key)
{
    if (!next(s, '}'))
        return false;
    if (fh_scan_peek(s) != '"')
        return wrong(s, "a key is wanted");
    if (!string(s, key))
        return false;
    if (fh_scan_peek(s) != ':')
        return wrong(s, "a colon is wanted behind a key");
    s->at++;
    return true;
}

static bool is_digit(const struct fh_scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool number(struct fh_scan *s, struct fh_scan_value *v)
{
    bool negative = *s->at == '-', fits = true;
    *v = (struct fh_scan_value){.kind = FH_SCAN_INTEGER};
    s->at += negative;
    if (!is_digit(s))
        return wrong(s, "that is no value");
    if (*s->at == '0') {
        s->at++;
        if (is_digit(s))
            return wrong(s, "a number may not begin with 0");
    }
    for (; is_digit(s); s->at++)
        fits = fits && !__builtin_mul_overflow(v->integer, 10, &v->integer) &&
               !__builtin_sub_overflow(v->integer, *s->at - '0', &v->integer);
    /* Summed up below zero, where there is room for one more. */
    if (!negative && fits)
        fits = !__builtin_sub_overflow((int64_t)0, v->integer, &v->integer);
    if (!fits)
        v->kind = FH_SCAN_NUMBER;
    if (s->at < s->end && *s->at == '.') {
        v->kind = FH_SCAN_NUMBER;
        s->at++;
        if (!is_digit(s))
            return wrong(s, "that is no number");
        while (is_digit(s))
            s->at++;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        v->kind = FH_SCAN_NUMBER;
        s->at++;
        s->at += s->at < s->end && (*s->at == '+' || *s->at == '-');
        if (!is_digit(s))
            return wrong(s, "that is no number");
        while (is_digit(s))
            s->at++;
    }
    return true;
}

static bool word(struct fh_scan *s, const char *text, enum fh_scan_kind kind, struct fh_scan_value *v)
{
    size_t n = strlen(text);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, text, n) != 0)
        return wrong(s, "that is no value");
    s->at += n;
    *v = (struct fh_scan_value){.kind = kind};
    return true;
}

bool fh_scan_scalar(struct fh_scan *s, struct fh_scan_value *v)
{
    switch (fh_scan_peek(s)) {
    case '"':
        return string(s, v);
    case 't':
        return word(s, "true", FH_SCAN_TRUE, v);
    case 'f':
        return word(s, "false", FH_SCAN_FALSE, v);
    case 'n':
        return word(s, "null", FH_SCAN_NULL, v);
    case '{':
    case '[':
        return wrong(s, "a text, a number or a word is wanted");
    case '\0':
        return wrong(s, "it ends in the middle");
    default:
        return number(s, v);
    }
}

/* Without recursion: whether each open bracket is a brace stands in a word of bits. */
const char *fh_scan_skip(struct fh_scan *s)
{
    uint64_t braces = 0;
    int depth = 0;
    struct fh_scan_value v;
    fh_scan_peek(s);
    const char *from = s->at;
    for (;;) {
        char c = fh_scan_peek(s);
        if (c == '{' || c == '[') {
            if (depth == FH_MAX_JSON_DEPTH)
                return wrong(s, "it is nested too deeply"), NULL;
            braces = braces << 1 | (c == '{');
            depth++;
            fh_scan_open(s, c);
        } else if (!fh_scan_scalar(s, &v)) {
            return NULL;
        }
        while (depth > 0 && !((braces & 1) ? fh_scan_key(s, &v) : fh_scan_item(s))) {
            if (s->why)
                return NULL;
            braces >>= 1;
            depth--;
        }
        if (depth == 0)
            return from;
    }
}

bool fh_scan_end(struct fh_scan *s)
{
    if (fh_scan_peek(s) != '\0' || (!s->why && s->at != s->end))
        return wrong(s, "something stands behind its end");
    return s->why == NULL;
}
