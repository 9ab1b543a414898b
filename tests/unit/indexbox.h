/* For tests: packs of chance, and indexing one from memory. */
#ifndef TEST_INDEXBOX_H
#define TEST_INDEXBOX_H

#include "gitbox.h"

#include "common/ceilings.h"

static inline fh_err index_bytes(const struct fh_buf *pack, char path[4096], uint32_t *n, struct fh_error *e)
{
    uint8_t checksum[20];
    static const char before[5000];
    size_t lead = pack->len % sizeof before; /* of any offset, as a push's body has it */
    int fd = mill_fd(before, lead);
    assert_int_equal(write(fd, pack->data, pack->len), pack->len);
    fh_err rc = wire_index_pack(fd, (off_t)lead, pack->len, "in", path, checksum, n, e);
    close(fd);
    if (rc == FH_OK)
        assert_memory_equal(checksum, pack->data + pack->len - 20, 20);
    return rc;
}

/* git's index of the same pack has the same bytes. */
static inline void assert_same_index(const char *path)
{
    box_run("rm -f own.idx && git index-pack -o own.idx %s.pack >/dev/null && cmp own.idx %s.idx", path,
            path);
}

/* Objects in a forest: each stands on one before it or on none; what is written where, and whether a delta
 * names its base or its distance, is left to chance. */
enum { MAX_RANDOM = 80 };

struct random_object {
    struct fh_buf bytes;
    enum wire_type type;
    uint8_t id[20];
    uint32_t base; /* itself: none */
    uint32_t depth;
    size_t offset; /* 0: not written yet */
};

static inline void random_bytes(struct random_object *o, const struct random_object *base, uint64_t *seed)
{
    size_t from = base && base->bytes.len ? box_next(seed) % base->bytes.len : 0, n = box_next(seed) % 90;
    if (base && base->bytes.len)
        mill_add(&o->bytes, base->bytes.data + from, base->bytes.len - from);
    for (size_t i = 0; i < n; i++) {
        uint64_t r = box_next(seed);
        mill_add(&o->bytes, &r, box_next(seed) % 9);
    }
    uint64_t unique = *seed;
    mill_add(&o->bytes, &unique, sizeof unique);
}

static inline void random_object(struct random_object *all, uint32_t i, uint64_t *seed)
{
    static const char *const names[] = {"", "commit", "tree", "blob", "tag"};
    struct random_object *o = &all[i];
    o->bytes = FH_BUF_INIT(1 << 20);
    o->base = i && box_next(seed) % 5 ? (uint32_t)(box_next(seed) % i) : i;
    if (box_next(seed) % 2 && i)
        o->base = i - 1; /* chains */
    if (o->base != i && all[o->base].depth == FH_MAX_DELTA_DEPTH)
        o->base = i;
    const struct random_object *base = o->base == i ? NULL : &all[o->base];
    o->type = base ? base->type : (enum wire_type)(1 + box_next(seed) % 4);
    o->depth = base ? base->depth + 1 : 0;
    o->offset = 0;
    random_bytes(o, base, seed);
    mill_hash(names[o->type], o->bytes.data, o->bytes.len, o->id);
}

static inline void write_random(struct fh_buf *pack, struct random_object *all, uint32_t i, uint64_t *seed)
{
    struct random_object *o = &all[i];
    const struct random_object *base = &all[o->base];
    struct fh_buf delta = FH_BUF_INIT(1 << 20);
    size_t at = pack->len;
    assert_ok(
        wire_delta_make(base->bytes.data, base->bytes.len, o->bytes.data, o->bytes.len, 1 << 20, &delta, &e));
    if (o->base == i)
        mill_whole(pack, o->type, o->bytes.data, o->bytes.len);
    else if (base->offset && box_next(seed) % 2)
        mill_ofs_delta(pack, base->offset, delta.data, delta.len);
    else
        mill_ref_delta(pack, base->id, delta.data, delta.len);
    o->offset = at;
    fh_buf_free(&delta);
}

