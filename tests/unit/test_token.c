/* Tokens, passwords, expiries, and what an Authorization header says. */
#include "common/clock.h"
#include "server/auth/auth.h"
#include "server/auth/auth_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CANARY "flox_pat_GbwG2TAxZYEcJWwWZrFewSQrRh6ktAUpkit9yUzyO2K41lAxg"

static void a_token_has_its_kinds_prefix_and_is_plausible(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        char text[AUTH_TOKEN_SIZE];
        auth_token_make(i % 2 ? STORE_ORG : STORE_USER, text);
        assert_int_equal(strlen(text), 9 + 43 + 6);
        assert_int_equal(strncmp(text, i % 2 ? "flox_svc_" : "flox_pat_", 9), 0);
        assert_true(auth_token_plausible(text));
    }
}

static void two_tokens_differ(void **state)
{
    (void)state;
    char a[AUTH_TOKEN_SIZE], b[AUTH_TOKEN_SIZE];
    auth_token_make(STORE_USER, a);
    auth_token_make(STORE_USER, b);
    assert_string_not_equal(a, b);
}

static void a_single_wrong_character_is_seen_without_a_lookup(void **state)
{
    (void)state;
    char text[AUTH_TOKEN_SIZE];
    auth_token_make(STORE_USER, text);
    for (size_t i = 0; text[i]; i++) {
        char kept = text[i];
        text[i] = kept == 'x' ? 'y' : 'x';
        assert_false(auth_token_plausible(text));
        text[i] = kept;
    }
    text[20] ^= text[21], text[21] ^= text[20], text[20] ^= text[21];
    assert_true(text[20] == text[21] || !auth_token_plausible(text));
}

static void what_is_no_token_is_not_plausible(void **state)
{
    (void)state;
    char text[AUTH_TOKEN_SIZE + 1];
    auth_token_make(STORE_USER, text);
    size_t n = strlen(text);
    text[n] = 'a';
    text[n + 1] = '\0';
    assert_false(auth_token_plausible(text));
    text[n - 1] = '\0';
    assert_false(auth_token_plausible(text));
    assert_false(auth_token_plausible(""));
    assert_false(auth_token_plausible("flox_pat_"));
    assert_false(auth_token_plausible("flox_pat_canarywrong0000000000000000000000000000000000000"));
}

/* A fixed token, so that no later version stops knowing the tokens of an earlier one. */
static void a_token_of_the_first_version_stays_plausible(void **state)
{
    (void)state;
    assert_true(auth_token_plausible(CANARY));
    uint8_t hash[32], same[32];
    auth_token_hash(CANARY, hash);
    auth_token_hash(CANARY, same);
    assert_memory_equal(hash, same, 32);
}

static void a_password_verifies_against_its_own_hash_alone(void **state)
{
    (void)state;
    char hash[128], other[128];
    assert_int_equal(auth_password_hash("correct horse", hash, NULL), FH_OK);
    assert_int_equal(auth_password_hash("correct horse", other, NULL), FH_OK);
    assert_string_not_equal(hash, other);
    assert_true(auth_password_verify(hash, "correct horse"));
    assert_false(auth_password_verify(hash, "correct horsf"));
    assert_false(auth_password_verify(hash, ""));
    assert_null(strstr(hash, "correct"));
    assert_int_equal(auth_password_hash("short", hash, NULL), FH_INVALID);
}

static void a_password_of_nobody_costs_as_much_and_fails(void **state)
{
    (void)state;
    char hash[128];
    assert_int_equal(auth_password_hash("correct horse", hash, NULL), FH_OK);
    int64_t t0 = fh_ticks_us();
    assert_false(auth_password_verify(hash, "wrong password"));
    int64_t somebody = fh_ticks_us() - t0;
    t0 = fh_ticks_us();
    assert_false(auth_password_verify(NULL, "wrong password"));
    int64_t nobody = fh_ticks_us() - t0;
    assert_true(nobody * 5 > somebody && somebody * 5 > nobody);
}

static void an_expiry_is_a_time_from_now_a_date_or_never(void **state)
{
    (void)state;
    const int64_t now = 1767225600; /* 2026-01-01 */
    static const struct {
        const char *text;
        int64_t at;
    } fine[] = {{"never", 0},        {"1s", 1767225601}, {"5m", 1767225900}, {"12h", 1767268800},
                {"90d", 1775001600}, {"2w", 1768435200}, {"1y", 1798761600}, {"2027-01-31", 1801353600}};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        int64_t at = -1;
        assert_int_equal(auth_expiry_parse(fine[i].text, now, &at, NULL), FH_OK);
        assert_int_equal(at, fine[i].at);
    }
    static const char *const bad[] = {"",
                                      "d",
                                      "0d",
                                      "-1d",
                                      "90",
                                      "90x",
                                      "1 d",
                                      "2026-01-01",
                                      "2025-12-31",
                                      "2027-02-30",
                                      "2027-13-01",
                                      "2027-1-1",
                                      "99999999999999999999d",
                                      "101y",
                                      "9223372036854775807s",
                                      "Never",
                                      "2027-01-31T00:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t at = -1;
        struct fh_error e = {0};
        if (auth_expiry_parse(bad[i], now, &at, &e) != FH_INVALID || at != -1)
            fail_msg("%s was accepted", bad[i]);
    }
}

