/* Which rows of a text have a pair of bytes in them. See search_grams.h. */
#include "server/catalog/search_grams.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum { GRAMS = 65536 };

static size_t gram_of(const char *p)
{
    return (size_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static size_t length_of(uint32_t step)
{
    size_t n = 1;
    for (; step >= 0x80; step >>= 7)
        n++;
    return n;
}

static uint8_t *put(uint8_t *p, uint32_t step)
{
    for (; step >= 0x80; step >>= 7)
        *p++ = (uint8_t)(step | 0x80);
    *p++ = (uint8_t)step;
    return p;
}

/* Twice over the text: once to know how long each list is, once to write it. */
void catalog_grams_make(const char *text, const uint32_t *starts, size_t n, struct catalog_grams *out)
{
    uint32_t *last = fh_xcalloc(GRAMS, sizeof *last); /* per pair: its last row, and one more */
    uint32_t *at = fh_xcalloc(GRAMS + 1, sizeof *at);
    for (uint32_t row = 0; row < n; row++)
        for (uint32_t i = starts[row]; i + 2 < starts[row + 1]; i++) {
            size_t g = gram_of(text + i);
            if (last[g] == row + 1)
                continue;
            at[g + 1] += (uint32_t)length_of(row + 1 - last[g]);
            last[g] = row + 1;
        }
    for (size_t g = 0; g < GRAMS; g++)
        at[g + 1] += at[g];
    uint8_t *lists = fh_xmalloc((size_t)at[GRAMS] + 1), **next = fh_xmalloc(GRAMS * sizeof *next);
    for (size_t g = 0; g < GRAMS; g++)
        next[g] = lists + at[g];
    memset(last, 0, GRAMS * sizeof *last);
    for (uint32_t row = 0; row < n; row++)
        for (uint32_t i = starts[row]; i + 2 < starts[row + 1]; i++) {
            size_t g = gram_of(text + i);
            if (last[g] == row + 1)
                continue;
            next[g] = put(next[g], row + 1 - last[g]);
            last[g] = row + 1;
        }
    free(next);
    free(last);
    *out = (struct catalog_grams){at, lists};
}

void catalog_grams_free(struct catalog_grams *g)
{
    free(g->at);
    free(g->lists);
}

size_t catalog_grams_bytes(const struct catalog_grams *g)
{
    return g->at ? (GRAMS + 1) * sizeof *g->at + g->at[GRAMS] : 0;
}

static uint32_t length_of_list(const struct catalog_grams *g, size_t gram)
{
    return g->at[gram + 1] - g->at[gram];
}

int catalog_grams_walk(const struct catalog_grams *g, const char *term, size_t size, unsigned which,
                       struct catalog_walk *out)
{
    size_t chosen[CATALOG_WALKS], n = 0;
    for (size_t i = 0; i + 1 < size; i++) {
        size_t gram = gram_of(term + i), at = n;
        for (size_t k = 0; k < n; k++)
            if (chosen[k] == gram)
                at = SIZE_MAX; /* the term has it twice */
        if (at == SIZE_MAX)
            continue;
        while (at > 0 && length_of_list(g, gram) < length_of_list(g, chosen[at - 1]))
            at--;
        if (at == CATALOG_WALKS)
            continue;
        n += n < CATALOG_WALKS;
        memmove(chosen + at + 1, chosen + at, (n - 1 - at) * sizeof *chosen);
        chosen[at] = gram;
    }
    if (which >= n)
        return 0;
    *out = (struct catalog_walk){g->lists + g->at[chosen[which]], g->lists + g->at[chosen[which] + 1], 0};
    return 1;
}
