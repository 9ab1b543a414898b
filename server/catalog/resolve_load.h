/* One question of resolve or explain asked of the database: within one snapshot, the pages, the candidates,
 * the answer and the rows that it chose. What is in memory of that version (resolve_memory.h) is not read
 * again. */
#ifndef CATALOG_RESOLVE_LOAD_H
#define CATALOG_RESOLVE_LOAD_H

#include "server/catalog/catalog_scope.h"
#include "server/catalog/resolve_memory.h"

/* A chosen package as the answer shows it, but for what it was asked for as. */
struct resolve_shown {
    const char *text; /* the JSON object */
    size_t n;
};

struct resolve_question {
    /* what is asked */
    struct fh_arena *arena;
    struct resolve_memory *memory;
    struct resolve_request *request;
    bool with_rows; /* everything of what was chosen too */
    /* what is known then */
    struct store_resolve_key *keys;
    size_t nkeys;
    const struct calendar *calendar;
    const struct resolve_candidates *candidates;
    struct resolve_answer *answer;
    struct resolve_shown *shown; /* of the answer's groups, one after the other */
};

/* Which package each descriptor is of, as the caller may see it: one that it may not see has no catalog, and
 * nothing is asked of it. */
void resolve_keys(struct resolve_question *q, const struct catalog_scope *scope);
/* A failure of the database is one of the whole question, and never an answer that something is not there. */
fh_err resolve_ask(struct resolve_question *q, struct db_pool *pool, struct fh_error *e) FH_MUSTCHECK;

#endif
