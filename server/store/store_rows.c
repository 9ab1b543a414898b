/* What the files of the store share. See store_rows.h. */
#include "server/store/store_rows.h"

char *store_text(struct fh_arena *a, const struct db_rows *rows, size_t row, int column)
{
    const char *text = db_get_text(rows, row, column);
    return text ? fh_strdup(a, text) : NULL;
}

struct fh_oid store_oid(const struct db_rows *rows, size_t row, int column)
{
    struct fh_oid oid = {0};
    size_t len;
    const void *bytes = db_get_bytes(rows, row, column, &len);
    if (bytes && len == sizeof oid.id)
        memcpy(oid.id, bytes, len);
    return oid;
}

struct db_param store_oid_or_null(const struct fh_oid *oid)
{
    return fh_oid_is_zero(oid) ? DB_NULL : STORE_OID(oid);
}

struct db_param store_id_or_null(int64_t id)
{
    return id ? DB_I64(id) : DB_NULL;
}

char *store_id_list(struct fh_arena *a, const int64_t *ids, size_t n)
{
    enum { DIGITS = 21 };
    size_t size = n * DIGITS + 3, at = 1;
    char *text = fh_alloc(a, size);
    text[0] = '{';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%lld", i ? "," : "", (long long)ids[i]);
    snprintf(text + at, size - at, "}");
    return text;
}

void store_owner_read(struct fh_arena *a, const struct db_rows *rows, size_t row, int first,
                      struct store_owner *out)
{
    *out = (struct store_owner){
        .id = db_get_i64(rows, row, first),
        .kind = (enum store_owner_kind)db_get_i64(rows, row, first + 1),
        .handle = store_text(a, rows, row, first + 2),
        .email = store_text(a, rows, row, first + 3),
        .admin = db_get_bool(rows, row, first + 4),
        .disabled = db_get_bool(rows, row, first + 5),
        .default_visibility = (int)db_get_i64(rows, row, first + 6),
        .created_at = db_get_i64(rows, row, first + 7),
    };
}

fh_err store_owner_lock(struct db_conn *c, struct fh_arena *a, int64_t id, struct store_lock *out,
                        struct fh_error *e)
{
    FH_ASSERT(e, db_in_transaction(c));
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a, "UPDATE owner SET revision = revision + 1 WHERE id = $1 RETURNING handle, git_epoch, revision",
        DB_PARAMS(DB_I64(id)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no such owner.");
    if (out)
        *out = (struct store_lock){.handle = store_text(a, rows, 0, 0),
                                   .epoch = db_get_i64(rows, 0, 1),
                                   .revision = db_get_i64(rows, 0, 2)};
    return FH_OK;
}
