/* Walks over history. See wire_walk.h.
 *
 * A list is made in two steps: the commits, newest first, until all that wait are known to the other side;
 * then the tree of each. The trees of known commits next to listed ones say what the other side has, at
 * whatever place: a lock that stands unchanged in a new generation is not sent again. A branch's tip holds
 * all its generations, so those few trees are all that matters.
 */
#include "server/git/wire_walk.h"

#include "common/ceilings.h"
#include "common/digest.h"
#include "common/mem.h"
#include "server/git/wire_commits.h"
#include "server/git/wire_list.h"

/* How many known commits are still looked at when nothing else waits: one whose clock was slow may turn out
 * to stand on what was listed. */
enum { PATIENCE = 6 };

static fh_err walk_commits(struct wire_commits *c, const struct fh_oid *wants, size_t nwants,
                           const struct fh_oid *haves, size_t nhaves, struct fh_error *e)
{
    for (size_t i = 0; i < nhaves; i++)
        FH_TRY(wire_commits_push(c, &haves[i], true, e));
    for (size_t i = 0; i < nwants; i++)
        FH_TRY(wire_commits_push(c, &wants[i], false, e));
    bool more = true;
    uint32_t at;
    for (int late = 0; more && (c->waiting || late < PATIENCE); late = c->waiting ? 0 : late + 1)
        FH_TRY(wire_commits_next(c, &at, &more, e));
    return FH_OK;
}

static int newest_first(const void *a, const void *b, void *arg)
{
    const struct wire_commits *c = arg;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    int64_t x = c->nodes[i].commit.committed_at, y = c->nodes[k].commit.committed_at;
    if (x != y)
        return x > y ? -1 : 1;
    return (i > k) - (i < k);
}

/* The trees of known parents of listed commits. */
static size_t find_edges(const struct wire_commits *c, const uint32_t *order, size_t n,
                         struct fh_oid edges[WIRE_LIST_BASES])
{
    size_t found = 0;
    for (size_t i = n; i-- > 0 && found < WIRE_LIST_BASES;) {
        const struct wire_commit *commit = &c->nodes[order[i]].commit;
        for (size_t p = 0; p < commit->nparents && found < WIRE_LIST_BASES; p++) {
            const struct wire_oidmap_slot *s = wire_oidmap_get(&c->map, &commit->parents[p]);
            const struct wire_node *parent = s ? &c->nodes[wire_oidmap_value(s)] : NULL;
            if (parent && parent->known)
                edges[found++] = parent->commit.tree;
        }
    }
    return found;
}

static fh_err list_trees(struct wire_reader *r, const struct wire_commits *c, const uint32_t *order, size_t n,
                         struct wire_list *out, struct fh_error *e)
{
    struct fh_oid edges[WIRE_LIST_BASES];
    size_t nedges = find_edges(c, order, n, edges);
    struct wire_trees t;
    fh_err rc = FH_OK;
    wire_trees_init(&t, r, out);
    for (size_t i = 0; rc == FH_OK && i < nedges; i++)
        rc = wire_trees_know(&t, &edges[i], e);
    for (size_t i = 0; rc == FH_OK && i < n; i++)
        rc = wire_trees_add(&t, &c->nodes[order[i]].commit.tree, e);
    wire_trees_free(&t);
    return rc;
}

