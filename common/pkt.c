/* pkt-lines: reading them in place and writing them into a buffer (gitprotocol-common, "pkt-line Format"). */
#include "common/pkt.h"

#include "common/ceilings.h"

#include <stdarg.h>
#include <stdint.h>

enum { PKT_HEAD = 4, PKT_MAX_DATA = FH_MAX_PKT - PKT_HEAD };

size_t fh_pkt_text_len(const struct fh_pkt *p)
{
    return p->len > 0 && p->data[p->len - 1] == '\n' ? p->len - 1 : p->len;
}

bool fh_pkt_is(const struct fh_pkt *p, const char *text)
{
    size_t n = strlen(text);
    return p->kind == FH_PKT_DATA && fh_pkt_text_len(p) == n && (n == 0 || memcmp(p->data, text, n) == 0);
}

const char *fh_pkt_after(const struct fh_pkt *p, const char *prefix, size_t *rest)
{
    size_t n = strlen(prefix), len = fh_pkt_text_len(p);
    if (p->kind != FH_PKT_DATA || len < n || (n > 0 && memcmp(p->data, prefix, n) != 0))
        return NULL;
    *rest = len - n;
    return p->data + n;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int parse_length(const char *text)
{
    int n = 0;
    for (int i = 0; i < PKT_HEAD; i++) {
        int d = hex_digit(text[i]);
        if (d < 0)
            return -1;
        n = n * 16 + d;
    }
    return n;
}

fh_err fh_pkt_next(struct fh_pkt_reader *r, struct fh_pkt *out, struct fh_error *e)
{
    *out = (struct fh_pkt){.kind = FH_PKT_EOF, .data = r->at};
    size_t left = (size_t)(r->end - r->at);
    if (left == 0)
        return FH_OK;
    if (left < PKT_HEAD)
        return FH_FAIL(e, FH_INVALID, "The git message ends inside the length of a pkt-line.");
    int length = parse_length(r->at);
    if (length < 0)
        return FH_FAIL(e, FH_INVALID, "The git message holds a pkt-line whose length is not hexadecimal.");
    if (length < PKT_HEAD) {
        static const enum fh_pkt_kind kinds[] = {FH_PKT_FLUSH, FH_PKT_DELIM, FH_PKT_END};
        if (length == 3)
            return FH_FAIL(e, FH_INVALID, "The git message holds a pkt-line of length 3, which is none.");
        out->kind = kinds[length];
        r->at += PKT_HEAD;
        return FH_OK;
    }
    if (length > FH_MAX_PKT)
        return FH_FAIL(e, FH_INVALID, "The git message holds a pkt-line of %d bytes; the most is %d.", length,
                       FH_MAX_PKT);
    if ((size_t)length > left)
        return FH_FAIL(e, FH_INVALID, "The git message ends inside a pkt-line.");
    out->kind = FH_PKT_DATA;
    out->data = r->at + PKT_HEAD;
    out->len = (size_t)length - PKT_HEAD;
    r->at += length;
    return FH_OK;
}

static void write_length(char *where, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = PKT_HEAD - 1; i >= 0; i--, length >>= 4)
        where[i] = digits[length & 15];
}

fh_err fh_pkt_add(struct fh_buf *b, const void *data, size_t n, struct fh_error *e)
{
    if (n > PKT_MAX_DATA)
        return FH_FAIL(e, FH_TOO_LARGE, "A pkt-line of %zu bytes is over the %d that fit.", n, PKT_MAX_DATA);
    char *where;
    FH_TRY(fh_buf_reserve(b, PKT_HEAD + n, &where, e));
    write_length(where, PKT_HEAD + n);
    if (n > 0)
        memcpy(where + PKT_HEAD, data, n);
    b->len += PKT_HEAD + n;
    b->data[b->len] = '\0';
    return FH_OK;
}

fh_err fh_pkt_addf(struct fh_buf *b, struct fh_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return FH_FAIL(e, FH_INTERNAL, "A pkt-line could not be formatted.");
    if (n > PKT_MAX_DATA)
        return FH_FAIL(e, FH_TOO_LARGE, "A pkt-line of %d bytes is over the %d that fit.", n, PKT_MAX_DATA);
    size_t len = (size_t)n;
    char *where;
    FH_TRY(fh_buf_reserve(b, PKT_HEAD + len, &where, e));
    write_length(where, PKT_HEAD + len);
    va_start(ap, fmt);
    (void)vsnprintf(where + PKT_HEAD, len + 1, fmt, ap);
    va_end(ap);
    b->len += PKT_HEAD + len;
    return FH_OK;
}

fh_err fh_pkt_add_flush(struct fh_buf *b, struct fh_error *e)
{
    return fh_buf_add(b, "0000", PKT_HEAD, e);
}

fh_err fh_pkt_add_delim(struct fh_buf *b, struct fh_error *e)
{
    return fh_buf_add(b, "0001", PKT_HEAD, e);
}

fh_err fh_pkt_add_band(struct fh_buf *b, int band, const void *data, size_t n, struct fh_error *e)
{
    const char *at = data;
    while (n > 0) {
        size_t part = n < FH_MAX_SIDEBAND ? n : FH_MAX_SIDEBAND;
        char *where;
        FH_TRY(fh_buf_reserve(b, PKT_HEAD + 1 + part, &where, e));
        write_length(where, PKT_HEAD + 1 + part);
        where[PKT_HEAD] = (char)band;
        memcpy(where + PKT_HEAD + 1, at, part);
        b->len += PKT_HEAD + 1 + part;
        b->data[b->len] = '\0';
        at += part;
        n -= part;
    }
    return FH_OK;
}
