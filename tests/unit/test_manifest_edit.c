/* Changes to a manifest's text: one key moves, every other byte stays. */
#include "common/arena.h"
#include "common/manifest_edit.h"
#include "common/toml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_set(const char *text, const char *table, const char *key, const char *value,
                       const char *expected)
{
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    struct fh_error e;
    if (fh_manifest_edit_set(text, strlen(text), table, key, value, &b, &e) != FH_OK)
        fail_msg("%s", e.msg);
    assert_string_equal(b.data, expected);
    fh_buf_free(&b);
}

static void assert_removed(const char *text, const char *table, const char *key, const char *expected)
{
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    struct fh_error e;
    if (fh_manifest_edit_remove(text, strlen(text), table, key, &b, &e) != FH_OK)
        fail_msg("%s", e.msg);
    assert_string_equal(b.data ? b.data : "", expected);
    fh_buf_free(&b);
}

static const char documented[] =
    "# top\nschema-version = \"1.15.0\" # v\n\n## packages\n[install] # here\n"
    "# hello.pkg-path = \"hello\"\n\n## vars\n[vars]\n  A = '''\n[install]\nx = 1\n'''\n"
    "B = [ # [\n  \"]\", '}' ]\n\n# end\n";

static void a_new_key_stands_behind_the_last_one_of_its_table(void **state)
{
    (void)state;
    assert_set(documented, "install", "curl.pkg-path", "\"curl\"",
               "# top\nschema-version = \"1.15.0\" # v\n\n## packages\n[install] # here\n"
               "curl.pkg-path = \"curl\"\n"
               "# hello.pkg-path = \"hello\"\n\n## vars\n[vars]\n  A = '''\n[install]\nx = 1\n'''\n"
               "B = [ # [\n  \"]\", '}' ]\n\n# end\n");
    assert_set(documented, "vars", "C", "\"c\"",
               "# top\nschema-version = \"1.15.0\" # v\n\n## packages\n[install] # here\n"
               "# hello.pkg-path = \"hello\"\n\n## vars\n[vars]\n  A = '''\n[install]\nx = 1\n'''\n"
               "B = [ # [\n  \"]\", '}' ]\nC = \"c\"\n\n# end\n");
    assert_set("a = 1\r\n[t]\r\n", "t", "b", "2", "a = 1\r\n[t]\r\nb = 2\r\n");
    assert_set("a = 1\n[t]", "t", "b", "2", "a = 1\n[t]\nb = 2");
    assert_set("a = 1\n[t]\n", "", "b", "2", "a = 1\nb = 2\n[t]\n");
    assert_set("", "", "b", "2", "b = 2\n");
    assert_set("\xef\xbb\xbf# c\n", "", "b", "2",
               "\xef\xbb\xbf"
               "b = 2\n# c\n");
    assert_set("a = 1", "t", "b", "2", "a = 1\n\n[t]\nb = 2\n");
}

static void a_keys_value_is_replaced_and_its_comment_stays(void **state)
{
    (void)state;
    assert_set("[t]\na . \"b\" = { x = [1,\n 2] }  # why\nc = 1\n", "t", "a.b", "'new'",
               "[t]\na . \"b\" = 'new'  # why\nc = 1\n");
    assert_set("[t.a]\nb = \"\"\"\nq\\\"\"\"\"\"\"\nc = 1\n", "t", "a.b", "0", "[t.a]\nb = 0\nc = 1\n");
    assert_set("t.a.b=1", "t", "a.b", "2", "t.a.b=2");
}

static void a_key_is_removed_with_all_its_lines(void **state)
{
    (void)state;
    assert_removed(documented, "vars", "A",
                   "# top\nschema-version = \"1.15.0\" # v\n\n## packages\n[install] # here\n"
                   "# hello.pkg-path = \"hello\"\n\n## vars\n[vars]\nB = [ # [\n  \"]\", '}' ]\n\n# end\n");
    assert_removed(
        documented, "vars", "B",
        "# top\nschema-version = \"1.15.0\" # v\n\n## packages\n[install] # here\n"
        "# hello.pkg-path = \"hello\"\n\n## vars\n[vars]\n  A = '''\n[install]\nx = 1\n'''\n\n# end\n");
    assert_removed("a = 1", "", "a", "");
}

static void a_table_is_removed_however_it_is_written(void **state)
{
    (void)state;
    assert_removed("[t]\na.x = 1\n# c\na.y = 2 # gone\nb = 1\n", "t", "a", "[t]\n# c\nb = 1\n");
    assert_removed("[t]\nb = 1\n\n[t.a]\nx = 1\n[t.a.y]\nz = 1\n[u]\n", "t", "a", "[t]\nb = 1\n\n[u]\n");
    assert_removed("k = 1\r\na.x = 1\r\na.y = 2", "", "a", "k = 1");
    assert_removed("t = { a.x = 1, b = 2, a.y = 3 } # c\n", "t", "a", "t = { b = 2 } # c\n");
    assert_removed("t = { b = { x = 1 }, a = [ \"}\" ] }", "t", "b.x", "t = { b = {}, a = [ \"}\" ] }");
}

