/* A queue of commits by their committer's time. See wire_commits.h.
 *
 * Times are what committers say, so a known commit may come late: then what was taken before it is marked
 * after the fact. A walk that ended too early sends something twice, and never too little. */
#include "server/git/wire_commits.h"

#include "common/ceilings.h"
#include "common/mem.h"

void wire_commits_init(struct wire_commits *c, struct wire_reader *r, size_t max)
{
    *c = (struct wire_commits){.reader = r, .max = max};
    fh_buf_init(&c->buf, FH_MAX_OBJECT);
}

void wire_commits_free(struct wire_commits *c)
{
    wire_oidmap_free(&c->map);
    fh_buf_free(&c->buf);
    free(c->nodes);
    free(c->heap);
}

static bool is_newer(const struct wire_commits *c, uint32_t a, uint32_t b)
{
    int64_t x = c->nodes[a].commit.committed_at, y = c->nodes[b].commit.committed_at;
    return x != y ? x > y : a < b;
}

static void heap_add(struct wire_commits *c, uint32_t node)
{
    if (c->nheap == c->heap_cap) {
        c->heap_cap = c->heap_cap ? c->heap_cap * 2 : 64;
        c->heap = fh_xrealloc(c->heap, c->heap_cap * sizeof *c->heap);
    }
    size_t at = c->nheap++;
    for (; at && is_newer(c, node, c->heap[(at - 1) / 2]); at = (at - 1) / 2)
        c->heap[at] = c->heap[(at - 1) / 2];
    c->heap[at] = node;
    c->waiting += !c->nodes[node].known;
}

static uint32_t heap_take(struct wire_commits *c)
{
    uint32_t top = c->heap[0], last = c->heap[--c->nheap];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= c->nheap)
            break;
        if (child + 1 < c->nheap && is_newer(c, c->heap[child + 1], c->heap[child]))
            child++;
        if (!is_newer(c, c->heap[child], last))
            break;
        c->heap[at] = c->heap[child];
        at = child;
    }
    c->heap[at] = last;
    c->waiting -= !c->nodes[top].known;
    return top;
}

/* Makes a node and its ancestors that were seen known; without recursion, since histories are long. */
static void make_known(struct wire_commits *c, uint32_t node)
{
    uint32_t *stack = fh_xmalloc(sizeof *stack), n = 0, cap = 1;
    stack[n++] = node;
    while (n) {
        struct wire_node *at = &c->nodes[stack[--n]];
        if (at->known)
            continue;
        at->known = true;
        if (!at->shown) {
            c->waiting--;
            continue; /* its parents get it from here when it is taken */
        }
        for (size_t i = 0; i < at->commit.nparents; i++) {
            const struct wire_oidmap_slot *s = wire_oidmap_get(&c->map, &at->commit.parents[i]);
            if (!s)
                continue;
            if (n == cap)
                stack = fh_xrealloc(stack, (cap *= 2) * sizeof *stack);
            stack[n++] = wire_oidmap_value(s);
        }
    }
    free(stack);
}

static fh_err load(struct wire_commits *c, const struct fh_oid *oid, struct wire_node *out,
                   struct fh_error *e)
{
    enum wire_type type;
    char hex[FH_OID_HEX + 1];
    if (c->n >= c->max)
        return FH_FAIL(e, FH_TOO_LARGE, "The history is longer than %zu commits.", c->max);
    FH_TRY(wire_read(c->reader, oid, &type, &c->buf, e));
    if (type != WIRE_COMMIT) {
        fh_oid_format(oid, hex);
        return FH_FAIL(e, FH_INVALID, "Object %s is not a commit.", hex);
    }
    *out = (struct wire_node){.oid = *oid};
    return wire_commit_parse(c->buf.data, c->buf.len, &out->commit, e);
}

fh_err wire_commits_add(struct wire_commits *c, const struct fh_oid *oid, struct fh_error *e)
{
    struct wire_node node;
    if (wire_oidmap_get(&c->map, oid))
        return FH_OK;
    FH_TRY(load(c, oid, &node, e));
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->nodes = fh_xrealloc(c->nodes, c->cap * sizeof *c->nodes);
    }
    c->nodes[c->n] = node;
    wire_oidmap_put(&c->map, oid, (uint32_t)c->n++);
    return FH_OK;
}

fh_err wire_commits_push(struct wire_commits *c, const struct fh_oid *oid, bool known, struct fh_error *e)
{
    const struct wire_oidmap_slot *s = wire_oidmap_get(&c->map, oid);
    if (s) {
        if (known)
            make_known(c, wire_oidmap_value(s));
        return FH_OK;
    }
    FH_TRY(wire_commits_add(c, oid, e));
    c->nodes[c->n - 1].known = known;
    heap_add(c, (uint32_t)c->n - 1);
    return FH_OK;
}

fh_err wire_commits_next(struct wire_commits *c, uint32_t *out, bool *more, struct fh_error *e)
{
    *more = c->nheap > 0;
    if (!*more)
        return FH_OK;
    uint32_t at = heap_take(c);
    c->nodes[at].shown = true;
    for (size_t i = 0; i < c->nodes[at].commit.nparents; i++) {
        struct fh_oid parent = c->nodes[at].commit.parents[i];
        FH_TRY(wire_commits_push(c, &parent, c->nodes[at].known, e));
    }
    *out = at;
    return FH_OK;
}
