/* The TOML reader against Python's: the same texts are refused, and the others mean the same. */
#include "common/json.h"
#include "common/toml.h"
#include "envfiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static bool same_value(const json_t *tagged, const struct fh_toml *v);

static bool same_table(const json_t *object, const struct fh_toml *v)
{
    if (json_object_size(object) != v->count)
        return false;
    for (size_t i = 0; i < v->count; i++) {
        const json_t *value = json_object_get(object, v->entries[i].key);
        if (!value || !same_value(value, &v->entries[i].value))
            return false;
    }
    return true;
}

static bool same_array(const json_t *array, const struct fh_toml *v)
{
    if (json_array_size(array) != v->count)
        return false;
    for (size_t i = 0; i < v->count; i++)
        if (!same_value(json_array_get(array, i), &v->items[i]))
            return false;
    return true;
}

/* Python shows the sign of no NaN. */
static bool same_float(const char *text, double value)
{
    double expected = strtod(text, NULL);
    return (expected != expected && value != value) || memcmp(&expected, &value, sizeof value) == 0;
}

/* Python writes microseconds and offsets its own way; date, minutes and seconds stand the same in both. */
static bool same_time(const char *expected, const char *text)
{
    size_t n = strcspn(text, ".Z+");
    for (size_t i = 0; i < n; i++)
        if (expected[i] != text[i] && !(text[i] == 'T' && expected[i] == ' '))
            return text[i] == '-' && expected[i] == '.'; /* an offset behind a fraction */
    return true;
}

/* TOML leaves the line breaks in strings to the reader; Python makes all of them "\n". */
static bool same_string(const char *expected, const char *text)
{
    for (; *expected; expected++, text++) {
        if (text[0] == '\r' && text[1] == '\n')
            text++;
        if (*expected != *text)
            return false;
    }
    return *text == '\0';
}

static bool same_value(const json_t *tagged, const struct fh_toml *v)
{
    const json_t *value = json_array_get(tagged, 1);
    if (strcmp(json_string_value(json_array_get(tagged, 0)), fh_toml_kind_name(v->kind)) != 0)
        return false;
    switch (v->kind) {
    case FH_TOML_STRING:
        return same_string(json_string_value(value), v->text);
    case FH_TOML_INTEGER:
        return strtoll(json_string_value(value), NULL, 10) == v->integer;
    case FH_TOML_FLOAT:
        return same_float(json_string_value(value), v->real);
    case FH_TOML_BOOLEAN:
        return json_is_true(value) == v->boolean;
    case FH_TOML_DATETIME:
        return same_time(json_string_value(value), v->text);
    case FH_TOML_ARRAY:
        return same_array(value, v);
    case FH_TOML_TABLE:
        return same_table(value, v);
    case FH_TOML_NULL:
        break;
    }
    return false;
}

static void check_case(const char *line, size_t n, int *accepted)
{
    struct fh_error e = {.msg = ""};
    struct fh_arena *a = fh_arena_new();
    json_t *sample = NULL;
    if (fh_json_parse(line, n, "case", &sample, &e) != FH_OK)
        fail_msg("%s: %.*s", e.msg, (int)n, line);
    const char *text = fh_json_string(sample, "text");
    const json_t *value = json_object_get(sample, "value");
    const struct fh_toml *root = NULL;
    fh_err rc = fh_toml_parse(a, text, strlen(text), "t", &root, &e);
    bool expected = json_is_array(value);
    if ((rc == FH_OK) != expected || (rc == FH_OK && !same_value(value, root)))
        fail_msg("Python %s, we %s (%s):\n%.*s\n", expected ? "accepts" : "refuses",
                 rc == FH_OK ? "accept" : "refuse", e.msg, (int)n, line);
    *accepted += rc == FH_OK;
    json_decref(sample);
    fh_arena_free(a);
}

static void python_and_we_read_the_same(void **state)
{
    (void)state;
    char script[1024];
    struct fh_buf out;
    const char *seed = getenv("FLOE_TOML_SEED"), *count = getenv("FLOE_TOML_COUNT");
    source_path(script, "tests/unit/toml_cases.py");
    const char *words[] = {"python3", script, seed ? seed : "7", count ? count : "4000", NULL};
    if (!run_command(&out, words)) {
        print_message("skipped: python3 with tomllib is not here\n");
        skip();
    }
    int cases = 0, accepted = 0;
    for (const char *at = out.data; *at; at += strcspn(at, "\n") + 1, cases++)
        check_case(at, strcspn(at, "\n"), &accepted);
    print_message("%d documents, %d of them valid\n", cases, accepted);
    assert_true(accepted > cases / 5 && accepted < cases);
    fh_buf_free(&out);
}

static void places_are_those_of_keys_and_values_and_keys_are_sorted(void **state)
{
    (void)state;
    const char *text = "b = 1\n[t]\n  é-no = 1\n";
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    const struct fh_toml *root;
    assert_int_equal(fh_toml_parse(a, text, strlen(text), "t", &root, &e), FH_INVALID);
    assert_int_equal(strncmp(e.msg, "t:3:3: ", 7), 0);
    text = "z = 'é' # é\n\"é\" = [ 'x',\n  2 ]\na.b.c = true\n";
    assert_int_equal(fh_toml_parse(a, text, strlen(text), "t", &root, &e), FH_OK);
    assert_int_equal(root->count, 3);
    assert_string_equal(root->entries[0].key, "a");
    const struct fh_toml_entry *c = fh_toml_find(&fh_toml_find(&root->entries[0].value, "b")->value, "c");
    assert_int_equal(c->line, 4);
    assert_int_equal(c->column, 5);
    assert_int_equal(c->value.column, 9);
    const struct fh_toml_entry *list = fh_toml_find(root, "é");
    assert_int_equal(list->line, 2);
    assert_int_equal(list->value.items[1].line, 3);
    assert_int_equal(list->value.items[1].column, 3);
    assert_null(fh_toml_find(root, "q"));
    fh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python_and_we_read_the_same),
        cmocka_unit_test(places_are_those_of_keys_and_values_and_keys_are_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