static void a_key_finds_its_neighbours_however_they_are_written(void **state)
{
    (void)state;
    assert_set("[t]\na = { b = 1 }  # c\n", "t", "a.c", "2", "[t]\na = { b = 1, c = 2 }  # c\n");
    assert_set("[t]\na = { b = '}' }\n", "t", "a.b", "2", "[t]\na = { b = 2 }\n");
    assert_set("t = {}\n", "t", "a.b", "2", "t = { a.b = 2 }\n");
    assert_set("t.a = 1\nz = 1\n", "t", "b", "2", "t.a = 1\nt.b = 2\nz = 1\n");
    assert_set("[t]\na.x = 1\nz = 1\n", "t", "a.y", "2", "[t]\na.x = 1\na.y = 2\nz = 1\n");
    assert_set("[t]\nz = 1\n[t.a]\nx = 1\n", "t", "a.y", "2", "[t]\nz = 1\n[t.a]\nx = 1\ny = 2\n");
    assert_set("[t.a]\nx = 1\n", "t", "b", "2", "[t.a]\nx = 1\n\n[t]\nb = 2\n");
    assert_set("x = 1\r\n[t]\na = 1\n", "t", "b", "2", "x = 1\r\n[t]\na = 1\nb = 2\n");
    assert_set("[t]\n\"a\\u0062\" = 1\n", "t", "ab", "2", "[t]\n\"a\\u0062\" = 2\n");
}

static void assert_renamed(const char *text, const char *table, const char *key, const char *name,
                           const char *expected)
{
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    struct fh_error e;
    if (fh_manifest_edit_rename(text, strlen(text), table, key, name, &b, &e) != FH_OK)
        fail_msg("%s", e.msg);
    assert_string_equal(b.data, expected);
    fh_buf_free(&b);
}

static void a_key_is_renamed_wherever_it_is_written(void **state)
{
    (void)state;
    assert_renamed("version = 1 # v\n", "", "version", "schema-version", "schema-version = 1 # v\n");
    assert_renamed("[t]\na.x=1\n 'a' . y=2\n", "t", "a", "b", "[t]\nb.x=1\n b . y=2\n");
    assert_renamed("[t.a]\nx=1\n[t.a.y]\na=1\n", "t", "a", "b", "[t.b]\nx=1\n[t.b.y]\na=1\n");
    assert_renamed("[t]\na = { c = 1, d.e = 2 }\n", "t", "a.d", "\"x y\"",
                   "[t]\na = { c = 1, \"x y\".e = 2 }\n");
    static const char *const wrong[] = {"b", "b.c", "", "b = 1\nc"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fh_buf b = FH_BUF_INIT(1 << 16);
        const char *text = "a = 1\nb = 2\n";
        assert_int_equal(fh_manifest_edit_rename(text, strlen(text), "", "a", wrong[i], &b, NULL),
                         FH_CONFLICT);
        assert_int_equal(fh_manifest_edit_rename(text, strlen(text), "", "z", "y", &b, NULL), FH_NOT_FOUND);
        assert_int_equal(b.len, 0);
        fh_buf_free(&b);
    }
}

static void what_cannot_be_changed_safely_is_refused_and_nothing_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *table, *key;
        const char *value; /* NULL: remove */
        fh_err expected;
    } cases[] = {
        {"[[t]]\na = 1\n", "t", "b", "2", FH_CONFLICT},
        {"[[t]]\na = 1\n", "t", "a", "2", FH_CONFLICT},
        {"[[t]]\na = 1\n", "t", "a", NULL, FH_CONFLICT},
        {"[t]\na.b = 1\n", "t", "a", "2", FH_CONFLICT},
        {"t = { a.b = 1 }\n", "t", "a", "2", FH_CONFLICT},
        {"t = { a = 1 }\n", "t", "b", NULL, FH_NOT_FOUND},
        {"[t]\na = 1\n", "t", "b", "2\nc = 3", FH_CONFLICT},
        {"[t]\na = 1\n", "t", "b", "", FH_CONFLICT},
        {"[t]\na = 1\n", "t", "b", NULL, FH_NOT_FOUND},
        {"[t\na = 1\n", "t", "a", "2", FH_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fh_buf b = FH_BUF_INIT(1 << 16);
        const char *text = cases[i].text;
        fh_err rc = cases[i].value
                        ? fh_manifest_edit_set(text, strlen(text), cases[i].table, cases[i].key,
                                               cases[i].value, &b, NULL)
                        : fh_manifest_edit_remove(text, strlen(text), cases[i].table, cases[i].key, &b, NULL);
        if (rc != cases[i].expected || b.len != 0)
            fail_msg("case %zu: %s", i, fh_err_name(rc));
        fh_buf_free(&b);
    }
}

