/* The database module against a real PostgreSQL: values, pool, transactions, migrations, the embedded
 * cluster.
 */
#include "tests/unit/test_cluster.h"

#include "common/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define MUST(call) test_must((call), &(e))

static struct test_cluster cluster;
static struct fh_error e;

static int start(void **state)
{
    (void)state;
    test_cluster_start(&cluster, true);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_cluster_stop(&cluster);
    return 0;
}

struct question {
    const char *sql;
    int64_t answer;
};

static fh_err ask(struct db_conn *c, void *arg, struct fh_error *err)
{
    struct question *q = arg;
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(c, a, q->sql, NULL, 0, &rows, err);
    if (rc == FH_OK)
        q->answer = db_get_i64(rows, 0, 0);
    fh_arena_free(a);
    return rc;
}

static int64_t number(const char *sql)
{
    struct question q = {.sql = sql};
    MUST(db_read(cluster.pool, ask, &q, &e));
    return q.answer;
}

static void script(const char *sql)
{
    struct db_conn *c;
    MUST(db_take(cluster.pool, &c, &e));
    MUST(db_script(c, sql, &e));
    db_give(c);
}

static void every_type_of_value_comes_back_as_it_was_sent(void **state)
{
    (void)state;
    struct fh_arena *a = fh_arena_new();
    struct db_conn *c;
    struct db_rows *rows;
    size_t len;
    static const uint8_t bytes[] = {0, 255, 10, 39, 92};
    static const char sql[] =
        "SELECT $1::bigint, $2::boolean, $3::text, $4::bytea, $5::text, $6::int, $7::smallint";
    MUST(db_take(cluster.pool, &c, &e));
    MUST(db_query(c, a, sql,
                  DB_PARAMS(DB_I64(INT64_MIN), DB_BOOL(true), DB_TEXT("h\xc3\xa9 'x' \\"), DB_BYTES(bytes, 5),
                            DB_NULL, DB_I64(-7), DB_I64(-8)),
                  &rows, &e));
    assert_int_equal(db_count(rows), 1);
    assert_true(db_get_i64(rows, 0, 0) == INT64_MIN);
    assert_true(db_get_bool(rows, 0, 1));
    assert_string_equal(db_get_text(rows, 0, 2), "h\xc3\xa9 'x' \\");
    assert_memory_equal(db_get_bytes(rows, 0, 3, &len), bytes, 5);
    assert_int_equal(len, 5);
    assert_true(db_is_null(rows, 0, 4));
    assert_null(db_get_text(rows, 0, 4));
    assert_int_equal(db_get_i64(rows, 0, 5), -7);
    assert_int_equal(db_get_i64(rows, 0, 6), -8);
    /* The same statement, null where a number was and the other way round. */
    MUST(db_query(c, a, sql, DB_PARAMS(DB_NULL, DB_NULL, DB_NULL, DB_NULL, DB_TEXT("t"), DB_NULL, DB_NULL),
                  &rows, &e));
    assert_true(db_is_null(rows, 0, 0));
    assert_string_equal(db_get_text(rows, 0, 4), "t");
    db_give(c);
    fh_arena_free(a);
}

static void text_that_is_not_utf8_is_refused_as_invalid(void **state)
{
    (void)state;
    struct db_conn *c;
    MUST(db_take(cluster.pool, &c, &e));
    assert_int_equal(db_exec(c, "SELECT $1::text", DB_PARAMS(DB_TEXT("\xff\xfe secret")), NULL, &e),
                     FH_INVALID);
    assert_null(strstr(e.msg, "secret"));
    db_give(c);
}

