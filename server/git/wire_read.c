/* Reading the entries of packs: inflating, and applying deltas. See wire_pack.h.
 *
 * A chain is followed down to a whole object, or to one that the reader remembers, and its deltas are applied
 * on the way back; what comes between is remembered (wire_bases.h).
 */
#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_bases.h"
#include "server/git/wire_packset.h"
#include "server/git/wire_write.h"

#include <zlib.h>

enum {
    BASES_BYTES = WIRE_TURN_FREE,
    MAX_CHAIN = 4096 /* more than git makes at its deepest; a ring of REF_DELTAs is longer */
};

/* An entry's header, read. */
struct raw {
    enum wire_type type;
    uint64_t size;
    uint64_t data; /* where the deflated bytes begin */
    struct wire_place base;
};

struct wire_reader {
    struct wire_packs *packs;
    struct wire_bases *bases;
    uint32_t near; /* the pack that held the last object */
    uint64_t work;
    struct wire_turn *turn; /* may be NULL: then nothing is waited for */
    size_t more;            /* the cache's size with it */
    z_stream z;
    struct raw *chain;
    size_t nchain, cap;
    struct fh_buf delta, step[2];
};

struct wire_reader *wire_reader_new(struct wire_packs *p)
{
    struct wire_reader *r = fh_xcalloc(1, sizeof *r);
    if (inflateInit(&r->z) != Z_OK) {
        fputs("out of memory\n", stderr);
        abort();
    }
    r->packs = wire_packs_hold(p);
    r->bases = wire_bases_new(BASES_BYTES);
    fh_buf_init(&r->delta, FH_MAX_OBJECT);
    fh_buf_init(&r->step[0], FH_MAX_OBJECT);
    fh_buf_init(&r->step[1], FH_MAX_OBJECT);
    return r;
}

uint64_t wire_reader_work(const struct wire_reader *r)
{
    return r->work;
}

void wire_reader_set_turn(struct wire_reader *r, struct wire_turn *turn, size_t cache)
{
    struct fh_buf *const buffers[] = {&r->delta, &r->step[0], &r->step[1]};
    r->turn = turn;
    r->more = cache;
    for (size_t i = 0; !turn && i < sizeof buffers / sizeof *buffers; i++)
        if (buffers[i]->cap > WIRE_TURN_OBJECT)
            fh_buf_free(buffers[i]);
}

static void may_wait(struct wire_reader *r, uint64_t size)
{
    if (!r->turn || (size <= WIRE_TURN_OBJECT && (!r->more || r->work <= WIRE_TURN_FREE)))
        return;
    wire_turn_take(r->turn);
    wire_bases_raise(r->bases, r->more);
}

void wire_reader_free(struct wire_reader *r)
{
    if (!r)
        return;
    inflateEnd(&r->z);
    wire_bases_free(r->bases);
    fh_buf_free(&r->delta);
    fh_buf_free(&r->step[0]);
    fh_buf_free(&r->step[1]);
    free(r->chain);
    wire_packs_drop(r->packs);
    free(r);
}

struct wire_packs *wire_reader_packs(const struct wire_reader *r)
{
    return r->packs;
}

bool wire_reader_find(struct wire_reader *r, const struct fh_oid *oid, struct wire_place *out)
{
    return wire_packs_find_near(r->packs, oid, &r->near, out);
}

static fh_err broken(const struct wire_reader *r, const struct wire_place *place, struct fh_error *e)
{
    return FH_FAIL(e, FH_INTERNAL, "%s.pack is broken at byte %llu.", r->packs->packs[place->pack]->path,
                   (unsigned long long)place->offset);
}

/* The base of an OFS_DELTA: the distance back, seven bits a byte, high first, each group but the last plus
 * one. */
static bool read_distance(const uint8_t *p, uint64_t *at, uint64_t end, uint64_t *back)
{
    *back = 0;
    for (bool first = true;; first = false) {
        if (*at >= end || *back >= UINT64_MAX >> 8)
            return false;
        *back = (first ? 0 : (*back + 1) << 7) | (p[*at] & 0x7f);
        if (!(p[(*at)++] & 0x80))
            return true;
    }
}

static fh_err read_base(struct wire_reader *r, const struct wire_place *place, uint64_t *at, uint64_t end,
                        struct raw *out, struct fh_error *e)
{
    const uint8_t *p = r->packs->packs[place->pack]->pack;
    if (out->type == WIRE_OFS_DELTA) {
        uint64_t back;
        if (!read_distance(p, at, end, &back) || back == 0 || back >= place->offset)
            return broken(r, place, e);
        out->base = (struct wire_place){.pack = place->pack, .offset = place->offset - back};
        return FH_OK;
    }
    struct fh_oid oid;
    if (end - *at < FH_OID_RAW)
        return broken(r, place, e);
    memcpy(oid.id, p + *at, FH_OID_RAW);
    *at += FH_OID_RAW;
    /* Packs here are never thin: the base is in the same one. */
    out->base.pack = place->pack;
    return wire_pack_find(r->packs->packs[place->pack], &oid, &out->base.offset) ? FH_OK
                                                                                 : broken(r, place, e);
}

