/* Lists of objects, and filling them from trees. See wire_walk.h and wire_list.h. */
#include "server/git/wire_list.h"

#include "common/ceilings.h"
#include "common/mem.h"

enum { KNOWN = UINT32_MAX - 1 };

void wire_list_init(struct wire_list *l)
{
    *l = (struct wire_list){0};
    l->index = fh_xcalloc(1, sizeof(struct wire_oidmap));
}

void wire_list_free(struct wire_list *l)
{
    if (l->index)
        wire_oidmap_free(l->index);
    free(l->index);
    free(l->items);
    *l = (struct wire_list){0};
}

bool wire_list_has(const struct wire_list *l, const struct fh_oid *oid, size_t *position)
{
    const struct wire_oidmap_slot *s = l->index ? wire_oidmap_get(l->index, oid) : NULL;
    if (!s || wire_oidmap_value(s) == KNOWN)
        return false;
    if (position)
        *position = wire_oidmap_value(s);
    return true;
}

bool wire_list_has_or_knows(const struct wire_list *l, const struct fh_oid *oid)
{
    return wire_oidmap_get(l->index, oid) != NULL;
}

bool wire_list_add(struct wire_list *l, const struct fh_oid *oid, enum wire_type type, uint32_t name_hash)
{
    if (!wire_oidmap_put(l->index, oid, (uint32_t)l->n))
        return false;
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 256;
        l->items = fh_xrealloc(l->items, l->cap * sizeof *l->items);
    }
    l->items[l->n++] = (struct wire_list_item){.oid = *oid, .type = type, .name_hash = name_hash};
    return true;
}

void wire_list_know(struct wire_list *l, const struct fh_oid *oid)
{
    wire_oidmap_put(l->index, oid, KNOWN);
}

int wire_tree_compare(const struct wire_tree_entry *a, const struct wire_tree_entry *b)
{
    size_t n = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->name, b->name, n);
    if (order)
        return order;
    /* The name's next byte, or what stands for its end. */
    int x = n < a->name_len ? (uint8_t)a->name[n] : wire_mode_is_tree(a->mode) ? '/' : 0;
    int y = n < b->name_len ? (uint8_t)b->name[n] : wire_mode_is_tree(b->mode) ? '/' : 0;
    return x - y;
}

static uint32_t hash_name(const char *name, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    return h;
}

void wire_trees_init(struct wire_trees *t, struct wire_reader *r, struct wire_list *l)
{
    *t = (struct wire_trees){.reader = r, .list = l};
    for (size_t i = 0; i < WIRE_LIST_DEPTH; i++) {
        fh_buf_init(&t->own[i], FH_MAX_OBJECT);
        for (size_t k = 0; k < WIRE_LIST_BASES; k++)
            fh_buf_init(&t->base[i][k], FH_MAX_OBJECT);
    }
}

void wire_trees_free(struct wire_trees *t)
{
    for (size_t i = 0; i < WIRE_LIST_DEPTH; i++) {
        fh_buf_free(&t->own[i]);
        for (size_t k = 0; k < WIRE_LIST_BASES; k++)
            fh_buf_free(&t->base[i][k]);
    }
}

static fh_err bad_tree(const struct fh_oid *oid, struct fh_error *e)
{
    char hex[FH_OID_HEX + 1];
    fh_oid_format(oid, hex);
    return FH_FAIL(e, FH_INVALID, "Object %s should be a tree and is not a sound one.", hex);
}

fh_err wire_trees_read(struct wire_trees *t, const struct fh_oid *oid, struct fh_buf *buf,
                       struct wire_tree_cursor *c, struct fh_error *e)
{
    enum wire_type type;
    FH_TRY(wire_read(t->reader, oid, &type, buf, e));
    if (type != WIRE_TREE)
        return bad_tree(oid, e);
    *c = (struct wire_tree_cursor){(const uint8_t *)buf->data, (const uint8_t *)buf->data + buf->len};
    return FH_OK;
}

bool wire_trees_seek(struct wire_tree_cursor *c, const struct wire_tree_entry *wanted,
                     struct wire_tree_entry *out)
{
    for (;;) {
        struct wire_tree_cursor before = *c;
        bool bad;
        if (!wire_tree_next(c, out, &bad))
            return false;
        int order = wire_tree_compare(out, wanted);
        if (order == 0)
            return true;
        if (order > 0) {
            *c = before;
            return false;
        }
    }
}

static fh_err know_tree(struct wire_trees *t, size_t depth, const struct fh_oid *tree, struct fh_error *e)
{
    struct wire_tree_cursor c;
    struct wire_tree_entry entry;
    bool bad = false;
    if (wire_list_has_or_knows(t->list, tree))
        return FH_OK;
    wire_list_know(t->list, tree);
    if (depth == WIRE_LIST_DEPTH)
        return FH_OK;
    FH_TRY(wire_trees_read(t, tree, &t->own[depth], &c, e));
    while (wire_tree_next(&c, &entry, &bad)) {
        if (wire_mode_is_tree(entry.mode))
            FH_TRY(know_tree(t, depth + 1, &entry.oid, e));
        else
            wire_list_know(t->list, &entry.oid);
    }
    return FH_OK;
}

static fh_err add_tree(struct wire_trees *t, size_t depth, const struct fh_oid *tree, uint32_t name_hash,
                       struct fh_error *e)
{
    struct wire_tree_cursor c;
    struct wire_tree_entry entry;
    bool bad = false;
    if (!wire_list_add(t->list, tree, WIRE_TREE, name_hash))
        return FH_OK;
    if (depth == WIRE_LIST_DEPTH)
        return FH_FAIL(e, FH_INVALID, "Folders are nested more than %d deep.", WIRE_LIST_DEPTH);
    FH_TRY(wire_trees_read(t, tree, &t->own[depth], &c, e));
    while (wire_tree_next(&c, &entry, &bad)) {
        uint32_t hash = hash_name(entry.name, entry.name_len);
        if (wire_mode_is_submodule(entry.mode))
            continue;
        if (wire_mode_is_tree(entry.mode))
            FH_TRY(add_tree(t, depth + 1, &entry.oid, hash, e));
        else
            wire_list_add(t->list, &entry.oid, WIRE_BLOB, hash);
    }
    return bad ? bad_tree(tree, e) : FH_OK;
}

fh_err wire_trees_know(struct wire_trees *t, const struct fh_oid *tree, struct fh_error *e)
{
    return know_tree(t, 0, tree, e);
}

fh_err wire_trees_add(struct wire_trees *t, const struct fh_oid *tree, struct fh_error *e)
{
    return add_tree(t, 0, tree, 0, e);
}