static void an_error_names_a_constraint_and_never_a_value(void **state)
{
    (void)state;
    struct db_conn *c;
    script("CREATE TABLE once (word text PRIMARY KEY)");
    MUST(db_take(cluster.pool, &c, &e));
    MUST(db_exec(c, "INSERT INTO once VALUES ($1)", DB_PARAMS(DB_TEXT("hunter2")), NULL, &e));
    assert_int_equal(db_exec(c, "INSERT INTO once VALUES ($1)", DB_PARAMS(DB_TEXT("hunter2")), NULL, &e),
                     FH_CONFLICT);
    assert_non_null(strstr(e.msg, "once_pkey"));
    assert_null(strstr(e.msg, "hunter2"));
    db_give(c);
}

static void durability_is_on_in_every_session(void **state)
{
    (void)state;
    assert_int_equal(number("SELECT count(*) FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', "
                            "'synchronous_commit', 'data_checksums') AND setting = 'on'"),
                     4);
    assert_int_equal(
        number("SELECT count(*) FROM pg_settings WHERE name = 'listen_addresses' AND setting = ''"), 1);
    assert_int_equal(
        number("SELECT count(*) FROM pg_settings WHERE name = 'server_encoding' AND setting = 'UTF8'"), 1);
    script("ALTER SYSTEM SET fsync = off");
    script("ALTER DATABASE floe SET synchronous_commit = off");
    script("SELECT pg_reload_conf()");
    struct db_pool *other = test_pool(cluster.url, 1), *kept = cluster.pool;
    cluster.pool = other;
    assert_int_equal(number("SELECT count(*) FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') "
                            "AND setting = 'on'"),
                     2);
    cluster.pool = kept;
    db_pool_close(other);
    script("ALTER DATABASE floe RESET synchronous_commit");
    script("ALTER SYSTEM RESET ALL");
}

static void the_socket_is_out_of_reach_of_others(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/postgres-run", cluster.data);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    snprintf(path, sizeof path, "%s/postgres", cluster.data);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_full_pool_makes_the_next_caller_wait_and_then_says_so(void **state)
{
    (void)state;
    struct db_config config = {
        .url = cluster.url, .size = 1, .wait_ms = 150, .application_name = "floe test"};
    struct db_pool *small;
    struct db_conn *first, *second;
    MUST(db_pool_open(&config, &small, &e));
    MUST(db_take(small, &first, &e));
    int64_t before = fh_ticks_ms();
    assert_int_equal(db_take(small, &second, &e), FH_UNAVAILABLE);
    int64_t waited = fh_ticks_ms() - before;
    assert_true(waited >= 140 && waited < 5000);
    db_give(first);
    MUST(db_take(small, &second, &e));
    db_give(second);
    db_pool_close(small);
}

static void an_unreachable_database_is_told_without_its_url(void **state)
{
    (void)state;
    struct db_config config = {.url = "postgresql://floe:sesame@127.0.0.1:1/floe", .size = 1, .wait_ms = 100};
    struct db_pool *pool;
    struct db_conn *c;
    MUST(db_pool_open(&config, &pool, &e));
    assert_int_equal(db_take(pool, &c, &e), FH_UNAVAILABLE);
    assert_null(strstr(e.msg, "sesame"));
    assert_null(strstr(e.msg, "127.0.0.1"));
    db_pool_close(pool);
}

static fh_err leave_open(struct db_conn *c, void *arg, struct fh_error *err)
{
    (void)arg;
    return db_exec(c, "INSERT INTO once VALUES ('left open')", NULL, 0, NULL, err);
}

static void a_connection_given_back_in_a_transaction_is_rolled_back(void **state)
{
    (void)state;
    struct db_conn *c;
    MUST(db_take(cluster.pool, &c, &e));
    MUST(db_script(c, "BEGIN", &e));
    assert_true(db_in_transaction(c));
    MUST(leave_open(c, NULL, &e));
    db_give(c);
    assert_int_equal(number("SELECT count(*) FROM once WHERE word = 'left open'"), 0);
}

static fh_err fail_after_insert(struct db_conn *c, void *arg, struct fh_error *err)
{
    (void)arg;
    FH_TRY(leave_open(c, NULL, err));
    return FH_FAIL(err, FH_DENIED, "No.");
}

static void a_failing_unit_of_work_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(db_transaction(cluster.pool, fail_after_insert, NULL, &e), FH_DENIED);
    assert_string_equal(e.msg, "No.");
    assert_int_equal(number("SELECT count(*) FROM once WHERE word = 'left open'"), 0);
}

