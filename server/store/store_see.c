/* Pages of the environments that a caller may see. See see.h.
 *
 * A page is one walk along one index (migration 0006), or two for a list of everybody's: what is open to all,
 * and what the caller's owners have, put together by id. Which walk it is, is decided here and not by
 * conditions in one statement, and what narrows a list stands in statements of its own: the planner then
 * makes one plan and keeps it, where planning would cost more than the page. A walk ends after STORE_MAX_PAGE
 * + 1 rows as a constant, so that it is known to be short. */
#include "server/store/see.h"
#include "server/store/store_rows.h"

/* clang-format off */
/* $1 owner or owners  $2 after  $3 part  $4 visibility */
#define WALK(condition)                                                                                      \
    "SELECT e.* FROM environment e WHERE " condition "e.deleted_at IS NULL AND e.id > $2 "                  \
    "ORDER BY e.id LIMIT 201"
#define NARROW                                                                                               \
    "($3::text IS NULL OR strpos(lower(e.name), lower($3 COLLATE \"C\")) > 0) "                              \
    "AND ($4::bigint = 0 OR e.visibility = $4) AND "
/* OFFSET 0 keeps the planner from thinking of anything else than to look each one up. */
#define PAGE(walk)                                                                                           \
    "SELECT " STORE_ENV_FIELDS "FROM (" walk ") e "                                                          \
    "CROSS JOIN LATERAL (SELECT handle FROM owner WHERE id = e.owner_id OFFSET 0) o "                        \
    "LEFT JOIN LATERAL (SELECT broken, total, live FROM generation_metadata WHERE env_id = e.id OFFSET 0) g "  \
    "ON true ORDER BY e.id"
#define BOTH(walk) {PAGE(walk("")), PAGE(walk(NARROW))}

#define OF_ONE(narrow)      WALK(narrow "e.owner_id = $1 AND ")
#define INTERNAL_OF(narrow) WALK(narrow "e.owner_id = $1 AND e.visibility <= 2 AND ")
#define PUBLIC_OF(narrow)   WALK(narrow "e.owner_id = $1 AND e.visibility <= 1 AND ")
#define OF_SOME(narrow)                                                                                      \
    "SELECT s.* FROM unnest($1::text::bigint[]) r (owner_id) CROSS JOIN LATERAL "                           \
    "(" WALK(narrow "e.owner_id = r.owner_id AND ") ") s ORDER BY s.id LIMIT 201"
#define ANY(narrow)         WALK(narrow "$1::text IS NULL AND ")
#define INTERNAL(narrow)    WALK(narrow "$1::text IS NULL AND e.visibility <= 2 AND ")
#define PUBLIC(narrow)      WALK(narrow "$1::text IS NULL AND e.visibility <= 1 AND ")

enum reach { WALK_ALL, WALK_INTERNAL, WALK_PUBLIC };
/* [reach][is narrowed] */
static const char *const owner_sql[][2] = {
    [WALK_ALL] = BOTH(OF_ONE), [WALK_INTERNAL] = BOTH(INTERNAL_OF), [WALK_PUBLIC] = BOTH(PUBLIC_OF)};
static const char *const all_sql[][2] = {
    [WALK_ALL] = BOTH(ANY), [WALK_INTERNAL] = BOTH(INTERNAL), [WALK_PUBLIC] = BOTH(PUBLIC)};
static const char *const some_sql[2] = BOTH(OF_SOME);
/* clang-format on */

struct page {
    struct store_env *envs;
    size_t n;
};

static fh_err walk(struct db_conn *c, struct fh_arena *a, const char *const sql[2], struct db_param of,
                   const struct store_env_query *q, struct page *out, struct fh_error *e)
{
    struct db_rows *rows;
    if (q->part || q->visibility)
        FH_TRY(db_query(c, a, sql[1],
                        DB_PARAMS(of, DB_I64(q->after), DB_TEXT(q->part), DB_I64(q->visibility)), &rows, e));
    else
        FH_TRY(db_query(c, a, sql[0], DB_PARAMS(of, DB_I64(q->after)), &rows, e));
    out->n = db_count(rows) < q->limit ? db_count(rows) : q->limit;
    out->envs = fh_alloc(a, (out->n + 1) * sizeof *out->envs);
    for (size_t i = 0; i < out->n; i++)
        store_env_read(a, rows, i, &out->envs[i]);
    return FH_OK;
}

static bool belongs_to(const struct store_viewer *v, int64_t owner)
{
    for (size_t i = 0; i < v->nowners; i++)
        if (v->owners[i] == owner)
            return true;
    return v->everything;
}

static fh_err page_of_owner(struct db_conn *c, struct fh_arena *a, const struct store_viewer *v,
                            const struct store_env_query *q, struct page *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT id FROM owner WHERE lower(handle) = lower($1 COLLATE \"C\") AND handle = $1",
                    DB_PARAMS(DB_TEXT(q->owner)), &rows, e));
    if (db_count(rows) == 0)
        return FH_OK;
    int64_t owner = db_get_i64(rows, 0, 0);
    bool all = belongs_to(v, owner);
    if (!all && !v->widest)
        return FH_OK;
    enum reach reach = all ? WALK_ALL : v->widest >= STORE_INTERNAL ? WALK_INTERNAL : WALK_PUBLIC;
    return walk(c, a, owner_sql[reach], DB_I64(owner), q, out, e);
}

/* Both are by id; one that is in both is there once. */
static void put_together(struct fh_arena *a, const struct page *x, const struct page *y, size_t limit,
                         struct page *out)
{
    out->envs = fh_alloc(a, (x->n + y->n + 1) * sizeof *out->envs);
    for (size_t i = 0, k = 0; out->n < limit && (i < x->n || k < y->n);) {
        int64_t left = i < x->n ? x->envs[i].id : INT64_MAX, right = k < y->n ? y->envs[k].id : INT64_MAX;
        out->envs[out->n++] = left <= right ? x->envs[i] : y->envs[k];
        i += left <= right;
        k += right <= left;
    }
}

static fh_err page_of_all(struct db_conn *c, struct fh_arena *a, const struct store_viewer *v,
                          const struct store_env_query *q, struct page *out, struct fh_error *e)
{
    struct page open = {0}, own = {0};
    if (v->everything)
        return walk(c, a, all_sql[WALK_ALL], DB_NULL, q, out, e);
    if (v->widest)
        FH_TRY(walk(c, a, all_sql[v->widest >= STORE_INTERNAL ? WALK_INTERNAL : WALK_PUBLIC], DB_NULL, q,
                    &open, e));
    if (v->nowners)
        FH_TRY(walk(c, a, some_sql, DB_TEXT(store_id_list(a, v->owners, v->nowners)), q, &own, e));
    put_together(a, &open, &own, q->limit, out);
    return FH_OK;
}

fh_err store_env_page(struct db_conn *c, struct fh_arena *a, const struct store_viewer *viewer,
                      const struct store_env_query *query, struct store_env **out, size_t *n,
                      struct fh_error *e)
{
    struct page page = {0};
    FH_ASSERT(e, query->limit <= STORE_MAX_PAGE + 1);
    FH_TRY(query->owner ? page_of_owner(c, a, viewer, query, &page, e)
                        : page_of_all(c, a, viewer, query, &page, e));
    *out = page.envs;
    *n = page.n;
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
