/* One walk over commits. See wire_reach.h. */
#include "server/git/wire_reach.h"

#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_oidmap.h"

struct walk {
    struct wire_oidmap sought; /* target -> its first position */
    size_t left;               /* different targets not met yet */
    bool *found;
    struct wire_oidmap seen;
    struct fh_oid *queue;
    size_t head, tail, cap;
};

static void meet(struct walk *w, const struct fh_oid *oid)
{
    if (!wire_oidmap_put(&w->seen, oid, 0))
        return;
    const struct wire_oidmap_slot *slot = wire_oidmap_get(&w->sought, oid);
    if (slot) {
        w->found[wire_oidmap_value(slot)] = true;
        w->left--;
    }
    if (w->tail == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 256;
        w->queue = fh_xrealloc(w->queue, w->cap * sizeof *w->queue);
    }
    w->queue[w->tail++] = *oid;
}

static fh_err visit(struct walk *w, struct wire_reader *r, struct fh_buf *bytes, struct fh_error *e)
{
    enum wire_type type;
    struct wire_commit commit;
    struct fh_oid oid = w->queue[w->head++];
    FH_TRY(wire_read(r, &oid, &type, bytes, e));
    if (type != WIRE_COMMIT)
        return FH_FAIL(e, FH_INTERNAL, "A branch or a parent is no commit.");
    FH_TRY(wire_commit_parse(bytes->data, bytes->len, &commit, e));
    for (size_t i = 0; i < commit.nparents; i++)
        meet(w, &commit.parents[i]);
    return FH_OK;
}

fh_err wire_reach(struct wire_reader *r, const struct fh_oid *tips, size_t ntips,
                  const struct fh_oid *targets, size_t ntargets, size_t max_commits, bool *found,
                  struct fh_error *e)
{
    struct walk w = {.found = found};
    struct fh_buf bytes = FH_BUF_INIT(FH_MAX_COMMIT);
    fh_err rc = FH_OK;
    for (size_t i = 0; i < ntargets; i++) {
        found[i] = false;
        if (wire_oidmap_put(&w.sought, &targets[i], (uint32_t)i))
            w.left++;
    }
    for (size_t i = 0; i < ntips; i++)
        meet(&w, &tips[i]);
    while (rc == FH_OK && w.left > 0 && w.head < w.tail && w.head < max_commits)
        rc = visit(&w, r, &bytes, e);
    for (size_t i = 0; i < ntargets && rc == FH_OK; i++) {
        const struct wire_oidmap_slot *slot = wire_oidmap_get(&w.sought, &targets[i]);
        found[i] = slot && found[wire_oidmap_value(slot)];
    }
    fh_buf_free(&bytes);
    free(w.queue);
    wire_oidmap_free(&w.seen);
    wire_oidmap_free(&w.sought);
    return rc;
}
