/* The second pass over a pack that came in: its deltas. See wire_incoming.h.
 *
 * From every whole object the tree of deltas above it is gone through in depth, each delta made and hashed
 * once:
 *
 *   frames[0] whole <- frames[1] delta <- frames[2] ...     at most FH_MAX_DELTA_DEPTH deep
 *
 * Frames keep their bytes until all that stands on them is done, up to HELD_BYTES; beyond that the lowest
 * let go of theirs, and make them again if another delta asks. Making again costs no more than all the frames
 * together, and comes about only after HELD_BYTES / 2 of new objects on top (no object is larger than that):
 * what a push may hold in all bounds how often.
 */
#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_incoming.h"
#include "server/git/wire_packset.h"
#include "server/git/wire_turn.h"
#include "server/git/wire_write.h"

enum { HELD_BYTES = 2 * FH_MAX_OBJECT };

struct frame {
    uint32_t entry;
    uint32_t next_ofs;      /* deltas on it that are still to be made: a list, */
    uint32_t next_ref, end; /* and a part of refs[] */
    struct fh_buf bytes;
    bool held;
};
struct resolver {
    struct wire_incoming *in;
    struct frame frames[FH_MAX_DELTA_DEPTH + 1];
    uint32_t depth; /* frames in use */
    uint32_t done;
    size_t held;
    struct fh_buf delta;
    struct wire_turn turn;
};

static int by_base(const void *a, const void *b, void *arg)
{
    const struct wire_incoming *in = arg;
    return fh_oid_compare(&in->entries[*(const uint32_t *)a].base, &in->entries[*(const uint32_t *)b].base);
}