static inline struct fh_buf random_pack(uint32_t n, uint64_t *seed)
{
    struct random_object *all = fh_xcalloc(MAX_RANDOM, sizeof *all);
    uint32_t order[MAX_RANDOM];
    struct fh_buf pack = mill_start(n);
    for (uint32_t i = 0; i < n; i++) {
        random_object(all, i, seed);
        uint32_t k = (uint32_t)(box_next(seed) % (i + 1));
        order[i] = order[k];
        order[k] = i;
    }
    for (uint32_t i = 0; i < n; i++)
        write_random(&pack, all, order[i], seed);
    for (uint32_t i = 0; i < n; i++)
        fh_buf_free(&all[i].bytes);
    free(all);
    mill_finish(&pack);
    return pack;
}

/* A chain of large objects, with small ones on each of them. */
enum { LARGE_LEVELS = 14, LARGE_SIZE = FH_MAX_OBJECT, LARGE_LEAVES = 8 };

/* One byte more in front, the last one gone. */
static inline void add_large_delta(struct fh_buf *p, size_t base, uint8_t first)
{
    struct fh_buf d = FH_BUF_INIT(1 << 20);
    uint8_t head[20], literal[2] = {1, first};
    size_t len = mill_size(head, LARGE_SIZE);
    len += mill_size(head + len, LARGE_SIZE);
    mill_add(&d, head, len);
    mill_add(&d, literal, 2);
    for (uint64_t from = 0; from < LARGE_SIZE - 1; from += 0xffff) {
        uint64_t part = LARGE_SIZE - 1 - from < 0xffff ? LARGE_SIZE - 1 - from : 0xffff;
        uint8_t op[7] = {0xbf, (uint8_t)from, (uint8_t)(from >> 8), (uint8_t)(from >> 16),
                         0,    (uint8_t)part, (uint8_t)(part >> 8)};
        mill_add(&d, op, sizeof op);
    }
    mill_ofs_delta(p, base, d.data, d.len);
    fh_buf_free(&d);
}

/* Five bytes: level, leaf, and the first three of the level's. */
static inline void add_leaf(struct fh_buf *p, size_t base, uint8_t level, uint8_t leaf)
{
    uint8_t d[16];
    size_t len = mill_size(d, LARGE_SIZE);
    uint8_t rest[] = {5, 2, level, leaf, 0x90, 3};
    memcpy(d + len, rest, sizeof rest);
    mill_ofs_delta(p, base, d, len + sizeof rest);
}

static inline struct fh_buf large_chain(void)
{
    struct fh_buf p = mill_start(LARGE_LEVELS * (1 + LARGE_LEAVES));
    char *bytes = fh_xcalloc(1, LARGE_SIZE);
    for (size_t level = 0, at = p.len, own; level < LARGE_LEVELS; level++, at = own) {
        own = p.len;
        if (level)
            add_large_delta(&p, at, (uint8_t)level);
        else
            mill_whole(&p, WIRE_BLOB, bytes, LARGE_SIZE);
        for (uint8_t leaf = 0; leaf < LARGE_LEAVES; leaf++)
            add_leaf(&p, own, (uint8_t)level, leaf);
    }
    mill_finish(&p);
    free(bytes);
    return p;
}

/* The same leaves, whole. */
static inline struct fh_buf large_leaves(void)
{
    struct fh_buf p = mill_start(LARGE_LEVELS * LARGE_LEAVES);
    for (uint8_t level = 0; level < LARGE_LEVELS; level++) {
        for (uint8_t leaf = 0; leaf < LARGE_LEAVES; leaf++) {
            uint8_t bytes[5] = {level, leaf, level, level ? level - 1 : 0, level > 1 ? level - 2 : 0};
            mill_whole(&p, WIRE_BLOB, bytes, 5);
        }
    }
    mill_finish(&p);
    return p;
}

#endif
