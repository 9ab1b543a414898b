/* Which catalogs one caller may see: the one place where the catalog asks auth_can about reading.
 *
 * A catalog that the caller may not see, and one that does not exist, are both just not found. The base
 * catalog is a catalog like others, but nobody's. */
#ifndef CATALOG_SCOPE_H
#define CATALOG_SCOPE_H

#include "server/catalog/catalog_memory.h"
#include "server/store/catalog_read.h"

/* Who asks, by which policy. */
struct catalog_caller {
    const struct auth_policy *policy;
    const struct auth_actor *actor;
};

struct catalog_scope; /* in the arena, as is what it borrows */
/* inline_only: FH_AGAIN instead of asking the database. Usually nothing is read. */
fh_err catalog_scope_open(struct catalog *c, struct fh_arena *a, const struct catalog_caller *caller,
                          bool inline_only, const struct catalog_scope **out,
                          struct fh_error *e) FH_MUSTCHECK;
/* The base catalog; NULL: not for this caller. */
const struct store_catalog_entry *catalog_scope_base(const struct catalog_scope *s);
/* An owner's, by its exact handle (AUTH_CATALOG_READ); NULL: there is none, or not for this caller. */
const struct store_catalog_entry *catalog_scope_find(const struct catalog_scope *s, const char *owner);
/* Those that appear in searches and counts (AUTH_CATALOG_LIST), in the list's order, after one of them (NULL:
 * from the first). NULL past the last. */
const struct store_catalog_entry *catalog_scope_next(const struct catalog_scope *s,
                                                     const struct store_catalog_entry *after);
/* catalog_version, no newer than what is in the scope. */
int64_t catalog_scope_version(const struct catalog_scope *s);
/* The list that it was made from; the scope's. */
struct catalog_list *catalog_scope_list(const struct catalog_scope *s);

/* What a pkg-path means (catalog-read-api 9): "owner/attr.path" when it has a slash and no dot before the
 * first, else a path of the base catalog. *owner NULL: the base catalog. *attr_path borrows. */
void catalog_path_split(struct fh_arena *a, const char *pkg_path, const char **owner, const char **attr_path);
/* The catalog that a pkg-path is of, and the path in it; NULL: none for this caller. */
const struct store_catalog_entry *catalog_scope_of_path(const struct catalog_scope *s, struct fh_arena *a,
                                                        const char *pkg_path, const char **attr_path);

#endif
