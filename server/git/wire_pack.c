/* Sets of packs: opening, sharing and finding. See wire_pack.h; wire_read.c reads the entries. */
#include "server/git/wire_packset.h"

#include "common/mem.h"
#include "server/git/wire_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDX_HEADER = 8, FANOUT = 256 * 4, FAR_FLAG = 0x80000000u };

static fh_err map_fd(int fd, const char *name, const uint8_t **out, size_t *n, struct fh_error *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot look at %s", name);
    if (st.st_size < WIRE_PACK_HEADER + WIRE_PACK_TRAILER)
        return FH_FAIL(e, FH_INTERNAL, "%s is broken: it is cut short.", name);
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "Cannot map %s", name);
    *out = map;
    *n = (size_t)st.st_size;
    return FH_OK;
}

static fh_err map_file(const char *path, const char *ending, const uint8_t **out, size_t *n,
                       struct fh_error *e)
{
    char name[4096];
    int len = snprintf(name, sizeof name, "%s%s", path, ending);
    if (len < 0 || (size_t)len >= sizeof name)
        return FH_FAIL(e, FH_INTERNAL, "The path of a pack is too long.");
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, errno == ENOENT ? FH_NOT_FOUND : FH_INTERNAL, "Cannot open %s", name);
    fh_err rc = map_fd(fd, name, out, n, e);
    close(fd);
    return rc;
}

/* The map as it came from the system: munmap takes no const. */
static void unmap(const uint8_t *bytes, size_t n)
{
    if (bytes)
        munmap((void *)(uintptr_t)bytes, n);
}

static void pack_drop(struct wire_pack *p)
{
    if (!p || atomic_fetch_sub(&p->holders, 1) != 1)
        return;
    unmap(p->pack, p->npack);
    unmap(p->idx, p->nidx);
    free(atomic_load(&p->order));
    free(p->path);
    free(p);
}

static bool index_fits(struct wire_pack *p)
{
    if (p->nidx < IDX_HEADER + FANOUT + 40 || memcmp(p->idx, "\377tOc\0\0\0\2", IDX_HEADER) != 0)
        return false;
    p->fanout = p->idx + IDX_HEADER;
    uint32_t last = 0;
    for (int i = 0; i < 256; i++) {
        uint32_t upto = wire_be32(p->fanout + 4 * i);
        if (upto < last)
            return false;
        last = upto;
    }
    p->n = last;
    uint64_t fixed = IDX_HEADER + FANOUT + (uint64_t)p->n * 28 + 40;
    if (p->nidx < fixed || (p->nidx - fixed) % 8 != 0)
        return false;
    p->ids = p->fanout + FANOUT;
    p->offsets = p->ids + (size_t)p->n * 24;
    p->far = p->offsets + (size_t)p->n * 4;
    p->nfar = (size_t)(p->nidx - fixed) / 8;
    return true;
}

static bool pack_fits(const struct wire_pack *p)
{
    return memcmp(p->pack, "PACK", 4) == 0 && wire_be32(p->pack + 4) == 2 && wire_be32(p->pack + 8) == p->n &&
           memcmp(p->pack + p->npack - WIRE_PACK_TRAILER, p->idx + p->nidx - 40, WIRE_PACK_TRAILER) == 0;
}

static struct wire_pack *pack_new(const char *path)
{
    struct wire_pack *p = fh_xcalloc(1, sizeof *p);
    atomic_init(&p->holders, 1);
    atomic_init(&p->order, NULL);
    p->path = fh_xstrdup(path);
    return p;
}

/* What was mapped, judged; rc is how the mapping went. */
static fh_err pack_check(struct wire_pack *p, fh_err rc, struct wire_pack **out, struct fh_error *e)
{
    if (rc == FH_OK && !index_fits(p))
        rc = FH_FAIL(e, FH_INTERNAL, "%s.idx is broken.", p->path);
    if (rc == FH_OK && !pack_fits(p))
        rc = FH_FAIL(e, FH_INTERNAL, "%s.pack is broken, or its index is not its own.", p->path);
    if (rc == FH_OK)
        *out = p;
    else
        pack_drop(p);
    return rc;
}

