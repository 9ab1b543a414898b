/* Derivations by what stands in their paths, and who has them: the other way round than all other questions.
 *
 * No index is kept for this, since imports would pay for it (a tenth of their time). Instead the digest of a
 * derivation begins with bytes that are of its name (derivation_name.h), so that those of one name stand
 * together in the index that there is: a path of the store has the name in it, a .drv's as it is, an output's
 * with "-<output>" behind it. And a derivation notes by which attribute it came here first: who has it is
 * looked for there, and among all runs only if it is not there any more. */
#ifndef STORE_CATALOG_DERIVATION_H
#define STORE_CATALOG_DERIVATION_H

#include "server/store/catalog_read.h"

struct store_derivation {
    int64_t id;
    bool is_build;                /* of an owner's, and on no page */
    struct store_package_row row; /* nothing of a page or a source */
};
/* Those that a page had, and owners' builds of some catalogs: what is of others is not there, so that all
 * that is done with it afterwards is what is done for nothing. */
struct store_derivation_scope {
    const int64_t *catalog_ids;
    size_t n;
};
/* All descriptions of a .drv, by id; at most FH_MAX_DERIVATIONS. */
fh_err store_derivations_of(struct db_conn *c, struct fh_arena *a, const struct store_derivation_scope *scope,
                            const char *drv_path, struct store_derivation **out, size_t *n,
                            struct fh_error *e) FH_MUSTCHECK;
/* All derivations that have an output of this path, by id; at most FH_MAX_DERIVATIONS. */
fh_err store_derivations_with(struct db_conn *c, struct fh_arena *a,
                              const struct store_derivation_scope *scope, const char *store_path,
                              struct store_derivation **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

/* An attribute that is a derivation: on the pages of a run, or as a build. */
struct store_derivation_use {
    int64_t derivation_id, package_id, catalog_id;
    const char *attr_path;
    enum fh_system system;
    int first, past; /* of a run; both 0: of a build, and the rest is the build's */
    const char *locked_url, *rev;
    int64_t rev_count, rev_date, scraped_at;
};
/* Builds, those that were yanked too: they are looked for by what pins them. */
fh_err store_derivation_builds(struct db_conn *c, struct fh_arena *a, const struct store_derivation *of,
                               size_t n, struct store_derivation_use **out, size_t *nout,
                               struct fh_error *e) FH_MUSTCHECK;
/* Runs of the attributes that the derivations came by. */
fh_err store_derivation_runs(struct db_conn *c, struct fh_arena *a, const struct store_derivation *of,
                             size_t n, struct store_derivation_use **out, size_t *nout,
                             struct fh_error *e) FH_MUSTCHECK;
/* All runs. A walk through the whole of page_run. */
fh_err store_derivation_all_runs(struct db_conn *c, struct fh_arena *a, const struct store_derivation *of,
                                 size_t n, struct store_derivation_use **out, size_t *nout,
                                 struct fh_error *e) FH_MUSTCHECK;

#endif
