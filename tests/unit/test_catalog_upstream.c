/* What is pure of asking another hub: which rows a page needs, how they and ours become one list, how a
 * resolve is taken apart and put together, which answers are kept. */
#include "common/ceilings.h"
#include "server/catalog/upstream_cache.h"
#include "server/catalog/upstream_resolve.h"
#include "server/catalog/upstream_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct fh_arena *a;

static int begin(void **state)
{
    (void)state;
    a = fh_arena_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    fh_arena_free(a);
    return 0;
}

static void a_window_has_the_rows_that_a_page_can_need(void **state)
{
    (void)state;
    for (size_t ours = 0; ours < 40; ours++)
        for (size_t most = 1; most < 70; most += 3)
            for (size_t first = 0; first < 300; first += 7) {
                struct catalog_window w = catalog_window_of(first, most, ours);
                size_t from = w.page * w.size, past = (w.page + w.pages) * w.size;
                assert_true(from <= (first > ours ? first - ours : 0) && past >= first + most);
                assert_true(w.pages <= 2 && w.size <= 1000);
            }
    struct catalog_window w = catalog_window_of(3000, 1000, 0);
    assert_true(w.page == 3 && w.size == 1000 && w.pages == 1);
    w = catalog_window_of(20, 10, 0);
    assert_true(w.page == 2 && w.size == 10 && w.pages == 1);
}

/* Paths whose length says their rank; "y" in front: in the description alone. */
static struct catalog_part *part_of(const size_t *lengths, size_t n, char letter)
{
    struct catalog_maker *m = catalog_maker_new(1, 1);
    for (size_t i = 0; i < n; i++) {
        char path[64] = "";
        memset(path, letter, lengths[i] % 60 + 2);
        struct catalog_row row = {.attr_path = path, .name = path, .version = "1", .description = "xx"};
        catalog_maker_add(m, &row);
    }
    return catalog_maker_finish(m);
}

static void pages_of_both_put_together_are_the_whole_list(void **state)
{
    (void)state;
    srandom(3);
    for (int round = 0; round < 60; round++) {
        size_t ntheirs = (size_t)random() % 80, nours = (size_t)random() % 12, lengths[80];
        struct catalog_hit *ours, *theirs;
        size_t n, total, m;
        for (size_t i = 0; i < 80; i++)
            lengths[i] = (size_t)random() % 58;
        struct catalog_part *base = part_of(lengths, ntheirs, random() % 2 ? 'x' : 'y'),
                            *own = part_of(lengths + 40, nours, 'x');
        const struct catalog_searched in[] = {{base, NULL}, {own, "o"}};
        struct catalog_hit *whole;
        catalog_search(a, in, 2, "xx", 0, SIZE_MAX, &whole, &n, &total);
        catalog_search(a, &in[0], 1, "xx", 0, SIZE_MAX, &theirs, &m, &total);
        json_t *rows = fh_json_own(a, json_array());
        for (size_t i = 0; i < m; i++) {
            struct catalog_row row;
            json_t *object = json_object();
            catalog_part_row(base, theirs[i].row, &row);
            fh_json_set(object, "attr_path", json_string(row.attr_path));
            fh_json_push(rows, object);
        }
        catalog_search(a, &in[1], 1, "xx", 0, SIZE_MAX, &ours, &nours, &total);
        for (size_t most = 1; most < 14; most++)
            for (size_t first = 0; first < n + 2; first += most) {
                struct catalog_window w = catalog_window_of(first, most, nours);
                struct catalog_merged *merged;
                size_t count, from = w.page * w.size;
                json_t *some = fh_json_own(a, json_array());
                for (size_t i = from; i < from + w.pages * w.size && i < m; i++)
                    json_array_append(some, json_array_get(rows, i));
                catalog_merge(a, "xx", some, from, ours, nours, first, most, &merged, &count);
                assert_int_equal(count, first >= n ? 0 : n - first < most ? n - first : most);
                for (size_t i = 0; i < count; i++) {
                    struct catalog_row want, got = {0};
                    catalog_part_row(whole[first + i].in->part, whole[first + i].row, &want);
                    if (merged[i].ours)
                        catalog_part_row(own, merged[i].ours->row, &got);
                    const char *path =
                        merged[i].ours ? got.attr_path : fh_json_string(merged[i].theirs, "attr_path");
                    assert_string_equal(path, want.attr_path);
                    assert_int_equal(merged[i].ours != NULL, whole[first + i].in == &in[1]);
                }
            }
        catalog_part_drop(base);
        catalog_part_drop(own);
    }
}