/* A document of random lines, all valid, with strings that look like other lines. */
static void random_document(unsigned *seed, struct fh_buf *b)
{
    static const char *const lines[] = {"\n",
                                        "# comment [x] = 'y'\n",
                                        "  k%d = 1 # [install]\n",
                                        "k%d = '''\n[install]\nzz = 1\n'''\n",
                                        "\tk%d = [ 1, # ]\n  \"[vars]\\\"\" ,\n]\n",
                                        "k%d.\"a b\".c = {x = \"}\", y = '#'}\n",
                                        "k%d = \"\"\"x\\\n  = \"\"y\"\"\"\"\" # t\n",
                                        "k%d = \"it's\"\r\n"};
    static const char *const headers[] = {"[install]\n", "[vars]  # v\n", "[ \"options\" ]\n",
                                          "[services.x]\n"};
    int n = 0;
    for (int part = 0; part < 5; part++) {
        if (part > 0)
            assert_int_equal(fh_buf_add_str(b, headers[part - 1], NULL), FH_OK);
        for (int i = rand_r(seed) % 5; i > 0; i--) {
            char line[128], *number;
            snprintf(line, sizeof line, "%s", lines[(size_t)rand_r(seed) % (sizeof lines / sizeof *lines)]);
            number = strstr(line, "%d");
            char text[160];
            if (number)
                snprintf(text, sizeof text, "%.*s%d%s", (int)(number - line), line, n++, number + 2);
            assert_int_equal(fh_buf_add_str(b, number ? text : line, NULL), FH_OK);
        }
    }
    if (rand_r(seed) % 4 == 0 && b->len > 0 && b->data[b->len - 1] == '\n') {
        b->len--; /* no line break at the end */
        b->len -= b->len > 0 && b->data[b->len - 1] == '\r';
    }
}

static void removing_what_was_set_restores_every_byte(void **state)
{
    (void)state;
    static const char *const tables[] = {"", "install", "vars", "services.x"};
    for (unsigned round = 0; round < 400; round++) {
        unsigned seed = round;
        struct fh_buf old = FH_BUF_INIT(1 << 16), set = FH_BUF_INIT(1 << 16), back = FH_BUF_INIT(1 << 16);
        struct fh_error e = {.msg = ""};
        random_document(&seed, &old);
        const char *table = tables[round % 4];
        if (fh_manifest_edit_set(old.data, old.len, table, "new.\"key\"", "[ 'v' ]", &set, &e) != FH_OK ||
            fh_manifest_edit_remove(set.data, set.len, table, "new.key", &back, &e) != FH_OK)
            fail_msg("round %u: %s\n%s", round, e.msg, old.data);
        if (back.len != old.len || (old.len > 0 && memcmp(back.data, old.data, old.len) != 0))
            fail_msg("round %u: not restored\n%s----\n%s----\n%s", round, old.data, set.data, back.data);
        fh_buf_free(&old);
        fh_buf_free(&set);
        fh_buf_free(&back);
    }
}

static void a_quoted_string_reads_back_as_it_was(void **state)
{
    (void)state;
    char all[256];
    for (int i = 1; i < 128; i++)
        all[i - 1] = (char)i;
    snprintf(all + 127, sizeof all - 127, "é\\u0041\"");
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    struct fh_arena *a = fh_arena_new();
    const struct fh_toml *root;
    assert_int_equal(fh_buf_add_str(&b, "k = ", NULL), FH_OK);
    assert_int_equal(fh_toml_quote(all, &b, NULL), FH_OK);
    assert_int_equal(fh_toml_parse(a, b.data, b.len, "m", &root, NULL), FH_OK);
    assert_string_equal(fh_toml_find(root, "k")->value.text, all);
    fh_buf_free(&b);
    fh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_stands_behind_the_last_one_of_its_table),
        cmocka_unit_test(a_keys_value_is_replaced_and_its_comment_stays),
        cmocka_unit_test(a_key_is_removed_with_all_its_lines),
        cmocka_unit_test(a_table_is_removed_however_it_is_written),
        cmocka_unit_test(a_key_finds_its_neighbours_however_they_are_written),
        cmocka_unit_test(a_key_is_renamed_wherever_it_is_written),
        cmocka_unit_test(what_cannot_be_changed_safely_is_refused_and_nothing_is_written),
        cmocka_unit_test(removing_what_was_set_restores_every_byte),
        cmocka_unit_test(a_quoted_string_reads_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
