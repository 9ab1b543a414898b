/* Packs: what we have, packs to send, packs that arrive. */
#include "client/gitobj.h"

#include "client/gitobj_open.h"
#include "common/ceilings.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

fh_err gitobj_haves(struct gitobj *g, size_t max, struct fh_arena *a, const char ***out, size_t *n,
                    struct fh_error *e)
{
    git_revwalk *walk = NULL;
    const char **ids = fh_alloc(a, (max + 1) * sizeof *ids);
    size_t count = 0;
    int code = git_revwalk_new(&walk, g->repo);
    if (code == 0)
        code = git_revwalk_sorting(walk, GIT_SORT_TIME);
    if (code == 0)
        code = git_revwalk_push_glob(walk, "refs/heads/*");
    git_oid id;
    while (code == 0 && count < max && git_revwalk_next(&id, walk) == 0) {
        char *text = fh_alloc(a, FH_OID_HEX + 1);
        ids[count++] = git_oid_tostr(text, FH_OID_HEX + 1, &id);
    }
    git_revwalk_free(walk);
    if (code != 0)
        return gitobj_fail(e, code, "Cannot walk the local copy");
    *out = ids;
    *n = count;
    return FH_OK;
}

static int add_to_buf(void *bytes, size_t n, void *payload)
{
    struct fh_buf *out = payload;
    return fh_buf_add(out, bytes, n, NULL) == FH_OK ? 0 : -1;
}

fh_err gitobj_pack(struct gitobj *g, const char *tip, const char *const *have, size_t nhave,
                   struct fh_buf *out, struct fh_error *e)
{
    git_revwalk *walk = NULL;
    git_packbuilder *pack = NULL;
    git_oid id;
    size_t before = out->len;
    int code = git_revwalk_new(&walk, g->repo);
    if (code == 0)
        code = git_oid_fromstr(&id, tip);
    if (code == 0)
        code = git_revwalk_push(walk, &id);
    for (size_t i = 0; code == 0 && i < nhave; i++)
        if (gitobj_has_commit(g, have[i]) && git_oid_fromstr(&id, have[i]) == 0)
            code = git_revwalk_hide(walk, &id);
    if (code == 0)
        code = git_packbuilder_new(&pack, g->repo);
    if (code == 0)
        code = git_packbuilder_insert_walk(pack, walk);
    if (code == 0)
        code = git_packbuilder_foreach(pack, add_to_buf, out);
    git_packbuilder_free(pack);
    git_revwalk_free(walk);
    if (code == 0)
        return FH_OK;
    bool full = out->len > before;
    out->len = before;
    return full ? FH_FAIL(e, FH_TOO_LARGE, "The environment is too large to be pushed: over %zu bytes.",
                          out->ceiling)
                : gitobj_fail(e, code, "Cannot pack the environment");
}

/* A pack says first how many objects it has, and libgit2 makes room for as many before it sees one. */
enum { PACK_HEADER = 12, MAX_FETCHED_OBJECTS = 4 * 1000 * 1000 };

struct gitobj_intake {
    struct gitobj *g;
    unsigned char header[PACK_HEADER];
    size_t header_len;
    git_indexer *indexer;
    git_indexer_progress progress;
};

fh_err gitobj_intake_begin(struct gitobj *g, struct gitobj_intake **out, struct fh_error *e)
{
    git_odb *odb = NULL;
    git_indexer_options options = {.version = GIT_INDEXER_OPTIONS_VERSION, .verify = 1};
    struct gitobj_intake *in = fh_xcalloc(1, sizeof *in);
    in->g = g;
    size_t size = strlen(g->path) + sizeof "/objects/pack";
    char *folder = fh_xmalloc(size);
    snprintf(folder, size, "%s/objects/pack", g->path);
    int code = git_repository_odb(&odb, g->repo);
    if (code == 0)
        code = git_indexer_new(&in->indexer, folder, 0, odb, &options);
    git_odb_free(odb);
    free(folder);
    if (code != 0) {
        gitobj_intake_free(in);
        return gitobj_fail(e, code, "Cannot receive into the local copy");
    }
    *out = in;
    return FH_OK;
}

static fh_err check_header(struct gitobj_intake *in, const unsigned char *bytes, size_t n, struct fh_error *e)
{
    size_t had = in->header_len;
    for (size_t i = 0; i < n && in->header_len < PACK_HEADER; i++)
        in->header[in->header_len++] = bytes[i];
    if (had == PACK_HEADER || in->header_len < PACK_HEADER)
        return FH_OK;
    const unsigned char *c = in->header + 8;
    uint32_t count = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
    return count <= MAX_FETCHED_OBJECTS
               ? FH_OK
               : FH_FAIL(e, FH_TOO_LARGE, "The server sends a pack of %u objects; the most is %d.", count,
                         MAX_FETCHED_OBJECTS);
}

fh_err gitobj_intake_add(struct gitobj_intake *in, const void *bytes, size_t n, struct fh_error *e)
{
    FH_TRY(check_header(in, bytes, n, e));
    int code = git_indexer_append(in->indexer, bytes, n, &in->progress);
    if (code == 0)
        return FH_OK;
    (void)gitobj_fail(e, code, "The server sent a broken pack");
    return FH_INVALID;
}

fh_err gitobj_intake_finish(struct gitobj_intake *in, struct fh_error *e)
{
    int code = git_indexer_commit(in->indexer, &in->progress);
    git_odb *odb = NULL;
    if (code == 0)
        code = git_repository_odb(&odb, in->g->repo);
    if (code == 0)
        code = git_odb_refresh(odb);
    git_odb_free(odb);
    if (code == 0)
        return FH_OK;
    (void)gitobj_fail(e, code, "The server sent a broken or incomplete pack");
    return FH_INVALID;
}

void gitobj_intake_free(struct gitobj_intake *in)
{
    if (in == NULL)
        return;
    git_indexer_free(in->indexer);
    free(in);
}
