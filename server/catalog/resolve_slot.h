/* One system of one descriptor: on which pages there is something for it, and what passes there. A group is
 * found on a page on which all its slots are. For the files of resolve and explain. Pure.
 *
 *     exists   there is a row, whatever its flags
 *     fits     it passes every filter
 *     built    and its builds are known, or need not be
 *     pinned   and it is the derivation that the descriptor is pinned to (a yanked build counts here alone)
 *
 * A group of nothing but owners' packages has no pages: its sets have one bit, which stands for "anywhere".
 */
#ifndef CATALOG_RESOLVE_SLOT_H
#define CATALOG_RESOLVE_SLOT_H

#include "server/catalog/resolve.h"

/* In the order of their messages (catalog-read-api 7.4). */
enum resolve_filter {
    RESOLVE_INSECURE,
    RESOLVE_BROKEN,
    RESOLVE_UNFREE,
    RESOLVE_LICENSE,
    RESOLVE_VERSION,
    RESOLVE_FILTERS,
};
enum { RESOLVE_PASSES_ALL = (1 << RESOLVE_FILTERS) - 1 };

struct resolve_slot {
    const struct resolve_descriptor *descriptor;
    const struct resolve_package *package;
    enum fh_system system;
    page_set *exists, *fits, *built, *pinned;
    bool is_there;  /* some row is on the group's pages (a pin's page aside) */
    unsigned alone; /* filters, as bits, that some such row passes, whatever it is with the others */
    bool built_somewhere;
};

/* A group while it is worked on. */
struct resolve_field {
    struct fh_arena *arena;
    const struct calendar *calendar;
    const struct resolve_candidates *candidates;
    const struct resolve_group *group;
    bool only_builds;
    const page_set *tagged;     /* all pages that answer without a pin */
    const page_set *pages;      /* of them, those of the group's stability */
    struct resolve_slot *slots; /* by descriptor, then by system as requested */
    size_t nslots;
};

/* What is asked for in one walk over the pages. */
struct resolve_attempt {
    bool pins;    /* what is pinned stays what it is */
    bool relaxed; /* of what is not pinned, builds may be missing */
    bool untagged;
};

void resolve_field_open(struct fh_arena *a, const struct calendar *calendar,
                        const struct resolve_candidates *candidates, const struct resolve_group *group,
                        struct resolve_field *out);
/* Where the slot is found in an attempt; one of its sets. */
const page_set *resolve_slot_set(const struct resolve_slot *slot, const struct resolve_attempt *attempt);
/* What is taken there: on page, which is in that set. */
struct resolve_row resolve_slot_row(const struct resolve_field *f, const struct resolve_slot *slot,
                                    size_t page, const struct resolve_attempt *attempt);
/* The filters, as bits, that a row passes. */
unsigned resolve_passes(const struct resolve_descriptor *d, const char *version, const char *license,
                        int flags);
/* A row that nobody built, though somebody should have (6.6). */
bool resolve_lacks_builds(int flags);
/* Adds the pages on which a build is there. */
void resolve_build_pages(const struct resolve_field *f, const struct store_build *b, page_set *pages);
/* The row's run on a page, whatever passes; NULL: none. */
const struct store_run *resolve_run_on(const struct calendar *c, const struct resolve_slot *slot,
                                       size_t page);

#endif
