/* Pages of the environments that a caller may see. See see.h.
 *
 *     $1 everything  $2 owners in which there is a role  $3 widest  $4 after  $5 limit  $6 part  $7
 * visibility $8 owner
 *
 * A walk looks for STORE_MAX_PAGE + 1 rows at most, as a constant, so that the planner knows that it is short
 * and takes the index whose order it wants (migration 0006). Conditions on parameters alone are decided once
 * and cost a walk nothing. */
#include "server/store/see.h"
#include "server/store/store_rows.h"

/* clang-format off */
#define ASKED_FOR                                                                                            \
    "e.deleted_at IS NULL AND e.id > $4 AND ($7::bigint = 0 OR e.visibility = $7) "                                  \
    "AND ($6::text IS NULL OR strpos(lower(e.name), lower($6 COLLATE \"C\")) > 0) ORDER BY e.id LIMIT 201"
#define WALK(condition) "(SELECT e.id FROM environment e WHERE " condition " AND " ASKED_FOR ")"
#define PAGE(walks)                                                                                          \
    "SELECT " STORE_ENV_COLUMNS "WHERE e.id IN (SELECT id FROM (" walks ") seen ORDER BY id LIMIT $5) "      \
    "ORDER BY e.id"

static const char all_sql[] =
    PAGE(WALK("$1")
         " UNION SELECT s.id FROM unnest($2::text::bigint[]) r (owner_id) CROSS JOIN LATERAL "
         WALK("e.owner_id = r.owner_id") " s"
         " UNION " WALK("$3::bigint >= 1 AND e.visibility = 1")
         " UNION " WALK("$3::bigint >= 2 AND e.visibility = 2"));

#define OWNER "(SELECT o.id FROM owner o WHERE lower(o.handle) = lower($8 COLLATE \"C\") AND o.handle = $8)"
static const char owner_sql[] =
    PAGE(WALK("e.owner_id = " OWNER " AND ($1 OR " OWNER " = ANY ($2::text::bigint[]))")
         " UNION " WALK("e.owner_id = " OWNER " AND $3::bigint >= 1 AND e.visibility = 1")
         " UNION " WALK("e.owner_id = " OWNER " AND $3::bigint >= 2 AND e.visibility = 2"));
/* clang-format on */

static fh_err ask(struct db_conn *c, struct fh_arena *a, const struct store_viewer *v,
                  const struct store_env_query *q, struct db_rows **rows, struct fh_error *e)
{
    const char *owners = store_id_list(a, v->owners, v->nowners);
    FH_ASSERT(e, q->limit <= STORE_MAX_PAGE + 1);
    if (q->owner)
        return db_query(c, a, owner_sql,
                        DB_PARAMS(DB_BOOL(v->everything), DB_TEXT(owners), DB_I64(v->widest),
                                  DB_I64(q->after), DB_I64((int64_t)q->limit), DB_TEXT(q->part),
                                  DB_I64(q->visibility), DB_TEXT(q->owner)),
                        rows, e);
    return db_query(c, a, all_sql,
                    DB_PARAMS(DB_BOOL(v->everything), DB_TEXT(owners), DB_I64(v->widest), DB_I64(q->after),
                              DB_I64((int64_t)q->limit), DB_TEXT(q->part), DB_I64(q->visibility)),
                    rows, e);
}

fh_err store_env_page(struct db_conn *c, struct fh_arena *a, const struct store_viewer *viewer,
                      const struct store_env_query *query, struct store_env **out, size_t *n,
                      struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(ask(c, a, viewer, query, &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        store_env_read(a, rows, i, &(*out)[i]);
    return FH_OK;
}

fh_err store_env_find_deleted(struct db_conn *c, struct fh_arena *a, const char *owner, const char *name,
                              struct store_env *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT " STORE_ENV_COLUMNS
                    "WHERE lower(o.handle) = lower($1 COLLATE \"C\") AND o.handle = $1 AND e.name = $2 "
                    "AND e.deleted_at IS NOT NULL ORDER BY e.deleted_at DESC, e.id DESC LIMIT 1",
                    DB_PARAMS(DB_TEXT(owner), DB_TEXT(name)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no deleted environment %s/%s.", owner, name);
    store_env_read(a, rows, 0, out);
    return FH_OK;
}
