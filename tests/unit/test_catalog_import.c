/* Imports against a real PostgreSQL: runs, and what readers see of them. */
#include "tests/unit/test_catalogbox.h"

#define X FH_X86_64_LINUX

static void a_page_has_the_rows_that_were_put_on_it(void **state)
{
    (void)state;
    struct store_import_result r =
        box_put((const struct box_row[]){{.attr = "hello", .version = "2.10", .page = 100},
                                         {.attr = "fish", .version = "3.0", .page = 100},
                                         {.attr = "vim", .version = "9", .page = 100},
                                         {0}});
    assert_int_equal(r.added, 3);
    assert_int_equal(r.pages, 1);
    assert_string_equal(box_page(100, X), "fish@3.0 hello@2.10 vim@9");
    assert_string_equal(box_page(100, FH_AARCH64_LINUX), "");
    assert_string_equal(box_newest("hello"), "2.10");
}

static void the_next_page_writes_only_what_is_new_on_it(void **state)
{
    (void)state;
    box_put((const struct box_row[]){{.attr = "hello", .version = "2.12", .page = 200},
                                     {.attr = "fish", .version = "3.0", .page = 200},
                                     {.attr = "zsh", .version = "5", .page = 200},
                                     {0}});
    assert_string_equal(box_page(100, X), "fish@3.0 hello@2.10 vim@9");
    assert_string_equal(box_page(200, X), "fish@3.0 hello@2.12 zsh@5");
    assert_int_equal(number("SELECT count(*) FROM page_run r JOIN package p ON p.id = r.package_id "
                            "WHERE p.attr_path = 'fish'"),
                     1);
    assert_string_equal(box_newest("hello"), "2.12");
    assert_string_equal(box_newest("vim"), "9");
}

static void a_page_of_little_stands_apart_and_ends_no_run(void **state)
{
    (void)state;
    box_put((const struct box_row[]){{.attr = "hello", .version = "2.12.1", .page = 250}, {0}});
    box_put((const struct box_row[]){{.attr = "hello", .version = "2.12", .page = 300},
                                     {.attr = "fish", .version = "3.1", .page = 300},
                                     {.attr = "zsh", .version = "5", .page = 300},
                                     {0}});
    assert_string_equal(box_page(250, X), "hello@2.12.1");
    assert_string_equal(box_page(300, X), "fish@3.1 hello@2.12 zsh@5");
    assert_int_equal(number("SELECT count(*) FROM page_run r JOIN package p ON p.id = r.package_id "
                            "WHERE p.attr_path = 'zsh'"),
                     1);
    assert_string_equal(box_newest("hello"), "2.12");
}

static void importing_it_again_changes_nothing_not_even_the_version(void **state)
{
    (void)state;
    int64_t before = number("SELECT version FROM catalog_version");
    struct store_import_result r =
        box_put((const struct box_row[]){{.attr = "hello", .version = "2.12", .page = 200},
                                         {.attr = "fish", .version = "3.0", .page = 200},
                                         {.attr = "zsh", .version = "5", .page = 200},
                                         {0}});
    assert_int_equal(r.unchanged, 3);
    assert_int_equal(r.added + r.changed + r.refused, 0);
    assert_int_equal(number("SELECT version FROM catalog_version"), before);
}

static void a_row_of_a_page_in_the_middle_is_replaced_there_alone(void **state)
{
    (void)state;
    struct store_import_result r = box_put((const struct box_row[]){
        {.attr = "fish", .version = "3.0", .page = 100, .flags = STORE_BROKEN}, {0}});
    assert_int_equal(r.changed, 1);
    r = box_put(
        (const struct box_row[]){{.attr = "zsh", .version = "5", .page = 200, .flags = STORE_INSECURE},
                                 {.attr = "nano", .version = "7", .page = 200},
                                 {0}});
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.added, 1);
    assert_string_equal(box_page(100, X), "fish@3.0 hello@2.10 vim@9");
    assert_string_equal(box_page(200, X), "fish@3.0 hello@2.12 nano@7 zsh@5");
    assert_string_equal(box_page(300, X), "fish@3.1 hello@2.12 zsh@5");
    static const char flags[] = "SELECT sum(d.flags * g.rev_count)::bigint FROM page_package m JOIN "
                                "catalog_page g ON g.id = m.page_id "
                                "JOIN derivation d ON d.id = m.derivation_id";
    assert_int_equal(number(flags), STORE_BROKEN * 100 + STORE_INSECURE * 200);
}