static fh_err swallow_an_error(struct db_conn *c, void *arg, struct fh_error *err)
{
    (void)arg;
    FH_TRY(leave_open(c, NULL, err));
    (void)!db_exec(c, "SELECT 1 / 0", NULL, 0, NULL, err);
    return FH_OK;
}

static void an_error_that_was_passed_over_is_no_success(void **state)
{
    (void)state;
    assert_int_equal(db_transaction(cluster.pool, swallow_an_error, NULL, &e), FH_INTERNAL);
    assert_int_equal(number("SELECT count(*) FROM once WHERE word = 'left open'"), 0);
}

/* Ends the connection's own backend the first time it runs. */
static fh_err die_once(struct db_conn *c, void *arg, struct fh_error *err)
{
    int *runs = arg;
    FH_TRY(db_exec(c, "INSERT INTO once VALUES ('survivor')", NULL, 0, NULL, err));
    if (++*runs == 1)
        return db_exec(c, "SELECT pg_terminate_backend(pg_backend_pid())", NULL, 0, NULL, err);
    return FH_OK;
}

static void a_transaction_whose_backend_is_ended_runs_again_and_counts_once(void **state)
{
    (void)state;
    int runs = 0;
    MUST(db_transaction(cluster.pool, die_once, &runs, &e));
    assert_int_equal(runs, 2);
    assert_int_equal(number("SELECT count(*) FROM once WHERE word = 'survivor'"), 1);
}

/* A trigger that ends the backend while COMMIT is under way, so that its answer never comes: before the
 * commit is durable (a deferred constraint trigger), or after (an LSN wait is not possible here, so a row is
 * made to look as if it had been committed by the very transaction). */
static fh_err die_in_commit_once(struct db_conn *c, void *arg, struct fh_error *err)
{
    int *runs = arg;
    const char *word = ++*runs == 1 ? "die" : "live";
    return db_exec(c, "INSERT INTO fatal VALUES ($1)", DB_PARAMS(DB_TEXT(word)), NULL, err);
}

static void a_connection_lost_in_commit_is_asked_for_and_the_work_done_once(void **state)
{
    (void)state;
    script("CREATE TABLE fatal (word text);"
           "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
           "IF NEW.word = 'die' THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); "
           "END IF; "
           "RETURN NULL; END $$;"
           "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON fatal DEFERRABLE INITIALLY DEFERRED "
           "FOR EACH ROW EXECUTE FUNCTION die()");
    int runs = 0;
    MUST(db_transaction(cluster.pool, die_in_commit_once, &runs, &e));
    assert_int_equal(runs, 2);
    assert_int_equal(number("SELECT count(*) FROM fatal"), 1);
}

/* Between the pool and PostgreSQL: passes everything on, but when a COMMIT comes by for the first time, lets
 * it through, gives PostgreSQL time to do it and then breaks the connection instead of passing the answer. */
struct proxy {
    int listen_fd;
    char folder[64];
    struct sockaddr_un to;
    atomic_int commits;
    atomic_bool stop;
};

static bool pass(struct proxy *p, int from, int to, bool look)
{
    char bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes);
    if (n <= 0 || write(to, bytes, (size_t)n) != n)
        return false;
    if (look && memmem(bytes, (size_t)n, "COMMIT", 6) && p->commits++ == 0) {
        usleep(200000);
        return false;
    }
    return true;
}

