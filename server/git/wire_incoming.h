/* Inside of wire_index.h: the entries of a pack that came in, while their ids are being found. */
#ifndef WIRE_INCOMING_H
#define WIRE_INCOMING_H

#include "common/digest.h"
#include "server/git/wire_pack.h"

#include <zlib.h>

enum { WIRE_NO_ENTRY = UINT32_MAX };

struct wire_coming {
    uint64_t offset, data; /* of the entry, and of its deflated bytes */
    uint32_t size;         /* inflated */
    uint32_t crc;
    enum wire_type stored, type; /* as it is stored; as it is, or 0 as long as that is not known */
    struct fh_oid oid;           /* once type is known */
    struct fh_oid base;          /* of a REF_DELTA */
    uint32_t child, sibling;     /* OFS_DELTAs on this one; the next on the same base */
    bool taken;                  /* the first REF_DELTA on a base: an object of the base's name was met */
};
struct wire_incoming {
    const uint8_t *pack; /* mapped */
    size_t npack;
    struct wire_coming *entries; /* by offset */
    uint32_t n, nwhole;
    uint32_t *refs; /* the REF_DELTAs, by their base's id */
    uint32_t nrefs;
    struct fh_digest *sha;
    z_stream z;
    size_t touched; /* of the map, since it was let go of; at least as much */
};

/* Finds each entry, hashes the whole ones as they go by, and links the OFS_DELTAs to their bases. */
fh_err wire_incoming_scan(struct wire_incoming *in, struct fh_error *e) FH_MUSTCHECK;
/* Makes each delta once, and hashes it. */
fh_err wire_incoming_resolve(struct wire_incoming *in, struct fh_error *e) FH_MUSTCHECK;
fh_err wire_incoming_inflate(struct wire_incoming *in, const struct wire_coming *entry, struct fh_buf *out,
                             struct fh_error *e) FH_MUSTCHECK;
void wire_incoming_hash(struct wire_incoming *in, enum wire_type type, const struct fh_buf *bytes,
                        struct fh_oid *out);
fh_err wire_incoming_twice(struct fh_error *e) FH_MUSTCHECK;

#endif
