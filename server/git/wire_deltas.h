/* Inside of wire_write.h: the cache of computed deltas, and of objects that had to be deflated anew. */
#ifndef WIRE_DELTAS_H
#define WIRE_DELTAS_H

#include "server/git/wire_write.h"

/* bytes deflated; NULL: it was tried, and does not pay. */
struct wire_deflated {
    uint8_t *bytes; /* malloc'd */
    size_t nbytes;
    size_t size; /* inflated */
};

/* A delta of oid against base, or, with base all zeros, oid whole. True when it is known; *out is a copy that
 * the caller frees. d may be NULL: then nothing is known. */
bool wire_deltas_get(struct wire_deltas *d, const struct fh_oid *oid, const struct fh_oid *base,
                     struct wire_deflated *out);
void wire_deltas_put(struct wire_deltas *d, const struct fh_oid *oid, const struct fh_oid *base,
                     const struct wire_deflated *value);

#endif
