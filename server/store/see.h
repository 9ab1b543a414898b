/* Lists of environments as one caller may see them: the policy's AUTH_ENV_LIST as SQL, in pages.
 *
 * A page costs what is on it, however many environments there are and however few of them the caller may see:
 * each reason for which one may be seen is a walk along an index of its own. tests/unit/test_sees.c proves
 * that together they are auth_can, row by row.
 */
#ifndef STORE_SEE_H
#define STORE_SEE_H

#include "server/store/env.h"

/* What is known of who looks (auth_viewer makes one). */
struct store_viewer {
    bool everything;       /* a hub administrator */
    const int64_t *owners; /* those in which it has a role */
    size_t nowners;
    enum store_visibility widest; /* of others: STORE_PUBLIC, STORE_INTERNAL (which is both), or 0 */
};

enum { STORE_MAX_PAGE = 200 };

struct store_env_query {
    const char *owner;                /* by exact handle; NULL: everybody's */
    const char *part;                 /* of the name, whatever the case; NULL: any */
    enum store_visibility visibility; /* 0: any */
    int64_t after;                    /* the id behind which to go on, 0: from the beginning */
    size_t limit;                     /* at most STORE_MAX_PAGE + 1 */
};
/* By id, which is the order in which they were created and never changes. */
fh_err store_env_page(struct db_conn *c, struct fh_arena *a, const struct store_viewer *viewer,
                      const struct store_env_query *query, struct store_env **out, size_t *n,
                      struct fh_error *e) FH_MUSTCHECK;
/* Is there a deleted environment of that name, the newest such, to be restored? FH_NOT_FOUND. */
fh_err store_env_find_deleted(struct db_conn *c, struct fh_arena *a, const char *owner, const char *name,
                              struct store_env *out, struct fh_error *e) FH_MUSTCHECK;

#endif
