/* The first pass over a pack that came in. See wire_incoming.h. wire_guard.c has been over it: what is found
 * wrong here all the same is said in the same words, as nothing may depend on the order of the two. */
#include "server/git/wire_incoming.h"

#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_packset.h"
#include "server/git/wire_pages.h"
#include "server/git/wire_stream.h"

enum {
    PIECE = 32 * 1024,
    AROUND = 64 * 1024, /* what the system maps at least when a page is looked at */
    TOUCHED = 4 * WIRE_PAGES_STEP,
    MIN_ENTRY = 9, /* a header byte and the shortest zlib stream */
    /* Of our own packs (compaction); the guard has counted a pusher's. */
    MAX_OBJECTS = 16 * 1024 * 1024
};

static fh_err cut_short(struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "The pack is cut short.");
}

static fh_err no_base(struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "The pack holds a delta whose base is not in the pack.");
}

fh_err wire_incoming_twice(struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "The pack holds an object twice.");
}

static fh_err broken(struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "The pack holds an entry whose compressed data are broken.");
}

static void hash_head(struct wire_incoming *in, enum wire_type type, size_t size)
{
    static const char *const names[] = {
        [WIRE_COMMIT] = "commit", [WIRE_TREE] = "tree", [WIRE_BLOB] = "blob", [WIRE_TAG] = "tag"};
    char head[64];
    int n = snprintf(head, sizeof head, "%s %zu", names[type], size);
    fh_digest_add(in->sha, head, (size_t)n + 1);
}

void wire_incoming_hash(struct wire_incoming *in, enum wire_type type, const struct fh_buf *bytes,
                        struct fh_oid *out)
{
    hash_head(in, type, bytes->len);
    fh_digest_add(in->sha, bytes->data, bytes->len);
    fh_digest_finish(in->sha, out->id);
}

fh_err wire_incoming_inflate(struct wire_incoming *in, const struct wire_coming *entry, struct fh_buf *out,
                             struct fh_error *e)
{
    uint64_t left = in->npack - WIRE_PACK_TRAILER - entry->data;
    uint8_t spare;
    char *where;
    fh_buf_clear(out);
    FH_TRY(fh_buf_reserve(out, entry->size, &where, e));
    if (inflateReset(&in->z) != Z_OK)
        return FH_FAIL(e, FH_INTERNAL, "The inflater could not be reset.");
    in->z.next_in = (Bytef *)(uintptr_t)(in->pack + entry->data);
    in->z.avail_in = left < INT32_MAX ? (uInt)left : INT32_MAX;
    in->z.next_out = (Bytef *)where;
    in->z.avail_out = entry->size;
    int rc = inflate(&in->z, Z_FINISH);
    if (rc == Z_BUF_ERROR && in->z.avail_out == 0) {
        in->z.next_out = &spare;
        in->z.avail_out = 1;
        rc = inflate(&in->z, Z_FINISH);
    }
    if (rc != Z_STREAM_END || in->z.total_out != entry->size)
        return broken(e);
    out->len = entry->size;
    out->data[out->len] = '\0';
    in->touched += in->z.total_in + AROUND;
    if (in->touched > TOUCHED && in->npack > TOUCHED) {
        wire_pages_drop(in->pack, in->pack + in->npack);
        in->touched = 0;
    }
    return FH_OK;
}

static fh_err read_header(const struct wire_incoming *in, uint64_t *at, struct wire_coming *out,
                          struct fh_error *e)
{
    uint64_t end = in->npack - WIRE_PACK_TRAILER, size;
    if (*at >= end)
        return cut_short(e);
    uint8_t byte = in->pack[(*at)++];
    out->stored = (enum wire_type)(byte >> 4 & 7);
    size = byte & 15;
    for (unsigned shift = 4; byte & 0x80; shift += 7) {
        if (*at >= end)
            return cut_short(e);
        if (shift > 56)
            return FH_FAIL(e, FH_INVALID, "The pack holds an entry with a malformed header.");
        byte = in->pack[(*at)++];
        size |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (size > FH_MAX_OBJECT)
        return FH_FAIL(e, FH_TOO_LARGE, "The push holds an object of more than %d MiB.",
                       FH_MAX_OBJECT / (1024 * 1024));
    out->size = (uint32_t)size;
    return FH_OK;
}

static fh_err link_ofs(struct wire_incoming *in, uint32_t self, uint64_t *at, struct fh_error *e)
{
    uint64_t end = in->npack - WIRE_PACK_TRAILER, back = 0, here = in->entries[self].offset;
    for (bool first = true;; first = false) {
        if (*at >= end)
            return cut_short(e);
        if (back >= UINT64_MAX >> 8)
            return no_base(e);
        back = (first ? 0 : (back + 1) << 7) | (in->pack[*at] & 0x7f);
        if (!(in->pack[(*at)++] & 0x80))
            break;
    }
    uint32_t low = 0, high = self;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (back <= here && in->entries[mid].offset < here - back)
            low = mid + 1;
        else
            high = mid;
    }
    if (back == 0 || back > here || low == self || in->entries[low].offset != here - back)
        return no_base(e);
    in->entries[self].sibling = in->entries[low].child;
    in->entries[low].child = self;
    return FH_OK;
}

