/* What PostgreSQL's programs are told, and what is read from what they say. */
#include "server/db/db_child.h"
#include "server/db/db_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define COPY "--\nCOPY public.schema_migration (version, name, applied_at) FROM stdin;\n"

static void the_newest_migration_of_an_archive_is_found(void **state)
{
    int version;
    char name[DB_MIGRATION_NAME];
    (void)state;
    assert_true(db_tools_parse_schema(
        COPY "1\t0001_accounts\tx\n12\t0012_more\tx\n3\t0003_other\tx\n\\.\n\n99\tno\tx\n", &version, name));
    assert_int_equal(version, 12);
    assert_string_equal(name, "0012_more");
}

static void an_archive_without_migrations_is_none_of_ours(void **state)
{
    int version;
    char name[DB_MIGRATION_NAME];
    static const char *const texts[] = {"",
                                        "COPY public.other (a) FROM stdin;\n1\n\\.\n",
                                        COPY "\\.\n",
                                        COPY,
                                        COPY "x\ty\tz\n\\.\n",
                                        COPY "-1\ty\tz\n",
                                        COPY "1 y\n",
                                        COPY "99999999999999999999\tx\ty\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(db_tools_parse_schema(texts[i], &version, name));
}

static const char *find(char **env, const char *name)
{
    size_t n = strlen(name);
    const char *found = NULL;
    for (; *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') {
            assert_null(found);
            found = *env + n + 1;
        }
    return found;
}

static void how_to_connect_goes_into_the_environment(void **state)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    char **env;
    (void)state;
    setenv("PGHOST", "elsewhere", 1);
    setenv("FLOE_DATABASE_URL", "postgresql://secret", 1);
    assert_int_equal(db_child_environment(
                         a, "postgresql://floe:tell%20no@db.example:5433/hub?sslmode=verify-full", &env, &e),
                     FH_OK);
    assert_string_equal(find(env, "PGHOST"), "db.example");
    assert_string_equal(find(env, "PGPORT"), "5433");
    assert_string_equal(find(env, "PGUSER"), "floe");
    assert_string_equal(find(env, "PGPASSWORD"), "tell no");
    assert_string_equal(find(env, "PGDATABASE"), "hub");
    assert_string_equal(find(env, "PGSSLMODE"), "verify-full");
    assert_string_equal(find(env, "LC_ALL"), "C");
    assert_null(find(env, "FLOE_DATABASE_URL"));
    assert_non_null(find(env, "PATH"));
    fh_arena_free(a);
}

static void a_url_that_cannot_be_handed_on_is_refused_without_being_quoted(void **state)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    char **env;
    (void)state;
    assert_int_equal(db_child_environment(a, "postgresql://floe:hush@[broken", &env, &e), FH_INVALID);
    assert_null(strstr(e.msg, "hush"));
    assert_int_equal(db_child_environment(a, "host=x sslpassword=hush", &env, &e), FH_INVALID);
    assert_null(strstr(e.msg, "hush"));
    fh_arena_free(a);
}

static void a_program_that_fails_says_why(void **state)
{
    struct db_child c;
    struct fh_error e;
    const char *const fails[] = {"/bin/sh", "-c", "echo 'pg_dump: error: no luck' >&2; echo more >&2; exit 3",
                                 NULL};
    const char *const dies[] = {"/bin/sh", "-c", "kill -9 $$", NULL};
    const char *const absent[] = {"/nowhere/pg_dump", NULL};
    char *const env[] = {NULL};
    const struct db_child_files files = {-1, -1};
    (void)state;
    assert_int_equal(db_child_start(&c, fails, env, &files, &e), FH_OK);
    assert_int_equal(db_child_finish(&c, &e), FH_UNAVAILABLE);
    assert_string_equal(e.msg, "/bin/sh failed: no luck");
    assert_int_equal(db_child_start(&c, dies, env, &files, &e), FH_OK);
    assert_int_equal(db_child_finish(&c, &e), FH_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "signal 9"));
    assert_int_equal(db_child_start(&c, absent, env, &files, &e), FH_NOT_FOUND);
}

static void a_program_that_hangs_can_be_killed(void **state)
{
    struct db_child c;
    struct fh_error e;
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    char *const env[] = {NULL};
    const struct db_child_files files = {-1, -1};
    (void)state;
    assert_int_equal(db_child_start(&c, argv, env, &files, &e), FH_OK);
    assert_false(db_child_ended(&c, 60));
    db_child_kill(&c);
    db_child_kill(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_migration_of_an_archive_is_found),
        cmocka_unit_test(an_archive_without_migrations_is_none_of_ours),
        cmocka_unit_test(how_to_connect_goes_into_the_environment),
        cmocka_unit_test(a_url_that_cannot_be_handed_on_is_refused_without_being_quoted),
        cmocka_unit_test(a_program_that_fails_says_why),
        cmocka_unit_test(a_program_that_hangs_can_be_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
