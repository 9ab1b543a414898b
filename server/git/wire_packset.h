/* Inside of wire_pack.h, for the files that read packs: the mapped files of a set.
 *
 * A .idx of version 2 (gitformat-pack(5)):
 *   magic 8 | fanout 256 x 4 | ids n x 20 | crc n x 4 | offsets n x 4 | far offsets m x 8 | 2 x checksum
 */
#ifndef WIRE_PACKSET_H
#define WIRE_PACKSET_H

#include "server/git/wire_pack.h"
#include "server/git/wire_turn.h"

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
/* Lets go of the pages of large packs that were opened on top of the base; see wire_pages.h. */
void wire_packs_let_go(const struct wire_packs *p);
/* The id of the entry that begins at offset, and where the next one (or the trailer) begins. */
bool wire_pack_entry_at(struct wire_pack *p, uint64_t offset, struct fh_oid *oid, uint64_t *end);

/* Of a reader: */
/* From now on, whatever is large waits for that turn, and with it the cache may grow to that size. NULL: no
 * more, and large buffers are let go of. */
void wire_reader_set_turn(struct wire_reader *r, struct wire_turn *turn, size_t cache);
/* Bytes that it inflated and put together so far. */
uint64_t wire_reader_work(const struct wire_reader *r);
struct wire_packs *wire_reader_packs(const struct wire_reader *r);
bool wire_reader_find(struct wire_reader *r, const struct fh_oid *oid, struct wire_place *out);
fh_err wire_read_place(struct wire_reader *r, const struct wire_place *place, enum wire_type *type,
                       struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Type (never a delta type) and inflated size. */
fh_err wire_read_place_header(struct wire_reader *r, const struct wire_place *place, enum wire_type *type,
                              uint64_t *size, struct fh_error *e) FH_MUSTCHECK;
/* The size of what a delta makes, by its own account; false when it is too short to say. */
bool wire_delta_result(const void *delta, size_t n, uint64_t *out);
/* Where the entry's delta base stands, if it is a delta. */
fh_err wire_read_base(struct wire_reader *r, const struct wire_place *place, bool *has_base,
                      struct wire_place *base, struct fh_error *e) FH_MUSTCHECK;

#endif
