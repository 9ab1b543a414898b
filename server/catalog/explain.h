/* Why a group was resolved as it was: for each package and system where it would be alone, which of its
 * constraints keep it from newer pages, and what kept the group from the pages that are newer than its own.
 * Pure.
 *
 * It is made from the same slots as the answer, so that what it says is what was done. */
#ifndef CATALOG_EXPLAIN_H
#define CATALOG_EXPLAIN_H

#include "server/catalog/near.h"
#include "server/catalog/resolve_packages.h"

/* Why something is not taken from a page; the first EXPLAIN_CONSTRAINTS are what a descriptor demands. */
enum explain_reason {
    EXPLAIN_INSECURE,
    EXPLAIN_BROKEN,
    EXPLAIN_UNFREE,
    EXPLAIN_LICENSE,
    EXPLAIN_VERSION,
    EXPLAIN_PIN,
    EXPLAIN_BUILDS,
    EXPLAIN_CONSTRAINTS,
    EXPLAIN_ABSENT = EXPLAIN_CONSTRAINTS,
    EXPLAIN_FITS,
};
const char *explain_reason_name(enum explain_reason reason); /* static */

struct explain_constraint {
    enum explain_reason reason;
    long alone; /* the newest page on which this one demand is met; CALENDAR_NO_PAGE: none */
};
struct explain_system {
    const struct resolve_slot *slot;
    const char *chosen; /* the version; NULL: the group has no page */
    bool is_anywhere;   /* in a group of nothing but builds pages say nothing, and this does */
    long newest, alone; /* the newest page that has it, and on which it would be taken by itself */
    const char *newest_version;
    struct explain_constraint unmet[EXPLAIN_CONSTRAINTS]; /* what the newest one does not meet */
    size_t nunmet;
};
struct explain_package {
    const struct resolve_descriptor *descriptor;
    bool is_in_catalog;
    long alone; /* the newest page on which it would be taken by itself on all its systems */
    struct explain_system *systems;
    size_t nsystems;
    struct catalog_near near; /* filled in by whoever knows names; for packages that are in no catalog */
};
struct explain_blocker {
    const struct resolve_slot *slot;
    enum explain_reason reason;
};
enum { EXPLAIN_PAGES = 5, EXPLAIN_BLOCKERS = 20 };
struct explain_page {
    long page;
    struct explain_blocker blockers[EXPLAIN_BLOCKERS];
    size_t n, all; /* how many are told, and how many there are */
};
struct explain_group {
    const struct resolve_group_answer *answer;
    const char *why; /* one sentence */
    bool only_builds;
    struct explain_page
        newer[EXPLAIN_PAGES]; /* than the chosen one, the nearest first; without one, the newest */
    size_t nnewer;
    struct explain_package *packages; /* as requested */
    size_t n;
};

struct explain_group *catalog_explain(struct fh_arena *a, const struct calendar *calendar,
                                      const struct resolve_candidates *candidates,
                                      const struct resolve_answer *answer);

#endif
