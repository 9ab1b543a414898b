/* The one derivation that a path means to a caller: which of its descriptions, and of which package. */
#ifndef CATALOG_DERIVATION_FIND_H
#define CATALOG_DERIVATION_FIND_H

#include "server/catalog/catalog_scope.h"
#include "server/store/catalog_derivation.h"

struct catalog_found_derivation {
    struct store_package_row row; /* with what is of the page or the source */
    const char *owner;            /* whose catalog; NULL: the base catalog */
    const char *attr_path;
};

struct db_pool;
/* By the path of a .drv, or, is_output, of an output: the newest page of the attribute that it came by, else
 * any other that is it, else an owner's build. Of catalogs that the caller finds in a search alone, for a
 * path names none. FH_NOT_FOUND without a sentence; builds that may not be seen take as long as what is not
 * there. */
fh_err catalog_derivation_find(struct db_pool *pool, struct fh_arena *a, const struct catalog_scope *scope,
                               const char *path, bool is_output, struct catalog_found_derivation *out,
                               struct fh_error *e) FH_MUSTCHECK;

#endif
