/* What the catalog tells of itself: counts, owners' catalogs in numbers, the sources of builds. */
#ifndef STORE_CATALOG_INFO_H
#define STORE_CATALOG_INFO_H

#include "server/store/owner.h"

/* Of the base catalog alone: nothing in it depends on what others publish. */
struct store_catalog_counts {
    int64_t packages, derivations;
    int64_t scraped_at; /* the latest, microseconds; 0: none */
    bool systems[8];    /* by enum fh_system */
};
fh_err store_catalog_count(struct db_conn *c, struct fh_arena *a, struct store_catalog_counts *out,
                           struct fh_error *e) FH_MUSTCHECK;

/* How many builds each package of some catalogs has: by catalog, then by attribute path. */
struct store_build_count {
    int64_t catalog_id, builds;
};
fh_err store_catalog_builds(struct db_conn *c, struct fh_arena *a, const int64_t *catalog_ids, size_t n,
                            struct store_build_count **out, size_t *found, struct fh_error *e) FH_MUSTCHECK;

/* The newest build of a package that says where its source is. */
struct store_source {
    int64_t build_id;
    const char *attr_path;
    const char *build_type, *source; /* source: JSON, as are the next two */
    const char *direct, *closure, *locked_inputs_hash;
};
/* Of every package of a catalog by attribute path, without the JSON of inputs; before: of builds made until
 * then, Unix seconds, 0: now. */
fh_err store_sources(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, int64_t before,
                     struct store_source **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
/* All of some, in the order of their ids. */
fh_err store_sources_get(struct db_conn *c, struct fh_arena *a, const int64_t *build_ids, size_t n,
                         struct store_source **out, size_t *found, struct fh_error *e) FH_MUSTCHECK;
/* Is there an owner of each handle, in whatever case? */
fh_err store_owners_known(struct db_conn *c, struct fh_arena *a, const char *const *handles, size_t n,
                          bool *out, struct fh_error *e) FH_MUSTCHECK;
/* When a build of that source revision was made, Unix seconds. FH_NOT_FOUND. */
fh_err store_build_time(struct db_conn *c, struct fh_arena *a, int64_t catalog_id, const char *attr_path,
                        const char *rev, int64_t *out, struct fh_error *e) FH_MUSTCHECK;

#endif