static void another_derivation_on_the_same_page_is_refused_and_named(void **state)
{
    (void)state;
    box_begin(0, false);
    MUST(box_add(&(struct box_row){.attr = "hello", .version = "2.13", .page = 200}));
    MUST(box_add(&(struct box_row){.attr = "emacs", .version = "29", .page = 200}));
    struct store_import_result r;
    MUST(box_finish(&r));
    assert_int_equal(r.refused, 1);
    assert_int_equal(box_refused, 1);
    assert_int_equal(r.added, 1);
    assert_non_null(strstr(box_why, "hello on x86_64-linux of page 200 has derivation /nix/store/"));
    assert_non_null(strstr(box_why, "version 2.13 instead of 2.12"));
    assert_string_equal(box_page(200, X), "emacs@29 fish@3.0 hello@2.12 nano@7 zsh@5");
}

static void a_strict_import_with_such_a_row_is_none(void **state)
{
    (void)state;
    int64_t before = number("SELECT version FROM catalog_version");
    box_begin(0, true);
    MUST(box_add(&(struct box_row){.attr = "hello", .version = "2.14", .page = 200}));
    MUST(box_add(&(struct box_row){.attr = "helix", .version = "29", .page = 200}));
    MUST(box_add(&(struct box_row){.attr = "helix", .version = "29", .page = 9000}));
    assert_int_equal(box_finish(NULL), FH_MISMATCH);
    assert_string_equal(box_page(200, X), "emacs@29 fish@3.0 hello@2.12 nano@7 zsh@5");
    assert_int_equal(number("SELECT count(*) FROM catalog_page WHERE rev_count = 9000"), 0);
    assert_int_equal(number("SELECT version FROM catalog_version"), before);
}

static void of_two_lines_about_one_row_the_later_counts_if_both_are_of_one_derivation(void **state)
{
    (void)state;
    box_begin(0, false);
    MUST(box_add(&(struct box_row){.attr = "one", .version = "1", .page = 400, .flags = STORE_BROKEN}));
    MUST(box_add(&(struct box_row){.attr = "one", .version = "2", .page = 400}));
    MUST(box_add(&(struct box_row){.attr = "one", .version = "1", .page = 400, .flags = STORE_UNFREE}));
    struct store_import_result r;
    MUST(box_finish(&r));
    assert_int_equal(r.refused, 1);
    assert_non_null(strstr(box_why, "of an earlier line"));
    assert_string_equal(box_page(400, X), "one@1");
    assert_int_equal(number("SELECT d.flags FROM package p JOIN derivation d ON d.id = p.newest "
                            "WHERE p.attr_path = 'one'"),
                     STORE_UNFREE);
}

static void a_page_is_one_revision_of_one_day(void **state)
{
    (void)state;
    struct store_import_row row = {.attr_path = "x",
                                   .drv_path = "d",
                                   .name = "n",
                                   .version = "v",
                                   .outputs = "[]",
                                   .system = X,
                                   .rev = "00000000000000000000000000000000000000ff",
                                   .rev_count = 200};
    box_begin(0, false);
    assert_int_equal(store_import_add(box_import, &row, 1, &e), FH_MISMATCH);
    assert_non_null(strstr(e.msg, "page 200 is revision 00000000000000000000000000000000000000c8"));
    row.rev = "00000000000000000000000000000000000000c8";
    row.rev_count = 201;
    assert_int_equal(store_import_add(box_import, &row, 2, &e), FH_MISMATCH);
    assert_non_null(strstr(e.msg, "is page 200, not 201"));
    MUST(box_finish(NULL));
}

static void tags_are_replaced_by_those_of_all_its_rows(void **state)
{
    (void)state;
    box_put((const struct box_row[]){
        {.attr = "one", .version = "1", .page = 400, .flags = STORE_UNFREE, .tags = {"staging", "stable"}},
        {.attr = "two", .version = "1", .page = 400, .tags = {"lts"}},
        {0}});
    struct store_catalog_pages pages;
    struct db_conn *c = begin();
    MUST(store_catalog_pages(c, a, &pages, &e));
    commit(c);
    assert_int_equal(pages.items[0].rev_count, 400);
    assert_int_equal(pages.items[0].ntags, 3);
    assert_string_equal(pages.items[0].tags[0], "lts");
    box_put((const struct box_row[]){{.attr = "two", .version = "1", .page = 400, .tags = {""}}, {0}});
    assert_string_equal(box_newest("two"), "");
    box_put((const struct box_row[]){{.attr = "two", .version = "1", .page = 400}, {0}});
    assert_string_equal(box_newest("two"), "1");
}

