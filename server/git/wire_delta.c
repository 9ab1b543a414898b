/* Git deltas: making and applying them. See wire_write.h; the form is gitformat-pack(5)'s.
 *
 *   size of base | size of result | instructions: copy (offset, size) from the base, or 1..127 literal bytes
 *
 * Making one: the base's blocks of 16 bytes are put into a hash table; the target is gone through from left
 * to right, and where 16 bytes are a block of the base, the match is extended both ways and copied. Time is
 * linear: each place looks at MAX_TRIES blocks at most, and a copy is jumped over.
 */
#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_write.h"

enum { BLOCK = 16, MAX_TRIES = 16, GOOD_MATCH = 4096, MAX_COPY = 0x10000, MAX_LITERAL = 127 };

struct index {
    uint32_t *heads, *next; /* block numbers plus one */
    unsigned shift;
};

static uint32_t hash_block(const uint8_t *p, unsigned shift)
{
    uint64_t a, b;
    memcpy(&a, p, 8);
    memcpy(&b, p + 8, 8);
    a = (a ^ (b << 29 | b >> 35)) * 0x9e3779b97f4a7c15u;
    return (uint32_t)((a ^ a >> 29) * 0xbf58476d1ce4e5b9u >> shift);
}

static void index_make(struct index *x, const uint8_t *base, size_t n)
{
    size_t blocks = n / BLOCK;
    unsigned bits = 4;
    while (bits < 24 && (size_t)1 << bits < blocks)
        bits++;
    x->shift = 64 - bits;
    x->heads = fh_xcalloc((size_t)1 << bits, sizeof *x->heads);
    x->next = fh_xcalloc(blocks, sizeof *x->next);
    /* Backwards, so that of equal blocks the first is found first: it goes on the longest. */
    for (size_t i = blocks; i-- > 0;) {
        uint32_t h = hash_block(base + i * BLOCK, x->shift);
        x->next[i] = x->heads[h];
        x->heads[h] = (uint32_t)i + 1;
    }
}

struct match {
    size_t from, n;
};

static struct match longest(const struct index *x, const uint8_t *base, size_t nbase, const uint8_t *p,
                            size_t n)
{
    struct match best = {0};
    uint32_t at = x->heads[hash_block(p, x->shift)];
    for (int tries = 0; at && tries < MAX_TRIES && best.n < GOOD_MATCH; tries++, at = x->next[at - 1]) {
        size_t from = (size_t)(at - 1) * BLOCK, i = 0;
        size_t max = nbase - from < n ? nbase - from : n;
        while (i + 8 <= max && memcmp(base + from + i, p + i, 8) == 0)
            i += 8;
        while (i < max && base[from + i] == p[i])
            i++;
        if (i >= BLOCK && i > best.n)
            best = (struct match){from, i};
    }
    return best;
}

static fh_err put_size(struct fh_buf *out, size_t n, struct fh_error *e)
{
    do {
        FH_TRY(fh_buf_add_char(out, (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0)), e));
        n >>= 7;
    } while (n);
    return FH_OK;
}

static fh_err put_literals(struct fh_buf *out, const uint8_t *p, size_t n, struct fh_error *e)
{
    while (n) {
        size_t part = n < MAX_LITERAL ? n : MAX_LITERAL;
        FH_TRY(fh_buf_add_char(out, (char)part, e));
        FH_TRY(fh_buf_add(out, p, part, e));
        p += part;
        n -= part;
    }
    return FH_OK;
}

static fh_err put_copy(struct fh_buf *out, size_t from, size_t n, struct fh_error *e)
{
    while (n) {
        size_t part = n < MAX_COPY ? n : MAX_COPY;
        size_t size = part == MAX_COPY ? 0 : part; /* no size at all means 64 KiB */
        uint8_t op[8] = {0x80};
        size_t len = 1;
        for (unsigned i = 0; i < 4; i++) {
            if (from >> (8 * i) & 0xff) {
                op[0] |= (uint8_t)(1u << i);
                op[len++] = (uint8_t)(from >> (8 * i));
            }
        }
        for (unsigned i = 0; i < 2; i++) {
            if (size >> (8 * i) & 0xff) {
                op[0] |= (uint8_t)(0x10u << i);
                op[len++] = (uint8_t)(size >> (8 * i));
            }
        }
        FH_TRY(fh_buf_add(out, op, len, e));
        from += part;
        n -= part;
    }
    return FH_OK;
}