static void serve_one(struct proxy *p, int client)
{
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = connect(server, (const struct sockaddr *)&p->to, sizeof p->to) == 0;
    while (up && !p->stop) {
        struct pollfd fds[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        if (poll(fds, 2, 100) < 0)
            break;
        if (fds[0].revents)
            up = pass(p, client, server, true);
        if (up && fds[1].revents)
            up = pass(p, server, client, false);
    }
    close(server);
    close(client);
}

static void *run_proxy(void *arg)
{
    struct proxy *p = arg;
    while (!p->stop) {
        struct pollfd fd = {.fd = p->listen_fd, .events = POLLIN};
        if (poll(&fd, 1, 100) > 0)
            serve_one(p, accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC));
    }
    return NULL;
}

static fh_err count_and_insert(struct db_conn *c, void *arg, struct fh_error *err)
{
    ++*(int *)arg;
    return db_exec(c, "INSERT INTO committed VALUES (1)", NULL, 0, NULL, err);
}

static fh_err count_and_insert_later(struct db_conn *c, void *arg, struct fh_error *err)
{
    ++*(int *)arg;
    return db_later(c, "INSERT INTO committed VALUES (1)", NULL, 0, err);
}

static void check_lost_answer(db_work *work)
{
    struct proxy p = {.folder = "/tmp/floe-test-proxy-XXXXXX", .to = {.sun_family = AF_UNIX}};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    pthread_t thread;
    char url[160];
    assert_non_null(mkdtemp(p.folder));
    snprintf(at.sun_path, sizeof at.sun_path, "%s/.s.PGSQL.5432", p.folder);
    snprintf(p.to.sun_path, sizeof p.to.sun_path, "%s/postgres-run/.s.PGSQL.5432", cluster.data);
    snprintf(url, sizeof url, "host=%s port=5432 user=floe dbname=floe", p.folder);
    p.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p.listen_fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p.listen_fd, 4), 0);
    pthread_create(&thread, NULL, run_proxy, &p);
    script("DROP TABLE IF EXISTS committed; CREATE TABLE committed (n bigint)");
    struct db_pool *pool = test_pool(url, 1);
    int runs = 0;
    fh_err rc = db_transaction(pool, work, &runs, &e);
    db_pool_close(pool);
    p.stop = true;
    pthread_join(thread, NULL);
    close(p.listen_fd);
    test_cluster_remove(p.folder);
    MUST(rc);
    assert_int_equal(p.commits, 1);
    assert_int_equal(runs, 1);
    assert_int_equal(number("SELECT count(*) FROM committed"), 1);
}

static void a_commit_whose_answer_was_lost_is_found_done_and_not_done_again(void **state)
{
    (void)state;
    check_lost_answer(count_and_insert);
    check_lost_answer(count_and_insert_later);
}

static fh_err later_then_read(struct db_conn *c, void *arg, struct fh_error *err)
{
    struct db_rows *rows;
    struct fh_arena *a = fh_arena_new();
    fh_err rc = db_later(c, "INSERT INTO ahead VALUES ($1)", DB_PARAMS(DB_I64(*(int *)arg)), err);
    if (rc == FH_OK)
        rc = db_later(c, "INSERT INTO ahead VALUES ($1)", DB_PARAMS(DB_I64(*(int *)arg + 1)), err);
    if (rc == FH_OK)
        rc = db_query(c, a, "SELECT count(*) FROM ahead", NULL, 0, &rows, err);
    if (rc == FH_OK)
        *(int *)arg = (int)db_get_i64(rows, 0, 0);
    fh_arena_free(a);
    return rc;
}

static fh_err later_alone(struct db_conn *c, void *arg, struct fh_error *err)
{
    return db_later(c, "INSERT INTO ahead VALUES ($1)", DB_PARAMS(DB_I64(*(int *)arg)), err);
}

