/* A search whose base catalog is upstream's and whose owners' catalogs are ours: one ranked list in pages.
 * Pure.
 *
 *     whole list     u0 u1 o0 u2 u3 o1 u4 …                u: upstream's rows, o: ours, both in the order of
 * answers a page         [first, first + most) of it what is asked  upstream's rows [first - ours, first +
 * most): whatever of ours comes before, the page is in there
 */
#ifndef CATALOG_UPSTREAM_SEARCH_H
#define CATALOG_UPSTREAM_SEARCH_H

#include "common/json.h"
#include "server/catalog/search_match.h"

/* Which page of which size has the rows that are needed, from upstream's row *from on; 0 pages when one
 * cannot: then two of *size follow one another. */
struct catalog_window {
    size_t page, size; /* the first that is asked for */
    size_t pages;      /* one or two */
};
struct catalog_window catalog_window_of(size_t first, size_t most, size_t ours);

/* Where a row of the answer comes from. */
struct catalog_merged {
    const json_t *theirs; /* NULL: ours */
    const struct catalog_hit *ours;
};
/* theirs: upstream's rows from its row from on (JSON objects with attr_path and description; others are
 * passed over, and so are those under an owner's name). ours: all of our hits, in order. In the arena. */
void catalog_merge(struct fh_arena *a, const char *term, const json_t *theirs, size_t from,
                   const struct catalog_hit *ours, size_t nours, size_t first, size_t most,
                   struct catalog_merged **out, size_t *n);

#endif
