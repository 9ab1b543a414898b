/* A reader's memory of objects that deltas were applied to, so that a chain is not gone through again for
 * each of its members: bounded, the least lately used go first. One thread at a time. */
#ifndef WIRE_BASES_H
#define WIRE_BASES_H

#include "server/git/wire_pack.h"

struct wire_bases;
struct wire_bases *wire_bases_new(size_t max_bytes);
void wire_bases_free(struct wire_bases *b);
void wire_bases_raise(struct wire_bases *b, size_t max_bytes); /* never lowers */
/* The object at place; its bytes stay until the next put. NULL when it is not here. */
const void *wire_bases_get(struct wire_bases *b, const struct wire_place *place, enum wire_type *type,
                           size_t *n);
/* Keeps a copy, or nothing when it is too large to be worth it. */
void wire_bases_put(struct wire_bases *b, const struct wire_place *place, enum wire_type type,
                    const void *bytes, size_t n);

#endif
