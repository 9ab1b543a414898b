/* Writing packs. See wire_write.h; wire_plan.c has decided how each object is sent.
 *
 * An object goes out after its base, so that an OFS_DELTA can point back to it; with nothing but REF_DELTAs
 * the order is the same. */
#include "common/ceilings.h"
#include "common/digest.h"
#include "common/mem.h"
#include "server/git/wire_plan.h"

enum { CHUNK = 64 * 1024 };

struct out {
    wire_sink *write;
    void *arg;
    struct fh_digest *sha;
    uint64_t at; /* bytes so far */
    size_t n;
    uint8_t chunk[CHUNK];
};

static fh_err flush(struct out *o, struct fh_error *e)
{
    size_t n = o->n;
    o->n = 0;
    return n ? o->write(o->arg, o->chunk, n, e) : FH_OK;
}

static fh_err put(struct out *o, const void *bytes, size_t n, struct fh_error *e)
{
    const uint8_t *p = bytes;
    o->at += n;
    while (n) {
        size_t room = CHUNK - o->n, part = n < room ? n : room;
        memcpy(o->chunk + o->n, p, part);
        o->n += part;
        p += part;
        n -= part;
        if (o->n == CHUNK) {
            fh_digest_add(o->sha, o->chunk, CHUNK);
            FH_TRY(flush(o, e));
        }
    }
    return FH_OK;
}

static size_t entry_header(enum wire_type type, uint64_t size, uint8_t out[10])
{
    size_t n = 0;
    uint8_t byte = (uint8_t)((unsigned)type << 4 | (size & 15));
    for (size >>= 4; size; size >>= 7) {
        out[n++] = byte | 0x80;
        byte = size & 0x7f;
    }
    out[n++] = byte;
    return n;
}

/* The distance back of an OFS_DELTA: seven bits a byte, high first, each group but the last less one. */
static size_t distance(uint64_t back, uint8_t out[10])
{
    uint8_t reversed[10];
    size_t n = 0;
    reversed[n++] = back & 0x7f;
    while (back >>= 7)
        reversed[n++] = 0x80 | (--back & 0x7f);
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    return n;
}

static fh_err put_entry(struct out *o, const struct wire_list *list, const struct wire_plan *plan, uint32_t i,
                        uint64_t *offsets, bool ofs_delta, struct fh_error *e)
{
    const struct wire_planned *item = &plan->items[i];
    uint8_t head[10 + FH_OID_RAW];
    enum wire_type type = item->base == WIRE_PLAN_WHOLE ? item->type
                          : ofs_delta                   ? WIRE_OFS_DELTA
                                                        : WIRE_REF_DELTA;
    size_t n = entry_header(type, item->size, head);
    if (type == WIRE_OFS_DELTA) {
        n += distance(o->at - offsets[item->base], head + n);
    } else if (type == WIRE_REF_DELTA) {
        memcpy(head + n, list->items[item->base].oid.id, FH_OID_RAW);
        n += FH_OID_RAW;
    }
    offsets[i] = o->at;
    FH_TRY(put(o, head, n, e));
    return put(o, item->bytes, item->nbytes, e);
}

/* offsets[i] is 0 for what is not out yet. */
static fh_err put_all(struct out *o, const struct wire_list *list, const struct wire_plan *plan,
                      bool ofs_delta, struct fh_error *e)
{
    uint64_t *offsets = fh_xcalloc(list->n, sizeof *offsets);
    uint32_t *stack = fh_xcalloc(list->n, sizeof *stack);
    fh_err rc = FH_OK;
    for (uint32_t i = 0; rc == FH_OK && i < list->n; i++) {
        size_t n = 0;
        for (uint32_t at = i; at != WIRE_PLAN_WHOLE && !offsets[at]; at = plan->items[at].base)
            stack[n++] = at;
        while (rc == FH_OK && n)
            rc = put_entry(o, list, plan, stack[--n], offsets, ofs_delta, e);
    }
    free(offsets);
    free(stack);
    return rc;
}

static fh_err put_pack(struct out *o, const struct wire_list *list, const struct wire_plan *plan,
                       bool ofs_delta, uint8_t checksum[20], struct fh_error *e)
{
    uint32_t n = (uint32_t)list->n;
    uint8_t head[12] = "PACK\0\0\0\2";
    for (unsigned i = 0; i < 4; i++)
        head[8 + i] = (uint8_t)(n >> (24 - 8 * i));
    FH_TRY(put(o, head, sizeof head, e));
    FH_TRY(put_all(o, list, plan, ofs_delta, e));
    fh_digest_add(o->sha, o->chunk, o->n);
    fh_digest_finish(o->sha, checksum);
    FH_TRY(flush(o, e));
    return o->write(o->arg, checksum, FH_SHA1_SIZE, e);
}

fh_err wire_write_pack(struct wire_reader *r, const struct wire_list *list,
                       const struct wire_write_options *options, wire_sink *write, void *arg,
                       uint8_t checksum[20], struct fh_error *e)
{
    struct wire_plan plan = {0};
    struct out *o = NULL;
    uint8_t sum[FH_SHA1_SIZE];
    fh_err rc = wire_plan_make(r, list, options->deltas, &plan, e);
    if (rc != FH_OK)
        goto cleanup;
    o = fh_xmalloc(sizeof *o);
    o->write = write;
    o->arg = arg;
    o->sha = fh_digest_new(FH_SHA1);
    o->at = o->n = 0;
    rc = put_pack(o, list, &plan, options->ofs_delta, sum, e);
    fh_digest_free(o->sha);
    if (rc == FH_OK && checksum)
        memcpy(checksum, sum, sizeof sum);
cleanup:
    free(o);
    wire_plan_free(&plan);
    return rc;
}

fh_err wire_write_warm(struct wire_reader *r, const struct wire_list *list, struct wire_deltas *deltas,
                       struct fh_error *e)
{
    struct wire_plan plan;
    FH_TRY(wire_plan_make(r, list, deltas, &plan, e));
    wire_plan_free(&plan);
    return FH_OK;
}