static void
what_is_sent_ahead_is_seen_by_the_next_statement_and_its_failure_is_never_passed_over(void **state)
{
    (void)state;
    script("CREATE TABLE ahead (n bigint PRIMARY KEY)");
    int n = 10;
    MUST(db_transaction(cluster.pool, later_then_read, &n, &e));
    assert_int_equal(n, 2);
    n = 10; /* the first of the two fails; the second and the query are passed over */
    assert_int_equal(db_transaction(cluster.pool, later_then_read, &n, &e), FH_CONFLICT);
    assert_int_equal(n, 10);
    n = 9; /* the second one fails */
    assert_int_equal(db_transaction(cluster.pool, later_then_read, &n, &e), FH_CONFLICT);
    n = 11; /* answered for by the commit */
    assert_int_equal(db_transaction(cluster.pool, later_alone, &n, &e), FH_CONFLICT);
    n = 12;
    MUST(db_transaction(cluster.pool, later_alone, &n, &e));
    assert_int_equal(number("SELECT count(*) FROM ahead"), 3);
}

struct deadlock {
    pthread_barrier_t *both;
    int first, second, runs;
};

static fh_err lock_both(struct db_conn *c, void *arg, struct fh_error *err)
{
    struct deadlock *d = arg;
    FH_TRY(db_exec(c, "UPDATE pair SET n = n + 1 WHERE id = $1", DB_PARAMS(DB_I64(d->first)), NULL, err));
    if (d->runs++ == 0)
        pthread_barrier_wait(d->both);
    return db_exec(c, "UPDATE pair SET n = n + 1 WHERE id = $1", DB_PARAMS(DB_I64(d->second)), NULL, err);
}

static void *lock_both_thread(void *arg)
{
    struct fh_error mine;
    test_must(db_transaction(cluster.pool, lock_both, arg, &mine), &mine);
    return NULL;
}

static void a_deadlock_is_run_again_so_that_both_succeed(void **state)
{
    (void)state;
    script("CREATE TABLE pair (id bigint PRIMARY KEY, n bigint); INSERT INTO pair VALUES (1, 0), (2, 0)");
    pthread_barrier_t both;
    pthread_t threads[2];
    pthread_barrier_init(&both, NULL, 2);
    struct deadlock work[] = {{&both, 1, 2, 0}, {&both, 2, 1, 0}};
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, lock_both_thread, &work[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&both);
    assert_true(work[0].runs + work[1].runs >= 3); /* PostgreSQL may choose both as victims */
    assert_int_equal(number("SELECT sum(n)::bigint FROM pair"), 4);
}

/* Writers that note what was acknowledged, while PostgreSQL is killed under them. */
struct writer {
    int id;
    atomic_bool *stop;
    int64_t acknowledged, unknown;
};

static fh_err write_row(struct db_conn *c, void *arg, struct fh_error *err)
{
    struct writer *w = arg;
    return db_exec(c, "INSERT INTO written VALUES ($1, $2)",
                   DB_PARAMS(DB_I64(w->id), DB_I64(w->acknowledged)), NULL, err);
}

static void *write_rows(void *arg)
{
    struct writer *w = arg;
    struct fh_error mine;
    while (!*w->stop) {
        fh_err rc = db_transaction(cluster.pool, write_row, w, &mine);
        if (rc == FH_OK)
            w->acknowledged++;
        else if (rc == FH_UNAVAILABLE)
            w->unknown++;
        else
            test_must(rc, &mine);
    }
    return NULL;
}

