/* One question of resolve or explain asked of the database: within one snapshot, the pages, the candidates,
 * the answer and the rows that it chose.
 *
 * The pages are kept between questions by the catalog's version (calendar_cache); everything else is read. */
#ifndef CATALOG_RESOLVE_LOAD_H
#define CATALOG_RESOLVE_LOAD_H

#include "server/catalog/catalog_scope.h"
#include "server/catalog/resolve.h"

/* The newest calendar that was read, for as long as it is the newest. Safe from any thread. */
struct calendar_cache;
struct calendar_cache *calendar_cache_new(void);
void calendar_cache_free(struct calendar_cache *c); /* NULL is fine */

struct resolve_question {
    /* what is asked */
    struct fh_arena *arena;
    struct calendar_cache *cache;
    struct resolve_request *request;
    bool with_rows; /* everything of what was chosen too */
    /* what is known then */
    struct store_resolve_key *keys;
    size_t nkeys;
    const struct calendar *calendar;
    const struct resolve_candidates *candidates;
    struct resolve_answer *answer;
    struct store_package_row *rows; /* of the answer's groups, one after the other */
};

/* Which package each descriptor is of, as the caller may see it: one that it may not see has no catalog, and
 * nothing is asked of it. */
void resolve_keys(struct resolve_question *q, const struct catalog_scope *scope);
/* A failure of the database is one of the whole question, and never an answer that something is not there. */
fh_err resolve_ask(struct resolve_question *q, struct db_pool *pool, struct fh_error *e) FH_MUSTCHECK;

#endif