static fh_err read_raw(struct wire_reader *r, const struct wire_place *place, struct raw *out,
                       struct fh_error *e)
{
    const struct wire_pack *p = r->packs->packs[place->pack];
    uint64_t at = place->offset, end = p->npack - WIRE_PACK_TRAILER;
    if (at < WIRE_PACK_HEADER || at >= end)
        return broken(r, place, e);
    uint8_t byte = p->pack[at++];
    out->type = (enum wire_type)(byte >> 4 & 7);
    out->size = byte & 15;
    for (unsigned shift = 4; byte & 0x80; shift += 7) {
        if (at >= end || shift > 56)
            return broken(r, place, e);
        byte = p->pack[at++];
        out->size |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (out->type == WIRE_OFS_DELTA || out->type == WIRE_REF_DELTA)
        FH_TRY(read_base(r, place, &at, end, out, e));
    else if (out->type < WIRE_COMMIT || out->type > WIRE_TAG)
        return broken(r, place, e);
    out->data = at;
    return FH_OK;
}

static bool is_delta(const struct raw *raw)
{
    return raw->type == WIRE_OFS_DELTA || raw->type == WIRE_REF_DELTA;
}

/* The first n bytes of an entry's data; whole: they must also be all. */
static bool inflate_some(struct wire_reader *r, uint32_t pack, uint64_t data, void *out, size_t n, bool whole)
{
    const struct wire_pack *p = r->packs->packs[pack];
    uint64_t left = p->npack - WIRE_PACK_TRAILER - data;
    uint8_t spare;
    if (inflateReset(&r->z) != Z_OK)
        return false;
    /* zlib takes no const; it does not write there. */
    r->z.next_in = (Bytef *)(uintptr_t)(p->pack + data);
    r->z.avail_in = left < INT32_MAX ? (uInt)left : INT32_MAX;
    r->z.next_out = n ? out : &spare;
    r->z.avail_out = (uInt)n;
    int rc = inflate(&r->z, Z_FINISH);
    if (whole && rc == Z_BUF_ERROR && r->z.avail_out == 0) {
        /* All bytes are out, and the stream's end is still to be read: into nothing. */
        r->z.next_out = &spare;
        r->z.avail_out = 1;
        rc = inflate(&r->z, Z_FINISH);
    }
    return whole ? rc == Z_STREAM_END && r->z.total_out == n
                 : (rc == Z_STREAM_END || rc == Z_BUF_ERROR || rc == Z_OK) && r->z.avail_out == 0;
}

static fh_err inflate_into(struct wire_reader *r, const struct wire_place *place, const struct raw *raw,
                           struct fh_buf *out, struct fh_error *e)
{
    char *where;
    fh_buf_clear(out);
    if (raw->size > FH_MAX_OBJECT)
        return FH_FAIL(e, FH_TOO_LARGE, "A stored object is larger than the limit of %d bytes.",
                       FH_MAX_OBJECT);
    may_wait(r, raw->size);
    FH_TRY(fh_buf_reserve(out, (size_t)raw->size, &where, e));
    if (!inflate_some(r, place->pack, raw->data, where, (size_t)raw->size, true))
        return broken(r, place, e);
    r->work += raw->size;
    out->len = (size_t)raw->size;
    out->data[out->len] = '\0';
    return FH_OK;
}

static fh_err push_chain(struct wire_reader *r, const struct wire_place *place, const struct raw *raw,
                         struct fh_error *e)
{
    if (r->nchain == MAX_CHAIN)
        return broken(r, place, e);
    if (r->nchain == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->chain = fh_xrealloc(r->chain, r->cap * sizeof *r->chain);
    }
    /* What is applied to the base makes the object at place: keep both together. */
    r->chain[r->nchain] = *raw;
    r->chain[r->nchain++].base = *place;
    return FH_OK;
}

/* Goes down from place to what is whole: *bytes points at a remembered object, or at out or a step buffer. */
static fh_err find_bottom(struct wire_reader *r, struct wire_place place, struct fh_buf *out,
                          enum wire_type *type, const void **bytes, size_t *n, struct fh_error *e)
{
    struct raw raw;
    r->nchain = 0;
    for (;;) {
        *bytes = wire_bases_get(r->bases, &place, type, n);
        if (*bytes)
            return FH_OK;
        FH_TRY(read_raw(r, &place, &raw, e));
        if (!is_delta(&raw))
            break;
        FH_TRY(push_chain(r, &place, &raw, e));
        place = raw.base;
    }
    struct fh_buf *to = r->nchain ? &r->step[r->nchain & 1] : out;
    FH_TRY(inflate_into(r, &place, &raw, to, e));
    *type = raw.type;
    *bytes = to->data;
    *n = to->len;
    if (r->nchain || raw.type == WIRE_TREE)
        wire_bases_put(r->bases, &place, *type, *bytes, *n);
    return FH_OK;
}

fh_err wire_read_place(struct wire_reader *r, const struct wire_place *place, enum wire_type *type,
                       struct fh_buf *out, struct fh_error *e)
{
    const void *bytes;
    size_t n;
    fh_buf_clear(out);
    FH_TRY(find_bottom(r, *place, out, type, &bytes, &n, e));
    if (r->nchain == 0)
        return bytes == out->data ? FH_OK : fh_buf_add(out, bytes, n, e);
    while (r->nchain) {
        const struct raw *raw = &r->chain[--r->nchain];
        struct wire_place made = raw->base;
        struct fh_buf *to = r->nchain ? &r->step[r->nchain & 1] : out;
        FH_TRY(inflate_into(r, &made, raw, &r->delta, e));
        uint64_t result;
        if (wire_delta_result(r->delta.data, r->delta.len, &result))
            may_wait(r, result);
        fh_err rc = wire_delta_apply(bytes, n, r->delta.data, r->delta.len, to, e);
        if (rc != FH_OK)
            return rc == FH_INVALID ? broken(r, &made, e) : rc;
        bytes = to->data;
        n = to->len;
        r->work += n;
        wire_bases_put(r->bases, &made, *type, bytes, n);
    }
    return FH_OK;
}

static fh_err find(struct wire_reader *r, const struct fh_oid *oid, struct wire_place *out,
                   struct fh_error *e)
{
    char hex[FH_OID_HEX + 1];
    if (wire_reader_find(r, oid, out))
        return FH_OK;
    fh_oid_format(oid, hex);
    return FH_FAIL(e, FH_NOT_FOUND, "There is no object %s.", hex);
}

fh_err wire_read(struct wire_reader *r, const struct fh_oid *oid, enum wire_type *type, struct fh_buf *out,
                 struct fh_error *e)
{
    struct wire_place place;
    FH_TRY(find(r, oid, &place, e));
    return wire_read_place(r, &place, type, out, e);
}

/* A delta begins with the sizes of its base and of its result. */
bool wire_delta_result(const void *delta, size_t n, uint64_t *out)
{
    const uint8_t *p = delta;
    size_t at = 0;
    for (int i = 0; i < 2; i++) {
        *out = 0;
        unsigned shift = 0;
        do {
            if (at == n || shift > 56)
                return false;
            *out |= (uint64_t)(p[at] & 0x7f) << shift;
            shift += 7;
        } while (p[at++] & 0x80);
    }
    return true;
}

fh_err wire_read_place_header(struct wire_reader *r, const struct wire_place *place, enum wire_type *type,
                              uint64_t *size, struct fh_error *e)
{
    struct wire_place at = *place;
    struct raw raw;
    FH_TRY(read_raw(r, &at, &raw, e));
    *size = raw.size;
    if (is_delta(&raw)) {
        uint8_t start[20];
        size_t n = raw.size < sizeof start ? (size_t)raw.size : sizeof start;
        if (!inflate_some(r, at.pack, raw.data, start, n, false) || !wire_delta_result(start, n, size))
            return broken(r, &at, e);
    }
    for (int depth = 0; is_delta(&raw); depth++) {
        if (depth == MAX_CHAIN)
            return broken(r, &at, e);
        at = raw.base;
        FH_TRY(read_raw(r, &at, &raw, e));
    }
    *type = raw.type;
    return FH_OK;
}

fh_err wire_read_header(struct wire_reader *r, const struct fh_oid *oid, enum wire_type *type, uint64_t *size,
                        struct fh_error *e)
{
    struct wire_place place;
    FH_TRY(find(r, oid, &place, e));
    return wire_read_place_header(r, &place, type, size, e);
}

fh_err wire_read_base(struct wire_reader *r, const struct wire_place *place, bool *has_base,
                      struct wire_place *base, struct fh_error *e)
{
    struct raw raw;
    FH_TRY(read_raw(r, place, &raw, e));
    *has_base = is_delta(&raw);
    *base = raw.base;
    return FH_OK;
}

fh_err wire_read_entry(struct wire_reader *r, const struct wire_place *place, struct wire_entry *out,
                       struct fh_error *e)
{
    struct wire_pack *p = r->packs->packs[place->pack];
    struct raw raw;
    struct fh_oid self;
    uint64_t end, base_end;
    FH_TRY(read_raw(r, place, &raw, e));
    if (!wire_pack_entry_at(p, place->offset, &self, &end) || raw.data > end)
        return broken(r, place, e);
    *out = (struct wire_entry){
        .type = raw.type, .size = raw.size, .bytes = p->pack + raw.data, .nbytes = (size_t)(end - raw.data)};
    if (is_delta(&raw) && !wire_pack_entry_at(p, raw.base.offset, &out->base, &base_end))
        return broken(r, place, e);
    return FH_OK;
}
