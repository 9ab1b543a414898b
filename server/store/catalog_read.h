/* The catalog's rows as questions ask for them: which catalogs there are, what search shows, a package's
 * history. */
#ifndef STORE_CATALOG_READ_H
#define STORE_CATALOG_READ_H

#include "common/system.h"
#include "server/store/catalog.h"

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
struct store_package {
    int64_t id;
    const char *deprecation; /* JSON; NULL: none */
    bool has_scrapes;        /* store_package_scrapes has some */
};
/* FH_NOT_FOUND. */
fh_err store_package_find(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, const char *attr_path,
                          struct store_package *out, struct fh_error *e) FH_MUSTCHECK;
/* What an attribute of the base catalog is along its system's places: on those from first on until before
 * past. The row has nothing of a page yet. */
struct store_package_run {
    struct store_package_row row;
    int first, past;
};
fh_err store_package_runs(struct db_conn *c, struct fh_arena *a, int64_t package_id,
                          struct store_package_run **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
/* When it was looked at, where that is not when its column was. */
struct store_scrape {
    int64_t page_id;
    enum fh_system system;
    int64_t at; /* microseconds */
};
fh_err store_package_scrapes(struct db_conn *c, struct fh_arena *a, int64_t package_id,
                             struct store_scrape **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
/* For each version and system the newest build of an owner's package that was not yanked; by rev_count,
 * newest first. */
fh_err store_package_builds(struct db_conn *c, struct fh_arena *a, int64_t package_id,
                            struct store_package_row **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

/* The complete pages, and for each system its columns in the order of their places. */
struct store_column {
    int place;
    const struct store_catalog_page *page;
    int64_t scraped_at; /* microseconds; 0: not known */
};
struct store_catalog_layout {
    struct store_catalog_pages pages;
    const char **tags; /* per page: a JSON array; NULL: it has none */
    struct {
        struct store_column *items;
        size_t n;
    } systems[FH_SYSTEM_END];
};
fh_err store_catalog_layout(struct db_conn *c, struct fh_arena *a, struct store_catalog_layout *out,
                            struct fh_error *e) FH_MUSTCHECK;

#endif