static fh_err encode(const struct index *x, const uint8_t *base, size_t nbase, const uint8_t *target,
                     size_t ntarget, struct fh_buf *out, struct fh_error *e)
{
    size_t at = 0, literal = 0; /* target[literal .. at) is not written yet */
    while (at + BLOCK <= ntarget) {
        struct match m = longest(x, base, nbase, target + at, ntarget - at);
        if (m.n == 0) {
            at++;
            /* Pending literals count too: it gives up as soon as they could not fit. */
            if (out->len + (at - literal) > out->ceiling)
                return FH_FAIL(e, FH_TOO_LARGE, "The delta would be too long.");
            continue;
        }
        size_t back = 0;
        while (at - back > literal && m.from > back && base[m.from - back - 1] == target[at - back - 1])
            back++;
        FH_TRY(put_literals(out, target + literal, at - back - literal, e));
        FH_TRY(put_copy(out, m.from - back, m.n + back, e));
        at += m.n;
        literal = at;
    }
    return put_literals(out, target + literal, ntarget - literal, e);
}

fh_err wire_delta_make(const void *base, size_t nbase, const void *target, size_t ntarget, size_t max,
                       struct fh_buf *out, struct fh_error *e)
{
    struct index x;
    if (nbase > UINT32_MAX || ntarget > UINT32_MAX)
        return FH_FAIL(e, FH_TOO_LARGE, "The objects are too large for a delta.");
    size_t ceiling = out->ceiling;
    fh_buf_clear(out);
    out->ceiling = max < ceiling ? max : ceiling;
    index_make(&x, base, nbase);
    fh_err rc = put_size(out, nbase, e);
    if (rc == FH_OK)
        rc = put_size(out, ntarget, e);
    if (rc == FH_OK)
        rc = encode(&x, base, nbase, target, ntarget, out, e);
    free(x.heads);
    free(x.next);
    out->ceiling = ceiling;
    return rc;
}

struct input {
    const uint8_t *at, *end;
};

static bool take_size(struct input *in, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift <= 56; shift += 7) {
        if (in->at == in->end)
            return false;
        uint8_t byte = *in->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool take_copy(struct input *in, uint8_t op, size_t *from, size_t *n)
{
    *from = *n = 0;
    for (unsigned i = 0; i < 7; i++) {
        if (!(op & 1u << i))
            continue;
        if (in->at == in->end)
            return false;
        if (i < 4)
            *from |= (size_t)*in->at++ << (8 * i);
        else
            *n |= (size_t)*in->at++ << (8 * (i - 4));
    }
    if (*n == 0)
        *n = MAX_COPY;
    return true;
}

/* room: bytes from out on; true when the instructions fill it exactly. */
static bool run(struct input *in, const uint8_t *base, size_t nbase, uint8_t *out, size_t room)
{
    while (in->at < in->end) {
        uint8_t op = *in->at++;
        const uint8_t *source;
        size_t from, n;
        if (op & 0x80) {
            if (!take_copy(in, op, &from, &n) || from > nbase || n > nbase - from)
                return false;
            source = base + from;
        } else {
            n = op;
            if (n == 0 || n > (size_t)(in->end - in->at))
                return false;
            source = in->at;
            in->at += n;
        }
        if (n > room)
            return false;
        memcpy(out, source, n);
        out += n;
        room -= n;
    }
    return room == 0;
}

fh_err wire_delta_apply(const void *base, size_t nbase, const void *delta, size_t ndelta, struct fh_buf *out,
                        struct fh_error *e)
{
    struct input in = {delta, (const uint8_t *)delta + ndelta};
    uint64_t stated_base, result;
    char *where;
    fh_buf_clear(out);
    if (!take_size(&in, &stated_base) || !take_size(&in, &result) || stated_base != nbase)
        return FH_FAIL(e, FH_INVALID, "The delta is not one for this base.");
    if (result > out->ceiling)
        return FH_FAIL(e, FH_TOO_LARGE, "A value is larger than the limit of %zu bytes.", out->ceiling);
    FH_TRY(fh_buf_reserve(out, (size_t)result, &where, e));
    if (!run(&in, base, nbase, (uint8_t *)where, (size_t)result))
        return FH_FAIL(e, FH_INVALID, "The delta's instructions do not fit its sizes.");
    out->len = (size_t)result;
    out->data[out->len] = '\0';
    return FH_OK;
}
