/* Which rows of a text have a pair of bytes in them, so that a term is looked for only in those that have its
 * rarest pair.
 *
 *     lists of rows, ascending, as differences of seven bits a byte; list g begins at lists[at[g]], g = first
 * byte * 256 + second
 *
 * It costs about a byte for each pair that a row has; made for texts that are worth it. Pure. */
#ifndef CATALOG_SEARCH_GRAMS_H
#define CATALOG_SEARCH_GRAMS_H

#include <stddef.h>
#include <stdint.h>

struct catalog_grams {
    uint32_t *at; /* NULL: none were made */
    uint8_t *lists;
};

/* starts: of the n rows in text, and the end; a row ends in a NUL that is not its own. */
void catalog_grams_make(const char *text, const uint32_t *starts, size_t n, struct catalog_grams *out);
void catalog_grams_free(struct catalog_grams *g);
size_t catalog_grams_bytes(const struct catalog_grams *g);

/* A walk along the rows that have a pair of a term of two bytes or more: the rarest, the second rarest, …
 * (which, from 0); 0: the term has no such. */
enum { CATALOG_WALKS = 3 }; /* pairs of a term that there are walks of */
struct catalog_walk {
    const uint8_t *next, *end;
    uint32_t row; /* the one that was given last, and one more */
};
int catalog_grams_walk(const struct catalog_grams *g, const char *term, size_t size, unsigned which,
                       struct catalog_walk *out);
/* The next row in *row; 0: there is none. */
static inline int catalog_walk_next(struct catalog_walk *w, uint32_t *row)
{
    uint32_t step = 0;
    if (w->next == w->end)
        return 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *w->next++;
        step |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    w->row += step;
    *row = w->row - 1;
    return 1;
}

#endif
