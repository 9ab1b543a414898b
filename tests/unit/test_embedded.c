/* The embedded PostgreSQL's starts: after a kill, beside strangers, of other versions, in long folders. */
#include "tests/unit/test_cluster.h"

#include "common/clock.h"
#include "server/db/cluster_files.h"
#include "server/db/cluster_upgrade.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MUST(call) test_must((call), &(e))

static struct fh_error e;

static int be_a_hub(const char *data)
{
    struct db_cluster_config config = {.data = data};
    struct db_cluster *own;
    MUST(db_cluster_start(&config, &own, &e));
    if (write(1, "1", 1) == 1)
        pause();
    return 1;
}

static void a_postmaster_left_by_a_killed_hub_is_adopted(void **state)
{
    (void)state;
    struct test_cluster t;
    int ready[2];
    test_cluster_folder(&t);
    test_cluster_guard(t.data);
    assert_int_equal(pipe(ready), 0);
    pid_t hub = fork();
    if (hub == 0) { /* a program of its own: threads may not be started behind a fork of many */
        dup2(ready[1], 1);
        execl("/proc/self/exe", "test_embedded", "--hub", t.data, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    pid_t postmaster = db_cluster_pid(t.data);
    assert_true(postmaster > 0);
    kill(hub, SIGKILL);
    waitpid(hub, NULL, 0);
    int64_t before = fh_ticks_ms();
    struct db_cluster_config config = {.data = t.data};
    MUST(db_cluster_start(&config, &t.cluster, &e));
    assert_true(fh_ticks_ms() - before < 2000);
    assert_int_equal(db_cluster_pid(t.data), postmaster);
    db_cluster_stop(t.cluster);
    assert_int_equal(db_cluster_pid(t.data), 0);
    test_cluster_remove(t.data);
}

static void put_file(const char *data, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/postgres/%s", data, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    if (geteuid() == 0)
        assert_int_equal(chown(path, 65534, 65534), 0);
}

static void a_pid_file_that_names_another_process_does_not_stop_the_start(void **state)
{
    (void)state;
    struct test_cluster t;
    char text[256];
    test_cluster_start(&t, false);
    db_pool_close(t.pool);
    db_cluster_stop(t.cluster);
    pid_t stranger = fork();
    if (stranger == 0) { /* of the same user, so that PostgreSQL itself would take it for its own */
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(1);
        pause();
        _exit(0);
    }
    snprintf(text, sizeof text, "%d\n%s/postgres\n1\n5432\n%s/postgres-run\n\n", (int)stranger, t.data,
             t.data);
    put_file(t.data, "postmaster.pid", text);
    assert_int_equal(db_cluster_pid(t.data), 0);
    struct db_cluster_config config = {.data = t.data};
    fh_err rc = db_cluster_start(&config, &t.cluster, &e);
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
    MUST(rc);
    db_cluster_stop(t.cluster);
    test_cluster_remove(t.data);
}

static void another_major_version_is_refused_with_the_command_that_helps(void **state)
{
    (void)state;
    struct test_cluster t;
    test_cluster_start(&t, false);
    db_pool_close(t.pool);
    db_cluster_stop(t.cluster);
    assert_true(db_cluster_exists(t.data));
    put_file(t.data, "PG_VERSION", "12\n");
    struct db_cluster_config config = {.data = t.data};
    assert_int_equal(db_cluster_start(&config, &t.cluster, &e), FH_INVALID);
    assert_non_null(strstr(e.msg, "floe-server migrate --postgres"));
    assert_int_equal(db_cluster_upgrade(t.data, NULL, &e), FH_NOT_FOUND);
    assert_non_null(strstr(e.msg, "postgresql-12"));
    test_cluster_remove(t.data);
}

/* Only one major version is installed, so the upgrade goes from it to itself; pg_upgrade does not mind. */
static void an_upgrade_keeps_the_rows_and_the_old_cluster(void **state)
{
    (void)state;
    struct test_cluster t;
    struct cluster_paths paths;
    char bin[CLUSTER_PATH], kept[128];
    int major;
    test_cluster_start(&t, true);
    struct db_conn *c;
    MUST(db_take(t.pool, &c, &e));
    MUST(db_script(c, "INSERT INTO owner (kind, handle) VALUES (1, 'alice')", &e));
    db_give(c);
    db_pool_close(t.pool);
    assert_int_equal(db_cluster_upgrade(t.data, NULL, &e), FH_CONFLICT);
    db_cluster_stop(t.cluster);
    assert_int_equal(db_cluster_upgrade(t.data, NULL, &e), FH_INVALID);
    MUST(cluster_find_programs(NULL, 0, bin, &major, &e));
    MUST(cluster_paths_find(t.data, true, &paths, &e));
    MUST(cluster_upgrade_between(&paths, bin, bin, &e));
    snprintf(kept, sizeof kept, "%s/postgres-%d/PG_VERSION", t.data, major);
    assert_int_equal(access(kept, F_OK), 0);
    struct db_cluster_config config = {.data = t.data};
    MUST(db_cluster_start(&config, &t.cluster, &e));
    t.pool = test_pool(t.url, 1);
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    MUST(db_take(t.pool, &c, &e));
    MUST(db_query(c, a, "SELECT count(*) FROM owner WHERE handle = 'alice'", NULL, 0, &rows, &e));
    assert_int_equal(db_get_i64(rows, 0, 0), 1);
    fh_arena_free(a);
    db_give(c);
    test_cluster_stop(&t);
}

static void a_path_too_long_for_a_socket_gets_a_short_folder(void **state)
{
    (void)state;
    struct test_cluster t;
    char deep[256], note[300], folder[128] = "";
    test_cluster_folder(&t);
    test_cluster_guard(t.data);
    snprintf(deep, sizeof deep, "%s/%0100d", t.data, 0);
    assert_int_equal(mkdir(deep, 0700), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(deep, 65534, 65534), 0);
    struct db_cluster_config config = {.data = deep};
    assert_int_equal(db_cluster_url(deep, t.url, sizeof t.url, &e), FH_UNAVAILABLE);
    MUST(db_cluster_start(&config, &t.cluster, &e));
    MUST(db_cluster_url(deep, t.url, sizeof t.url, &e));
    t.pool = test_pool(t.url, 1);
    struct db_conn *c;
    MUST(db_take(t.pool, &c, &e));
    db_give(c);
    snprintf(note, sizeof note, "%s/postgres-socket", deep);
    FILE *f = fopen(note, "r");
    assert_non_null(f);
    assert_non_null(fgets(folder, sizeof folder, f));
    fclose(f);
    test_cluster_stop(&t);
    test_cluster_remove(folder);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--hub") == 0)
        return be_a_hub(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_postmaster_left_by_a_killed_hub_is_adopted),
        cmocka_unit_test(a_pid_file_that_names_another_process_does_not_stop_the_start),
        cmocka_unit_test(another_major_version_is_refused_with_the_command_that_helps),
        cmocka_unit_test(an_upgrade_keeps_the_rows_and_the_old_cluster),
        cmocka_unit_test(a_path_too_long_for_a_socket_gets_a_short_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
