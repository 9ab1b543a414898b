/* Which migrations a database has, for commands that must not apply them. */
#include "server/db/db.h"

struct answer {
    int version;
};

static fh_err ask(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct answer *answer = arg;
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    answer->version = 0;
    fh_err rc = db_query(c, a, "SELECT to_regclass('schema_migration') IS NOT NULL", NULL, 0, &rows, e);
    if (rc == FH_OK && db_get_bool(rows, 0, 0)) {
        rc = db_query(c, a, "SELECT coalesce(max(version), 0) FROM schema_migration", NULL, 0, &rows, e);
        if (rc == FH_OK)
            answer->version = (int)db_get_i64(rows, 0, 0);
    }
    fh_arena_free(a);
    return rc;
}

fh_err db_schema_applied(struct db_pool *pool, int *version, struct fh_error *e)
{
    struct answer answer;
    FH_TRY(db_read(pool, ask, &answer, e));
    *version = answer.version;
    return FH_OK;
}