fh_err wire_walk_list(struct wire_reader *r, const struct fh_oid *wants, size_t nwants,
                      const struct fh_oid *haves, size_t nhaves, size_t max_commits, struct wire_list *out,
                      struct fh_error *e)
{
    struct wire_commits c;
    struct wire_list list;
    uint32_t *order = NULL;
    size_t n = 0;
    wire_list_init(&list);
    wire_commits_init(&c, r, max_commits);
    fh_err rc = walk_commits(&c, wants, nwants, haves, nhaves, e);
    if (rc != FH_OK)
        goto cleanup;
    order = fh_xcalloc(c.n, sizeof *order);
    for (uint32_t i = 0; i < c.n; i++)
        if (c.nodes[i].shown && !c.nodes[i].known)
            order[n++] = i;
    qsort_r(order, n, sizeof *order, newest_first, &c);
    for (size_t i = 0; i < n; i++)
        wire_list_add(&list, &c.nodes[order[i]].oid, WIRE_COMMIT, 0);
    rc = list_trees(r, &c, order, n, &list, e);
    if (rc != FH_OK)
        goto cleanup;
    *out = list;
    list = (struct wire_list){0};
cleanup:
    free(order);
    wire_commits_free(&c);
    wire_list_free(&list);
    return rc;
}

fh_err wire_walk_is_ancestor(struct wire_reader *r, const struct fh_oid *commit, const struct fh_oid *tips,
                             size_t ntips, size_t max_commits, bool *out, struct fh_error *e)
{
    struct wire_commits c;
    bool found = false, more = true;
    fh_err rc = FH_OK;
    for (size_t i = 0; i < ntips && !found; i++)
        found = fh_oid_equal(&tips[i], commit);
    wire_commits_init(&c, r, max_commits);
    for (size_t i = 0; rc == FH_OK && !found && i < ntips; i++)
        rc = wire_commits_push(&c, &tips[i], false, e);
    while (rc == FH_OK && !found && more) {
        uint32_t at;
        rc = wire_commits_next(&c, &at, &more, e);
        found = wire_oidmap_get(&c.map, commit) != NULL;
    }
    wire_commits_free(&c);
    if (rc == FH_OK)
        *out = found;
    return rc;
}

static fh_err verify_item(struct wire_reader *r, const struct wire_list_item *item, struct fh_buf *buf,
                          struct fh_digest *sha, struct fh_error *e)
{
    static const char *const names[] = {
        [WIRE_COMMIT] = "commit", [WIRE_TREE] = "tree", [WIRE_BLOB] = "blob", [WIRE_TAG] = "tag"};
    enum wire_type type;
    char head[64], hex[FH_OID_HEX + 1];
    struct fh_oid hashed;
    struct fh_error why;
    FH_TRY(wire_read(r, &item->oid, &type, buf, e));
    fh_oid_format(&item->oid, hex);
    int n = snprintf(head, sizeof head, "%s %zu", names[type], buf->len);
    fh_digest_add(sha, head, (size_t)n + 1);
    fh_digest_add(sha, buf->data, buf->len);
    fh_digest_finish(sha, hashed.id);
    if (!fh_oid_equal(&hashed, &item->oid))
        return FH_FAIL(e, FH_INVALID, "Object %s does not hash to its name.", hex);
    if (type != item->type)
        return FH_FAIL(e, FH_INVALID, "Object %s is a %s where a %s belongs.", hex, names[type],
                       names[item->type]);
    if (type == WIRE_BLOB)
        return FH_OK;
    fh_err rc = wire_fsck_object(type, buf->data, buf->len, &why);
    return rc == FH_OK ? FH_OK : FH_FAIL(e, rc, "Object %s: %s", hex, why.msg);
}

fh_err wire_walk_verify(struct wire_reader *r, const struct fh_oid *tips, size_t ntips, size_t *objects,
                        struct fh_error *e)
{
    struct wire_list list = {0};
    struct fh_buf buf = FH_BUF_INIT(FH_MAX_OBJECT);
    struct fh_digest *sha = fh_digest_new(FH_SHA1);
    fh_err rc = wire_walk_list(r, tips, ntips, NULL, 0, FH_MAX_WALK_COMMITS, &list, e);
    for (size_t i = 0; rc == FH_OK && i < list.n; i++)
        rc = verify_item(r, &list.items[i], &buf, sha, e);
    if (rc == FH_OK)
        *objects = list.n;
    wire_list_free(&list);
    fh_digest_free(sha);
    fh_buf_free(&buf);
    return rc;
}
