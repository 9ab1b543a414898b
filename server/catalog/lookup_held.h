/* What owners' catalogs have for a lookup of build inputs: each is read once for all groups of it, and one
 * that the caller may not see is, like one that is not there, nothing and not asked for. One request's; in
 * the arena. */
#ifndef CATALOG_LOOKUP_HELD_H
#define CATALOG_LOOKUP_HELD_H

#include "server/catalog/catalog_scope.h"
#include "server/catalog/lookup_reference.h"
#include "server/store/catalog_info.h"

struct catalog_held_item {
    struct store_source source; /* without the JSON of inputs */
    struct catalog_reference path;
};
struct catalog_held {
    const char *owner;
    struct catalog_held_item *items; /* by the components of their paths; those without any are left out */
    size_t n;
};

struct catalog_holds;
/* before: builds made until then, Unix seconds; 0: now. */
struct catalog_holds *catalog_holds_new(struct fh_arena *a, const struct catalog_scope *scope,
                                        int64_t before);
fh_err catalog_holds_get(struct catalog_holds *h, struct db_conn *c, const char *owner,
                         const struct catalog_held **out, struct fh_error *e) FH_MUSTCHECK;
/* Pure, as the next is; borrows. */
const struct catalog_held *catalog_held_of(struct fh_arena *a, const char *owner,
                                           const struct store_source *sources, size_t n);
/* What a reference means: items from *from to before *to. Without a star it is the one with the longest path
 * that the reference begins with: it may reach past the package, into what that is made of. */
void catalog_held_find(const struct catalog_held *h, const struct catalog_reference *r, size_t *from,
                       size_t *to);

#endif
