/* The pages of the base catalog as a resolve looks at them: a number for each, the newest 0, and sets of them
 * as bits.
 *
 * A calendar is made from one moment of the database and never changes. What it points to is its arena's.
 *
 *     page     0       1       2      …          newest first
 *     tagged   1       1       0                 a page without a tag answers nothing but a pin
 *     place    9       6      -7                 of a system; page_run speaks of places (migration 0007)
 */
#ifndef CATALOG_CALENDAR_H
#define CATALOG_CALENDAR_H

#include "server/store/catalog_resolve.h"

typedef uint64_t page_set; /* words of it, page 0 in the lowest bit of the first */

struct calendar_column {
    int32_t place;
    uint32_t page;
    int64_t scraped_at;
};

struct calendar {
    struct store_catalog_pages pages;
    const char **tags; /* per page: a JSON array; NULL: none */
    size_t words;      /* of every page_set */
    const page_set *all, *tagged;
    struct {
        struct calendar_column *columns; /* by place */
        size_t n;
        const struct calendar_column **of_page; /* NULL: the page has not this system */
    } systems[FH_SYSTEM_END];
};

enum { CALENDAR_NO_PAGE = -1 };

/* Borrows the pages. Pure. */
struct calendar *catalog_calendar(struct fh_arena *a, const struct store_catalog_layout *layout);
page_set *calendar_set(struct fh_arena *a, const struct calendar *c); /* an empty one */
/* Adds the pages of a run; what a page of a run has is only what its own column shows. */
void calendar_add_run(const struct calendar *c, const struct store_run *run, page_set *to);
void calendar_add_from(const struct calendar *c, int64_t rev_count,
                       page_set *to); /* that page and all newer ones */
void calendar_or(const struct calendar *c, page_set *to, const page_set *from);
void calendar_and(const struct calendar *c, page_set *to, const page_set *from);
bool calendar_meet(const struct calendar *c, const page_set *x,
                   const page_set *y); /* have they a page in common? */
bool calendar_has(const page_set *set, size_t page);
void calendar_put(page_set *set, size_t page);
/* The newest page of a set behind page after (CALENDAR_NO_PAGE: of all); CALENDAR_NO_PAGE: none. */
long calendar_next(const struct calendar *c, const page_set *set, long after);
/* The tagged pages with that tag; NULL: all tagged ones. */
const page_set *calendar_with_tag(struct fh_arena *a, const struct calendar *c, const char *tag);

#endif
