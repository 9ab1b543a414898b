/* Inside of wire_pack.h, for the files that read packs: the mapped files of a set.
 *
 * A .idx of version 2 (gitformat-pack(5)):
 *   magic 8 | fanout 256 x 4 | ids n x 20 | crc n x 4 | offsets n x 4 | far offsets m x 8 | 2 x checksum
 */
#ifndef WIRE_PACKSET_H
#define WIRE_PACKSET_H

#include "server/git/wire_pack.h"

#include <stdatomic.h>

enum { WIRE_PACK_HEADER = 12, WIRE_PACK_TRAILER = 20 };

struct wire_pack_order {
    uint64_t offset;
    uint32_t position; /* in the index */
};
struct wire_pack {
    atomic_uint holders;
    const uint8_t *pack, *idx;
    size_t npack, nidx;
    uint32_t n; /* objects */
    const uint8_t *fanout, *ids, *offsets, *far;
    size_t nfar;
    _Atomic(struct wire_pack_order *) order; /* by offset; made by the first who needs it */
    char *path;
};
struct wire_packs {
    atomic_uint holders;
    uint32_t n, nbase;
    struct wire_pack *packs[];
};

static inline uint32_t wire_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

bool wire_pack_find(const struct wire_pack *p, const struct fh_oid *oid, uint64_t *offset);
/* wire_packs_find that looks first where the last one was found. */
bool wire_packs_find_near(const struct wire_packs *p, const struct fh_oid *oid, uint32_t *near,
                          struct wire_place *out);
/* wire_packs_each from the pack of that number on. */
fh_err wire_packs_each_from(const struct wire_packs *p, uint32_t from, wire_each_fn *fn, void *arg,
                            struct fh_error *e) FH_MUSTCHECK;
/* The id of the entry that begins at offset, and where the next one (or the trailer) begins. */
bool wire_pack_entry_at(struct wire_pack *p, uint64_t offset, struct fh_oid *oid, uint64_t *end);

/* Of a reader: */
/* With a cache of that size. */
struct wire_reader *wire_reader_new_sized(struct wire_packs *p, size_t cache);
/* Bytes that it inflated and put together so far. */
uint64_t wire_reader_work(const struct wire_reader *r);
struct wire_packs *wire_reader_packs(const struct wire_reader *r);
bool wire_reader_find(struct wire_reader *r, const struct fh_oid *oid, struct wire_place *out);
fh_err wire_read_place(struct wire_reader *r, const struct wire_place *place, enum wire_type *type,
                       struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Type (never a delta type) and inflated size. */
fh_err wire_read_place_header(struct wire_reader *r, const struct wire_place *place, enum wire_type *type,
                              uint64_t *size, struct fh_error *e) FH_MUSTCHECK;
/* Where the entry's delta base stands, if it is a delta. */
fh_err wire_read_base(struct wire_reader *r, const struct wire_place *place, bool *has_base,
                      struct wire_place *base, struct fh_error *e) FH_MUSTCHECK;

#endif
