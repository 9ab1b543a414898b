/* The generations of an earlier commit. See wire_restore.h. */
#include "server/git/wire_restore.h"

#include "server/git/wire_meta.h"
#include "server/git/wire_scratch.h"

static fh_err read_commit(struct fh_arena *a, struct wire_packs *packs, const char *owner,
                          const struct fh_oid *commit, struct store_generations *out, struct fh_error *e)
{
    char hex[FH_OID_HEX + 1];
    fh_oid_format(commit, hex);
    if (!wire_packs_has(packs, commit))
        return FH_FAIL(e, FH_NOT_FOUND, "%s has no commit %s, or not any more.", owner, hex);
    struct wire_reader *r = wire_reader_new(packs);
    fh_err rc = wire_meta_read_kept(a, r, commit, out, e);
    wire_reader_free(r);
    return rc;
}

fh_err wire_restore_read(struct fh_arena *a, struct db_pool *pool, const char *data, const char *owner,
                         const struct fh_oid *commit, struct store_generations *out, struct fh_error *e)
{
    struct wire_scratch scratch = {0};
    struct store_repo repo;
    struct wire_packs *packs = NULL;
    FH_TRY(wire_scratch_in_data(&scratch, data, "restore", e));
    fh_err rc = wire_scratch_load(&scratch, pool, owner, a, &repo, &packs, e);
    if (rc == FH_OK)
        rc = read_commit(a, packs, owner, commit, out, e);
    wire_packs_drop(packs);
    wire_scratch_remove(&scratch);
    return rc;
}
