/* An accepted push as one unit: pack, compare-and-swap, log, audit, notification. See env.h. */
#include "server/store/store_rows.h"

static fh_err check_quota(struct db_conn *c, struct fh_arena *a, const struct store_push *p,
                          struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, "SELECT coalesce(sum(bytes), 0)::bigint FROM git_pack WHERE owner_id = $1",
                    DB_PARAMS(DB_I64(p->owner_id)), &rows, e));
    int64_t used = db_get_i64(rows, 0, 0);
    if (used > p->quota)
        return FH_FAIL(
            e, FH_TOO_LARGE,
            "This would make %lld bytes of environments for the owner, and %lld are allowed; delete "
            "some, or ask the operator for more.",
            (long long)used, (long long)p->quota);
    return FH_OK;
}

static fh_err fetch_first(const struct store_push *p, struct fh_error *e)
{
    return FH_FAIL(e, FH_CONFLICT, "The environment %s was changed by somebody else meanwhile: fetch first.",
                   p->name);
}

static fh_err create(struct db_conn *c, struct fh_arena *a, const struct store_push *p, int64_t *env_id,
                     struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a,
        "INSERT INTO environment (owner_id, name, visibility, tip) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING RETURNING id",
        DB_PARAMS(DB_I64(p->owner_id), DB_TEXT(p->name), DB_I64(p->visibility), STORE_OID(&p->new_tip)),
        &rows, e));
    if (db_count(rows)) {
        *env_id = db_get_i64(rows, 0, 0);
        return FH_OK;
    }
    FH_TRY(
        db_query(c, a,
                 "SELECT name FROM environment WHERE owner_id = $1 AND lower(name) = lower($2 COLLATE \"C\") "
                 "AND deleted_at IS NULL",
                 DB_PARAMS(DB_I64(p->owner_id), DB_TEXT(p->name)), &rows, e));
    if (db_count(rows) && strcmp(db_get_text(rows, 0, 0), p->name) != 0)
        return FH_FAIL(e, FH_CONFLICT,
                       "There is an environment %s already, which differs from %s only in case.",
                       db_get_text(rows, 0, 0), p->name);
    return fetch_first(p, e);
}

/* As store_owner_lock, and in the same round trip the id of the pack that was just written. */
static fh_err lock(struct db_conn *c, struct fh_arena *a, const struct store_push *p, struct store_lock *out,
                   int64_t *pack_id, struct fh_error *e)
{
    struct db_rows *rows;
    bool brings = p->pack_fd >= 0;
    FH_TRY(db_query(
        c, a,
        "UPDATE owner SET revision = revision + 1 WHERE id = $1 RETURNING handle, git_epoch, revision, "
        "(SELECT id FROM git_pack WHERE owner_id = $1 AND checksum = $2)",
        DB_PARAMS(DB_I64(p->owner_id), brings ? DB_BYTES(p->checksum, sizeof p->checksum) : DB_NULL), &rows,
        e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such owner.");
    *out = (struct store_lock){.handle = store_text(a, rows, 0, 0),
                               .epoch = db_get_i64(rows, 0, 1),
                               .revision = db_get_i64(rows, 0, 2)};
    *pack_id = db_get_i64(rows, 0, 3);
    return FH_OK;
}

static fh_err push(struct db_conn *c, struct fh_arena *a, const struct store_push *p,
                   struct store_pushed *out, struct fh_error *e)
{
    struct store_lock owner;
    FH_ASSERT(e, !fh_oid_is_zero(&p->new_tip));
    FH_TRY(lock(c, a, p, &owner, &out->pack_id, e));
    if (owner.epoch != p->epoch)
        return FH_FAIL(e, FH_AGAIN, "The packs were changed by somebody else meanwhile.");
    out->revision = owner.revision;
    if (p->quota > 0 && out->pack_id)
        FH_TRY(check_quota(c, a, p, e));
    char tip[FH_OID_HEX + 1];
    fh_oid_format(&p->new_tip, tip);
    struct store_ref_change change = {.owner_id = p->owner_id,
                                      .owner = owner.handle,
                                      .name = p->name,
                                      .old_tip = p->old_tip,
                                      .new_tip = p->new_tip,
                                      .kind = p->kind,
                                      .action = p->action                     ? p->action
                                                : p->kind == STORE_REF_IMPORT ? "env.import"
                                                                              : "env.push",
                                      .key = "tip",
                                      .value = tip,
                                      .revision = owner.revision};
    if (!fh_oid_is_zero(&p->old_tip)) {
        FH_TRY(store_ref_move(c, a, &change, &p->actor, out, e));
        return out->env_id ? FH_OK : fetch_first(p, e);
    }
    FH_TRY(create(c, a, p, &out->env_id, e));
    change.env_id = out->env_id;
    return store_ref_note(c, &change, &p->actor, e);
}

static struct store_pack_files files_of(const struct store_push *p)
{
    return (struct store_pack_files){.pack_fd = p->pack_fd,
                                     .idx_fd = p->idx_fd,
                                     .objects = p->objects,
                                     .pack_bytes = p->pack_bytes,
                                     .idx_bytes = p->idx_bytes,
                                     .checksum = p->checksum};
}

bool store_push_is_small(const struct store_push *p)
{
    struct store_pack_files files = files_of(p);
    return store_pack_is_small(&files);
}

/* The bytes go in before the lock is taken: others wait for the swap of a tip, not for an upload. */
fh_err store_push_send(struct db_conn *c, const struct store_push *p, struct fh_error *e)
{
    struct store_pack_files files = files_of(p);
    if (p->pack_fd < 0)
        return FH_OK;
    struct fh_arena *a = fh_arena_new();
    fh_err rc = store_pack_write(c, a, p->owner_id, &files, e);
    fh_arena_free(a);
    return rc;
}

fh_err store_push(struct db_conn *c, const struct store_push *p, struct store_pushed *out, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct store_pushed pushed = {0};
    fh_err rc = push(c, a, p, &pushed, e);
    fh_arena_free(a);
    if (rc == FH_OK && out)
        *out = pushed;
    return rc;
}
