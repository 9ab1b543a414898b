/* The catalog as a whole: its pages, its version, and whose catalogs there are. What is on the pages is read
 * by catalog_read.h and catalog_resolve.h and written by catalog_import.h.
 *
 * Times are Unix seconds; what is returned lives in the caller's arena.
 */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include "server/store/owner.h"

/* One revision of the base catalog. */
struct store_catalog_page {
    int64_t id, rev_count, rev_date;
    char *rev;
    char **tags; /* alphabetical; none: it answers nothing but a pin */
    size_t ntags;
};
struct store_catalog_pages {
    int64_t version; /* as of the same moment */
    struct store_catalog_page *items;
    size_t n;
};
/* All complete pages, newest (by rev_count) first. One statement, so one moment. */
fh_err store_catalog_pages(struct db_conn *c, struct fh_arena *a, struct store_catalog_pages *out,
                           struct fh_error *e) FH_MUSTCHECK;

/* Rises with every change that an answer could show. Whoever caches reads it before what it caches. */
fh_err store_catalog_version(struct db_conn *c, int64_t *version, struct fh_error *e) FH_MUSTCHECK;
/* In the caller's transaction, as its last statement (others who change the catalog wait from here on):
 * raises the version, and tells of it on the channel floe_catalog when the transaction commits. */
fh_err store_catalog_changed(struct db_conn *c, struct fh_error *e) FH_MUSTCHECK;

struct store_catalog {
    int64_t id, owner_id; /* owner_id 0: the base catalog */
    char *owner;          /* its handle; NULL: the base catalog */
    enum store_owner_kind owner_kind;
    bool owner_disabled;
    enum store_visibility visibility;
    int64_t created_at;
};
/* An owner's by exact handle; NULL: the base catalog. FH_NOT_FOUND also when the owner has none. */
fh_err store_catalog_find(struct db_conn *c, struct fh_arena *a, const char *owner, struct store_catalog *out,
                          struct fh_error *e) FH_MUSTCHECK;
/* All owners' catalogs by handle, without the base catalog. */
fh_err store_catalog_list(struct db_conn *c, struct fh_arena *a, struct store_catalog **out, size_t *n,
                          struct fh_error *e) FH_MUSTCHECK;
/* The catalog of an owner, made if there is none; one that is there keeps its visibility. Raises the version
 * when it made one, in the caller's transaction. made may be NULL. */
fh_err store_catalog_ensure(struct db_conn *c, struct fh_arena *a, int64_t owner_id,
                            enum store_visibility visibility, int64_t *id, bool *made,
                            struct fh_error *e) FH_MUSTCHECK;
/* Raises the version. FH_NOT_FOUND. */
fh_err store_catalog_set_visibility(struct db_conn *c, int64_t id, enum store_visibility visibility,
                                    struct fh_error *e) FH_MUSTCHECK;

#endif
