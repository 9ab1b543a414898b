/* The pre-scan of a pushed pack. See wire_guard.h; the format is git's gitformat-pack(5).
 *
 *   fd ──pread──> in[] ──inflate──> out[] ──> nothing, or the delta state machine
 *          └────> SHA-1
 *
 * What is kept of an entry is where it begins, how large its object is and how deep its chain. The base of a
 * REF_DELTA is named by id, and ids are known only when everything has been hashed, so here such a delta is
 * held to the sizes it declares; that its base is in the pack, has that size, and that no chain through it is
 * too deep is made sure of by wire_index.c.
 */
#include "server/git/wire_guard.h"

#include "common/ceilings.h"
#include "common/digest.h"
#include "common/mem.h"
#include "server/git/wire_pack.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

enum {
    HEADER = 12,
    TRAILER = 20,
    MIN_ENTRY = 9, /* a header byte and the shortest zlib stream */
    WINDOW = 32 * 1024
};

struct seen {
    uint64_t offset;
    uint32_t size; /* of the object, deltas applied */
    uint32_t depth;
};

/* A delta is read byte by byte: two sizes, then instructions with their arguments. */
struct delta_state {
    enum { BASE_SIZE, RESULT_SIZE, INSTRUCTION, ARGUMENTS, LITERAL } at;
    unsigned shift;
    uint64_t base, result, made;
    uint8_t mask;  /* argument bytes still to come: bits 0-3 offset, 4-6 size */
    unsigned next; /* the bit that is looked at */
    uint64_t copy_offset, copy_size;
    unsigned literal;
};

struct scan {
    int fd;
    off_t offset;
    uint64_t size, pos; /* pos: read so far; the trailer is not read as an entry */
    size_t at, len;     /* in use of in[] */
    struct fh_digest *sha;
    z_stream z;
    struct seen *seen;
    size_t nseen;
    uint64_t inflated;
    struct delta_state delta;
    uint8_t in[WINDOW], out[WINDOW];
};

static fh_err read_at(struct scan *s, uint64_t pos, void *out, size_t n, struct fh_error *e)
{
    for (uint8_t *p = out; n;) {
        ssize_t got = pread(s->fd, p, n, s->offset + (off_t)pos);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FH_FAIL_ERRNO(e, FH_INTERNAL, "The pushed pack could not be read back");
        if (got == 0)
            return FH_FAIL(e, FH_INVALID, "The pack is cut short.");
        p += got;
        pos += (uint64_t)got;
        n -= (size_t)got;
    }
    return FH_OK;
}

static fh_err refill(struct scan *s, struct fh_error *e)
{
    uint64_t left = s->size - TRAILER - s->pos;
    size_t n = left < WINDOW ? (size_t)left : WINDOW;
    if (n == 0)
        return FH_FAIL(e, FH_INVALID, "The pack is cut short.");
    FH_TRY(read_at(s, s->pos, s->in, n, e));
    fh_digest_add(s->sha, s->in, n);
    s->pos += n;
    s->at = 0;
    s->len = n;
    return FH_OK;
}

static fh_err next_byte(struct scan *s, uint8_t *out, struct fh_error *e)
{
    if (s->at == s->len)
        FH_TRY(refill(s, e));
    *out = s->in[s->at++];
    return FH_OK;
}

/* Adds seven bits of a size; false when it is too long to be one. */
static bool add_size_bits(uint64_t *value, unsigned *shift, uint8_t byte)
{
    if (*shift > 56)
        return false;
    *value |= (uint64_t)(byte & 0x7f) << *shift;
    *shift += 7;
    return true;
}

static fh_err bad_delta(struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "The pack holds a delta whose instructions do not fit its sizes.");
}

static fh_err too_large(struct fh_error *e)
{
    return FH_FAIL(e, FH_TOO_LARGE, "The push holds an object of more than %d MiB.",
                   FH_MAX_OBJECT / (1024 * 1024));
}

static fh_err delta_instruction(struct delta_state *d, uint8_t byte, struct fh_error *e)
{
    if (byte & 0x80) {
        d->mask = byte & 0x7f;
        d->next = 0;
        d->copy_offset = d->copy_size = 0;
        d->at = ARGUMENTS;
    } else if (byte) {
        d->literal = byte;
        d->made += byte;
        d->at = LITERAL;
    } else {
        return bad_delta(e);
    }
    return FH_OK;
}

static fh_err delta_copy(struct delta_state *d, struct fh_error *e)
{
    uint64_t n = d->copy_size ? d->copy_size : 0x10000;
    if (d->copy_offset > d->base || n > d->base - d->copy_offset)
        return bad_delta(e);
    d->made += n;
    d->at = INSTRUCTION;
    return FH_OK;
}

static void delta_argument(struct delta_state *d, uint8_t byte)
{
    while (!(d->mask & 1u << d->next))
        d->next++;
    if (d->next < 4)
        d->copy_offset |= (uint64_t)byte << (8 * d->next);
    else
        d->copy_size |= (uint64_t)byte << (8 * (d->next - 4));
    d->mask &= (uint8_t) ~(1u << d->next);
}

