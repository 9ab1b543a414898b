/* Backup and restore with PostgreSQL's own programs. See db_tools.h. */
#include "server/db/db_tools.h"

#include "common/buf.h"
#include "common/mem.h"
#include "server/db/db_child.h"
#include "server/db/db_conn.h"
#include "server/db/db_listen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_PEEK = 4 * 1024 * 1024,
    MAX_PEEK_TABLES = 4,
    WAIT_MS = 200,
    COPY_BLOCK = 256 * 1024,
    ENDING_MS = 5000
};

struct db_tools {
    struct db_pool *pool;
    struct fh_arena *arena;
    char **environment;
    const char *dump, *restore, *psql;
};

static bool has_program(const char *folder, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && access(path, X_OK) == 0;
}

static bool has_programs(const char *folder)
{
    return has_program(folder, "pg_dump") && has_program(folder, "pg_restore") && has_program(folder, "psql");
}

/* Debian's folders by major version: the one wanted, else the highest. NULL when there is none. */
static const char *find_debian(struct fh_arena *a, long wanted)
{
    static const char top[] = "/usr/lib/postgresql";
    const char *best = NULL;
    long major = 0;
    DIR *d = opendir(top);
    const struct dirent *item;
    while (d && (item = readdir(d))) {
        char *end;
        long v = strtol(item->d_name, &end, 10);
        const char *folder = fh_sprintf(a, "%s/%s/bin", top, item->d_name);
        if (*end || v <= 0 || !has_programs(folder) || major == wanted || (v < major && v != wanted))
            continue;
        best = folder;
        major = v;
    }
    if (d)
        closedir(d);
    return best;
}

static fh_err find_programs(struct db_tools *t, const char *bin_dir, int major, struct fh_error *e)
{
    if (bin_dir && !has_programs(bin_dir))
        return FH_FAIL(e, FH_NOT_FOUND, "pg_dump, pg_restore and psql are not all in %s.", bin_dir);
    const char *folder = bin_dir ? bin_dir : find_debian(t->arena, major);
    t->dump = folder ? fh_sprintf(t->arena, "%s/pg_dump", folder) : "pg_dump";
    t->restore = folder ? fh_sprintf(t->arena, "%s/pg_restore", folder) : "pg_restore";
    t->psql = folder ? fh_sprintf(t->arena, "%s/psql", folder) : "psql";
    return FH_OK;
}

fh_err db_tools_open(struct db_pool *pool, const char *bin_dir, struct db_tools **out, struct fh_error *e)
{
    struct db_conn *c = NULL;
    struct db_tools *t = fh_xcalloc(1, sizeof *t);
    t->pool = pool;
    t->arena = fh_arena_new();
    fh_err rc = db_child_environment(t->arena, db_pool_config(pool)->url, &t->environment, e);
    if (rc == FH_OK)
        rc = db_take(pool, &c, e);
    if (rc == FH_OK)
        rc = find_programs(t, bin_dir, PQserverVersion(c->pg) / 10000, e);
    db_give(c);
    if (rc == FH_OK)
        *out = t;
    else
        db_tools_free(t);
    return rc;
}

void db_tools_free(struct db_tools *t)
{
    if (!t)
        return;
    fh_arena_free(t->arena);
    free(t);
}

static fh_err start(struct db_tools *t, struct db_child *c, const char *const *argv, int in, int out,
                    struct fh_error *e)
{
    fh_err rc = db_child_start(c, argv, t->environment, &(struct db_child_files){in, out}, e);
    if (rc == FH_NOT_FOUND)
        return FH_FAIL(e, rc, "%s is not installed; it comes with the package postgresql-client.", argv[0]);
    return rc;
}

