/* The names nearest to one that is misspelt: by edit distance (a letter more, less, another, or two
 * exchanged), whatever the case. Pure, and bounded: names that cannot be near are not looked into. */
#ifndef CATALOG_NEAR_H
#define CATALOG_NEAR_H

#include "common/arena.h"

#include <stddef.h>
#include <stdint.h>

enum { CATALOG_NEAR_MOST = 5, CATALOG_NEAR_LONGEST = 100, CATALOG_NEAR_APART = 3 };

struct catalog_near {
    const char *wanted;
    size_t length,
        apart;        /* how many edits are few, for a name of that length; 0: it is too long or too short */
    uint64_t letters; /* that it has, as bits */
    struct {
        const char *name;
        size_t apart;
    } found[CATALOG_NEAR_MOST]; /* the nearest first, then the shortest, then by name */
    size_t n;
};

void catalog_near_start(struct catalog_near *near, const char *wanted); /* borrows */
/* Keeps a copy of name if it is among the nearest. */
void catalog_near_try(struct catalog_near *near, struct fh_arena *a, const char *name);
/* How many edits make one of the other; more than most: most + 1. Both at most CATALOG_NEAR_LONGEST bytes. */
size_t catalog_edits(const char *x, size_t nx, const char *y, size_t ny, size_t most);

#endif
