/* The strict JSON reader and the two writers. */
#include "common/ceilings.h"
#include "common/json.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const char *text)
{
    struct fh_error e;
    json_t *value = NULL;
    if (fh_json_parse(text, strlen(text), "f", &value, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return value;
}

static void refused(const char *text, const char *part)
{
    struct fh_error e = {.msg = ""};
    json_t *value = NULL;
    assert_int_equal(fh_json_parse(text, strlen(text), "f", &value, &e), FH_INVALID);
    if (!strstr(e.msg, part))
        fail_msg("'%s' does not mention '%s'", e.msg, part);
}

static void assert_compact(const char *in, const char *expected)
{
    json_t *value = parse(in);
    struct fh_buf b = FH_BUF_INIT(4096);
    assert_int_equal(fh_json_write_compact(value, &b, NULL), FH_OK);
    assert_string_equal(b.data, expected);
    fh_buf_free(&b);
    json_decref(value);
}

static void compact_writing_keeps_the_order_of_keys_and_escapes_only_what_json_demands(void **state)
{
    (void)state;
    assert_compact(" { \"z\" : 1 , \"a\" : [ true , null , -5 ] } ", "{\"z\":1,\"a\":[true,null,-5]}");
    assert_compact("\"\\u0001\\b\\t\\n\\u000b\\f\\r\\\"\\\\/é\\u007f\"",
                   "\"\\u0001\\b\\t\\n\\u000b\\f\\r\\\"\\\\/é\x7f\"");
    assert_compact("\"\\ud83d\\ude00\"", "\"😀\"");
}

static void real_numbers_are_written_with_the_shortest_digits_that_read_back(void **state)
{
    (void)state;
    assert_compact("[0.1, 1.0, -2.5, 100.0, 1e16, 1e15, 1234567890123456789.0]",
                   "[0.1,1.0,-2.5,100.0,1e16,1000000000000000.0,1.2345678901234568e18]");
    assert_compact("[0.0, -0.0, 0.0001, 0.00001, 1e-7, 5e-324, 1.7976931348623157e308, 0.30000000000000004]",
                   "[0.0,-0.0,0.0001,0.00001,1e-7,5e-324,1.7976931348623157e308,0.30000000000000004]");
}

static void pretty_writing_indents_by_two_and_keeps_empty_values_on_one_line(void **state)
{
    (void)state;
    json_t *value = parse("{\"a\":{},\"b\":[],\"c\":[1,{\"d\":\"x\"}]}");
    struct fh_buf b = FH_BUF_INIT(4096);
    assert_int_equal(fh_json_write_pretty(value, &b, NULL), FH_OK);
    assert_string_equal(b.data, "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    1,\n    {\n      \"d\": "
                                "\"x\"\n    }\n  ]\n}");
    fh_buf_free(&b);
    json_decref(value);
}

static void the_reader_refuses_what_is_not_strict_json_and_says_where(void **state)
{
    (void)state;
    refused("{\"a\":1,\n \"a\":2}", "f:2:");
    refused("{\"a\":1,\"a\":2}", "duplicate");
    refused("[1,]", "f:1:");
    refused("[1] x", "f:1:");
    refused("", "f:1:");
    refused("\"\xff\"", "decode byte 0xff");
    refused("\"\\u0000\"", "f:1:");
    refused("[NaN]", "f:1:");
}

static void nesting_is_bounded_and_brackets_in_strings_do_not_count(void **state)
{
    (void)state;
    char deep[4 * FH_MAX_JSON_DEPTH + 1] = "";
    memset(deep, '[', FH_MAX_JSON_DEPTH);
    memset(deep + FH_MAX_JSON_DEPTH, ']', FH_MAX_JSON_DEPTH);
    json_decref(parse(deep));
    memset(deep, '[', FH_MAX_JSON_DEPTH + 1);
    memset(deep + FH_MAX_JSON_DEPTH + 1, ']', FH_MAX_JSON_DEPTH + 1);
    refused(deep, "nested deeper");
    memset(deep, '[', sizeof deep - 1);
    deep[0] = '"';
    deep[1] = '\\';
    deep[2] = '"';
    deep[sizeof deep - 2] = '"';
    json_decref(parse(deep));
}

static void many_tiny_values_are_refused_before_they_take_memory(void **state)
{
    (void)state;
    enum { EMPTY = 100000 };
    char *text = fh_xmalloc(3 * EMPTY + 2);
    text[0] = '[';
    for (size_t i = 0; i < EMPTY; i++)
        memcpy(text + 1 + 3 * i, "{},", 3);
    struct fh_error e = {0};
    json_t *value = NULL;
    text[3 * EMPTY] = ']';
    assert_int_equal(fh_json_parse(text, 3 * EMPTY + 1, "x", &value, &e), FH_TOO_LARGE);
    assert_null(value);
    assert_non_null(strstr(e.msg, "too many values"));
    text[3 * 50000] = ']';
    assert_int_equal(fh_json_parse(text, 3 * 50000 + 1, "x", &value, &e), FH_OK);
    json_decref(value);
    free(text);
}

static void text_that_is_not_utf8_is_made_so(void **state)
{
    (void)state;
    json_t *value = fh_json_text("a\xff\xc3\xa9\xed\xa0\x80z\xe2\x82");
    assert_string_equal(json_string_value(value), "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"
                                                  "\xef\xbf\xbd\xef\xbf\xbd");
    json_decref(value);
}

static void writing_over_the_ceiling_of_the_buffer_fails(void **state)
{
    (void)state;
    json_t *value = parse("[\"0123456789\"]");
    struct fh_buf b = FH_BUF_INIT(8);
    assert_int_equal(fh_json_write_compact(value, &b, NULL), FH_TOO_LARGE);
    fh_buf_free(&b);
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_writing_keeps_the_order_of_keys_and_escapes_only_what_json_demands),
        cmocka_unit_test(real_numbers_are_written_with_the_shortest_digits_that_read_back),
        cmocka_unit_test(pretty_writing_indents_by_two_and_keeps_empty_values_on_one_line),
        cmocka_unit_test(the_reader_refuses_what_is_not_strict_json_and_says_where),
        cmocka_unit_test(nesting_is_bounded_and_brackets_in_strings_do_not_count),
        cmocka_unit_test(many_tiny_values_are_refused_before_they_take_memory),
        cmocka_unit_test(text_that_is_not_utf8_is_made_so),
        cmocka_unit_test(writing_over_the_ceiling_of_the_buffer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
