/* Version constraints: the whole table of the protocol, and a door for the oracle
 * (tests/e2e/test_version_range.py): with --lines it answers lines "constraint TAB version TAB 0|1" with 0, 1
 * or the refusal. */
#include "common/version_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* 1, 0, or -1: refused. */
static int fits(const char *constraint, const char *version, bool pre)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_version_range *r;
    struct fh_error e;
    int answer =
        fh_version_range_parse(a, constraint, &r, &e) != FH_OK ? -1 : fh_version_range_fits(r, version, pre);
    fh_arena_free(a);
    return answer;
}

/* yes and no: versions with blanks between them. */
static void expect(const char *constraint, const char *yes, const char *no)
{
    for (int want = 0; want < 2; want++) {
        char list[256], *rest = list;
        snprintf(list, sizeof list, "%s", want ? yes : no);
        for (char *v; (v = strsep(&rest, " "));)
            if (*v && fits(constraint, v, false) != want)
                fail_msg("'%s' %s %s", constraint, want ? "does not fit" : "fits", v);
    }
}

static void each_clause_means_what_the_protocol_says(void **state)
{
    (void)state;
    expect(NULL, "1 anything 2.34-210", "");
    expect("", "1 anything", "");
    expect("1.2.3", "1.2.3", "1.2.4 1.2.2 1.2 1.20.3");
    expect("=1.2.3", "1.2.3", "1.2.4 1.2");
    expect("==1.2.3", "1.2.3 1.2.3+b1", "1.2.4");
    expect("1.2", "1.2 1.2.0 1.2.99", "1.3.0 1.1.9 1 12.0");
    expect("=1.2", "1.2.7", "1.3.0");
    expect("==1.2", "1.2.7", "1.3.0");
    expect("1.2.*", "1.2.7 1.2", "1.3.0");
    expect("1.*", "1.9.7 1.0", "2.0.0");
    expect("1", "1 1.0 1.99.0", "2 2.0.0 14.2.0 14.2 0.9");
    expect("*", "1.2.3 0 7.1", "unstable-2023 2.34-210 5.3p15");
    expect("=*", "1.2.3", "p1");
    expect(">=*", "1.2.3", "p1");
    expect(">=1.2", "1.2.0 1.2.9 7", "1.1.9");
    expect(">=1.2.3", "1.2.3 1.3", "1.2.2");
    expect(">1.2", "1.3.0 2", "1.2.0 1.2.9");
    expect(">1", "2.0.0 2", "1.9.9 1");
    expect(">1.2.3", "1.2.4", "1.2.3");
    expect("<1.2", "1.1.9 0", "1.2.0 1.2");
    expect("<1.2.3", "1.2.2", "1.2.3");
    expect("<=1.2", "1.2.9 1.1", "1.3.0");
    expect("<=1", "1.9.9", "2.0.0");
    expect("<=1.2.3", "1.2.3", "1.2.4");
    expect("!=1.2", "1.1.9 1.3.0", "1.2.0 1.2.5");
    expect("!=1", "0.9 2", "1 1.5");
    expect("!=1.2.3", "1.2.4", "1.2.3");
    expect("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0");
    expect("^1.2", "1.2.0 1.9.0", "1.1 2.0.0");
    expect("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2");
    expect("^0.0.3", "0.0.3", "0.0.4 0.0.2");
    expect("^0.0.0", "0.0.0 0", "0.0.1 1.0.0");
    expect("^0.0", "0.0.0", "0.0.1");
    expect("^0", "0.0.0", "0.0.1 0.9.0");
    expect("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2");
    expect("~1.2", "1.2.0 1.2.9", "1.3.0");
    expect("~1", "1.0.0 1.9.0", "2.0.0");
    expect("~=1.4.5", "1.4.5 1.4.9", "1.5.0 1.4.4");
    expect("~=1.4", "1.4.0 1.9.0", "2.0.0 1.3");
    expect("~=1", "1.0.0 1.9.0", "2.0.0");
    expect(">=3.10,<3.11", "3.10.12 3.10", "3.11.0 3.9.9");
    expect(">=1,!=1.5,<2", "1.4.0 1.6.0", "1.5.0 2.0.0");
}