fh_err db_tools_dump(struct db_tools *t, int fd, db_tools_progress *progress, void *arg, struct fh_error *e)
{
    /* What a connection that broke at COMMIT asks for is of no use in a copy. Packs are deflated already:
     * more than the least compression costs time and gains nothing. */
    const char *const argv[] = {t->dump,
                                "--format=custom",
                                "--compress=1",
                                "--no-owner",
                                "--no-password",
                                "--no-privileges",
                                "--lock-wait-timeout=60s",
                                "--exclude-table-data=db_outcome",
                                NULL};
    struct db_child c;
    struct stat st;
    FH_TRY(start(t, &c, argv, -1, fd, e));
    while (!db_child_ended(&c, WAIT_MS))
        if (progress && fstat(fd, &st) == 0)
            progress(arg, st.st_size);
    return db_child_finish(&c, e);
}

/* Reads to the end of fd, at most MAX_PEEK. */
static fh_err read_text(int fd, struct fh_buf *out, struct fh_error *e)
{
    for (;;) {
        char *where;
        FH_TRY(fh_buf_reserve(out, 16384, &where, e));
        ssize_t n = read(fd, where, 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "What pg_restore says cannot be read");
        if (n == 0)
            return FH_OK;
        out->len += (size_t)n;
    }
}

/* What pg_restore makes of the archive's rows of schema_migration. */
static fh_err peek(struct db_tools *t, int fd, struct fh_buf *out, struct fh_error *e)
{
    const char *const argv[] = {t->restore, "--data-only", "--table=schema_migration", "--file=-", NULL};
    struct db_child c;
    int pipes[2];
    if (lseek(fd, 0, SEEK_SET) < 0)
        return FH_FAIL_ERRNO(e, FH_INVALID, "It is not a file that can be read twice");
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No pipe could be made");
    fh_err rc = start(t, &c, argv, fd, pipes[1], e);
    close(pipes[1]);
    if (rc == FH_OK) {
        rc = read_text(pipes[0], out, e);
        if (rc == FH_OK)
            rc = db_child_finish(&c, e);
        db_child_kill(&c);
    }
    close(pipes[0]);
    return rc;
}

bool db_tools_parse_schema(const char *text, int *version, char name[DB_MIGRATION_NAME])
{
    static const char copy[] = "COPY public.schema_migration (version, name, ";
    const char *at = strstr(text, copy);
    *version = 0;
    at = at ? strchr(at, '\n') : NULL;
    while (at && at[1] && at[1] != '\\') {
        char *end;
        long v = strtol(at + 1, &end, 10);
        if (*end != '\t' || v <= 0 || v > 1000000)
            return false;
        if (v > *version) {
            *version = (int)v;
            snprintf(name, DB_MIGRATION_NAME, "%.*s", (int)strcspn(end + 1, "\t\n"), end + 1);
        }
        at = strchr(at + 1, '\n');
    }
    return *version > 0;
}

fh_err db_tools_archive_schema(struct db_tools *t, int fd, int *version, char name[DB_MIGRATION_NAME],
                               struct fh_error *e)
{
    struct fh_buf text = FH_BUF_INIT(MAX_PEEK);
    struct fh_error why = {0};
    fh_err rc = peek(t, fd, &text, &why);
    if (rc == FH_OK && !(text.data && db_tools_parse_schema(text.data, version, name)))
        rc = FH_FAIL(e, FH_INVALID, "It is an archive of PostgreSQL's, but not of a hub.");
    else if (rc == FH_NOT_FOUND)
        (void)FH_FAIL(e, rc, "%s", why.msg);
    else if (rc != FH_OK)
        rc = FH_FAIL(e, FH_INVALID, "It cannot be read as a backup: %s", why.msg);
    fh_buf_free(&text);
    return rc;
}

static fh_err write_all(int fd, const char *bytes, size_t n, struct fh_error *e)
{
    while (n) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "psql takes no more");
        bytes += put;
        n -= (size_t)put;
    }
    return FH_OK;
}

struct pump {
    int archive, from, to;
    db_tools_progress *progress;
    void *arg;
};

