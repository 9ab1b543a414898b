/* A search over catalogs in memory: what matches, how many, in which order (catalog-read-api 4). Pure.
 *
 * A row matches when the term, whatever the case, is in the last component of its attribute path or in its
 * description; a term with a dot or a slash is looked for in the whole pkg-path too. First those whose path
 * matches, then the others; among them the shorter pkg-path first, then bytewise; of two catalogs the base
 * catalog's first, then by owner. */
#ifndef CATALOG_SEARCH_MATCH_H
#define CATALOG_SEARCH_MATCH_H

#include "common/arena.h"
#include "server/catalog/search_part.h"

/* A catalog that is searched, and whose it is. */
struct catalog_searched {
    const struct catalog_part *part;
    const char *owner; /* NULL: the base catalog */
};
struct catalog_hit {
    const struct catalog_searched *in;
    size_t row;
};
/* Hits first to first + most - 1 of all, in the arena; *total counts all. term NULL: every row is one. */
void catalog_search(struct fh_arena *a, const struct catalog_searched *in, size_t n, const char *term,
                    size_t first, size_t most, struct catalog_hit **out, size_t *count, size_t *total);

#endif
