/* The catalog's rows as questions ask for them: which catalogs there are, what search shows, a package's
 * history. */
#ifndef STORE_CATALOG_READ_H
#define STORE_CATALOG_READ_H

#include "common/system.h"
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

/* What search shows of a package, from its newest page or build. */
struct store_catalog_found {
    const char *attr_path, *name, *version, *description, *deprecation; /* the last two may be NULL */
};
/* A catalog's by attribute path, at most limit behind after ("": from the first). */
fh_err store_catalog_found(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, const char *after,
                           size_t limit, struct store_catalog_found **out, size_t *n,
                           struct fh_error *e) FH_MUSTCHECK;

/* A package as an answer shows it: a derivation, with the page or the source that it is of. JSON as it is
 * stored. */
enum {
    STORE_BROKEN = 1,
    STORE_INSECURE = 2,
    STORE_UNFREE = 4,
    STORE_MISSING_BUILDS = 8,
    STORE_UNKNOWN_SHIFT = 4
};
struct store_package_row {
    enum fh_system system;
    const char *drv_path, *name, *version;
    const char *outputs, *outputs_to_install; /* JSON; the latter may be NULL */
    const char *description, *license, *cache_uri;
    int flags;              /* STORE_…; the same, shifted by STORE_UNKNOWN_SHIFT: not known */
    const char *locked_url; /* of a build; NULL: of a page of the base catalog */
    const char *rev;
    int64_t rev_count, rev_date;
    int64_t scraped_at; /* microseconds; 0: not known */
    const char *tags;   /* of the page, a JSON array; NULL: none */
};
/* FH_NOT_FOUND. deprecation: JSON, NULL: none. */
fh_err store_package_find(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, const char *attr_path,
                          int64_t *id, const char **deprecation, struct fh_error *e) FH_MUSTCHECK;
/* For each version and system the newest page that answers, or the newest build that was not yanked; by
 * rev_count, newest first. */
fh_err store_package_versions(struct db_conn *c, struct fh_arena *a, int64_t package_id, bool base,
                              struct store_package_row **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

#endif
