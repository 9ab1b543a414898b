/* The Authorization header: Bearer, or Basic whose password is the token (identity-and-auth.md §3). */
#include "server/auth/auth_header.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* The value of a base64 digit, or -1. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes n digits, with or without padding, into out (at most size bytes, no NUL added). Returns the length,
 * or -1. */
static int base64_decode(const char *text, size_t n, char *out, size_t size)
{
    for (int pad = 0; pad < 2 && n && text[n - 1] == '='; pad++)
        n--;
    size_t at = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        int v = base64_value(text[i]);
        if (v < 0)
            return -1;
        bits = bits << 6 | (uint32_t)v;
        if (i % 4 == 0)
            continue; /* six bits make no byte yet */
        if (at == size)
            return -1;
        out[at++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
    }
    return n % 4 == 1 ? -1 : (int)at;
}

/* Of n bytes of secret at text, which may be the token's own buffer. */
static enum auth_credential_kind take_token(const char *text, size_t n, char *token)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return AUTH_CRED_MALFORMED;
    memmove(token, text, n);
    token[n] = '\0';
    return AUTH_CRED_TOKEN;
}

static enum auth_credential_kind parse_basic(const char *text, size_t n, char *token)
{
    int len = base64_decode(text, n, token, FH_MAX_TOKEN_TEXT);
    if (len < 0)
        return AUTH_CRED_MALFORMED;
    const char *colon = memchr(token, ':', (size_t)len);
    if (!colon)
        return AUTH_CRED_MALFORMED;
    size_t rest = (size_t)len - (size_t)(colon + 1 - token);
    return rest ? take_token(colon + 1, rest, token) : AUTH_CRED_EMPTY;
}

enum auth_credential_kind auth_header_parse(const char *authorization, char token[FH_MAX_TOKEN_TEXT + 1])
{
    token[0] = '\0';
    if (!authorization)
        return AUTH_CRED_NONE;
    /* Base64 of a token at its ceiling, the scheme and some space. */
    size_t n = strnlen(authorization, 2 * FH_MAX_TOKEN_TEXT);
    if (n == 2 * FH_MAX_TOKEN_TEXT)
        return AUTH_CRED_MALFORMED;
    const char *at = authorization, *end = authorization + n;
    while (at < end && *at == ' ')
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    size_t scheme = strcspn(at, " ");
    const char *rest = at + scheme;
    while (rest < end && *rest == ' ')
        rest++;
    if (rest >= end)
        return AUTH_CRED_MALFORMED;
    size_t len = (size_t)(end - rest);
    if (scheme == 5 && strncasecmp(at, "basic", 5) == 0)
        return parse_basic(rest, len, token);
    if (scheme == 6 && strncasecmp(at, "bearer", 6) == 0 && len <= FH_MAX_TOKEN_TEXT)
        return take_token(rest, len, token);
    return AUTH_CRED_MALFORMED;
}
