/* Cursors of lists. See rest_cursor.h. */
#include "server/rest/rest_cursor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *rest_cursor_make(struct fh_arena *a, const char *key)
{
    size_t n = strlen(key), at = 0;
    char *out = fh_alloc(a, (n + 2) / 3 * 4 + 1);
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        unsigned v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < have ? (unsigned char)key[i + k] : 0u);
        for (size_t k = 0; k <= have; k++)
            out[at++] = digits[v >> (18 - 6 * k) & 63];
    }
    return out;
}

static bool decode(const char *cursor, size_t n, char *out)
{
    unsigned v = 0, bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const char *d = strchr(digits, cursor[i]);
        v = v << 6 | (unsigned)(d ? d - digits : 64);
        if (!d)
            return false;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        out[at] = (char)(v >> bits & 0xff);
        v &= (1u << bits) - 1;
        if (out[at] < ' ' || out[at] > '~')
            return false;
        at++;
    }
    out[at] = '\0';
    return bits < 6 && v == 0; /* no digit too many, and none that another could stand for */
}

fh_err rest_cursor_parse(struct fh_arena *a, const char *cursor, const char **key, struct fh_error *e)
{
    size_t n = strlen(cursor);
    char *text = fh_alloc(a, REST_MAX_KEY + 1);
    if (n == 0 || n > (size_t)REST_MAX_KEY * 4 / 3 || !decode(cursor, n, text))
        return FH_FAIL(e, FH_INVALID, "This cursor is none that this hub gave; begin the list anew.");
    *key = text;
    return FH_OK;
}

fh_err rest_cursor_id(const char *key, int64_t *id, struct fh_error *e)
{
    char *end;
    errno = 0;
    long long n = strtoll(key, &end, 10);
    if (errno || *end || n <= 0 || *key < '1' || *key > '9')
        return FH_FAIL(e, FH_INVALID, "This cursor is none that this list gave; begin the list anew.");
    *id = n;
    return FH_OK;
}
