/* What accounts and environments may be called. */
#include "server/auth/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define X10   "xxxxxxxxxx"
#define HEX40 "0123456789abcdefABCDEF0123456789abcdef01"

static void handles_of_letters_digits_and_dashes_are_fine(void **state)
{
    (void)state;
    static const char *const fine[] = {"alice",
                                       "bob",
                                       "a-b",
                                       "a_b",
                                       "0ab",
                                       "ACME",
                                       "user1",
                                       "gitlab",
                                       "apis",
                                       "Floe",
                                       X10 X10 X10 X10 X10 X10 "xxx",
                                       "0123456789abcdef"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_int_equal(auth_check_handle(fine[i], NULL), FH_OK);
}

static void handles_outside_the_pattern_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "a",     "ab",    X10 X10 X10 X10 X10 X10 "xxxx",
                                      "-abc", "_abc",  "a.b",   "a b",
                                      "a/b",  "a\nb",  "abc\n", "al\xc3\xafs",
                                      "a@b",  "a%2fb", "..",    "a..b",
                                      HEX40};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fh_error e = {0};
        assert_int_equal(auth_check_handle(bad[i], &e), FH_INVALID);
        assert_true(e.msg[0]);
    }
}

static void reserved_handles_are_refused_in_any_case(void **state)
{
    (void)state;
    static const char *const reserved[] = {
        "flox",   "Flox",    "unknown", "UNKNOWN", "local",   "api",      "Api",    "accounts", "git",
        "GIT",    "oauth",   "cache",   "login",   "logout",  "settings", "search", "device",   "static",
        "assets", "healthz", "readyz",  "metrics", "openapi", "nixpkgs",  "base",   "admin",    "auth",
        "orgs",   "org",     "user",    "users",   "new",     "about",    "help",   "docs"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        assert_int_equal(auth_check_handle(reserved[i], NULL), FH_INVALID);
}

static void a_handle_with_denied_in_it_is_refused(void **state)
{
    (void)state;
    assert_int_equal(auth_check_handle("denied", NULL), FH_INVALID);
    assert_int_equal(auth_check_handle("accessDENIED", NULL), FH_INVALID);
    assert_int_equal(auth_check_handle("un-Denied-able", NULL), FH_INVALID);
}

static void only_flox_itself_is_allowed_to_an_operator_who_insists(void **state)
{
    (void)state;
    assert_int_equal(auth_check_handle_trusted("flox", NULL), FH_OK);
    assert_int_equal(auth_check_handle_trusted("Flox", NULL), FH_INVALID);
    assert_int_equal(auth_check_handle_trusted("git", NULL), FH_INVALID);
    assert_int_equal(auth_check_handle_trusted("alice", NULL), FH_OK);
}

static void names_that_git_and_clients_can_bear_are_fine(void **state)
{
    (void)state;
    static const char *const fine[] = {"web",
                                       "a",
                                       "0",
                                       "my.env",
                                       "A_b-c.d",
                                       "head",
                                       "denied",
                                       "x.locks",
                                       "lock",
                                       "a.lock.b",
                                       X10 X10 X10 X10 X10 X10 X10 X10 X10 X10,
                                       "default"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        assert_int_equal(auth_check_env_name(fine[i], NULL), FH_OK);
}

static void names_that_git_or_clients_would_misread_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          ".",      "..",   ".a",
        "-a",        "_a",     "a..b", "a.",
        "a.lock",    "HEAD",   "a b",  "a/b",
        "a~1",       "a^",     "a:b",  "a?b",
        "a*",        "a[b",    "a\\b", "a@{b",
        "{a}",       "a\x7f",  "a\n",  "caf\xc3\xa9",
        "webDENIED", "DENIED", HEX40,  X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fh_error e = {0};
        if (auth_check_env_name(bad[i], &e) != FH_INVALID || !e.msg[0])
            fail_msg("%s was accepted", bad[i]);
        /* The reason is shown to a client that takes the word in capitals for a missing right. */
        assert_null(strstr(e.msg, "DENIED"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles_of_letters_digits_and_dashes_are_fine),
        cmocka_unit_test(handles_outside_the_pattern_are_refused),
        cmocka_unit_test(reserved_handles_are_refused_in_any_case),
        cmocka_unit_test(a_handle_with_denied_in_it_is_refused),
        cmocka_unit_test(only_flox_itself_is_allowed_to_an_operator_who_insists),
        cmocka_unit_test(names_that_git_and_clients_can_bear_are_fine),
        cmocka_unit_test(names_that_git_or_clients_would_misread_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
