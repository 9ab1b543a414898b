/* How much a hub holds. See counts.h. */
#include "server/store/counts.h"

fh_err store_counts(struct db_conn *c, struct store_counts *out, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(c, a,
                         "SELECT (SELECT count(*) FROM owner WHERE kind = 1), "
                         "(SELECT count(*) FROM owner WHERE kind = 2), "
                         "(SELECT count(*) FROM token t JOIN owner o ON o.id = t.owner_id "
                         "WHERE t.revoked_at IS NULL AND o.disabled_at IS NULL "
                         "AND (t.expires_at IS NULL OR t.expires_at > now())), "
                         "(SELECT count(*) FROM environment WHERE deleted_at IS NULL), "
                         "(SELECT count(*) FROM environment WHERE deleted_at IS NOT NULL), "
                         "(SELECT count(*) FROM git_pack), "
                         "(SELECT coalesce(sum(bytes + idx_bytes), 0)::bigint FROM git_pack), "
                         "pg_database_size(current_database()), "
                         "(SELECT count(*) FROM catalog_page WHERE complete_at IS NOT NULL), "
                         "(SELECT count(*) FROM package p JOIN catalog c ON c.id = p.catalog_id "
                         "WHERE c.owner_id IS NULL AND p.newest IS NOT NULL)",
                         NULL, 0, &rows, e);
    if (rc == FH_OK)
        *out = (struct store_counts){
            .users = db_get_i64(rows, 0, 0),
            .orgs = db_get_i64(rows, 0, 1),
            .tokens = db_get_i64(rows, 0, 2),
            .envs = db_get_i64(rows, 0, 3),
            .deleted_envs = db_get_i64(rows, 0, 4),
            .packs = db_get_i64(rows, 0, 5),
            .pack_bytes = db_get_i64(rows, 0, 6),
            .database_bytes = db_get_i64(rows, 0, 7),
            .pages = db_get_i64(rows, 0, 8),
            .packages = db_get_i64(rows, 0, 9),
        };
    fh_arena_free(a);
    return rc;
}
