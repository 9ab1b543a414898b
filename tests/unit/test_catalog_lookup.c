/* Lookups of build inputs: references taken apart, answers put together. */
#include "server/catalog/lookup.h"
#include "server/catalog/lookup_held.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

/* "owner|part|part|*", or NULL for what is none. */
static const char *taken_apart(const char *text)
{
    struct catalog_reference r;
    if (!catalog_reference_parse(a, text, &r))
        return NULL;
    const char *out = r.owner;
    for (size_t i = 0; i < r.n; i++)
        out = fh_sprintf(a, "%s|%s", out, r.parts[i]);
    return r.all ? fh_sprintf(a, "%s|*", out) : out;
}

static void references_are_taken_apart_at_their_dots_outside_quotes(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"o.p", "o|p"},
        {"o.set.p", "o|set|p"},
        {"o.*", "o|*"},
        {"o.set.*", "o|set|*"},
        {"o.\"a.b\"", "o|a.b"},
        {"o.\"a\\\"b\".c", "o|a\"b|c"},
        {"\"o\".p", "o|p"},
        {"o.@scope/p", "o|@scope/p"},
        {"o.p*", "o|p*"},
        {"o", NULL},
        {"*", NULL},
        {"", NULL},
        {".", NULL},
        {"o.", NULL},
        {".p", NULL},
        {"o..p", NULL},
        {"o.\"\"", NULL},
        {"o.\"p", NULL},
        {"o.p\"q", NULL},
        {"o.\"p\"q", NULL},
        {"o.p\\", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = taken_apart(rows[i].text);
        if (!got != !rows[i].want || (got && strcmp(got, rows[i].want) != 0))
            fail_msg("%s: %s, not %s", rows[i].text, got ? got : "none",
                     rows[i].want ? rows[i].want : "none");
    }
}

static bool begins(const struct catalog_reference *x, const struct catalog_reference *y)
{
    return x->n <= y->n && catalog_reference_compare(x, y, x->n) == 0;
}

static const char *path_of(unsigned n)
{
    static const char *const parts[] = {"a", "b", "ab", "\"a.b\"", "\"b\"", "a-b"};
    const char *text = parts[n % 6];
    for (n /= 6; n > 0; n /= 6)
        text = fh_sprintf(a, "%s.%s", text, parts[n % 6]);
    return text;
}

/* Some paths, sorted by their bytes; the same parts may be written in two ways. */
static const struct catalog_held *some_of(unsigned every)
{
    enum { MOST = 6 * 6 * 6 };
    struct store_source *sources = fh_alloc(a, (MOST + 1) * sizeof *sources);
    size_t n = 0;
    for (unsigned i = 0; i < MOST; i++)
        if (random() % every == 0)
            sources[n++].attr_path = path_of(i);
    sources[n++].attr_path = "cannot be.\"taken apart";
    return catalog_held_of(a, "o", sources, n);
}

static void a_reference_means_all_that_begins_with_it_or_the_longest_that_it_begins_with(void **state)
{
    (void)state;
    srandom(4);
    for (int round = 0; round < 60; round++) {
        const struct catalog_held *h = some_of(1 + (unsigned)round % 9);
        for (unsigned i = 0; i < 400; i++) {
            struct catalog_reference r;
            size_t from, to, all = 0, longest = 0;
            bool stars = i % 2;
            assert_true(
                catalog_reference_parse(a, fh_sprintf(a, "o.%s%s", path_of(i), stars ? ".*" : ""), &r));
            catalog_held_find(h, &r, &from, &to);
            for (size_t k = 0; k < h->n; k++) {
                const struct catalog_reference *path = &h->items[k].path;
                all += begins(&r, path);
                if (begins(path, &r) && path->n > longest)
                    longest = path->n;
                if (stars)
                    assert_int_equal(begins(&r, path), k >= from && k < to);
            }
            assert_int_equal(to - from, stars ? all : longest > 0);
            if (!stars && longest > 0)
                assert_true(begins(&h->items[from].path, &r) && h->items[from].path.n == longest);
        }
    }
}

static bool sees_all_but_secret(void *arg, const char *catalog)
{
    (void)arg;
    return strcmp(catalog, "secret") != 0;
}

static const char *json_of(struct catalog_answer *g, const char *key)
{
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    struct fh_error e;
    assert_int_equal(fh_json_write_compact(json_object_get(catalog_answer_json(g), key), &b, &e), FH_OK);
    char *text = fh_strdup(a, b.data);
    fh_buf_free(&b);
    return text;
}

