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

static fh_err push(struct db_conn *c, struct fh_arena *a, const struct store_push *p, int64_t *env_id,
                   struct fh_error *e)
{
    int64_t pack_id = 0, epoch;
    char *handle;
    FH_ASSERT(e, !fh_oid_is_zero(&p->new_tip));
    /* The bytes go in before the lock is taken: others wait for the swap of a tip, not for an upload. */
    if (p->pack_fd >= 0) {
        struct store_pack_files files = {.pack_fd = p->pack_fd,
                                         .idx_fd = p->idx_fd,
                                         .objects = p->objects,
                                         .pack_bytes = p->pack_bytes,
                                         .idx_bytes = p->idx_bytes,
                                         .checksum = p->checksum};
        FH_TRY(store_pack_write(c, a, p->owner_id, &files, &pack_id, e));
    }
    FH_TRY(store_owner_lock(c, a, p->owner_id, &handle, &epoch, e));
    if (epoch != p->epoch)
        return FH_FAIL(e, FH_AGAIN, "The packs were changed by somebody else meanwhile.");
    if (p->quota > 0 && pack_id)
        FH_TRY(check_quota(c, a, p, e));
    char tip[FH_OID_HEX + 1];
    fh_oid_format(&p->new_tip, tip);
    struct store_ref_change change = {.owner_id = p->owner_id,
                                      .owner = handle,
                                      .name = p->name,
                                      .old_tip = p->old_tip,
                                      .new_tip = p->new_tip,
                                      .kind = p->kind,
                                      .action = p->action                     ? p->action
                                                : p->kind == STORE_REF_IMPORT ? "env.import"
                                                                              : "env.push",
                                      .key = "tip",
                                      .value = tip};
    if (!fh_oid_is_zero(&p->old_tip)) {
        FH_TRY(store_ref_move(c, a, &change, &p->actor, env_id, e));
        return *env_id ? FH_OK : fetch_first(p, e);
    }
    FH_TRY(create(c, a, p, env_id, e));
    change.env_id = *env_id;
    return store_ref_note(c, &change, &p->actor, e);
}

fh_err store_push(struct db_conn *c, const struct store_push *p, int64_t *env_id, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    int64_t id = 0;
    fh_err rc = push(c, a, p, &id, e);
    fh_arena_free(a);
    if (rc == FH_OK && env_id)
        *env_id = id;
    return rc;
}
