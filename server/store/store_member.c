/* Who belongs to an organisation, as what. See owner.h. */
#include "server/store/store_rows.h"

/* The members of an organisation and the users' own organisations hang on both handles' actors. */
static fh_err tell(struct db_conn *c, int64_t org_id, int64_t user_id, struct fh_error *e)
{
    return db_exec(c, "SELECT pg_notify('floe_accounts', handle) FROM owner WHERE id IN ($1, $2)",
                   DB_PARAMS(DB_I64(org_id), DB_I64(user_id)), NULL, e);
}

static fh_err check_kinds(struct db_conn *c, struct fh_arena *a, int64_t org_id, int64_t user_id,
                          struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT EXISTS (SELECT FROM owner WHERE id = $1 AND kind = 2), "
                    "EXISTS (SELECT FROM owner WHERE id = $2 AND kind = 1)",
                    DB_PARAMS(DB_I64(org_id), DB_I64(user_id)), &rows, e));
    if (!db_get_bool(rows, 0, 0))
        return FH_FAIL(e, FH_INVALID, "Only an organisation has members.");
    if (!db_get_bool(rows, 0, 1))
        return FH_FAIL(e, FH_INVALID, "Only a user can be a member of an organisation.");
    return FH_OK;
}

/* Under the organisation's lock. An organisation that has no owner yet may get its first members. */
static fh_err keep_an_owner(struct db_conn *c, struct fh_arena *a, int64_t org_id, int64_t user_id,
                            struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT EXISTS (SELECT FROM member WHERE org_id = $1 AND user_id = $2 AND role = 3) "
                    "AND NOT EXISTS (SELECT FROM member WHERE org_id = $1 AND user_id <> $2 AND role = 3)",
                    DB_PARAMS(DB_I64(org_id), DB_I64(user_id)), &rows, e));
    if (db_get_bool(rows, 0, 0))
        return FH_FAIL(e, FH_CONFLICT,
                       "The last owner of an organisation stays; make somebody else an owner first.");
    return FH_OK;
}

static fh_err set(struct db_conn *c, struct fh_arena *a, int64_t org_id, int64_t user_id,
                  enum store_role role, struct fh_error *e)
{
    FH_TRY(store_owner_lock(c, a, org_id, NULL, e));
    FH_TRY(check_kinds(c, a, org_id, user_id, e));
    if (role != STORE_OWNER)
        FH_TRY(keep_an_owner(c, a, org_id, user_id, e));
    FH_TRY(db_exec(c,
                   "INSERT INTO member (org_id, user_id, role) VALUES ($1, $2, $3) "
                   "ON CONFLICT (org_id, user_id) DO UPDATE SET role = excluded.role",
                   DB_PARAMS(DB_I64(org_id), DB_I64(user_id), DB_I64(role)), NULL, e));
    return tell(c, org_id, user_id, e);
}

fh_err store_member_set(struct db_conn *c, int64_t org_id, int64_t user_id, enum store_role role,
                        struct fh_error *e)
{
    if (role < STORE_READER || role > STORE_OWNER)
        return FH_FAIL(e, FH_INVALID, "A member's role is owner, writer or reader.");
    struct fh_arena *a = fh_arena_new();
    fh_err rc = set(c, a, org_id, user_id, role, e);
    fh_arena_free(a);
    return rc;
}

static fh_err take_out(struct db_conn *c, struct fh_arena *a, int64_t org_id, int64_t user_id,
                       struct fh_error *e)
{
    int64_t removed = 0;
    FH_TRY(store_owner_lock(c, a, org_id, NULL, e));
    FH_TRY(keep_an_owner(c, a, org_id, user_id, e));
    FH_TRY(db_exec(c, "DELETE FROM member WHERE org_id = $1 AND user_id = $2",
                   DB_PARAMS(DB_I64(org_id), DB_I64(user_id)), &removed, e));
    if (removed == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "That user is not a member of the organisation.");
    return tell(c, org_id, user_id, e);
}

fh_err store_member_remove(struct db_conn *c, int64_t org_id, int64_t user_id, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = take_out(c, a, org_id, user_id, e);
    fh_arena_free(a);
    return rc;
}

static void read_members(struct fh_arena *a, const struct db_rows *rows, struct store_member **out, size_t *n)
{
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = (struct store_member){
            .org_id = db_get_i64(rows, i, 0),
            .user_id = db_get_i64(rows, i, 1),
            .org = store_text(a, rows, i, 2),
            .user = store_text(a, rows, i, 3),
            .role = (enum store_role)db_get_i64(rows, i, 4),
        };
}

#define MEMBERS                                                                                              \
    "SELECT m.org_id, m.user_id, o.handle, u.handle, m.role FROM member m JOIN owner o ON o.id = m.org_id "  \
    "JOIN owner u ON u.id = m.user_id "

fh_err store_member_list(struct db_conn *c, struct fh_arena *a, int64_t org_id, struct store_member **out,
                         size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(
        db_query(c, a, MEMBERS "WHERE m.org_id = $1 ORDER BY u.handle", DB_PARAMS(DB_I64(org_id)), &rows, e));
    read_members(a, rows, out, n);
    return FH_OK;
}

fh_err store_member_page(struct db_conn *c, struct fh_arena *a, int64_t org_id, const char *after,
                         size_t limit, struct store_member **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    MEMBERS "WHERE m.org_id = $1 AND u.handle > coalesce($2, '') ORDER BY u.handle LIMIT $3",
                    DB_PARAMS(DB_I64(org_id), DB_TEXT(after), DB_I64((int64_t)limit)), &rows, e));
    read_members(a, rows, out, n);
    return FH_OK;
}

fh_err store_org_page(struct db_conn *c, struct fh_arena *a, int64_t user_id, const char *after, size_t limit,
                      struct store_owner **out, size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " STORE_OWNER_COLUMNS " FROM member m JOIN owner o ON o.id = m.org_id "
                    "WHERE m.user_id = $1 AND o.handle > coalesce($2, '') ORDER BY o.handle LIMIT $3",
                    DB_PARAMS(DB_I64(user_id), DB_TEXT(after), DB_I64((int64_t)limit)), &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, *n * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        store_owner_read(a, rows, i, 0, &(*out)[i]);
    return FH_OK;
}

fh_err store_member_of(struct db_conn *c, struct fh_arena *a, int64_t user_id, struct store_member **out,
                       size_t *n, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, MEMBERS "WHERE m.user_id = $1 ORDER BY o.handle", DB_PARAMS(DB_I64(user_id)), &rows,
                    e));
    read_members(a, rows, out, n);
    return FH_OK;
}