static void the_header_is_read_as_clients_write_it(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum auth_credential_kind kind;
        const char *token;
    } rows[] = {
        {NULL, AUTH_CRED_NONE, ""},
        {"Bearer abc", AUTH_CRED_TOKEN, "abc"},
        {"bearer abc", AUTH_CRED_TOKEN, "abc"},
        {"BEARER   abc  ", AUTH_CRED_TOKEN, "abc"},
        {"Basic b2F1dGg6", AUTH_CRED_EMPTY, ""},              /* oauth: */
        {"Basic Og==", AUTH_CRED_EMPTY, ""},                  /* : */
        {"basic b2F1dGg6dG9rZW4=", AUTH_CRED_TOKEN, "token"}, /* oauth:token */
        {"Basic b2F1dGg6dG9rZW4", AUTH_CRED_TOKEN, "token"},  /* without padding */
        {"Basic dW51c2VkOmE6Yg==", AUTH_CRED_TOKEN, "a:b"},   /* unused:a:b */
        {"", AUTH_CRED_MALFORMED, NULL},
        {"Bearer", AUTH_CRED_MALFORMED, NULL},
        {"Bearer ", AUTH_CRED_MALFORMED, NULL},
        {"Bearer a b", AUTH_CRED_MALFORMED, NULL},
        {"Bearer a\xc3\xa9", AUTH_CRED_MALFORMED, NULL},
        {"Bearerabc", AUTH_CRED_MALFORMED, NULL},
        {"Basic", AUTH_CRED_MALFORMED, NULL},
        {"Basic b2F1dGg", AUTH_CRED_MALFORMED, NULL}, /* oauth, no colon */
        {"Basic b2F1d=g6", AUTH_CRED_MALFORMED, NULL},
        {"Basic b2F1dGg6A", AUTH_CRED_MALFORMED, NULL},    /* a digit too many */
        {"Basic b2F1dGg6AGI=", AUTH_CRED_MALFORMED, NULL}, /* a NUL in the password */
        {"Basic oauth:token", AUTH_CRED_MALFORMED, NULL},
        {"Negotiate abc", AUTH_CRED_MALFORMED, NULL},
        {"Strange flox_pat_abc", AUTH_CRED_MALFORMED, NULL},
    };
    static char token[FH_MAX_TOKEN_TEXT + 1];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum auth_credential_kind kind = auth_header_parse(rows[i].header, token);
        if (kind != rows[i].kind)
            fail_msg("%s: %d", rows[i].header ? rows[i].header : "(none)", (int)kind);
        if (kind == AUTH_CRED_TOKEN)
            assert_string_equal(token, rows[i].token);
    }
}

static void a_token_at_the_ceiling_is_read_and_one_over_it_is_not(void **state)
{
    (void)state;
    static char header[FH_MAX_TOKEN_TEXT + 64], token[FH_MAX_TOKEN_TEXT + 1];
    memcpy(header, "Bearer ", 7);
    memset(header + 7, 'a', FH_MAX_TOKEN_TEXT);
    assert_int_equal(auth_header_parse(header, token), AUTH_CRED_TOKEN);
    assert_int_equal(strlen(token), FH_MAX_TOKEN_TEXT);
    header[7 + FH_MAX_TOKEN_TEXT] = 'a';
    assert_int_equal(auth_header_parse(header, token), AUTH_CRED_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_has_its_kinds_prefix_and_is_plausible),
        cmocka_unit_test(two_tokens_differ),
        cmocka_unit_test(a_single_wrong_character_is_seen_without_a_lookup),
        cmocka_unit_test(what_is_no_token_is_not_plausible),
        cmocka_unit_test(a_token_of_the_first_version_stays_plausible),
        cmocka_unit_test(a_password_verifies_against_its_own_hash_alone),
        cmocka_unit_test(a_password_of_nobody_costs_as_much_and_fails),
        cmocka_unit_test(an_expiry_is_a_time_from_now_a_date_or_never),
        cmocka_unit_test(the_header_is_read_as_clients_write_it),
        cmocka_unit_test(a_token_at_the_ceiling_is_read_and_one_over_it_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
