/* What resolve asks of the catalog's rows: which derivations a package has been, where, and then everything
 * of the few that were chosen. All of one answer is asked within one snapshot (store_resolve_begin …
 * store_resolve_end), so that an import that ends meanwhile is seen by all statements or by none.
 *
 * Costs: a package is one look-up by its name, one walk along its runs, and one look-up for each run; pages
 * play no part in it, but for the columns, which whoever asks keeps by the catalog's version.
 */
#ifndef STORE_CATALOG_RESOLVE_H
#define STORE_CATALOG_RESOLVE_H

#include "server/store/catalog.h"
#include "server/store/catalog_read.h"

struct store_resolve_key {
    int64_t catalog_id; /* 0: none that the caller may see; nothing is asked of it */
    const char *owner;  /* its packages are builds and not on pages; NULL: the base catalog */
    const char *attr_path;
};

/* A package of the base catalog on all columns of a system whose place is in [first, past). */
struct store_run {
    size_t key; /* index of its store_resolve_key */
    enum fh_system system;
    int32_t first, past;
    int64_t package_id, derivation_id;
    int flags;
    const char *version, *license, *drv_path; /* license NULL: none known */
};

/* A build in an owner's catalog. */
struct store_build {
    size_t key;
    enum fh_system system;
    int64_t id, derivation_id;
    int64_t base_rev_count; /* of the page it was built on; -1: not known */
    int64_t rev_date, rev_count;
    bool is_yanked;
    int flags;
    const char *version, *license, *drv_path;
};

struct store_candidates {
    struct store_run *runs; /* by key, system, first */
    size_t nruns;
    struct store_build
        *builds; /* by key, system, newest first: date and number of its source, base page, .drv */
    size_t nbuilds;
};

fh_err store_resolve_begin(struct db_conn *c, struct fh_error *e) FH_MUSTCHECK;
fh_err store_resolve_end(struct db_conn *c, struct fh_error *e) FH_MUSTCHECK;

/* Two statements, or one when all keys are of one kind. */
fh_err store_resolve_candidates(struct db_conn *c, struct fh_arena *a, const struct store_resolve_key *keys,
                                size_t nkeys, struct store_candidates *out, struct fh_error *e) FH_MUSTCHECK;

/* What was chosen: a derivation of the base catalog on a page, or a build. */
struct store_choice {
    int64_t build_id; /* 0: of the base catalog, and what follows says which */
    int64_t derivation_id, package_id, page_id;
    enum fh_system system;
};
enum { STORE_SCRAPED_WITH_PAGE = -1 };
/* out[i] is of choices[i]; a derivation that is chosen twice is read twice. FH_INTERNAL when one is not
 * there. */
fh_err store_resolve_rows(struct db_conn *c, struct fh_arena *a, const struct store_choice *choices, size_t n,
                          struct store_package_row **out, struct fh_error *e) FH_MUSTCHECK;

#endif
