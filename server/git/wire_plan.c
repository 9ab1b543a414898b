/* How each object of a list is going to be sent. See wire_plan.h.
 *
 * Edges go from a delta to its base. The stored ones whose base is in the list are taken as they are; they
 * come from packs and so form no ring. Each one that is added afterwards makes a whole object a delta, and
 * only of one that does not itself come from it: so there is never a ring, and every object has a whole one
 * at its bottom. Bases are newer objects of the same name, as those are what is read most.
 */
#include "server/git/wire_plan.h"

#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_packset.h"

#include <zlib.h>

enum {
    MAX_CHAIN = 50,     /* as git does */
    MIN_DELTIFIED = 50, /* smaller ones gain nothing */
    WINDOW = 4          /* how many objects of the name are tried */
};

struct planner {
    struct wire_reader *reader;
    const struct wire_list *list;
    struct wire_deltas *deltas;
    struct wire_plan *plan;
    struct fh_buf target, base, delta;
    z_stream z;
};

static const struct fh_oid no_base;

static fh_err deflate_own(struct planner *p, const struct fh_buf *bytes, struct wire_deflated *out,
                          struct fh_error *e)
{
    uLong bound = deflateBound(&p->z, (uLong)bytes->len);
    *out = (struct wire_deflated){.bytes = fh_xmalloc(bound), .size = bytes->len};
    p->z.next_in = (Bytef *)bytes->data;
    p->z.avail_in = (uInt)bytes->len;
    p->z.next_out = out->bytes;
    p->z.avail_out = (uInt)bound;
    if (deflateReset(&p->z) != Z_OK || deflate(&p->z, Z_FINISH) != Z_STREAM_END) {
        free(out->bytes);
        return FH_FAIL(e, FH_INTERNAL, "An object could not be deflated.");
    }
    out->nbytes = p->z.total_out;
    return FH_OK;
}

static void take_own(struct wire_planned *item, const struct wire_deflated *d)
{
    free(item->own);
    item->own = d->bytes;
    item->bytes = d->bytes;
    item->nbytes = d->nbytes;
    item->size = d->size;
}

/* The entry as it is stored, when that can be sent. */
static fh_err plan_stored(struct planner *p, size_t i, struct fh_error *e)
{
    const struct wire_list_item *item = &p->list->items[i];
    struct wire_planned *out = &p->plan->items[i];
    struct wire_place place;
    struct wire_entry entry;
    char hex[FH_OID_HEX + 1];
    size_t base;
    *out = (struct wire_planned){.base = WIRE_PLAN_WHOLE, .type = item->type};
    if (!wire_reader_find(p->reader, &item->oid, &place)) {
        fh_oid_format(&item->oid, hex);
        return FH_FAIL(e, FH_NOT_FOUND, "There is no object %s.", hex);
    }
    FH_TRY(wire_read_entry(p->reader, &place, &entry, e));
    if (entry.type == WIRE_OFS_DELTA || entry.type == WIRE_REF_DELTA) {
        if (!wire_list_has(p->list, &entry.base, &base))
            return FH_OK;
        out->base = (uint32_t)base;
    } else if (entry.type != item->type) {
        fh_oid_format(&item->oid, hex);
        return FH_FAIL(e, FH_INTERNAL, "Object %s is not of the type its place asks for.", hex);
    }
    out->size = entry.size;
    out->bytes = entry.bytes;
    out->nbytes = entry.nbytes;
    return FH_OK;
}

/* Stored edges of several packs may form a ring between them (a of b here, b of a there): whoever closes one
 * is sent whole. state: 0 not seen, 1 on the way, 2 done. */
static void break_rings(struct wire_plan *plan)
{
    uint8_t *state = fh_xcalloc(plan->n, 1);
    for (uint32_t start = 0; start < plan->n; start++) {
        uint32_t at = start;
        while (at != WIRE_PLAN_WHOLE && state[at] == 0) {
            state[at] = 1;
            uint32_t base = plan->items[at].base;
            if (base != WIRE_PLAN_WHOLE && state[base] == 1) {
                plan->items[at].base = base = WIRE_PLAN_WHOLE;
                plan->items[at].bytes = NULL;
            }
            at = base;
        }
        for (at = start; at != WIRE_PLAN_WHOLE && state[at] == 1; at = plan->items[at].base)
            state[at] = 2;
    }
    free(state);
}

/* Tells the bases of item how long a chain now ends at them. A chain is walked up no further than needed. */
static void note_below(struct wire_plan *plan, uint32_t item)
{
    uint32_t below = plan->items[item].below;
    for (uint32_t at = plan->items[item].base; at != WIRE_PLAN_WHOLE; at = plan->items[at].base) {
        if (plan->items[at].below > below)
            return;
        plan->items[at].below = ++below;
    }
}

/* May item become a delta of base: no ring, and no chain that is too long? */
static bool may_hang(const struct wire_plan *plan, uint32_t item, uint32_t base)
{
    uint32_t above = 1;
    for (uint32_t at = base; at != WIRE_PLAN_WHOLE; at = plan->items[at].base, above++)
        if (at == item || above + plan->items[item].below > MAX_CHAIN)
            return false;
    return true;
}

static fh_err read_both(struct planner *p, size_t i, size_t base, struct fh_error *e)
{
    enum wire_type type;
    FH_TRY(wire_read(p->reader, &p->list->items[base].oid, &type, &p->base, e));
    return wire_read(p->reader, &p->list->items[i].oid, &type, &p->target, e);
}

