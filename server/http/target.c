/* The target of a request line. See target.h.
 *
 *     raw      //git//alice%2Dx/floxmeta?service=a%20b
 *     segments   git   alice-x  floxmeta            each decoded on its own, empty ones dropped
 *     path     /git/alice-x/floxmeta                a slash at the end is kept: it names something else
 *
 * Decoding happens once, here: libmicrohttpd is told not to (server.c), so nothing can be decoded twice. */
#include "server/http/target.h"

#include "common/ceilings.h"
#include "common/hex.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* The length of the UTF-8 sequence at p (which ends in NUL), 0 when it is overlong, a surrogate or none. */
static size_t utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
               : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return n;
}

static bool is_utf8(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    while (*p) {
        size_t n = utf8_length(p);
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* Decodes n bytes at in to out (room for n + 1) and ends it with NUL. */
static fh_err decode(const char *in, size_t n, bool in_path, char *out, struct fh_error *e)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)in[i];
        if (c == '%') {
            if (n - i < 3 || !fh_hex_decode(in + i + 1, 1, &c))
                return FH_FAIL(e, FH_INVALID,
                               "The URL has a '%%' that is not followed by two hexadecimal digits.");
            i += 2;
        } else if (c == '+' && !in_path) {
            c = ' ';
        }
        if (c == '\0')
            return FH_FAIL(e, FH_INVALID, "The URL has a NUL byte in it.");
        if (in_path && (is_control(c) || c == '\\'))
            return FH_FAIL(e, FH_INVALID, "The path has a control character or a backslash in it.");
        out[len++] = (char)c;
    }
    out[len] = '\0';
    if (!is_utf8(out))
        return FH_FAIL(e, FH_INVALID, "The URL is not UTF-8.");
    return FH_OK;
}

/* Is one of the parts between slashes "." or ".."? */
static bool has_dots(const char *segment)
{
    for (const char *p = segment; p; p = strchr(p, '/'), p = p ? p + 1 : NULL) {
        size_t n = strcspn(p, "/");
        if (n > 0 && n <= 2 && strspn(p, ".") >= n)
            return true;
    }
    return false;
}

static fh_err parse_path(struct fh_arena *a, const char *raw, size_t n, char **out, const char **slash,
                         struct fh_error *e)
{
    char *path = fh_alloc(a, n + 2);
    size_t len = 0;
    for (size_t i = 0; i < n;) {
        while (i < n && raw[i] == '/')
            i++;
        const char *end = memchr(raw + i, '/', n - i);
        size_t size = end ? (size_t)(end - (raw + i)) : n - i;
        path[len++] = '/';
        FH_TRY(decode(raw + i, size, true, path + len, e));
        const char *segment = path + len;
        if (!*slash)
            *slash = strchr(segment, '/');
        if (has_dots(segment))
            return FH_FAIL(e, FH_NOT_FOUND, "There is nothing at this path.");
        len += strlen(segment);
        i += size;
    }
    path[len] = '\0';
    *out = path;
    return FH_OK;
}

static fh_err parse_query(struct fh_arena *a, const char *raw, struct web_target *out, struct fh_error *e)
{
    size_t n = 0;
    for (const char *p = raw; p; p = strchr(p, '&'), p = p ? p + 1 : NULL)
        n++;
    if (n > FH_MAX_QUERY_PAIRS)
        return FH_FAIL(e, FH_TOO_LARGE, "The URL has more than %d query parameters.", FH_MAX_QUERY_PAIRS);
    struct web_pair *pairs = fh_alloc(a, n * sizeof *pairs);
    size_t count = 0;
    for (const char *p = raw; *p;) {
        size_t size = strcspn(p, "&");
        const char *equals = memchr(p, '=', size);
        size_t name_size = equals ? (size_t)(equals - p) : size;
        size_t value_size = equals ? size - name_size - 1 : 0;
        char *name = fh_alloc(a, name_size + 1), *value = fh_alloc(a, value_size + 1);
        FH_TRY(decode(p, name_size, false, name, e));
        FH_TRY(decode(equals ? equals + 1 : "", value_size, false, value, e));
        if (size > 0)
            pairs[count++] = (struct web_pair){name, value};
        p += size;
        p += *p == '&';
    }
    out->query = pairs;
    out->nquery = count;
    return FH_OK;
}

/* The path as text for the log, when it could not be decoded: no byte that could be taken for another. */
static const char *harmless(struct fh_arena *a, const char *raw, size_t n)
{
    char *s = fh_strndup(a, raw, n > 200 ? 200 : n);
    for (char *p = s; *p; p++)
        if (is_control((unsigned char)*p) || (unsigned char)*p >= 0x80)
            *p = '?';
    return s;
}

/* NULL when the path is not below the prefix. */
static const char *without_prefix(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(path, prefix, n) != 0 || (n > 0 && path[n] != '/' && path[n] != '\0'))
        return NULL;
    return path[n] ? path + n : "/";
}

fh_err web_target_parse(struct fh_arena *a, const char *raw, const char *prefix, struct web_target *out,
                        struct fh_error *e)
{
    *out = (struct web_target){.path = "/", .shown = ""};
    if (strncasecmp(raw, "http://", 7) == 0 || strncasecmp(raw, "https://", 8) == 0) {
        raw = strchr(raw, ':') + 3;
        raw += strcspn(raw, "/?#");
    }
    size_t n = strcspn(raw, "?#");
    out->shown = harmless(a, raw, n);
    if (strlen(raw) > FH_MAX_TARGET)
        return FH_FAIL(e, FH_TOO_LARGE, "The URL is longer than %d bytes.", FH_MAX_TARGET);
    if (n > 0 && raw[0] != '/')
        return FH_FAIL(e, FH_INVALID, "The URL does not begin with a slash.");
    char *path;
    FH_TRY(parse_path(a, raw, n, &path, &out->slash, e));
    out->shown = *path ? path : "/";
    out->path = without_prefix(out->shown, prefix);
    if (!out->path)
        return FH_FAIL(e, FH_NOT_FOUND, "There is nothing at this path; the hub is below %s/.", prefix);
    out->shown = out->path;
    if (raw[n] == '?')
        FH_TRY(parse_query(a, fh_strndup(a, raw + n + 1, strcspn(raw + n + 1, "#")), out, e));
    return FH_OK;
}