static fh_err pack_open(const char *path, struct wire_pack **out, struct fh_error *e)
{
    struct wire_pack *p = pack_new(path);
    fh_err rc = map_file(path, ".idx", &p->idx, &p->nidx, e);
    if (rc == FH_OK)
        rc = map_file(path, ".pack", &p->pack, &p->npack, e);
    return pack_check(p, rc, out, e);
}

/* A set of the base's packs with room for more. */
static struct wire_packs *packs_on(struct wire_packs *base, size_t more)
{
    uint32_t nbase = base ? base->n : 0;
    struct wire_packs *p = fh_xcalloc(1, sizeof *p + (nbase + more) * sizeof *p->packs);
    atomic_init(&p->holders, 1);
    for (uint32_t i = 0; i < nbase; i++) {
        p->packs[i] = base->packs[i];
        atomic_fetch_add(&p->packs[i]->holders, 1);
    }
    p->n = p->nbase = nbase;
    return p;
}

fh_err wire_packs_open(const char *const *paths, size_t n, struct wire_packs *base, struct wire_packs **out,
                       struct fh_error *e)
{
    if (n > UINT32_MAX / 2 - (base ? base->n : 0))
        return FH_FAIL(e, FH_INTERNAL, "Too many packs.");
    struct wire_packs *p = packs_on(base, n);
    for (size_t i = 0; i < n; i++) {
        fh_err rc = pack_open(paths[i], &p->packs[p->n], e);
        if (rc != FH_OK) {
            wire_packs_drop(p);
            return rc;
        }
        p->n++;
    }
    *out = p;
    return FH_OK;
}

fh_err wire_packs_open_files(int pack_fd, int idx_fd, struct wire_packs *base, struct wire_packs **out,
                             struct fh_error *e)
{
    struct wire_packs *p = packs_on(base, 1);
    struct wire_pack *pack = pack_new("the pushed pack");
    fh_err rc = map_fd(idx_fd, "the index of a pushed pack", &pack->idx, &pack->nidx, e);
    if (rc == FH_OK)
        rc = map_fd(pack_fd, "a pushed pack", &pack->pack, &pack->npack, e);
    rc = pack_check(pack, rc, &p->packs[p->n], e);
    if (rc != FH_OK) {
        wire_packs_drop(p);
        return rc;
    }
    p->n++;
    *out = p;
    return FH_OK;
}

struct wire_packs *wire_packs_hold(struct wire_packs *p)
{
    atomic_fetch_add(&p->holders, 1);
    return p;
}

void wire_packs_drop(struct wire_packs *p)
{
    if (!p || atomic_fetch_sub(&p->holders, 1) != 1)
        return;
    for (uint32_t i = 0; i < p->n; i++)
        pack_drop(p->packs[i]);
    free(p);
}

/* UINT64_MAX, which is in no pack, for an index that points nowhere. */
static uint64_t offset_at(const struct wire_pack *p, uint32_t position)
{
    uint32_t offset = wire_be32(p->offsets + (size_t)position * 4);
    if (!(offset & FAR_FLAG))
        return offset;
    offset &= ~(uint32_t)FAR_FLAG;
    if (offset >= p->nfar)
        return UINT64_MAX;
    const uint8_t *far = p->far + (size_t)offset * 8;
    return (uint64_t)wire_be32(far) << 32 | wire_be32(far + 4);
}