static void the_way_to_what_is_hidden_is_told_without_a_reason(void **state)
{
    struct catalog_answer *g = catalog_answer_new(a);
    const struct store_source s = {
        .attr_path = "app",
        .build_type = "nef",
        .source = "{\"type\":\"git\",\"url\":\"u\",\"rev\":\"r\",\"ref\":null,\"dir\":\".flox\"}",
        .direct = "[\"o/a\",\"o/b\"]",
        .closure = "{\"o/a\":{\"catalog\":\"o\",\"inputs\":[\"o/a\",\"o/b\"]},"
                   "\"o/b\":{\"catalog\":\"o\",\"inputs\":[\"secret/s\"]},"
                   "\"secret/s\":{\"catalog\":\"secret\",\"inputs\":[]},"
                   "\"secret/lost\":{\"catalog\":\"secret\"}}",
        .locked_inputs_hash = "h",
    };
    (void)state;
    catalog_answer_add(g, "o.app", "o", &s, sees_all_but_secret, NULL);
    assert_string_equal(json_of(g, "matched"), "{\"o/app\":[\"o.app\"]}");
    assert_string_equal(json_of(g, "unresolvable"),
                        "[{\"reference\":\"secret/s\",\"chain\":[\"o.app\",\"o/a\",\"o/b\",\"secret/s\"],"
                        "\"leaf\":{\"unresolvable\":{}}},"
                        "{\"reference\":\"secret/lost\",\"chain\":[\"o.app\",\"secret/lost\"],"
                        "\"leaf\":{\"unresolvable\":{}}}]");
    assert_null(strstr(json_of(g, "lock"), "secret/lost"));
    assert_true(catalog_answer_has(g, "o.*", "o", "app"));
    assert_true(catalog_answer_has(g, "o.*", "o", "app"));
    assert_false(catalog_answer_has(g, "o.*", "o", "other"));
    assert_string_equal(json_of(g, "matched"), "{\"o/app\":[\"o.app\",\"o.*\"]}");
}

static void two_revisions_of_one_input_are_a_conflict_and_the_same_one_is_none(void **state)
{
    struct catalog_answer *g = catalog_answer_new(a);
    struct store_source s = {
        .attr_path = "x", .build_type = "nef", .direct = "[\"o/in\"]", .locked_inputs_hash = "h"};
    (void)state;
    s.source = "{\"rev\":\"1\"}";
    s.closure = "{\"o/in\":{\"catalog\":\"o\",\"source\":{\"rev\":\"7\"},\"locked_inputs_hash\":\"i\"}}";
    catalog_answer_add(g, "o.x", "o", &s, sees_all_but_secret, NULL);
    s.attr_path = "y";
    catalog_answer_add(g, "o.y", "o", &s, sees_all_but_secret, NULL);
    assert_string_equal(json_of(g, "unresolvable"), "[]");
    s.attr_path = "z";
    s.closure = "{\"o/in\":{\"catalog\":\"o\",\"source\":{\"rev\":\"8\"},\"locked_inputs_hash\":\"i\"}}";
    catalog_answer_add(g, "o.z", "o", &s, sees_all_but_secret, NULL);
    assert_string_equal(json_of(g, "unresolvable"), "[{\"reference\":\"o/in\",\"chain\":[\"o.z\",\"o/in\"],"
                                                    "\"leaf\":{\"unresolvable\":{}}}]");
}

static void what_is_stored_wrongly_is_taken_for_nothing(void **state)
{
    struct catalog_answer *g = catalog_answer_new(a);
    const struct store_source s = {.attr_path = "a..b",
                                   .build_type = "nef",
                                   .source = "[",
                                   .direct = "{}",
                                   .closure = "nope",
                                   .locked_inputs_hash = "h"};
    (void)state;
    catalog_answer_add(g, "o.x", "o", &s, sees_all_but_secret, NULL);
    assert_string_equal(
        json_of(g, "lock"),
        "{\"o/a..b\":{\"catalog\":\"o\",\"attr_path\":[\"a..b\"],\"build_type\":\"nef\",\"source\":{},"
        "\"inputs\":[],\"locked_inputs_hash\":\"h\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_are_taken_apart_at_their_dots_outside_quotes),
        cmocka_unit_test(a_reference_means_all_that_begins_with_it_or_the_longest_that_it_begins_with),
        cmocka_unit_test(the_way_to_what_is_hidden_is_told_without_a_reason),
        cmocka_unit_test(two_revisions_of_one_input_are_a_conflict_and_the_same_one_is_none),
        cmocka_unit_test(what_is_stored_wrongly_is_taken_for_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
