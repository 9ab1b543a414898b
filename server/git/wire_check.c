/* The check of a push. See wire_walk.h.
 *
 *   new tip ─> new commits ... ─> known commits (edges), each a readable tip or an ancestor of one
 *
 * First everything in the pushed pack is looked at by itself, also what nothing refers to: it is going to be
 * stored. (That each object hashes to its name is the indexer's doing.) Then the edges are found, and then
 * the tree of each new commit is compared with those of its parents. What stands unchanged at the same place
 * needs no look; what is new there must have been sent, or be reachable from what the pusher may read. That
 * last question is asked of the edges' trees first, and only then of all the readable history: a push that
 * takes up something old from elsewhere is the only one that pays for it.
 */
#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_commits.h"
#include "server/git/wire_list.h"
#include "server/git/wire_packset.h"
#include "server/git/wire_stream.h"

enum {
    MAX_NEAR = 16,
    CACHE_BYTES = 32 * 1024 * 1024, /* so that a large base is not made again for each delta on it */
    STREAMED = 64 * 1024,           /* whole objects from this size on are compared piece by piece */
    LET_GO = 64                     /* objects that are looked at before pages are let go of */
};
/* What is read one by one to look at each object. In the order of an honest pack that is hardly more than the
 * objects, and as much again where they are stored already; a pack that is made for it could have each of
 * thousands of deltas ask for hundreds of MiB. */
#define MAX_WORK (8 * (uint64_t)FH_MAX_PACK_INFLATED)

struct check {
    struct wire_reader *reader, *sound; /* sound: while each object is looked at by itself */
    struct wire_packs *packs;
    const struct fh_oid *readable;
    size_t nreadable;
    struct wire_turn turn;
    uint64_t streamed, looked_at;
    struct wire_commits fresh;     /* new commits, in nodes; edges are in its map alone */
    struct fh_oid edges[MAX_NEAR]; /* trees of known commits that new ones stand on */
    size_t nedges;
    struct wire_commits known; /* the readable history, as far as it was needed */
    bool known_more;
    struct wire_list near, all; /* what is reachable from edges, and from readable */
    bool near_ready, all_ready;
    struct wire_oidmap trees; /* tree -> the greatest depth it was found good at */
    struct wire_trees levels;
    struct fh_buf buf, other;
};

static fh_err not_there(struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "The push refers to an object that is not there.");
}

static fh_err wrong_kind(struct fh_error *e)
{
    return FH_FAIL(e, FH_INVALID, "The push has an object of another kind than its place asks for.");
}

/* Trouble with what is stored is ours, and never the pusher's. */
static fh_err stored(fh_err rc, struct fh_error *e)
{
    if (rc == FH_NOT_FOUND || rc == FH_INVALID) {
        if (e)
            e->code = FH_INTERNAL;
        return FH_INTERNAL;
    }
    return rc;
}

/* What is large and whole on both sides need not be held to be found the same. That it is not may be a broken
 * pack of ours: whoever reads both tells. */
static fh_err check_streamed(struct check *c, const struct wire_place *a, const struct wire_place *b,
                             bool *done, struct fh_error *e)
{
    struct wire_entry own, first;
    FH_TRY(wire_read_entry(c->sound, a, &own, e));
    FH_TRY(stored(wire_read_entry(c->sound, b, &first, e), e));
    *done = false;
    if (own.size < STREAMED || own.type > WIRE_TAG || first.type > WIRE_TAG)
        return FH_OK;
    c->streamed += own.size + first.size;
    *done = wire_stream_same(&own, &first);
    return FH_OK;
}

/* Somebody may have made two objects of one SHA-1. What is stored stays what it is, and the other one is not
 * taken: nobody is to get now this, now that under one name. */