static json_t *json(const char *text)
{
    json_t *value;
    struct fh_error e = {0};
    if (fh_json_parse(text, strlen(text), "test", &value, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return fh_json_own(a, value);
}

static const char *text_of(const json_t *value)
{
    return value ? json_dumps(value, JSON_COMPACT) : NULL;
}

static void assert_json(const json_t *value, const char *want)
{
    char *text = (char *)(uintptr_t)text_of(value);
    assert_string_equal(text, want);
    free(text);
}

static void a_request_is_taken_apart_and_its_answers_put_together(void **state)
{
    struct catalog_halves h;
    struct fh_error e;
    json_t *whole;
    (void)state;
    catalog_split_request(
        a,
        json("{\"items\":[{\"name\":\"b\",\"descriptors\":[{\"attr_path\":\"x\",\"systems\":[\"s\"]}]},"
             "{\"name\":\"m\",\"stability\":\"q\",\"descriptors\":[{\"attr_path\":\"o/"
             "y\",\"systems\":[\"s\",\"t\"]},"
             "{\"attr_path\":\"n.@z/w\",\"systems\":[\"s\"]}]},"
             "{\"name\":\"o\",\"descriptors\":[{\"attr_path\":\"o/y\",\"systems\":[]}]},"
             "{\"name\":\"e\",\"descriptors\":[]}]}"),
        &h);
    assert_json(h.theirs, "{\"items\":[{\"name\":\"group-0-of-a-floe\",\"descriptors\":[{\"attr_path\":\"x\","
                          "\"systems\":[\"s\"]}]},"
                          "{\"name\":\"group-1-of-a-floe\",\"stability\":\"q\",\"descriptors\":[{\"attr_"
                          "path\":\"n.@z/w\",\"systems\":[\"s\"]}]},"
                          "{\"name\":\"group-3-of-a-floe\",\"descriptors\":[]}]}");
    assert_json(h.ours, "{\"items\":[{\"name\":\"m\",\"stability\":\"q\",\"descriptors\":[{\"attr_path\":\"o/"
                        "y\",\"systems\":[\"s\",\"t\"]}]},"
                        "{\"name\":\"o\",\"descriptors\":[{\"attr_path\":\"o/y\",\"systems\":[]}]}]}");
    json_t *theirs = json("{\"items\":[{\"page\":null,\"messages\":[{\"level\":\"error\",\"message\":\"'"
                          "group-0-of-a-floe' and group-0-of-a-floe\"}]},"
                          "{\"page\":{\"page\":7,\"packages\":[\"zw\"],\"messages\":[]},\"messages\":[]},{"
                          "\"page\":{\"page\":8,\"packages\":[]}}]}");
    json_t *ours = json("{\"items\":[{\"page\":{\"page\":0,\"packages\":[\"y-s\",\"y-t\"],\"messages\":[{"
                        "\"level\":\"warning\"}]},\"messages\":[]},"
                        "{\"page\":null,\"messages\":[]}]}");
    assert_int_equal(catalog_join_answers(a, &h, theirs, ours, &whole, &e), FH_OK);
    assert_json(whole, "{\"items\":[{\"page\":null,\"messages\":[{\"level\":\"error\",\"message\":\"'b' and "
                       "b\"}],\"name\":\"b\"},"
                       "{\"page\":{\"page\":7,\"packages\":[\"y-s\",\"y-t\",\"zw\"],\"messages\":[{\"level\":"
                       "\"warning\"}]},\"messages\":[],"
                       "\"candidate_pages\":null,\"name\":\"m\"},"
                       "{\"page\":null,\"messages\":[],\"name\":\"o\"},{\"page\":{\"page\":8,\"packages\":[]}"
                       ",\"name\":\"e\"}]}");
    static const char *const others[] = {"{}", "{\"items\":[]}", "{\"items\":[1,2,3]}", "{\"items\":{}}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(catalog_join_answers(a, &h, json(others[i]), ours, &whole, &e), FH_UNAVAILABLE);
}

static void rows_that_another_hub_puts_under_an_owners_name_are_left_out(void **state)
{
    static const char *const rows[] = {"{\"attr_path\":\"a\",\"pkg_path\":\"a\",\"catalog\":null}",
                                       "{\"attr_path\":\"b\",\"catalog\":\"nixpkgs\"}",
                                       "{\"attr_path\":\"n.@z/w\"}",
                                       "{\"attr_path\":\"rocket\",\"catalog\":\"acme\"}",
                                       "{\"attr_path\":\"acme/rocket\"}",
                                       "{\"attr_path\":\"rocket\",\"pkg_path\":\"acme/rocket\"}",
                                       "{\"attr_path\":7}"};
    struct catalog_merged *merged;
    size_t n, count = sizeof rows / sizeof *rows;
    char longest[FH_MAX_ATTR_PATH + 2] = "";
    json_t *theirs = json("[]");
    (void)state;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(theirs, json_incref(json(rows[i])));
    memset(longest, 'x', sizeof longest - 1);
    json_array_append_new(theirs, json_pack("{s:s}", "attr_path", longest));
    catalog_merge(a, "x", theirs, 0, NULL, 0, 0, 99, &merged, &n);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(merged[i].theirs, json_array_get(theirs, i));
}

/* Answers to one group, called name, in which the message says its alias so many times. */
static fh_err join_saying(size_t times, const char *name, json_t **whole)
{
    static const char alias[] = "group-0-of-a-floe";
    struct catalog_halves h;
    struct fh_error e;
    char *text = fh_alloc(a, times * (sizeof alias - 1) + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * (sizeof alias - 1), alias, sizeof alias);
    json_t *question =
        json_pack("{s:[{s:s,s:[{s:s}]}]}", "items", "name", name, "descriptors", "attr_path", "x");
    json_t *theirs = json_pack("{s:[{s:n,s:[{s:s}]}]}", "items", "page", "messages", "message", text);
    catalog_split_request(a, fh_json_own(a, question), &h);
    return catalog_join_answers(a, &h, fh_json_own(a, theirs), NULL, whole, &e);
}

static void a_name_that_is_put_back_often_makes_no_answer_without_bounds(void **state)
{
    char name[FH_MAX_RESOLVE_TEXT + 1] = "";
    json_t *whole;
    (void)state;
    memset(name, 'n', sizeof name - 1);
    assert_int_equal(join_saying(1000, name, &whole), FH_OK);
    const json_t *messages = json_object_get(json_array_get(json_object_get(whole, "items"), 0), "messages");
    assert_int_equal(strlen(fh_json_string(json_array_get(messages, 0), "message")),
                     1000 * (sizeof name - 1));
    clock_t began = clock();
    assert_int_equal(join_saying(20 * 1000, name, &whole), FH_UNAVAILABLE);
    assert_int_equal(join_saying(20 * 1000, "short", &whole), FH_OK); /* in one go, not once for each */
    assert_true((double)(clock() - began) / CLOCKS_PER_SEC < 5);
}

static void the_least_lately_used_answers_make_room(void **state)
{
    struct catalog_kept *k = catalog_kept_new(8 * 1024);
    const char *body;
    int status;
    size_t n;
    int64_t at;
    uint8_t key[32] = {0};
    char text[900];
    (void)state;
    memset(text, 'x', sizeof text);
    for (uint8_t i = 0; i < 20; i++) {
        key[5] = i;
        catalog_kept_put(k, key, 200, text, sizeof text - i, i);
        key[5] = 0;
        assert_true(catalog_kept_get(k, a, key, &status, &body, &n, &at)); /* used again and again */
    }
    assert_true(n == sizeof text && at == 0 && body[n] == '\0');
    key[5] = 1;
    assert_false(catalog_kept_get(k, a, key, &status, &body, &n, &at));
    key[5] = 19;
    assert_true(catalog_kept_get(k, a, key, &status, &body, &n, &at));
    assert_int_equal(n, sizeof text - 19);
    catalog_kept_put(k, key, 404, "{}", 2, 99);
    assert_true(catalog_kept_get(k, a, key, &status, &body, &n, &at) && status == 404 && n == 2 && at == 99);
    key[6] = 1;
    catalog_kept_put(k, key, 200, fh_alloc(a, 2000), 2000, 1); /* more than its share */
    assert_false(catalog_kept_get(k, a, key, &status, &body, &n, &at));
    catalog_kept_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_has_the_rows_that_a_page_can_need),
        cmocka_unit_test(pages_of_both_put_together_are_the_whole_list),
        cmocka_unit_test(a_request_is_taken_apart_and_its_answers_put_together),
        cmocka_unit_test(rows_that_another_hub_puts_under_an_owners_name_are_left_out),
        cmocka_unit_test(a_name_that_is_put_back_often_makes_no_answer_without_bounds),
        cmocka_unit_test(the_least_lately_used_answers_make_room),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
