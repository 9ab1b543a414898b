/* All that git needs to know of an owner, in one statement and so in one snapshot. See env.h.
 *
 * The four kinds of rows share their columns; what each holds is said by the reader of its kind. One round
 * trip, because this is read after every push by every node that serves the owner. */
#include "server/store/store_rows.h"

enum { ROW_OWNER = 1, ROW_ENV = 2, ROW_RECENT = 3, ROW_PACK = 4 };
enum { COL_KIND, COL_A, COL_B, COL_C, COL_D, COL_E, COL_F, COL_G, COL_TEXT, COL_TEXT2, COL_BYTES };

/* clang-format off */
/* A replaced tip is recent only under the visibility it was readable under: not after the environment was
 * deleted, nor from before its visibility changed. */
static const char load_sql[] =
    "WITH o AS MATERIALIZED (SELECT * FROM owner WHERE lower(handle) = lower($1 COLLATE \"C\") AND handle = $1) "
    "SELECT 1::bigint, o.id, o.kind, o.default_visibility, o.git_epoch, " STORE_SECONDS("o.created_at") ", "
        "(CASE WHEN o.admin THEN 1 ELSE 0 END + CASE WHEN o.disabled_at IS NULL THEN 0 ELSE 2 END)::bigint, "
        "o.revision, o.handle, o.email, NULL::bytea FROM o "
    "UNION ALL "
    "SELECT 2, e.id, e.visibility, " STORE_SECONDS("e.created_at") ", " STORE_SECONDS("e.updated_at") ", "
        "CASE WHEN g.broken IS NULL THEN coalesce(g.total, 0) ELSE -1 END, "
        "CASE WHEN g.broken IS NULL THEN coalesce(g.live, 0) ELSE -1 END, 0, e.name, g.broken, e.tip "
    "FROM o JOIN environment e ON e.owner_id = o.id LEFT JOIN generation_metadata g ON g.env_id = e.id "
    "WHERE e.deleted_at IS NULL "
    "UNION ALL "
    "SELECT 3, l.env_id, " STORE_SECONDS("l.at") ", 0, 0, 0, 0, 0, NULL, NULL, l.old_tip "
    "FROM o JOIN ref_log l ON l.owner_id = o.id AND l.at > now() - interval '10 minutes' "
    "JOIN environment e ON e.id = l.env_id "
    "WHERE l.kind IN (1, 2, 4) AND l.old_tip IS NOT NULL AND l.old_tip <> e.tip "
    "AND l.at > e.visibility_at AND e.deleted_at IS NULL "
    "UNION ALL "
    "SELECT 4, p.id, p.objects, p.bytes, p.idx_bytes, 0, 0, 0, NULL, NULL, p.checksum "
    "FROM o JOIN git_pack p ON p.owner_id = o.id "
    "ORDER BY 1, 9, 2";
/* clang-format on */

enum { RECENT = 10 * 60 }; /* seconds, as in the statement */

static void read_owner(struct fh_arena *a, const struct db_rows *rows, size_t row, struct store_repo *out)
{
    int64_t flags = db_get_i64(rows, row, COL_F);
    out->epoch = db_get_i64(rows, row, COL_D);
    out->revision = db_get_i64(rows, row, COL_G);
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

/* --- the same without reading --- */

static char *copy_text(struct fh_arena *a, const char *text)
{
    return text ? fh_strdup(a, text) : NULL;
}

static void copy_envs(struct fh_arena *a, const struct store_repo *from, struct store_repo *out)
{
    out->envs = fh_alloc(a, (from->nenvs + 1) * sizeof *out->envs);
    out->nenvs = from->nenvs;
    for (size_t i = 0; i < from->nenvs; i++) {
        out->envs[i] = from->envs[i];
        out->envs[i].owner = out->owner.handle;
        out->envs[i].name = fh_strdup(a, from->envs[i].name);
        out->envs[i].broken = copy_text(a, from->envs[i].broken);
    }
}

/* What was recent and still is, and the tip that was just replaced. */
static void copy_recent(struct fh_arena *a, const struct store_repo *from, const struct store_push *push,
                        const struct store_pushed *pushed, struct store_repo *out)
{
    out->recent = fh_alloc(a, (from->nrecent + 1) * sizeof *out->recent);
    for (size_t i = 0; i < from->nrecent; i++)
        if (from->recent[i].replaced_at + RECENT > pushed->replaced_at &&
            !(from->recent[i].env_id == pushed->env_id && fh_oid_equal(&from->recent[i].tip, &push->new_tip)))
            out->recent[out->nrecent++] = from->recent[i];
    out->recent[out->nrecent++] =
        (struct store_recent_tip){pushed->env_id, push->old_tip, pushed->replaced_at};
}

static void copy_packs(struct fh_arena *a, const struct store_repo *from, const struct store_push *push,
                       const struct store_pushed *pushed, struct store_repo *out)
{
    out->packs = fh_alloc(a, (from->npacks + 1) * sizeof *out->packs);
    out->npacks = from->npacks;
    if (from->npacks)
        memcpy(out->packs, from->packs, from->npacks * sizeof *out->packs);
    for (size_t i = 0; i < from->npacks; i++)
        if (from->packs[i].id == pushed->pack_id)
            return;
    if (!pushed->pack_id)
        return;
    struct store_pack *pack = &out->packs[out->npacks++];
    *pack = (struct store_pack){.id = pushed->pack_id,
                                .objects = push->objects,
                                .bytes = push->pack_bytes,
                                .idx_bytes = push->idx_bytes};
    memcpy(pack->checksum, push->checksum, sizeof pack->checksum);
}

bool store_repo_push(struct fh_arena *a, const struct store_repo *from, const struct store_push *push,
                     const struct store_pushed *pushed, const struct store_generations *g,
                     struct store_repo *out)
{
    if (pushed->revision != from->revision + 1 || !pushed->updated_at)
        return false;
    struct store_repo next = {.owner = from->owner, .epoch = from->epoch, .revision = pushed->revision};
    next.owner.handle = fh_strdup(a, from->owner.handle);
    next.owner.email = copy_text(a, from->owner.email);
    copy_envs(a, from, &next);
    copy_recent(a, from, push, pushed, &next);
    copy_packs(a, from, push, pushed, &next);
    for (size_t i = 0; i < next.nenvs; i++) {
        struct store_env *env = &next.envs[i];
        if (env->id != pushed->env_id)
            continue;
        env->tip = push->new_tip;
        env->updated_at = pushed->updated_at;
        env->generations = g->broken ? -1 : g->total;
        env->live = g->broken ? -1 : g->live;
        env->broken = g->broken ? fh_strdup(a, g->reason ? g->reason : STORE_BROKEN) : NULL;
        *out = next;
        return true;
    }
    return false;
}
