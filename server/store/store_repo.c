/* All that git needs to know of an owner, in one statement and so in one snapshot. See env.h.
 *
 * The four kinds of rows share their columns; what each holds is said by the reader of its kind. One round
 * trip, because this is read after every push by every node that serves the owner. */
#include "server/store/store_rows.h"

enum { ROW_OWNER = 1, ROW_ENV = 2, ROW_RECENT = 3, ROW_PACK = 4 };
enum { COL_KIND, COL_A, COL_B, COL_C, COL_D, COL_E, COL_F, COL_TEXT, COL_TEXT2, COL_BYTES };

/* A replaced tip is recent only under the visibility it was readable under: not after the environment was
 * deleted, nor from before its visibility changed. */
static const char load_sql[] =
    "WITH o AS MATERIALIZED (SELECT * FROM owner WHERE lower(handle) = lower($1 COLLATE \"C\") AND handle = "
    "$1) "
    "SELECT 1::bigint, o.id, o.kind, o.default_visibility, o.git_epoch, " STORE_SECONDS(
        "o.created_at") ", "
                        "(CASE WHEN o.admin THEN 1 ELSE 0 END + CASE WHEN o.disabled_at IS NULL THEN 0 ELSE "
                        "2 END)::bigint, "
                        "o.handle, o.email, NULL::bytea FROM o "
                        "UNION ALL "
                        "SELECT 2, e.id, e.visibility, " STORE_SECONDS("e.created_at") ", " STORE_SECONDS(
                            "e.updated_at") ", "
                                            "CASE WHEN g.broken IS NULL THEN coalesce(g.total, 0) ELSE -1 "
                                            "END, "
                                            "CASE WHEN g.broken IS NULL THEN coalesce(g.live, 0) ELSE -1 "
                                            "END, e.name, g.broken, e.tip "
                                            "FROM o JOIN environment e ON e.owner_id = o.id LEFT JOIN "
                                            "generation_metadata g ON g.env_id = e.id "
                                            "WHERE e.deleted_at IS NULL "
                                            "UNION ALL "
                                            "SELECT 3, l.env_id, " STORE_SECONDS(
                                                "l.at") ", 0, 0, 0, 0, NULL, NULL, l.old_tip "
                                                        "FROM o JOIN ref_log l ON l.owner_id = o.id AND l.at "
                                                        "> now() - interval '10 minutes' "
                                                        "JOIN environment e ON e.id = l.env_id "
                                                        "WHERE l.kind IN (1, 2, 4) AND l.old_tip IS NOT NULL "
                                                        "AND l.old_tip <> e.tip "
                                                        "AND l.at > e.visibility_at AND e.deleted_at IS NULL "
                                                        "UNION ALL "
                                                        "SELECT 4, p.id, p.objects, p.bytes, p.idx_bytes, 0, "
                                                        "0, NULL, NULL, p.checksum "
                                                        "FROM o JOIN git_pack p ON p.owner_id = o.id "
                                                        "ORDER BY 1, 8, 2";

static void read_owner(struct fh_arena *a, const struct db_rows *rows, size_t row, struct store_repo *out)
{
    int64_t flags = db_get_i64(rows, row, COL_F);
    out->epoch = db_get_i64(rows, row, COL_D);
    out->owner = (struct store_owner){
        .id = db_get_i64(rows, row, COL_A),
        .kind = (enum store_owner_kind)db_get_i64(rows, row, COL_B),
        .default_visibility = (int)db_get_i64(rows, row, COL_C),
        .created_at = db_get_i64(rows, row, COL_E),
        .admin = (flags & 1) != 0,
        .disabled = (flags & 2) != 0,
        .handle = store_text(a, rows, row, COL_TEXT),
        .email = store_text(a, rows, row, COL_TEXT2),
    };
}

static void read_env(struct fh_arena *a, const struct db_rows *rows, size_t row, struct store_repo *out)
{
    out->envs[out->nenvs++] = (struct store_env){
        .id = db_get_i64(rows, row, COL_A),
        .owner_id = out->owner.id,
        .owner = out->owner.handle,
        .name = store_text(a, rows, row, COL_TEXT),
        .visibility = (enum store_visibility)db_get_i64(rows, row, COL_B),
        .tip = store_oid(rows, row, COL_BYTES),
        .created_at = db_get_i64(rows, row, COL_C),
        .updated_at = db_get_i64(rows, row, COL_D),
        .generations = db_get_i64(rows, row, COL_E),
        .live = db_get_i64(rows, row, COL_F),
        .broken = store_text(a, rows, row, COL_TEXT2),
    };
}

static void read_recent(const struct db_rows *rows, size_t row, struct store_repo *out)
{
    out->recent[out->nrecent++] = (struct store_recent_tip){
        .env_id = db_get_i64(rows, row, COL_A),
        .replaced_at = db_get_i64(rows, row, COL_B),
        .tip = store_oid(rows, row, COL_BYTES),
    };
}

static void read_pack(const struct db_rows *rows, size_t row, struct store_repo *out)
{
    struct store_pack *pack = &out->packs[out->npacks++];
    struct fh_oid name = store_oid(rows, row, COL_BYTES);
    pack->id = db_get_i64(rows, row, COL_A);
    pack->objects = db_get_i64(rows, row, COL_B);
    pack->bytes = db_get_i64(rows, row, COL_C);
    pack->idx_bytes = db_get_i64(rows, row, COL_D);
    memcpy(pack->checksum, name.id, sizeof pack->checksum);
}

static void make_room(struct fh_arena *a, const struct db_rows *rows, struct store_repo *out)
{
    size_t count[ROW_PACK + 1] = {0};
    for (size_t i = 0; i < db_count(rows); i++)
        count[db_get_i64(rows, i, COL_KIND)]++;
    out->envs = fh_alloc(a, count[ROW_ENV] * sizeof *out->envs);
    out->recent = fh_alloc(a, count[ROW_RECENT] * sizeof *out->recent);
    out->packs = fh_alloc(a, count[ROW_PACK] * sizeof *out->packs);
}

fh_err store_repo_load(struct db_conn *c, struct fh_arena *a, const char *owner, struct store_repo *out,
                       struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, load_sql, DB_PARAMS(DB_TEXT(owner)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no user or organisation %s.", owner);
    *out = (struct store_repo){0};
    make_room(a, rows, out);
    for (size_t i = 0; i < db_count(rows); i++) {
        switch (db_get_i64(rows, i, COL_KIND)) {
        case ROW_OWNER:
            read_owner(a, rows, i, out);
            break;
        case ROW_ENV:
            read_env(a, rows, i, out);
            break;
        case ROW_RECENT:
            read_recent(rows, i, out);
            break;
        default:
            read_pack(rows, i, out);
        }
    }
    return FH_OK;
}