static fh_err check_same(struct check *c, const struct fh_oid *oid, const struct wire_place *place,
                         struct fh_error *e)
{
    struct wire_place first;
    enum wire_type type, first_type;
    if (!wire_packs_find(c->packs, oid, &first) || first.pack == place->pack)
        return FH_OK;
    bool done;
    FH_TRY(check_streamed(c, place, &first, &done, e));
    if (done)
        return FH_OK;
    FH_TRY(wire_read_place(c->sound, place, &type, &c->buf, e));
    FH_TRY(stored(wire_read_place(c->sound, &first, &first_type, &c->other, e), e));
    if (type != first_type || c->buf.len != c->other.len ||
        memcmp(c->buf.data, c->other.data, c->buf.len) != 0)
        return FH_FAIL(e, FH_INVALID, "The push has another object under the name of a stored one.");
    return FH_OK;
}

static fh_err check_sound(void *arg, const struct fh_oid *oid, const struct wire_place *place,
                          struct fh_error *e)
{
    struct check *c = arg;
    enum wire_type type;
    uint64_t size;
    if (++c->looked_at % LET_GO == 0)
        wire_packs_let_go(c->packs);
    if (wire_reader_work(c->sound) + c->streamed > MAX_WORK)
        return FH_FAIL(e, FH_TOO_LARGE, "The push takes too long to check: its deltas are too entangled.");
    FH_TRY(check_same(c, oid, place, e));
    FH_TRY(wire_read_place_header(c->sound, place, &type, &size, e));
    if (type == WIRE_BLOB)
        return FH_OK;
    FH_TRY(wire_read_place(c->sound, place, &type, &c->buf, e));
    return wire_fsck_object(type, c->buf.data, c->buf.len, e);
}

static fh_err check_each(struct check *c, struct fh_error *e)
{
    c->sound = wire_reader_new(c->packs);
    wire_reader_set_turn(c->sound, &c->turn, CACHE_BYTES);
    fh_err rc = wire_packs_each_from(c->packs, c->packs->nbase, check_sound, c, e);
    wire_reader_free(c->sound);
    c->sound = NULL;
    if (c->turn.taken) {
        fh_buf_free(&c->buf);
        fh_buf_free(&c->other);
    }
    wire_turn_leave(&c->turn);
    return rc;
}

static bool is_tip(const struct check *c, const struct fh_oid *oid)
{
    for (size_t i = 0; i < c->nreadable; i++)
        if (fh_oid_equal(&c->readable[i], oid))
            return true;
    return false;
}

/* Goes through the readable history, from where the last question left it, until oid turns up. */
static fh_err is_readable(struct check *c, const struct fh_oid *oid, bool *out, struct fh_error *e)
{
    *out = is_tip(c, oid);
    if (*out)
        return FH_OK;
    if (!c->known_more && c->known.n == 0) {
        c->known_more = true;
        for (size_t i = 0; i < c->nreadable; i++)
            FH_TRY(stored(wire_commits_push(&c->known, &c->readable[i], false, e), e));
    }
    uint32_t at;
    while (!wire_oidmap_get(&c->known.map, oid) && c->known_more)
        FH_TRY(stored(wire_commits_next(&c->known, &at, &c->known_more, e), e));
    *out = wire_oidmap_get(&c->known.map, oid) != NULL;
    return FH_OK;
}

/* A commit that was not sent: it must be readable. */
static fh_err add_edge(struct check *c, const struct fh_oid *oid, struct fh_error *e)
{
    bool readable;
    enum wire_type type;
    struct wire_commit commit;
    FH_TRY(is_readable(c, oid, &readable, e));
    if (!readable)
        return not_there(e);
    if (c->nedges == MAX_NEAR)
        return FH_OK;
    FH_TRY(stored(wire_read(c->reader, oid, &type, &c->buf, e), e));
    FH_TRY(stored(wire_commit_parse(c->buf.data, c->buf.len, &commit, e), e));
    c->edges[c->nedges++] = commit.tree;
    return FH_OK;
}

