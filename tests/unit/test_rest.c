/* The pure parts of REST: bodies against tables, cursors, entity tags, buckets of requests. */
#include "common/json.h"
#include "common/mem.h"
#include "server/http/web.h"
#include "server/rest/rest_body.h"
#include "server/rest/rest_cursor.h"
#include "server/rest/rest_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fh_arena *a;
static struct fh_error e;

static int begin(void **state)
{
    (void)state;
    a = fh_arena_new();
    e = (struct fh_error){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    fh_arena_free(a);
    return 0;
}

static const char *const scopes[] = {"read", "write", "admin", NULL};
static const struct rest_member members[] = {
    {.name = "name", .type = REST_LINE, .max = 5},
    {.name = "scope", .type = REST_ENUM, .required = true, .values = scopes},
    {.name = "manifest", .type = REST_TEXT, .max = 8},
    {.name = "n", .type = REST_INT},
};

static fh_err parse(const char *text, const struct rest_body **out)
{
    return rest_body_parse(a, text, strlen(text), members, sizeof members / sizeof *members, out, &e);
}

static void a_body_has_what_its_table_has_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word; /* NULL: it is fine */
    } cases[] = {
        {"{\"scope\":\"read\"}", NULL},
        {"{\"scope\":\"read\",\"name\":null,\"n\":9007199254740992,\"manifest\":\"a\\nb\"}", NULL},
        {"", "scope"},
        {"{}", "scope"},
        {"{\"scope\":null}", "scope"},
        {"{\"scope\":\"root\"}", "read, write or admin"},
        {"{\"scope\":\"read\",\"owner_id\":1}",
         "\"owner_id\"; what it may have is name, scope, manifest and n"},
        {"{\"scope\":\"read\",\"\\u001b]0;x\":1}", "\"?]0;x\""},
        {"{\"scope\":\"read\",\"scope\":\"admin\"}", "duplicate"},
        {"{\"scope\":\"read\",\"name\":\"\"}", "one line"},
        {"{\"scope\":\"read\",\"name\":\"a\\nb\"}", "one line"},
        {"{\"scope\":\"read\",\"name\":\"123456\"}", "longer than 5"},
        {"{\"scope\":\"read\",\"manifest\":\"123456789\"}", "longer than 8"},
        {"{\"scope\":\"read\",\"n\":0}", "whole number"},
        {"{\"scope\":\"read\",\"n\":1.0}", "whole number"},
        {"{\"scope\":\"read\",\"n\":9007199254740993}", "whole number"},
        {"{\"scope\":\"read\",\"n\":\"1\"}", "whole number"},
        {"[]", "object"},
        {"null", "object"},
        {"{\"scope\":\"read\"} {}", "JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct rest_body *b;
        fh_err rc = parse(cases[i].text, &b);
        if (!cases[i].word)
            assert_int_equal(rc, FH_OK);
        else if (rc == FH_OK || !strstr(e.msg, cases[i].word))
            fail_msg("%s: %s", cases[i].text, rc == FH_OK ? "taken" : e.msg);
    }
}

static void what_is_null_or_absent_reads_as_nothing(void **state)
{
    (void)state;
    const struct rest_body *b;
    assert_int_equal(parse("{\"scope\":\"read\",\"name\":null,\"n\":7}", &b), FH_OK);
    assert_string_equal(rest_body_text(b, "scope"), "read");
    assert_null(rest_body_text(b, "name"));
    assert_null(rest_body_text(b, "manifest"));
    assert_false(rest_body_has(b, "name"));
    assert_int_equal(rest_body_int(b, "n"), 7);
    assert_int_equal(rest_body_int(b, "manifest"), 0);
    assert_false(rest_body_is_true(b, "scope"));
}

static void a_cursor_is_read_back_and_every_other_text_refused(void **state)
{
    (void)state;
    char longest[REST_MAX_KEY + 1], key[REST_MAX_KEY + 1];
    memset(longest, 'x', REST_MAX_KEY);
    longest[REST_MAX_KEY] = '\0';
    for (size_t n = 1; n <= REST_MAX_KEY; n++) {
        const char *back;
        memset(key, 0, sizeof key);
        for (size_t i = 0; i < n; i++)
            key[i] = (char)(' ' + (i * 7 + n) % 95);
        assert_int_equal(rest_cursor_parse(a, rest_cursor_make(a, key), &back, &e), FH_OK);
        assert_string_equal(back, key);
    }
    static const char *const bad[] = {"", "=", "A", "YQ==", "YR", "AA", "_w", "Y W", "YWxpY2U\n", "YWx pY2U"};
    const char *back;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(rest_cursor_parse(a, bad[i], &back, &e), FH_INVALID);
    const char *too_long = fh_sprintf(a, "%sAAAA", rest_cursor_make(a, longest));
    assert_int_equal(rest_cursor_parse(a, too_long, &back, &e), FH_INVALID);
}

