/* The catalog's rows as questions ask for them: which catalogs there are, what search shows, a package's
 * history. */
#ifndef STORE_CATALOG_READ_H
#define STORE_CATALOG_READ_H

#include "server/store/owner.h"

/* One catalog, with what decides who may see it. */
struct store_catalog_entry {
    int64_t id, owner_id; /* owner_id 0: the base catalog */
    const char *owner;    /* its handle; NULL: the base catalog */
    enum store_owner_kind owner_kind;
    bool owner_disabled;
    enum store_visibility visibility;
    int64_t changed; /* another number whenever its packages changed */
    int64_t created_at;
};
/* All of them, the base catalog first, then by handle, bytewise; and the catalog's version, which is no newer
 * than they are. */
fh_err store_catalog_entries(struct db_conn *c, struct fh_arena *a, int64_t *version,
                             struct store_catalog_entry **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

#endif
