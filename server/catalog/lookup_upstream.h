/* The part of a lookup of build inputs that another hub is asked: references of owners without a catalog that
 * the caller may see here.
 *
 *     owner                     upstream is asked for          the answer
 *     visible here              nothing                        ours
 *     not here                  the reference                  upstream's
 *     here, but hidden          a name that tells nothing      there is nothing
 *
 * For the last a question goes out like any other, since an answer's headers and the time it takes show
 * whether one did. */
#ifndef CATALOG_LOOKUP_UPSTREAM_H
#define CATALOG_LOOKUP_UPSTREAM_H

#include "common/json.h"
#include "server/catalog/catalog_scope.h"
#include "server/catalog/lookup.h"
#include "server/catalog/lookup_body.h"
#include "server/catalog/upstream.h"

struct catalog_beyond {
    const char **asked; /* per reference of a group, what upstream is asked for; NULL: ours */
};
/* beyond: per group. *question: what is asked; NULL: nothing. Groups are called by their numbers. */
fh_err catalog_lookup_split(struct db_conn *c, struct fh_arena *a, const struct catalog_scope *scope,
                            const struct catalog_upstream *u, const struct catalog_lookup *lookup,
                            const struct catalog_beyond **beyond, json_t **question,
                            struct fh_error *e) FH_MUSTCHECK;
/* Has it an answer to each group of the question? */
bool catalog_lookup_fits(const json_t *question, const json_t *groups);
/* Puts upstream's answer to the group with what is ours; theirs NULL: none was asked for. */
void catalog_lookup_join(struct fh_arena *a, const struct catalog_lookup_group *group,
                         const struct catalog_beyond *beyond, const json_t *theirs,
                         struct catalog_answer *answer);

#endif