bool wire_pack_find(const struct wire_pack *p, const struct fh_oid *oid, uint64_t *offset)
{
    uint32_t low = oid->id[0] ? wire_be32(p->fanout + 4 * (oid->id[0] - 1)) : 0;
    uint32_t high = wire_be32(p->fanout + 4 * oid->id[0]);
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = memcmp(p->ids + (size_t)mid * FH_OID_RAW, oid->id, FH_OID_RAW);
        if (order == 0) {
            *offset = offset_at(p, mid);
            return true;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static bool find_from(const struct wire_packs *p, uint32_t from, const struct fh_oid *oid,
                      struct wire_place *out)
{
    for (uint32_t i = from; i < p->n; i++) {
        if (wire_pack_find(p->packs[i], oid, &out->offset)) {
            out->pack = i;
            return true;
        }
    }
    return false;
}

bool wire_packs_find(const struct wire_packs *p, const struct fh_oid *oid, struct wire_place *out)
{
    return find_from(p, 0, oid, out);
}

bool wire_packs_find_near(const struct wire_packs *p, const struct fh_oid *oid, uint32_t *near,
                          struct wire_place *out)
{
    if (*near < p->n && wire_pack_find(p->packs[*near], oid, &out->offset)) {
        out->pack = *near;
        return true;
    }
    if (!find_from(p, 0, oid, out))
        return false;
    *near = out->pack;
    return true;
}

bool wire_packs_has(const struct wire_packs *p, const struct fh_oid *oid)
{
    struct wire_place place;
    return find_from(p, 0, oid, &place);
}

bool wire_packs_is_new(const struct wire_packs *p, const struct fh_oid *oid)
{
    struct wire_place place;
    return find_from(p, p->nbase, oid, &place);
}

size_t wire_packs_count(const struct wire_packs *p)
{
    size_t n = 0;
    for (uint32_t i = 0; i < p->n; i++)
        n += p->packs[i]->n;
    return n;
}

static int by_offset(const void *a, const void *b)
{
    const struct wire_pack_order *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Two threads may both make the table; one of them is thrown away. */
static const struct wire_pack_order *order_of(struct wire_pack *p)
{
    struct wire_pack_order *have = atomic_load(&p->order);
    if (have)
        return have;
    struct wire_pack_order *made = fh_xcalloc(p->n, sizeof *made);
    for (uint32_t i = 0; i < p->n; i++)
        made[i] = (struct wire_pack_order){.offset = offset_at(p, i), .position = i};
    qsort(made, p->n, sizeof *made, by_offset);
    if (atomic_compare_exchange_strong(&p->order, &have, made))
        return made;
    free(made);
    return have;
}

fh_err wire_packs_each_from(const struct wire_packs *p, uint32_t from, wire_each_fn *fn, void *arg,
                            struct fh_error *e)
{
    for (uint32_t i = from; i < p->n; i++) {
        /* Bases come before their deltas then: a reader that remembers the one makes the other at once. */
        const struct wire_pack_order *order = order_of(p->packs[i]);
        for (uint32_t k = 0; k < p->packs[i]->n; k++) {
            struct wire_place place = {.pack = i, .offset = order[k].offset};
            struct fh_oid oid;
            memcpy(oid.id, p->packs[i]->ids + (size_t)order[k].position * FH_OID_RAW, FH_OID_RAW);
            FH_TRY(fn(arg, &oid, &place, e));
        }
    }
    return FH_OK;
}

void wire_packs_let_go(const struct wire_packs *p)
{
    for (uint32_t i = p->nbase; i < p->n; i++)
        if (p->packs[i]->npack > WIRE_PAGES_STEP)
            wire_pages_drop(p->packs[i]->pack, p->packs[i]->pack + p->packs[i]->npack);
}

fh_err wire_packs_each(const struct wire_packs *p, wire_each_fn *fn, void *arg, struct fh_error *e)
{
    return wire_packs_each_from(p, 0, fn, arg, e);
}

bool wire_pack_entry_at(struct wire_pack *p, uint64_t offset, struct fh_oid *oid, uint64_t *end)
{
    const struct wire_pack_order *order = order_of(p);
    uint32_t low = 0, high = p->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (order[mid].offset < offset)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == p->n || order[low].offset != offset)
        return false;
    memcpy(oid->id, p->ids + (size_t)order[low].position * FH_OID_RAW, FH_OID_RAW);
    uint64_t limit = p->npack - WIRE_PACK_TRAILER;
    *end = low + 1 < p->n && order[low + 1].offset < limit ? order[low + 1].offset : limit;
    return offset < limit;
}
