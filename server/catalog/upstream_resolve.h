/* A resolve of which a part is the upstream's: groups taken apart into what is of the base catalog and what
 * is of owners here, and the answers put together (catalog-read-api 3.4 and 9). Pure.
 *
 *     group of base packages         -> upstream                      its answer
 *     group of owners' packages      -> here                          our answer
 *     both                           -> both, each its descriptors    upstream's page with all packages in
 * the order of the request; one that fails fails the group
 *
 * Groups go upstream under numbers, not under their names; in messages they get those back. */
#ifndef CATALOG_UPSTREAM_RESOLVE_H
#define CATALOG_UPSTREAM_RESOLVE_H

#include "common/json.h"

struct catalog_halves {
    const json_t *groups;  /* of the request */
    json_t *theirs, *ours; /* {"items": […]}; NULL: nothing of that kind was asked */
};
/* request: checked. In the arena. */
void catalog_split_request(struct fh_arena *a, const json_t *request, struct catalog_halves *out);
/* theirs and ours: the answers to both; NULL where none was asked. FH_UNAVAILABLE when an answer is not one
 * to the question. The arena's. */
fh_err catalog_join_answers(struct fh_arena *a, const struct catalog_halves *h, json_t *theirs, json_t *ours,
                            json_t **out, struct fh_error *e) FH_MUSTCHECK;

#endif