static void a_deprecation_is_the_attributes_and_goes_when_it_is_null(void **state)
{
    (void)state;
    box_put((const struct box_row[]){
        {.attr = "two", .version = "1", .page = 400, .deprecation = "{\"new_name\":\"three\"}"}, {0}});
    assert_int_equal(number("SELECT count(*) FROM package WHERE deprecation = '{\"new_name\":\"three\"}'"),
                     1);
    box_put((const struct box_row[]){{.attr = "two", .version = "1", .page = 400}, {0}});
    assert_int_equal(number("SELECT count(*) FROM package WHERE deprecation IS NOT NULL"), 1);
}

static void builds_of_an_owner_are_replaced_by_their_derivation(void **state)
{
    (void)state;
    int64_t alice = make_owner("alice", STORE_USER);
    struct store_import_result r;
    for (int round = 0; round < 2; round++) {
        box_begin(alice, false);
        MUST(box_add(&(struct box_row){.attr = "tool", .version = "1.0", .page = 7}));
        MUST(box_add(&(struct box_row){.attr = "tool", .version = "1.1", .page = 8}));
        MUST(box_finish(&r));
        assert_int_equal(r.added, round == 0 ? 2 : 0);
        assert_int_equal(r.unchanged, round == 0 ? 0 : 2);
    }
    assert_string_equal(box_newest("tool"), "1.1");
    box_begin(alice, false);
    MUST(box_add(
        &(struct box_row){.attr = "tool", .version = "1.1", .page = 8, .description = "now with one"}));
    MUST(box_finish(&r));
    assert_int_equal(r.changed, 1);
    assert_int_equal(number("SELECT count(*) FROM package_build"), 2);
    assert_int_equal(number("SELECT count(*) FROM package p JOIN derivation d ON d.id = p.newest "
                            "WHERE d.description = 'now with one'"),
                     1);
}

/* The same by another way: whatever order of pages and rows, a page has what was put on it last. */
static void runs_say_the_same_as_a_table_of_all_rows(void **state)
{
    (void)state;
    enum { ROUNDS = 60, PAGES = 12, ATTRS = 10 };
    static char version[PAGES][ATTRS][8];
    unsigned seed = 20261127;
    for (int round = 0; round < ROUNDS; round++) {
        int page = rand_r(&seed) % PAGES, most = rand_r(&seed) % 4 ? ATTRS : 2;
        box_begin(0, false);
        for (int i = 0; i < most; i++) {
            int attr = rand_r(&seed) % ATTRS;
            if (!version[page][attr][0])
                snprintf(version[page][attr], 8, "%d", rand_r(&seed) % 3);
            struct box_row row = {.attr = fh_sprintf(a, "random%d", attr),
                                  .version = version[page][attr],
                                  .page = 10000 + page,
                                  .flags = (unsigned)rand_r(&seed) % 2};
            MUST(box_add(&row));
        }
        MUST(box_finish(NULL));
        for (int p = 0; p < PAGES; p++) {
            const char *wanted = "";
            for (int i = 0; i < ATTRS; i++)
                if (version[p][i][0])
                    wanted = fh_sprintf(a, "%s%srandom%d@%s", wanted, *wanted ? " " : "", i, version[p][i]);
            assert_string_equal(box_page(10000 + p, X), wanted);
        }
    }
    assert_int_equal(
        number("SELECT count(*) FROM page_run r JOIN page_run o ON o.package_id = r.package_id AND "
               "o.system = r.system AND o.first > r.first AND o.first < r.past"),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_has_the_rows_that_were_put_on_it),
        cmocka_unit_test(the_next_page_writes_only_what_is_new_on_it),
        cmocka_unit_test(a_page_of_little_stands_apart_and_ends_no_run),
        cmocka_unit_test(importing_it_again_changes_nothing_not_even_the_version),
        cmocka_unit_test(a_row_of_a_page_in_the_middle_is_replaced_there_alone),
        cmocka_unit_test(another_derivation_on_the_same_page_is_refused_and_named),
        cmocka_unit_test(a_strict_import_with_such_a_row_is_none),
        cmocka_unit_test(of_two_lines_about_one_row_the_later_counts_if_both_are_of_one_derivation),
        cmocka_unit_test(a_page_is_one_revision_of_one_day),
        cmocka_unit_test(tags_are_replaced_by_those_of_all_its_rows),
        cmocka_unit_test(a_deprecation_is_the_attributes_and_goes_when_it_is_null),
        cmocka_unit_test(builds_of_an_owner_are_replaced_by_their_derivation),
        cmocka_unit_test(runs_say_the_same_as_a_table_of_all_rows),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
