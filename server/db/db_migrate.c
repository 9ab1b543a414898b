/* Brings a database to this program's schema. See db.h. */
#include "server/db/db_conn.h"

#include "server/db/db_migrations.h"

/* Any number will do, as long as it stays the same: every Floe that migrates this database waits for it. */
static const char lock_sql[] = "SET lock_timeout = '60s'; SET statement_timeout = 0; "
                               "SELECT pg_advisory_lock(7021958)";
static const char table_sql[] =
    "CREATE TABLE IF NOT EXISTS schema_migration (version bigint PRIMARY KEY, name text NOT NULL, "
    "applied_at timestamptz NOT NULL DEFAULT now())";

int db_schema_version(void)
{
    return db_migration_count;
}

static fh_err check_applied(const struct db_rows *rows, int *have, struct fh_error *e)
{
    *have = (int)db_count(rows);
    if (*have > db_migration_count)
        return FH_FAIL(e, FH_INVALID,
                       "The database is of a newer Floe: its schema is %lld (%s), and this program knows %d. "
                       "Install that newer version, or restore a backup that this one made.",
                       (long long)db_get_i64(rows, (size_t)*have - 1, 0),
                       db_get_text(rows, (size_t)*have - 1, 1), db_migration_count);
    for (int i = 0; i < *have; i++) {
        const char *name = db_get_text(rows, (size_t)i, 1);
        if (db_get_i64(rows, (size_t)i, 0) != db_migrations[i].version || strcmp(name, db_migrations[i].name))
            return FH_FAIL(
                e, FH_INVALID,
                "The database has a schema that is not Floe's: migration %d should be %s and is %s.", i + 1,
                db_migrations[i].name, name);
    }
    return FH_OK;
}

static fh_err apply(struct db_conn *c, const struct db_migration *m, struct fh_error *e)
{
    fh_err rc = db_script(c, "BEGIN", e);
    if (rc == FH_OK)
        rc = db_script(c, m->sql, e);
    if (rc == FH_OK)
        rc = db_exec(c, "INSERT INTO schema_migration (version, name) VALUES ($1, $2)",
                     DB_PARAMS(DB_I64(m->version), DB_TEXT(m->name)), NULL, e);
    if (rc == FH_OK)
        return db_script(c, "COMMIT", e);
    struct fh_error why = e ? *e : (struct fh_error){0};
    return FH_FAIL(e, rc, "Migration %s failed and was rolled back. %s", m->name, why.msg);
}

static fh_err migrate(struct db_conn *c, struct fh_arena *arena, int *applied, struct fh_error *e)
{
    struct db_rows *rows;
    int have;
    FH_TRY(db_script(c, lock_sql, e));
    FH_TRY(db_script(c, table_sql, e));
    FH_TRY(
        db_query(c, arena, "SELECT version, name FROM schema_migration ORDER BY version", NULL, 0, &rows, e));
    FH_TRY(check_applied(rows, &have, e));
    for (; have < db_migration_count; have++) {
        FH_TRY(apply(c, &db_migrations[have], e));
        ++*applied;
    }
    return FH_OK;
}

fh_err db_migrate(struct db_pool *pool, int *applied, struct fh_error *e)
{
    int count = 0;
    struct db_conn *c;
    FH_TRY(db_take(pool, &c, e));
    struct fh_arena *arena = fh_arena_new();
    fh_err rc = migrate(c, arena, &count, e);
    c->lost = true; /* closing it gives the advisory lock back and forgets the session's settings */
    fh_arena_free(arena);
    db_give(c);
    if (applied)
        *applied = count;
    return rc;
}
