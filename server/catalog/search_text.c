/* Text as search compares it. See search_text.h. */
#include "server/catalog/search_text.h"

#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <wctype.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t unicode;

static void make_locale(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The character at p and its length; 0 for what is none (then it stands for itself). */
static size_t take_character(const unsigned char *p, size_t n, uint32_t *out)
{
    size_t size = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
                  : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                  : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                                : 0;
    if (size == 0 || size > n)
        return 0;
    uint32_t c = p[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    *out = c;
    return size;
}

static size_t put_character(uint32_t c, char *out)
{
    unsigned char *p = (unsigned char *)out;
    if (c < 0x80) {
        p[0] = (unsigned char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, c >>= 6)
        p[i] = (unsigned char)(0x80 | (c & 0x3f));
    p[0] = (unsigned char)(0xf00u >> size | c);
    return size;
}

size_t catalog_fold(const char *text, size_t n, char *out)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len = 0;
    pthread_once(&once, make_locale);
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        size_t size = p[i] < 0x80 ? 0 : take_character(p + i, n - i, &c);
        if (size == 0) {
            unsigned char byte = p[i++];
            out[len++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
            continue;
        }
        wint_t lower = unicode ? towlower_l((wint_t)c, unicode) : (wint_t)c;
        len += put_character((uint32_t)lower, out + len);
        i += size;
    }
    return len;
}

size_t catalog_characters(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

#ifdef __SSE2__
/* Sixteen places at a time: those where the first and the last byte of the needle fit are looked at more
 * closely. */
const char *catalog_scan(const char *text, const char *end, const char *needle, size_t n)
{
    const __m128i first = _mm_set1_epi8(needle[0]), last = _mm_set1_epi8(needle[n - 1]);
    for (const char *p = text; end - p >= (ptrdiff_t)n; p += 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + n - 1));
        unsigned mask =
            (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));
        for (; mask; mask &= mask - 1) {
            const char *at = p + __builtin_ctz(mask);
            if (end - at < (ptrdiff_t)n)
                return NULL;
            if (n <= 2 || memcmp(at + 1, needle + 1, n - 2) == 0)
                return at;
        }
    }
    return NULL;
}
#else
const char *catalog_scan(const char *text, const char *end, const char *needle, size_t n)
{
    return end - text < (ptrdiff_t)n ? NULL : memmem(text, (size_t)(end - text), needle, n);
}
#endif