/* Collects new commits and edges, without recursion. */
static fh_err collect(struct check *c, const struct fh_oid *tip, struct fh_error *e)
{
    struct wire_commits *w = &c->fresh;
    if (!wire_packs_is_new(c->packs, tip))
        return add_edge(c, tip, e);
    enum wire_type type;
    uint64_t size;
    FH_TRY(wire_read_header(c->reader, tip, &type, &size, e));
    if (type != WIRE_COMMIT)
        return FH_FAIL(e, FH_INVALID, "A branch must point at a commit.");
    FH_TRY(wire_commits_add(w, tip, e));
    struct wire_oidmap edges = {0};
    fh_err rc = FH_OK;
    for (size_t i = 0; rc == FH_OK && i < w->n; i++) {
        for (size_t k = 0; rc == FH_OK && k < w->nodes[i].commit.nparents; k++) {
            struct fh_oid parent = w->nodes[i].commit.parents[k];
            if (wire_packs_is_new(c->packs, &parent))
                rc = wire_commits_add(w, &parent, e);
            else if (wire_oidmap_put(&edges, &parent, 0))
                rc = add_edge(c, &parent, e);
        }
    }
    wire_oidmap_free(&edges);
    return rc;
}

static fh_err list_near(struct check *c, struct fh_error *e)
{
    struct wire_trees t;
    fh_err rc = FH_OK;
    wire_list_init(&c->near);
    wire_trees_init(&t, c->reader, &c->near);
    for (size_t i = 0; rc == FH_OK && i < c->nedges; i++)
        rc = wire_trees_add(&t, &c->edges[i], e);
    wire_trees_free(&t);
    c->near_ready = true;
    return stored(rc, e);
}

static fh_err is_reachable(struct check *c, const struct fh_oid *oid, enum wire_type type, struct fh_error *e)
{
    size_t at;
    if (!c->near_ready)
        FH_TRY(list_near(c, e));
    if (wire_list_has(&c->near, oid, &at))
        return c->near.items[at].type == type ? FH_OK : wrong_kind(e);
    if (!c->all_ready) {
        FH_TRY(stored(
            wire_walk_list(c->reader, c->readable, c->nreadable, NULL, 0, FH_MAX_WALK_COMMITS, &c->all, e),
            e));
        c->all_ready = true;
    }
    if (!wire_list_has(&c->all, oid, &at))
        return not_there(e);
    return c->all.items[at].type == type ? FH_OK : wrong_kind(e);
}

static fh_err check_object(struct check *c, const struct fh_oid *oid, enum wire_type type, struct fh_error *e)
{
    enum wire_type is;
    uint64_t size;
    if (!wire_packs_is_new(c->packs, oid))
        return is_reachable(c, oid, type, e);
    FH_TRY(wire_read_header(c->reader, oid, &is, &size, e));
    return is == type ? FH_OK : wrong_kind(e);
}

/* Was the tree found good at this depth, or a greater one? If not, it is noted that it will be. */
static bool is_checked(struct check *c, const struct fh_oid *tree, uint32_t depth)
{
    struct wire_oidmap_slot *s = wire_oidmap_get(&c->trees, tree);
    if (!s) {
        wire_oidmap_put(&c->trees, tree, depth);
        return false;
    }
    if (wire_oidmap_value(s) >= depth)
        return true;
    wire_oidmap_set(s, depth);
    return false;
}