static void killing_postgres_loses_and_doubles_nothing(void **state)
{
    (void)state;
    enum { WRITERS = 4, ROUNDS = 4 };
    script("CREATE TABLE written (writer bigint, n bigint)"); /* no key: a doubled write would land */
    atomic_bool end = false;
    struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.id = i, .stop = &end};
        pthread_create(&threads[i], NULL, write_rows, &writers[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        usleep(300000);
        pid_t pid = 0;
        for (int i = 0; i < 2000 && (pid = db_cluster_pid(cluster.data)) == 0; i++)
            usleep(10000);
        assert_true(pid > 0);
        kill(pid, round % 2 == 0 ? SIGKILL : SIGQUIT);
    }
    sleep(2);
    end = true;
    int64_t acknowledged = 0, unknown = 0;
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        acknowledged += writers[i].acknowledged;
        unknown += writers[i].unknown;
    }
    assert_true(acknowledged > 10);
    assert_int_equal(unknown, 0);
    assert_int_equal(number("SELECT count(*) FROM written"), acknowledged);
    assert_int_equal(number("SELECT count(*) FROM (SELECT DISTINCT writer, n FROM written) d"), acknowledged);
}

static void migrations_apply_once_and_a_second_run_finds_nothing_to_do(void **state)
{
    (void)state;
    int applied = -1;
    MUST(db_migrate(cluster.pool, &applied, &e));
    assert_int_equal(applied, 0);
    assert_int_equal(number("SELECT max(version) FROM schema_migration"), db_schema_version());
    script("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    MUST(db_migrate(cluster.pool, &applied, &e));
    assert_int_equal(applied, db_schema_version());
}

static void *migrate_thread(void *arg)
{
    struct fh_error mine;
    test_must(db_migrate(cluster.pool, arg, &mine), &mine);
    return NULL;
}

static void two_that_migrate_at_once_apply_each_migration_once(void **state)
{
    (void)state;
    pthread_t threads[2];
    int applied[2];
    script("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, migrate_thread, &applied[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(applied[0] + applied[1], db_schema_version());
}

static void a_database_of_a_newer_floe_is_refused_by_name(void **state)
{
    (void)state;
    script("INSERT INTO schema_migration (version, name) SELECT max(version) + 1, '0099_tomorrow' "
           "FROM schema_migration");
    assert_int_equal(db_migrate(cluster.pool, NULL, &e), FH_INVALID);
    assert_non_null(strstr(e.msg, "0099_tomorrow"));
    script("DELETE FROM schema_migration WHERE name = '0099_tomorrow'");
    script("UPDATE schema_migration SET name = '0001_other' WHERE version = 1");
    assert_int_equal(db_migrate(cluster.pool, NULL, &e), FH_INVALID);
    script("UPDATE schema_migration SET name = '0001_accounts' WHERE version = 1");
    MUST(db_migrate(cluster.pool, NULL, &e));
}

struct heard {
    pthread_mutex_t lock;
    char last[64];
    int messages;
    atomic_int resets, lost;
};

static void on_message(void *arg, const char *channel, const char *payload)
{
    struct heard *h = arg;
    pthread_mutex_lock(&h->lock);
    snprintf(h->last, sizeof h->last, "%s=%s", channel, payload);
    h->messages++;
    pthread_mutex_unlock(&h->lock);
}

static void on_reset(void *arg, bool lost)
{
    struct heard *h = arg;
    h->lost += lost;
    h->resets++;
}

static bool wait_live(const struct db_listener *l, bool live)
{
    for (int i = 0; i < 1500 && db_listener_is_live(l) != live; i++)
        usleep(10000);
    return db_listener_is_live(l) == live;
}

static int messages_of(struct heard *h)
{
    pthread_mutex_lock(&h->lock);
    int n = h->messages;
    pthread_mutex_unlock(&h->lock);
    return n;
}

static void a_listener_hears_acknowledges_and_says_when_it_was_deaf(void **state)
{
    (void)state;
    static const char *const channels[] = {"floe_accounts", "floe_owner"};
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct db_config config = {.url = cluster.url, .size = 1, .application_name = "floe test"};
    struct db_listener *l;
    MUST(db_announce(cluster.pool, "floe_accounts", "nobody listens", 1000, &e));
    MUST(db_listener_start(&config, channels, 2, on_message, on_reset, &h, &l, &e));
    assert_true(wait_live(l, true));
    MUST(db_announce(cluster.pool, "floe_accounts", "alice", 5000, &e));
    /* Acknowledged means heard: no waiting here. */
    assert_int_equal(messages_of(&h), 1);
    assert_string_equal(h.last, "floe_accounts=alice");
    script("SELECT pg_notify('floe_owner', 'bob')");
    for (int i = 0; i < 500 && messages_of(&h) < 2; i++)
        usleep(10000);
    assert_string_equal(h.last, "floe_owner=bob");
    int resets = h.resets;
    assert_int_equal(h.lost, 0);
    script("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'floe listener'");
    for (int i = 0; i < 500 && h.resets == resets; i++)
        usleep(10000);
    assert_true(h.resets > resets);
    assert_true(wait_live(l, true));
    /* Once when it broke and at least once with LISTEN in force again: what was read between is stale too. */
    assert_true(h.resets >= resets + 2 && h.lost == 2);
    MUST(db_announce(cluster.pool, "floe_owner", "carol", 5000, &e));
    assert_string_equal(h.last, "floe_owner=carol");
    db_listener_stop(l);
}

static void a_listener_that_does_not_answer_is_reported(void **state)
{
    (void)state;
    struct db_config config = {
        .url = cluster.url, .size = 1, .wait_ms = 1000, .application_name = "floe listener"};
    struct db_pool *deaf;
    struct db_conn *c;
    MUST(db_pool_open(&config, &deaf, &e));
    MUST(db_take(deaf, &c, &e));
    assert_int_equal(db_announce(cluster.pool, "floe_owner", "dave", 300, &e), FH_UNAVAILABLE);
    db_give(c);
    db_pool_close(deaf);
}

static void a_second_supervisor_is_refused_while_the_first_runs(void **state)
{
    (void)state;
    struct db_cluster_config config = {.data = cluster.data};
    struct db_cluster *second;
    assert_int_equal(db_cluster_start(&config, &second, &e), FH_CONFLICT);
    assert_int_equal(number("SELECT 1"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_value_comes_back_as_it_was_sent),
        cmocka_unit_test(text_that_is_not_utf8_is_refused_as_invalid),
        cmocka_unit_test(an_error_names_a_constraint_and_never_a_value),
        cmocka_unit_test(durability_is_on_in_every_session),
        cmocka_unit_test(the_socket_is_out_of_reach_of_others),
        cmocka_unit_test(a_full_pool_makes_the_next_caller_wait_and_then_says_so),
        cmocka_unit_test(an_unreachable_database_is_told_without_its_url),
        cmocka_unit_test(a_connection_given_back_in_a_transaction_is_rolled_back),
        cmocka_unit_test(a_failing_unit_of_work_leaves_nothing),
        cmocka_unit_test(an_error_that_was_passed_over_is_no_success),
        cmocka_unit_test(a_transaction_whose_backend_is_ended_runs_again_and_counts_once),
        cmocka_unit_test(a_connection_lost_in_commit_is_asked_for_and_the_work_done_once),
        cmocka_unit_test(a_commit_whose_answer_was_lost_is_found_done_and_not_done_again),
        cmocka_unit_test(
            what_is_sent_ahead_is_seen_by_the_next_statement_and_its_failure_is_never_passed_over),
        cmocka_unit_test(a_deadlock_is_run_again_so_that_both_succeed),
        cmocka_unit_test(killing_postgres_loses_and_doubles_nothing),
        cmocka_unit_test(migrations_apply_once_and_a_second_run_finds_nothing_to_do),
        cmocka_unit_test(two_that_migrate_at_once_apply_each_migration_once),
        cmocka_unit_test(a_database_of_a_newer_floe_is_refused_by_name),
        cmocka_unit_test(a_listener_hears_acknowledges_and_says_when_it_was_deaf),
        cmocka_unit_test(a_listener_that_does_not_answer_is_reported),
        cmocka_unit_test(a_second_supervisor_is_refused_while_the_first_runs),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