static void a_key_that_is_no_number_is_no_cursor_of_a_numbered_list(void **state)
{
    (void)state;
    int64_t id;
    static const char *const bad[] = {"", "0", "-1", "+1", " 1", "01", "1x", "9223372036854775808", "alice"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(rest_cursor_id(bad[i], &id, &e), FH_INVALID);
    assert_int_equal(rest_cursor_id("9223372036854775807", &id, &e), FH_OK);
    assert_true(id == INT64_MAX);
}

static void entity_tags_are_compared_as_the_header_wants_it(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool strong, weak;
    } cases[] = {
        {"\"x\"", true, true},         {"*", true, true},
        {" * ", true, true},           {"W/\"x\"", false, true},
        {"\"y\", \"x\"", true, true},  {"\"y\",W/\"x\"", false, true},
        {"\"y\"", false, false},       {"", false, false},
        {"x", false, false},           {"\"x", false, false},
        {"\"x\" \"y\"", false, false}, {"\"x\",", false, false},
        {"\"x\"; *", false, false},    {"*, \"x\"", false, false},
        {"w/\"x\"", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (web_etag_listed(cases[i].header, "\"x\"", false) != cases[i].strong ||
            web_etag_listed(cases[i].header, "\"x\"", true) != cases[i].weak)
            fail_msg("%s", cases[i].header);
    }
}

static struct rest_caller owner(uint64_t id)
{
    struct rest_caller c = {.kind = REST_BY_OWNER};
    memcpy(c.id, &id, sizeof id);
    return c;
}

static int taken(struct rest_rate *r, const struct rest_caller *c, int tries, int64_t now)
{
    int n = 0;
    for (int i = 0; i < tries; i++)
        n += rest_rate_take(r, c, now) == 0;
    return n;
}

static void a_bucket_holds_a_sixth_of_a_minute_and_fills_evenly(void **state)
{
    (void)state;
    struct rest_rate *r = rest_rate_new(600);
    const struct rest_caller alice = owner(1), bob = owner(2);
    assert_int_equal(taken(r, &alice, 150, 1000), 100);
    assert_int_equal(rest_rate_take(r, &alice, 1000), 1);
    assert_int_equal(taken(r, &alice, 50, 1100), 1);
    assert_int_equal(taken(r, &alice, 50, 2100), 10);
    assert_int_equal(taken(r, &alice, 50, 2000), 0); /* a clock that another thread read a little earlier */
    assert_int_equal(taken(r, &alice, 500, 100000000), 100);
    assert_int_equal(taken(r, &bob, 500, 100000000), 100);
    rest_rate_return(r, &bob, 100000000);
    assert_int_equal(taken(r, &bob, 5, 100000000), 1);
    assert_true(rest_rate_refused(r, REST_BY_OWNER) > 0 && rest_rate_refused(r, REST_BY_ADDRESS) == 0);
    rest_rate_free(r);
}

static void a_low_rate_still_lets_one_through_and_says_how_long_to_wait(void **state)
{
    (void)state;
    struct rest_rate *slow = rest_rate_new(1), *none = rest_rate_new(0);
    const struct rest_caller c = owner(1);
    assert_int_equal(rest_rate_take(slow, &c, 0), 0);
    assert_int_equal(rest_rate_take(slow, &c, 0), 60);
    assert_int_equal(rest_rate_take(slow, &c, 30001), 30);
    assert_int_equal(rest_rate_take(slow, &c, 60000), 0);
    assert_int_equal(taken(none, &c, 100000, 0), 100000);
    rest_rate_free(slow);
    rest_rate_free(none);
}

static void a_million_callers_take_no_more_memory_and_do_not_free_the_one_who_asks_too_often(void **state)
{
    (void)state;
    struct rest_rate *r = rest_rate_new(600);
    const struct rest_caller eager = owner(UINT64_MAX);
    int through = 0;
    for (uint64_t i = 0; i < 1000000; i++) {
        const struct rest_caller c = owner(i);
        assert_int_equal(rest_rate_take(r, &c, (int64_t)(i / 1000)), 0);
        if (i % 100 == 0)
            through += taken(r, &eager, 1, (int64_t)(i / 1000));
    }
    /* 10,000 tries within a second: its hundred, the ten of that second, and a little for a place it lost */
    assert_true(through >= 100 && through <= 1000);
    rest_rate_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_body_has_what_its_table_has_and_nothing_else, begin, end),
        cmocka_unit_test_setup_teardown(what_is_null_or_absent_reads_as_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_cursor_is_read_back_and_every_other_text_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_key_that_is_no_number_is_no_cursor_of_a_numbered_list, begin, end),
        cmocka_unit_test_setup_teardown(entity_tags_are_compared_as_the_header_wants_it, begin, end),
        cmocka_unit_test_setup_teardown(a_bucket_holds_a_sixth_of_a_minute_and_fills_evenly, begin, end),
        cmocka_unit_test_setup_teardown(a_low_rate_still_lets_one_through_and_says_how_long_to_wait, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            a_million_callers_take_no_more_memory_and_do_not_free_the_one_who_asks_too_often, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
