/* Tokens: made, checked for plausibility, hashed.
 *
 *     flox_pat_ <43 digits of base 62: 256 random bits> <6 digits: CRC-32 of all before>
 */
#include "common/digest.h"
#include "server/auth/auth.h"

#include <string.h>

enum { PREFIX = 9, BODY = 43, CHECK = 6, TOTAL = PREFIX + BODY + CHECK };
_Static_assert((int)TOTAL < (int)AUTH_TOKEN_SIZE, "a token fits");

static const char user_prefix[] = "flox_pat_", org_prefix[] = "flox_svc_";
static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static uint32_t crc32_of(const char *text, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint8_t)text[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void put_check(const char *text, char out[CHECK])
{
    uint32_t crc = crc32_of(text, PREFIX + BODY);
    for (int i = CHECK; i-- > 0; crc /= 62)
        out[i] = digits[crc % 62];
}

void auth_token_make(enum store_owner_kind kind, char out[AUTH_TOKEN_SIZE])
{
    uint8_t number[32];
    fh_random(number, sizeof number);
    memcpy(out, kind == STORE_ORG ? org_prefix : user_prefix, PREFIX);
    for (int i = PREFIX + BODY; i-- > PREFIX;) {
        unsigned rest = 0;
        for (size_t b = 0; b < sizeof number; b++) {
            rest = rest << 8 | number[b];
            number[b] = (uint8_t)(rest / 62);
            rest %= 62;
        }
        out[i] = digits[rest];
    }
    put_check(out, out + PREFIX + BODY);
    out[TOTAL] = '\0';
    explicit_bzero(number, sizeof number);
}

bool auth_token_plausible(const char *text)
{
    if (strnlen(text, TOTAL + 1) != TOTAL ||
        (memcmp(text, user_prefix, PREFIX) != 0 && memcmp(text, org_prefix, PREFIX) != 0))
        return false;
    if (strspn(text + PREFIX, digits) != BODY + CHECK)
        return false;
    char check[CHECK];
    put_check(text, check);
    return memcmp(check, text + PREFIX + BODY, CHECK) == 0;
}

void auth_token_hash(const char *text, uint8_t out[32])
{
    fh_sha256(text, strlen(text), out);
}
