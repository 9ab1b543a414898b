/* Hexadecimal text and git object ids. */
#include "common/hex.h"

void fh_hex_encode(const void *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool fh_hex_decode(const char *text, size_t n, void *out)
{
    uint8_t *p = out;
    for (size_t i = 0; i < n; i++) {
        int high = digit_value(text[2 * i]);
        if (high < 0)
            return false;
        int low = digit_value(text[2 * i + 1]);
        if (low < 0)
            return false;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool fh_oid_parse(const char *text, size_t len, struct fh_oid *out)
{
    if (len != FH_OID_HEX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] >= 'A' && text[i] <= 'F')
            return false;
    return fh_hex_decode(text, FH_OID_RAW, out->id);
}

void fh_oid_format(const struct fh_oid *oid, char out[FH_OID_HEX + 1])
{
    fh_hex_encode(oid->id, FH_OID_RAW, out);
}

bool fh_oid_equal(const struct fh_oid *a, const struct fh_oid *b)
{
    return memcmp(a->id, b->id, FH_OID_RAW) == 0;
}

bool fh_oid_is_zero(const struct fh_oid *oid)
{
    static const struct fh_oid zero;
    return fh_oid_equal(oid, &zero);
}

int fh_oid_compare(const struct fh_oid *a, const struct fh_oid *b)
{
    return memcmp(a->id, b->id, FH_OID_RAW);
}