static fh_err delta_byte(struct delta_state *d, uint8_t byte, struct fh_error *e)
{
    switch (d->at) {
    case BASE_SIZE:
    case RESULT_SIZE:
        if (!add_size_bits(d->at == BASE_SIZE ? &d->base : &d->result, &d->shift, byte))
            return bad_delta(e);
        if (!(byte & 0x80)) {
            d->shift = 0;
            d->at = d->at == BASE_SIZE ? RESULT_SIZE : INSTRUCTION;
            if (d->base > FH_MAX_OBJECT || d->result > FH_MAX_OBJECT)
                return too_large(e);
        }
        return FH_OK;
    case INSTRUCTION:
        FH_TRY(delta_instruction(d, byte, e));
        break;
    case ARGUMENTS:
        delta_argument(d, byte);
        break;
    case LITERAL:
        if (--d->literal == 0)
            d->at = INSTRUCTION;
        break;
    }
    if (d->at == ARGUMENTS && d->mask == 0)
        FH_TRY(delta_copy(d, e));
    return d->made > d->result ? bad_delta(e) : FH_OK;
}

static fh_err count(struct scan *s, uint64_t n, struct fh_error *e)
{
    s->inflated += n;
    if (s->inflated > FH_MAX_PACK_INFLATED)
        return FH_FAIL(e, FH_TOO_LARGE, "The push holds more than %d MiB of objects.",
                       FH_MAX_PACK_INFLATED / (1024 * 1024));
    return FH_OK;
}

/* Inflates one entry of exactly size bytes. */
static fh_err scan_data(struct scan *s, uint64_t size, bool is_delta, struct fh_error *e)
{
    uint64_t made = 0;
    int rc = Z_OK;
    if (inflateReset(&s->z) != Z_OK)
        return FH_FAIL(e, FH_INTERNAL, "The inflater could not be reset.");
    while (rc != Z_STREAM_END) {
        if (s->at == s->len)
            FH_TRY(refill(s, e));
        /* One byte more than declared, so that an entry that goes on is seen. */
        uint64_t room = size - made + 1;
        s->z.next_in = s->in + s->at;
        s->z.avail_in = (uInt)(s->len - s->at);
        s->z.next_out = s->out;
        s->z.avail_out = (uInt)(room < WINDOW ? room : WINDOW);
        uInt gave = s->z.avail_out;
        rc = inflate(&s->z, Z_NO_FLUSH);
        s->at = s->len - s->z.avail_in;
        size_t n = gave - s->z.avail_out;
        made += n;
        if (rc != Z_OK && rc != Z_STREAM_END)
            return FH_FAIL(e, FH_INVALID, "The pack holds an entry whose compressed data are broken.");
        if (made > size || (rc == Z_STREAM_END && made < size))
            return FH_FAIL(e, FH_INVALID, "The pack holds an entry whose size is not what it declares.");
        for (size_t i = 0; is_delta && i < n; i++)
            FH_TRY(delta_byte(&s->delta, s->out[i], e));
    }
    return FH_OK;
}

static fh_err read_header(struct scan *s, unsigned *type, uint64_t *size, struct fh_error *e)
{
    uint8_t byte;
    unsigned shift = 4;
    FH_TRY(next_byte(s, &byte, e));
    *type = byte >> 4 & 7;
    *size = byte & 15;
    while (byte & 0x80) {
        FH_TRY(next_byte(s, &byte, e));
        if (!add_size_bits(size, &shift, byte))
            return FH_FAIL(e, FH_INVALID, "The pack holds an entry with a malformed header.");
    }
    return *size > FH_MAX_OBJECT ? too_large(e) : FH_OK;
}

/* The distance back to the base: groups of seven bits, high first, each but the last plus one. */
static fh_err find_base(struct scan *s, uint64_t here, const struct seen **out, struct fh_error *e)
{
    uint8_t byte;
    FH_TRY(next_byte(s, &byte, e));
    uint64_t back = byte & 0x7f;
    while (byte & 0x80) {
        FH_TRY(next_byte(s, &byte, e));
        if (back >= UINT64_MAX >> 8)
            return FH_FAIL(e, FH_INVALID, "The pack holds a delta whose base is not in the pack.");
        back = (back + 1) << 7 | (byte & 0x7f);
    }
    size_t low = 0, high = s->nseen;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (back <= here && s->seen[mid].offset < here - back)
            low = mid + 1;
        else
            high = mid;
    }
    if (back == 0 || back > here || low == s->nseen || s->seen[low].offset != here - back)
        return FH_FAIL(e, FH_INVALID, "The pack holds a delta whose base is not in the pack.");
    *out = &s->seen[low];
    return FH_OK;
}