static fh_err carry(const struct pump *p, struct fh_error *e)
{
    char *block = fh_xmalloc(COPY_BLOCK);
    fh_err rc = FH_OK;
    while (rc == FH_OK) {
        ssize_t n = read(p->from, block, COPY_BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "What pg_restore says cannot be read");
        if (n <= 0)
            break;
        rc = write_all(p->to, block, (size_t)n, e);
        off_t at = lseek(p->archive, 0, SEEK_CUR);
        if (p->progress && at > 0)
            p->progress(p->arg, at);
    }
    free(block);
    return rc;
}

/* The lock is db_migrate's: a server that starts meanwhile waits. */
static const char before_sql[] = "BEGIN;\n"
                                 "SET LOCAL lock_timeout = '10s';\n"
                                 "SET LOCAL client_min_messages = error;\n"
                                 "SELECT pg_advisory_xact_lock(7021958);\n"
                                 "DROP SCHEMA IF EXISTS public CASCADE;\n"
                                 "CREATE SCHEMA public;\n";
static const char after_sql[] = "\nCOMMIT;\n";

/* pg_restore's SQL goes to psql through us, so that COMMIT is sent only when all of it was there: whichever
 * of the three is killed, the end of the text alone rolls back. */
static fh_err run_restore(struct pump *p, struct db_child *restore, struct db_child *psql, struct fh_error *e)
{
    fh_err rc = write_all(p->to, before_sql, sizeof before_sql - 1, e);
    if (rc == FH_OK)
        rc = carry(p, e);
    if (rc == FH_OK) {
        FH_TRY(db_child_finish(restore, e));
        rc = write_all(p->to, after_sql, sizeof after_sql - 1, e);
    }
    /* A write that failed: psql has ended, and why it did says more than that it did. */
    if (rc != FH_OK && !db_child_ended(psql, ENDING_MS))
        return rc;
    close(p->to);
    p->to = -1;
    return db_child_finish(psql, e);
}

static fh_err start_both(struct db_tools *t, struct pump *p, struct db_child *restore, struct db_child *psql,
                         struct fh_error *e)
{
    const char *const restore_argv[] = {t->restore,        "--no-owner", "--no-privileges",
                                        "--exit-on-error", "--file=-",   NULL};
    const char *const psql_argv[] = {
        t->psql, "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-", NULL};
    int out[2], in[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No pipe could be made");
    p->from = out[0];
    fh_err rc = start(t, restore, restore_argv, p->archive, out[1], e);
    close(out[1]);
    FH_TRY(rc);
    if (pipe2(in, O_CLOEXEC) != 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No pipe could be made");
    p->to = in[1];
    rc = start(t, psql, psql_argv, in[0], -1, e);
    close(in[0]);
    return rc;
}

fh_err db_tools_restore(struct db_tools *t, int fd, db_tools_progress *progress, void *arg,
                        struct fh_error *e)
{
    struct pump p = {.archive = fd, .from = -1, .to = -1, .progress = progress, .arg = arg};
    struct db_child restore = {.said_fd = -1}, psql = {.said_fd = -1};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return FH_FAIL_ERRNO(e, FH_INVALID, "It is not a file that can be read twice");
    sigaction(SIGPIPE, &ignore, &before);
    fh_err rc = start_both(t, &p, &restore, &psql, e);
    if (rc == FH_OK)
        rc = run_restore(&p, &restore, &psql, e);
    db_child_kill(&restore);
    db_child_kill(&psql);
    if (p.from >= 0)
        close(p.from);
    if (p.to >= 0)
        close(p.to);
    sigaction(SIGPIPE, &before, NULL);
    return rc;
}

fh_err db_tools_servers(struct db_tools *t, int64_t *n, struct fh_error *e)
{
    struct db_conn *c;
    struct db_rows *rows;
    FH_TRY(db_take(t->pool, &c, e));
    fh_err rc = db_query(c, t->arena,
                         "SELECT count(*) FROM pg_stat_activity WHERE application_name = '" DB_LISTENER_NAME
                         "' AND datname = current_database()",
                         NULL, 0, &rows, e);
    if (rc == FH_OK)
        *n = db_get_i64(rows, 0, 0);
    db_give(c);
    return rc;
}