/* *out is without bytes when a delta of item i against base does not pay. */
static fh_err find_delta(struct planner *p, size_t i, size_t base, struct wire_deflated *out,
                         struct fh_error *e)
{
    const struct fh_oid *oid = &p->list->items[i].oid, *base_oid = &p->list->items[base].oid;
    if (wire_deltas_get(p->deltas, oid, base_oid, out))
        return FH_OK;
    FH_TRY(read_both(p, i, base, e));
    size_t max = p->target.len / 2;
    fh_err rc =
        wire_delta_make(p->base.data, p->base.len, p->target.data, p->target.len, max, &p->delta, NULL);
    *out = (struct wire_deflated){0};
    if (rc == FH_OK)
        FH_TRY(deflate_own(p, &p->delta, out, e));
    wire_deltas_put(p->deltas, oid, base_oid, out);
    return FH_OK;
}

/* Bytes of a base's id that a REF_DELTA costs beside its data; an OFS_DELTA less. */
enum { DELTA_COST = 3 };

static fh_err plan_delta(struct planner *p, uint32_t i, const uint32_t *candidates, size_t n,
                         struct fh_error *e)
{
    struct wire_planned *item = &p->plan->items[i];
    for (size_t k = 0; k < n; k++) {
        struct wire_deflated d;
        if (!may_hang(p->plan, i, candidates[k]))
            continue;
        FH_TRY(find_delta(p, i, candidates[k], &d, e));
        if (!d.bytes || (item->bytes && d.nbytes + DELTA_COST >= item->nbytes)) {
            free(d.bytes);
            continue;
        }
        bool is_good = item->bytes && d.nbytes < item->nbytes / 2;
        take_own(item, &d);
        item->base = candidates[k];
        if (is_good)
            break;
    }
    note_below(p->plan, i);
    return FH_OK;
}

static fh_err plan_whole(struct planner *p, size_t i, struct fh_error *e)
{
    struct wire_planned *item = &p->plan->items[i];
    const struct fh_oid *oid = &p->list->items[i].oid;
    struct wire_deflated d;
    enum wire_type type;
    if (!wire_deltas_get(p->deltas, oid, &no_base, &d)) {
        FH_TRY(wire_read(p->reader, oid, &type, &p->target, e));
        FH_TRY(deflate_own(p, &p->target, &d, e));
        wire_deltas_put(p->deltas, oid, &no_base, &d);
    }
    take_own(item, &d);
    return FH_OK;
}

/* Objects of one type and name, in the list's order, which is the newest first. */
static int by_kind(const void *a, const void *b, void *arg)
{
    const struct wire_list *list = arg;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    const struct wire_list_item *x = &list->items[i], *y = &list->items[k];
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    if (x->name_hash != y->name_hash)
        return x->name_hash < y->name_hash ? -1 : 1;
    return (i > k) - (i < k);
}

static bool same_kind(const struct wire_list *list, uint32_t i, uint32_t k)
{
    const struct wire_list_item *x = &list->items[i], *y = &list->items[k];
    return x->type == y->type && x->name_hash == y->name_hash;
}

static fh_err plan_deltas(struct planner *p, struct fh_error *e)
{
    size_t n = p->list->n;
    uint32_t *order = fh_xcalloc(n, sizeof *order);
    fh_err rc = FH_OK;
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    qsort_r(order, n, sizeof *order, by_kind, (void *)(uintptr_t)p->list);
    for (size_t at = 0; rc == FH_OK && at < n; at++) {
        uint32_t i = order[at], candidates[WINDOW];
        struct wire_planned *item = &p->plan->items[i];
        if (item->base != WIRE_PLAN_WHOLE)
            continue;
        size_t found = 0;
        bool can = item->type != WIRE_COMMIT && (!item->bytes || item->size >= MIN_DELTIFIED);
        for (size_t back = 1; can && back <= WINDOW && back <= at && same_kind(p->list, i, order[at - back]);
             back++)
            candidates[found++] = order[at - back];
        if (!item->bytes)
            rc = plan_whole(p, i, e);
        if (rc == FH_OK && found)
            rc = plan_delta(p, i, candidates, found, e);
    }
    free(order);
    return rc;
}

fh_err wire_plan_make(struct wire_reader *r, const struct wire_list *list, struct wire_deltas *deltas,
                      struct wire_plan *out, struct fh_error *e)
{
    struct wire_plan plan = {.items = fh_xcalloc(list->n, sizeof *plan.items), .n = list->n};
    struct planner p = {.reader = r, .list = list, .deltas = deltas, .plan = &plan};
    fh_err rc = FH_OK;
    fh_buf_init(&p.target, FH_MAX_OBJECT);
    fh_buf_init(&p.base, FH_MAX_OBJECT);
    fh_buf_init(&p.delta, FH_MAX_OBJECT);
    if (deflateInit(&p.z, Z_DEFAULT_COMPRESSION) != Z_OK)
        rc = FH_FAIL(e, FH_INTERNAL, "The deflater could not be started.");
    for (size_t i = 0; rc == FH_OK && i < list->n; i++)
        rc = plan_stored(&p, i, e);
    if (rc == FH_OK) {
        break_rings(&plan);
        for (uint32_t i = 0; i < list->n; i++)
            note_below(&plan, i);
        rc = plan_deltas(&p, e);
    }
    deflateEnd(&p.z);
    fh_buf_free(&p.target);
    fh_buf_free(&p.base);
    fh_buf_free(&p.delta);
    if (rc == FH_OK)
        *out = plan;
    else
        wire_plan_free(&plan);
    return rc;
}

void wire_plan_free(struct wire_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->items[i].own);
    free(p->items);
    *p = (struct wire_plan){0};
}