static fh_err scan_delta(struct scan *s, unsigned type, uint64_t size, struct seen *self, struct fh_error *e)
{
    const struct seen *base = NULL;
    if (type == WIRE_OFS_DELTA) {
        FH_TRY(find_base(s, self->offset, &base, e));
    } else {
        uint8_t byte;
        for (int i = 0; i < FH_OID_RAW; i++)
            FH_TRY(next_byte(s, &byte, e));
    }
    self->depth = base ? base->depth + 1 : 1;
    if (self->depth > FH_MAX_DELTA_DEPTH)
        return FH_FAIL(e, FH_INVALID, "The pack holds a chain of more than %d deltas.", FH_MAX_DELTA_DEPTH);
    s->delta = (struct delta_state){0};
    FH_TRY(scan_data(s, size, true, e));
    const struct delta_state *d = &s->delta;
    if (d->at != INSTRUCTION || d->made != d->result || (base && d->base != base->size))
        return bad_delta(e);
    self->size = (uint32_t)d->result;
    return count(s, d->result, e);
}

static fh_err scan_entry(struct scan *s, struct fh_error *e)
{
    struct seen self = {.offset = s->pos - (s->len - s->at)};
    unsigned type;
    uint64_t size;
    FH_TRY(read_header(s, &type, &size, e));
    FH_TRY(count(s, size, e));
    switch (type) {
    case WIRE_COMMIT:
    case WIRE_TREE:
    case WIRE_BLOB:
    case WIRE_TAG:
        self.size = (uint32_t)size;
        FH_TRY(scan_data(s, size, false, e));
        break;
    case WIRE_OFS_DELTA:
    case WIRE_REF_DELTA:
        FH_TRY(scan_delta(s, type, size, &self, e));
        break;
    default:
        return FH_FAIL(e, FH_INVALID, "The pack holds an entry of an unknown type.");
    }
    s->seen[s->nseen++] = self;
    return FH_OK;
}

static fh_err scan_start(struct scan *s, uint32_t *objects, struct fh_error *e)
{
    if (s->size < HEADER + TRAILER)
        return FH_FAIL(e, FH_INVALID, "The pack is cut short.");
    FH_TRY(refill(s, e));
    s->at = HEADER;
    if (memcmp(s->in, "PACK", 4) != 0)
        return FH_FAIL(e, FH_INVALID, "What was pushed is not a pack.");
    if (memcmp(s->in + 4, "\0\0\0\2", 4) != 0)
        return FH_FAIL(e, FH_INVALID, "The pack is not of version 2.");
    *objects =
        (uint32_t)s->in[8] << 24 | (uint32_t)s->in[9] << 16 | (uint32_t)s->in[10] << 8 | (uint32_t)s->in[11];
    if (*objects > (s->size - HEADER - TRAILER) / MIN_ENTRY)
        return FH_FAIL(e, FH_INVALID, "The pack claims more objects than can be in it.");
    if (*objects > FH_MAX_PUSH_OBJECTS)
        return FH_FAIL(e, FH_TOO_LARGE, "The push holds %u objects; at most %d are taken.", *objects,
                       FH_MAX_PUSH_OBJECTS);
    return FH_OK;
}

static fh_err scan_end(struct scan *s, uint8_t checksum[TRAILER], struct fh_error *e)
{
    uint8_t stated[TRAILER];
    if (s->at != s->len || s->pos != s->size - TRAILER)
        return FH_FAIL(e, FH_INVALID, "The pack has bytes behind its last object.");
    FH_TRY(read_at(s, s->pos, stated, TRAILER, e));
    fh_digest_finish(s->sha, checksum);
    if (memcmp(stated, checksum, TRAILER) != 0)
        return FH_FAIL(e, FH_INVALID, "The pack's checksum is wrong.");
    return FH_OK;
}

fh_err wire_guard_scan(int fd, off_t offset, uint64_t size, struct wire_scan *out, struct fh_error *e)
{
    struct wire_scan found = {.bytes = size};
    struct scan *s = fh_xcalloc(1, sizeof *s);
    fh_err rc;
    s->fd = fd;
    s->offset = offset;
    s->size = size;
    s->sha = fh_digest_new(FH_SHA1);
    if (inflateInit(&s->z) != Z_OK) {
        rc = FH_FAIL(e, FH_INTERNAL, "The inflater could not be started.");
        goto cleanup;
    }
    rc = scan_start(s, &found.objects, e);
    if (rc != FH_OK)
        goto cleanup;
    s->seen = fh_xcalloc(found.objects, sizeof *s->seen);
    for (uint32_t i = 0; rc == FH_OK && i < found.objects; i++)
        rc = scan_entry(s, e);
    if (rc == FH_OK)
        rc = scan_end(s, found.checksum, e);
    if (rc != FH_OK)
        goto cleanup;
    found.inflated = s->inflated;
    *out = found;
cleanup:
    inflateEnd(&s->z);
    fh_digest_free(s->sha);
    free(s->seen);
    free(s);
    return rc;
}