/* Whatever the object's size, a piece of it is there at a time. */
static fh_err scan_data(struct wire_incoming *in, struct wire_coming *entry, uint64_t *at, uint8_t *piece,
                        struct fh_error *e)
{
    struct wire_stream s;
    uint64_t made = 0;
    bool whole = entry->stored <= WIRE_TAG;
    const uint8_t *done = in->pack + entry->offset;
    entry->data = *at;
    if (!wire_stream_open(&s, &in->z, in->pack + *at, in->npack - WIRE_PACK_TRAILER - *at))
        return FH_FAIL(e, FH_INTERNAL, "The inflater could not be reset.");
    if (whole)
        hash_head(in, entry->stored, entry->size);
    while (!s.ended) {
        size_t n;
        if (!wire_stream_next(&s, piece, PIECE, &n) || n > entry->size - made)
            return broken(e);
        made += n;
        entry->crc = (uint32_t)crc32(entry->crc, done, (uInt)(in->z.next_in - done));
        done = in->z.next_in;
        if (whole)
            fh_digest_add(in->sha, piece, n);
    }
    if (made != entry->size)
        return broken(e);
    if (whole) {
        entry->type = entry->stored;
        fh_digest_finish(in->sha, entry->oid.id);
        in->nwhole++;
    }
    *at = (uint64_t)(done - in->pack);
    return FH_OK;
}

static fh_err scan_entry(struct wire_incoming *in, uint32_t i, uint64_t *at, uint8_t *piece,
                         struct fh_error *e)
{
    struct wire_coming *entry = &in->entries[i];
    *entry = (struct wire_coming){.offset = *at, .child = WIRE_NO_ENTRY, .sibling = WIRE_NO_ENTRY};
    FH_TRY(read_header(in, at, entry, e));
    switch (entry->stored) {
    case WIRE_COMMIT:
    case WIRE_TREE:
    case WIRE_BLOB:
    case WIRE_TAG:
        break;
    case WIRE_OFS_DELTA:
        FH_TRY(link_ofs(in, i, at, e));
        break;
    case WIRE_REF_DELTA:
        if (in->npack - WIRE_PACK_TRAILER - *at < FH_OID_RAW)
            return cut_short(e);
        memcpy(entry->base.id, in->pack + *at, FH_OID_RAW);
        *at += FH_OID_RAW;
        in->refs[in->nrefs++] = i;
        break;
    default:
        return FH_FAIL(e, FH_INVALID, "The pack holds an entry of an unknown type.");
    }
    return scan_data(in, entry, at, piece, e);
}

static fh_err scan_start(struct wire_incoming *in, struct fh_error *e)
{
    if (in->npack < WIRE_PACK_HEADER + WIRE_PACK_TRAILER)
        return cut_short(e);
    if (memcmp(in->pack, "PACK", 4) != 0)
        return FH_FAIL(e, FH_INVALID, "What was pushed is not a pack.");
    if (memcmp(in->pack + 4, "\0\0\0\2", 4) != 0)
        return FH_FAIL(e, FH_INVALID, "The pack is not of version 2.");
    in->n = wire_be32(in->pack + 8);
    if (in->n > (in->npack - WIRE_PACK_HEADER - WIRE_PACK_TRAILER) / MIN_ENTRY)
        return FH_FAIL(e, FH_INVALID, "The pack claims more objects than can be in it.");
    if (in->n > MAX_OBJECTS)
        return FH_FAIL(e, FH_TOO_LARGE, "The pack holds %u objects; at most %d are taken.", in->n,
                       MAX_OBJECTS);
    return FH_OK;
}

static fh_err scan_end(struct wire_incoming *in, uint64_t at, struct fh_error *e)
{
    uint8_t sum[FH_SHA1_SIZE];
    size_t end = in->npack - WIRE_PACK_TRAILER;
    if (at != end)
        return FH_FAIL(e, FH_INVALID, "The pack has bytes behind its last object.");
    for (size_t n, from = 0; from < end; from += n) {
        n = end - from < WIRE_PAGES_STEP ? end - from : WIRE_PAGES_STEP;
        fh_digest_add(in->sha, in->pack + from, n);
        if (n == WIRE_PAGES_STEP)
            wire_pages_drop(in->pack + from, in->pack + from + n);
    }
    fh_digest_finish(in->sha, sum);
    if (memcmp(in->pack + end, sum, sizeof sum) != 0)
        return FH_FAIL(e, FH_INVALID, "The pack's checksum is wrong.");
    return FH_OK;
}

fh_err wire_incoming_scan(struct wire_incoming *in, struct fh_error *e)
{
    uint64_t at = WIRE_PACK_HEADER, kept = 0;
    FH_TRY(scan_start(in, e));
    uint8_t *piece = fh_xmalloc(PIECE);
    in->entries = fh_xcalloc(in->n, sizeof *in->entries);
    in->refs = fh_xcalloc(in->n, sizeof *in->refs);
    fh_err rc = FH_OK;
    for (uint32_t i = 0; rc == FH_OK && i < in->n; i++) {
        rc = scan_entry(in, i, &at, piece, e);
        if (at - kept < WIRE_PAGES_STEP)
            continue;
        wire_pages_drop(in->pack + kept, in->pack + at);
        kept = at;
    }
    free(piece);
    return rc == FH_OK ? scan_end(in, at, e) : rc;
}