static void what_is_no_range_is_a_literal_or_refused(void **state)
{
    (void)state;
    expect("2.34-210", "2.34-210", "2.34 2.34.210");
    expect("unstable-2023-03-23", "unstable-2023-03-23", "2023.3.23");
    expect("v1.2", "v1.2", "1.2 1.2.0");
    expect("1.2.3.4", "1.2.3.4", "1.2.3");
    expect("01.2", "01.2", "1.2.0");
    expect("latest", "latest", "1.0.0");
    expect("1.2 - 1.4", "", "1.3.0");
    assert_int_equal(fits("1.2 - 1.4", "1.2 - 1.4", false), 1);
    expect("2.0.0-rc1", "2.0.0-rc1", "2.0.0");
    const char *const refused[] = {"=unstable-2023-03-23",
                                   "^1 || ^2",
                                   ">=1 <2",
                                   "^",
                                   "=",
                                   ">=",
                                   "<*",
                                   "^*",
                                   ">=v1",
                                   "~> 1.2",
                                   ">=1.2.3+b",
                                   "^1.2-a",
                                   "=1.2.3-a..b",
                                   ">=1.2.3-01",
                                   ">=1,latest",
                                   ">=1,",
                                   "> =1",
                                   ">=1,,<2"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (fits(refused[i], "1.0.0", true) != -1)
            fail_msg("'%s' is not refused", refused[i]);
}

static void a_refusal_says_what_the_service_says(void **state)
{
    (void)state;
    struct fh_arena *a = fh_arena_new();
    struct fh_version_range *r;
    struct fh_error e;
    assert_int_equal(fh_version_range_parse(a, "=unstable-2023-03-23", &r, &e), FH_INVALID);
    assert_string_equal(e.msg, "Invalid simple block '=unstable-2023-03-23'");
    assert_int_equal(fh_version_range_parse(a, ">=1,<*", &r, &e), FH_INVALID);
    assert_string_equal(e.msg, "Invalid simple spec: '<*'");
    assert_int_equal(fh_version_range_parse(a, "^\n\x1b[31m", &r, &e), FH_INVALID);
    assert_string_equal(e.msg, "Invalid simple block '^??[31m'");
    fh_arena_free(a);
}

static void blanks_and_x_are_taken_too(void **state)
{
    (void)state;
    expect(">= 1.2", "1.2.0", "1.1.0");
    expect(">=1.2, <2", "1.5.0", "2.0.0");
    expect(" >=1.2 , < 2 ", "1.5.0", "2.0.0");
    expect("1.2.x", "1.2.7", "1.3.0");
    expect("1.X", "1.2.7", "2.0.0");
    expect("x", "1.2.7 3", "word");
}

static void only_semantic_versions_and_plain_numbers_take_part_in_ranges(void **state)
{
    (void)state;
    expect(">=1", "2.10 3 3.4.5 1.0.0+build",
           "2.42-67 9.2.0782 5.3p15 2.10.03 02.1 3. .3 1.2.3.4 v3 1.2.3- 1.2.3+ 20-x");
    expect(">=0", "18446744073709551616.0.0 99999999999999999999999", "");
    expect("<18446744073709551617", "18446744073709551616 5",
           "18446744073709551617 18446744073709551618.0.0");
    expect(">999", "1000", "999 999.9 99");
    expect("<=999.9", "999.9.5", "999.10 1000");
}

static void pre_releases_fit_a_range_only_when_they_are_allowed(void **state)
{
    (void)state;
    assert_int_equal(fits(">=1.0.0", "1.2.0-rc.1", false), 0);
    assert_int_equal(fits(">=1.0.0", "1.2.0-rc.1", true), 1);
    assert_int_equal(fits("1.2.0-rc.1", "1.2.0-rc.1", false), 1);
    assert_int_equal(fits("==1.2.0-rc.1", "1.2.0-rc.1", false), 0);
    assert_int_equal(fits("==1.2.0-rc.1", "1.2.0-rc.1", true), 1);
    assert_int_equal(fits("<1.2.0", "1.2.0-rc.1", true), 0);
    assert_int_equal(fits("<1.2.0-", "1.2.0-rc.1", true), 1);
    assert_int_equal(fits(">1.2.0-9", "1.2.0-10", true), 1);
    assert_int_equal(fits(">1.2.0-10", "1.2.0-9a", true), 1);
    assert_int_equal(fits(">1.2.0-a", "1.2.0-a.b", true), 1);
    assert_int_equal(fits("<1.2.0-a", "1.2.0", true), 0);
    assert_int_equal(fits("^1.0.0-rc", "1.0.0", true), 0);
}

static void a_long_constraint_takes_no_long_time(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    struct fh_arena *a = fh_arena_new();
    char *number = fh_alloc(a, LONG + 2), *commas = fh_alloc(a, LONG + 2);
    memset(number, '9', LONG);
    memset(commas, ',', LONG);
    assert_int_equal(fits(number, "9", false), 0);
    assert_int_equal(fits("<1", number, false), 0);
    assert_int_equal(fits(commas, "1", false), 0);
    commas[0] = '<';
    assert_int_equal(fits(commas, "1", false), -1);
    fh_arena_free(a);
}

static int answer_lines(void)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        char *rest = line, *constraint = strsep(&rest, "\t"), *version = strsep(&rest, "\t");
        struct fh_arena *a = fh_arena_new();
        struct fh_version_range *r;
        struct fh_error e;
        if (!version || !rest)
            return 2;
        if (fh_version_range_parse(a, constraint, &r, &e) != FH_OK)
            printf("%s\n", e.msg);
        else
            printf("%d\n", fh_version_range_fits(r, version, *rest == '1'));
        fh_arena_free(a);
    }
    return fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--lines") == 0)
        return answer_lines();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_clause_means_what_the_protocol_says),
        cmocka_unit_test(what_is_no_range_is_a_literal_or_refused),
        cmocka_unit_test(a_refusal_says_what_the_service_says),
        cmocka_unit_test(blanks_and_x_are_taken_too),
        cmocka_unit_test(only_semantic_versions_and_plain_numbers_take_part_in_ranges),
        cmocka_unit_test(pre_releases_fit_a_range_only_when_they_are_allowed),
        cmocka_unit_test(a_long_constraint_takes_no_long_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
