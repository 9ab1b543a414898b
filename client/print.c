/* Printing data. */
#include "client/print.h"

#include "client/say.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_JSON_TEXT = 64 * 1024 * 1024 };

/* What JSON leaves as it is and a terminal may act upon: DEL, C1 (C2 80 to C2 9F) and marks of direction (E2
 * 80 8E…, E2 81 A6…). They stand in strings only. Returns how many bytes were replaced. */
static size_t put_escaped(const unsigned char *p, size_t n)
{
    if (p[0] == 0x7f) {
        fputs("\\u007f", stdout);
        return 1;
    }
    if (n >= 2 && p[0] == 0xc2 && p[1] < 0xa0) {
        printf("\\u00%02x", p[1]);
        return 2;
    }
    if (n < 3 || p[0] != 0xe2 || (p[1] != 0x80 && p[1] != 0x81))
        return 0;
    unsigned code = 0x2000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    if (code != 0x200e && code != 0x200f && !(code >= 0x2028 && code <= 0x202e) &&
        !(code >= 0x2066 && code <= 0x2069))
        return 0;
    printf("\\u%04x", code);
    return 3;
}

int print_json(struct client *c, const json_t *value)
{
    struct fh_buf text = FH_BUF_INIT(MAX_JSON_TEXT);
    bool raw = !isatty(STDOUT_FILENO);
    fh_err rc = fh_json_write_pretty(value, &text, &c->e);
    for (size_t i = 0; rc == FH_OK && i < text.len;) {
        size_t replaced = raw ? 0 : put_escaped((const unsigned char *)text.data + i, text.len - i);
        if (replaced == 0)
            putchar(text.data[i++]);
        i += replaced;
    }
    if (rc == FH_OK)
        putchar('\n');
    fh_buf_free(&text);
    return rc == FH_OK ? 0 : say_fail(&c->e);
}

int print_text(struct client *c, const char *text, size_t n)
{
    if (!isatty(STDOUT_FILENO)) {
        fwrite(text, 1, n, stdout);
        return 0;
    }
    for (const char *at = text, *end = text + n; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline != NULL ? newline : end) - at);
        puts(say_safe(c->arena, fh_strndup(c->arena, at, len)));
        at += len + (newline != NULL ? 1 : 0);
    }
    return 0;
}