static uint32_t first_ref(const struct wire_incoming *in, const struct fh_oid *base, bool behind)
{
    uint32_t low = 0, high = in->nrefs;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = fh_oid_compare(&in->entries[in->refs[mid]].base, base);
        if (order < 0 || (behind && order == 0))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void let_go(struct resolver *r, struct frame *f)
{
    if (f->held)
        r->held -= f->bytes.cap;
    fh_buf_free(&f->bytes);
    f->held = false;
}

static void keep(struct resolver *r, struct frame *f)
{
    f->held = true;
    r->held += f->bytes.cap;
    if (r->held > WIRE_TURN_FREE)
        wire_turn_take(&r->turn);
    for (struct frame *low = r->frames; low < f && r->held > HELD_BYTES; low++)
        let_go(r, low);
}

static fh_err make(struct resolver *r, const struct frame *base, struct frame *f, struct fh_error *e)
{
    const struct wire_coming *entry = &r->in->entries[f->entry];
    uint64_t result;
    if (entry->size > WIRE_TURN_OBJECT)
        wire_turn_take(&r->turn);
    if (!base)
        return wire_incoming_inflate(r->in, entry, &f->bytes, e);
    FH_TRY(wire_incoming_inflate(r->in, entry, &r->delta, e));
    if (wire_delta_result(r->delta.data, r->delta.len, &result) && result > WIRE_TURN_OBJECT)
        wire_turn_take(&r->turn);
    fh_err rc =
        wire_delta_apply(base->bytes.data, base->bytes.len, r->delta.data, r->delta.len, &f->bytes, e);
    if (rc == FH_INVALID)
        return FH_FAIL(e, FH_INVALID, "The pack holds a delta whose instructions do not fit its sizes.");
    return rc;
}

/* Makes the bytes of frame at be there, from the nearest below that has its own. */
static fh_err hold(struct resolver *r, uint32_t at, struct fh_error *e)
{
    uint32_t from = at;
    while (from && !r->frames[from].held)
        from--;
    for (uint32_t i = from; i <= at; i++) {
        struct frame *f = &r->frames[i];
        if (f->held)
            continue;
        FH_TRY(make(r, i ? &r->frames[i - 1] : NULL, f, e));
        keep(r, f);
    }
    return FH_OK;
}

/* A second object of one name would go through all deltas on that name again, for nothing. */
static fh_err open_frame(struct resolver *r, uint32_t entry, bool *has_deltas, struct fh_error *e)
{
    const struct wire_coming *c = &r->in->entries[entry];
    struct frame *f = &r->frames[r->depth];
    f->entry = entry;
    f->next_ofs = c->child;
    f->next_ref = first_ref(r->in, &c->oid, false);
    f->end = first_ref(r->in, &c->oid, true);
    if (f->next_ref < f->end) {
        struct wire_coming *first = &r->in->entries[r->in->refs[f->next_ref]];
        if (first->taken)
            return wire_incoming_twice(e);
        first->taken = true;
    }
    *has_deltas = f->next_ofs != WIRE_NO_ENTRY || f->next_ref < f->end;
    return FH_OK;
}

/* The next delta on the top frame that is not made yet. */
static uint32_t next_delta(struct resolver *r)
{
    struct frame *f = &r->frames[r->depth - 1];
    uint32_t entry = f->next_ofs;
    if (entry != WIRE_NO_ENTRY)
        f->next_ofs = r->in->entries[entry].sibling;
    else if (f->next_ref < f->end)
        entry = r->in->refs[f->next_ref++];
    return entry;
}

static fh_err resolve_one(struct resolver *r, uint32_t entry, struct fh_error *e)
{
    struct wire_coming *c = &r->in->entries[entry];
    bool has_deltas;
    if (r->depth > FH_MAX_DELTA_DEPTH)
        return FH_FAIL(e, FH_INVALID, "The pack holds a chain of more than %d deltas.", FH_MAX_DELTA_DEPTH);
    FH_TRY(hold(r, r->depth - 1, e));
    struct frame *f = &r->frames[r->depth];
    f->entry = entry;
    FH_TRY(make(r, &r->frames[r->depth - 1], f, e));
    c->type = r->in->entries[r->frames[0].entry].type;
    wire_incoming_hash(r->in, c->type, &f->bytes, &c->oid);
    r->done++;
    FH_TRY(open_frame(r, entry, &has_deltas, e));
    if (has_deltas) {
        keep(r, f);
        r->depth++;
    } else {
        let_go(r, f);
    }
    return FH_OK;
}

static fh_err resolve_from(struct resolver *r, uint32_t whole, struct fh_error *e)
{
    bool has_deltas;
    FH_TRY(open_frame(r, whole, &has_deltas, e));
    r->depth = has_deltas;
    while (r->depth) {
        uint32_t entry = next_delta(r);
        if (entry != WIRE_NO_ENTRY)
            FH_TRY(resolve_one(r, entry, e));
        else
            let_go(r, &r->frames[--r->depth]);
    }
    return FH_OK;
}

fh_err wire_incoming_resolve(struct wire_incoming *in, struct fh_error *e)
{
    if (in->nwhole == in->n)
        return FH_OK;
    struct resolver *r = fh_xcalloc(1, sizeof *r);
    fh_err rc = FH_OK;
    r->in = in;
    fh_buf_init(&r->delta, FH_MAX_OBJECT);
    for (uint32_t i = 0; i <= FH_MAX_DELTA_DEPTH; i++)
        fh_buf_init(&r->frames[i].bytes, FH_MAX_OBJECT);
    qsort_r(in->refs, in->nrefs, sizeof *in->refs, by_base, in);
    for (uint32_t i = 0; rc == FH_OK && i < in->n; i++)
        if (in->entries[i].stored <= WIRE_TAG)
            rc = resolve_from(r, i, e);
    if (rc == FH_OK && r->done + in->nwhole != in->n)
        rc = FH_FAIL(e, FH_INVALID, "The pack holds a delta whose base is not in the pack.");
    for (uint32_t i = 0; i <= FH_MAX_DELTA_DEPTH; i++)
        fh_buf_free(&r->frames[i].bytes);
    fh_buf_free(&r->delta);
    wire_turn_leave(&r->turn);
    free(r);
    return rc;
}