/* A tree at its place, beside those that its commit's parents have there. Goes FH_MAX_TREE_DEPTH deep. */
static fh_err check_tree(struct check *c, const struct fh_oid *tree, uint32_t depth,
                         const struct fh_oid *bases, size_t nbases, struct fh_error *e)
{
    struct wire_tree_cursor own, base[WIRE_LIST_BASES];
    struct wire_tree_entry entry, other;
    bool bad;
    if (is_checked(c, tree, depth))
        return FH_OK;
    if (depth == FH_MAX_TREE_DEPTH)
        return FH_FAIL(e, FH_INVALID, "The push nests folders more than %d deep.", FH_MAX_TREE_DEPTH);
    FH_TRY(check_object(c, tree, WIRE_TREE, e));
    FH_TRY(wire_trees_read(&c->levels, tree, &c->levels.own[depth], &own, e));
    for (size_t i = 0; i < nbases; i++)
        FH_TRY(wire_trees_read(&c->levels, &bases[i], &c->levels.base[depth][i], &base[i], e));
    while (wire_tree_next(&own, &entry, &bad)) {
        struct fh_oid sub[WIRE_LIST_BASES];
        size_t nsub = 0;
        bool unchanged = false;
        for (size_t i = 0; i < nbases && !unchanged; i++) {
            if (!wire_trees_seek(&base[i], &entry, &other))
                continue;
            unchanged = fh_oid_equal(&other.oid, &entry.oid);
            sub[nsub++] = other.oid;
        }
        if (unchanged)
            continue;
        if (wire_mode_is_tree(entry.mode))
            FH_TRY(check_tree(c, &entry.oid, depth + 1, sub, nsub, e));
        else
            FH_TRY(check_object(c, &entry.oid, WIRE_BLOB, e));
    }
    return FH_OK;
}

static fh_err tree_of(struct check *c, const struct fh_oid *oid, struct fh_oid *out, struct fh_error *e)
{
    const struct wire_oidmap_slot *s = wire_oidmap_get(&c->fresh.map, oid);
    struct wire_commit commit;
    enum wire_type type;
    if (s) {
        *out = c->fresh.nodes[wire_oidmap_value(s)].commit.tree;
        return FH_OK;
    }
    FH_TRY(stored(wire_read(c->reader, oid, &type, &c->buf, e), e));
    FH_TRY(stored(wire_commit_parse(c->buf.data, c->buf.len, &commit, e), e));
    *out = commit.tree;
    return FH_OK;
}

static fh_err check_commit(struct check *c, const struct wire_commit *commit, struct fh_error *e)
{
    struct fh_oid bases[WIRE_LIST_BASES];
    size_t n = 0;
    for (; n < commit->nparents && n < WIRE_LIST_BASES; n++) {
        FH_TRY(tree_of(c, &commit->parents[n], &bases[n], e));
        if (fh_oid_equal(&bases[n], &commit->tree))
            return FH_OK;
    }
    return check_tree(c, &commit->tree, 0, bases, n, e);
}

static void check_free(struct check *c)
{
    wire_commits_free(&c->fresh);
    wire_commits_free(&c->known);
    wire_list_free(&c->near);
    wire_list_free(&c->all);
    wire_oidmap_free(&c->trees);
    wire_trees_free(&c->levels);
    fh_buf_free(&c->buf);
    fh_buf_free(&c->other);
    wire_reader_set_turn(c->reader, NULL, 0);
    wire_packs_let_go(c->packs);
    wire_turn_leave(&c->turn);
    free(c);
}

fh_err wire_walk_check_push(struct wire_reader *r, const struct fh_oid *new_tip,
                            const struct fh_oid *readable, size_t nreadable, struct fh_error *e)
{
    struct check *c = fh_xcalloc(1, sizeof *c);
    c->reader = r;
    c->packs = wire_reader_packs(r);
    c->readable = readable;
    c->nreadable = nreadable;
    wire_commits_init(&c->fresh, r, FH_MAX_WALK_COMMITS);
    wire_commits_init(&c->known, r, FH_MAX_WALK_COMMITS);
    wire_trees_init(&c->levels, r, NULL);
    fh_buf_init(&c->buf, FH_MAX_OBJECT);
    fh_buf_init(&c->other, FH_MAX_OBJECT);
    fh_err rc = check_each(c, e);
    wire_reader_set_turn(r, &c->turn, 0);
    if (rc == FH_OK)
        rc = collect(c, new_tip, e);
    /* Oldest first, so that a tree is met first where it came in. */
    for (size_t i = c->fresh.n; rc == FH_OK && i-- > 0;)
        rc = check_commit(c, &c->fresh.nodes[i].commit, e);
    check_free(c);
    return rc;
}
