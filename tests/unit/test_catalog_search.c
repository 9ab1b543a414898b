/* Search over catalogs in memory, held against the rules of the protocol written down plainly. */
#include "server/catalog/search_match.h"
#include "server/catalog/search_text.h"

#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
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

struct plain {
    const char *attr_path, *description, *owner;
};

static struct catalog_part *part_of(const struct plain *rows, size_t n, const char *owner)
{
    struct catalog_maker *m = catalog_maker_new(1, 1);
    for (size_t i = 0; i < n; i++)
        if (rows[i].owner == owner) {
            const struct catalog_row row = {.attr_path = rows[i].attr_path,
                                            .name = fh_sprintf(a, "%s-1.0", rows[i].attr_path),
                                            .version = "1.0",
                                            .description = rows[i].description};
            catalog_maker_add(m, &row);
        }
    return catalog_maker_finish(m);
}

/* The found pkg-paths, with spaces; total behind them. */
static const char *search(const struct catalog_searched *in, size_t n, const char *term, size_t first,
                          size_t most)
{
    struct catalog_hit *hits;
    size_t count, total;
    const char *text = "";
    catalog_search(a, in, n, term, first, most, &hits, &count, &total);
    for (size_t i = 0; i < count; i++) {
        struct catalog_row row;
        catalog_part_row(hits[i].in->part, hits[i].row, &row);
        text = fh_sprintf(a, "%s%s%s%s ", text, hits[i].in->owner ? hits[i].in->owner : "",
                          hits[i].in->owner ? "/" : "", row.attr_path);
    }
    return fh_sprintf(a, "%s%zu", text, total);
}

static const struct plain few[] = {
    {"hello", "Program that produces a familiar, friendly greeting", NULL},
    {"hello-go", "Simple program printing hello world in Go", NULL},
    {"hello-cpp", "Basic sanity check that C++ and cmake infrastructure are working", NULL},
    {"nwg-hello", "GTK3-based greeter", NULL},
    {"haskellPackages.hello", "Hello World, an example package", NULL},
    {"vdrPlugins.hello", "The classic", NULL},
    {"othello", "A game", NULL},
    {"texlivePackages.gentium", "Fonts in the fellowship of Hello\xe2\x84\xa2", NULL},
    {"nodejs_20", "JavaScript runtime", NULL},
    {"nodejsX20", "100% of it", NULL},
    {"nodePackages.foo", "a package", NULL},
    {"nodePackages.@angular/cli", NULL, NULL},
    {"ubersicht",
     "\xc3\x9c"
     "bersicht of \xce\xa3\xce\xa9\xce\xa6\xce\x99\xce\x91",
     NULL},
    {"linuxKernel.\"6.6\"", "A kernel", NULL},
    {"hello", "mine", "alice"},
    {"set.hello", NULL, "alice"},
};

static const char *of_few(const char *term, size_t first, size_t most)
{
    struct catalog_part *base = part_of(few, sizeof few / sizeof *few, NULL),
                        *hers = part_of(few, sizeof few / sizeof *few, few[14].owner);
    const struct catalog_searched in[] = {{base, NULL}, {hers, "alice"}};
    const char *text = search(in, 2, term, first, most);
    catalog_part_drop(base);
    catalog_part_drop(hers);
    return text;
}

static void names_come_first_then_the_shorter_path_then_bytes_and_descriptions_last(void **state)
{
    (void)state;
    assert_string_equal(of_few("hello", 0, 100),
                        "hello othello hello-go hello-cpp nwg-hello alice/hello alice/set.hello "
                        "vdrPlugins.hello haskellPackages.hello texlivePackages.gentium 10");
    assert_string_equal(of_few("HELLO", 0, 3), "hello othello hello-go 10");
    assert_string_equal(of_few("hello", 2, 3), "hello-go hello-cpp nwg-hello 10");
    assert_string_equal(of_few("hello", 9, 3), "texlivePackages.gentium 10");
    assert_string_equal(of_few("hello", 10, 3), "10");
    assert_string_equal(of_few("hello", 1, 0), "10");
}

static void every_character_stands_for_itself(void **state)
{
    (void)state;
    assert_string_equal(of_few("nodejs_", 0, 9), "nodejs_20 1");
    assert_string_equal(of_few("100%", 0, 9), "nodejsX20 1");
    assert_string_equal(of_few("in Go", 0, 9), "hello-go 1");
    assert_string_equal(of_few("h.llo", 0, 9), "0");
    assert_string_equal(of_few("greeting ", 0, 9), "0");
}

static void a_set_is_not_searched_unless_the_term_has_a_dot_or_a_slash(void **state)
{
    (void)state;
    assert_string_equal(of_few("packages", 0, 9), "0");
    assert_string_equal(of_few("Packages.h", 0, 9), "haskellPackages.hello 1");
    assert_string_equal(of_few("vdrplugins.", 0, 9), "vdrPlugins.hello 1");
    assert_string_equal(of_few("@angular/cli", 0, 9), "nodePackages.@angular/cli 1");
    assert_string_equal(of_few("alice/", 0, 9), "alice/hello alice/set.hello 2");
    assert_string_equal(of_few("ICE/h", 0, 9), "alice/hello 1");
    assert_string_equal(of_few("alice", 0, 9), "0");
    assert_string_equal(of_few("bob/hello", 0, 9), "0");
    assert_string_equal(of_few("6.6", 0, 9), "linuxKernel.\"6.6\" 1");
    assert_string_equal(catalog_last_component("linuxKernel.\"6.6\""), "\"6.6\"");
}

static void case_is_nothing_beyond_ascii_either(void **state)
{
    (void)state;
    assert_string_equal(of_few("\xc3\xbc"
                               "ber",
                               0, 9),
                        "ubersicht 1");
    assert_string_equal(of_few("\xcf\x83\xcf\x89\xcf\x86", 0, 9), "ubersicht 1");
    assert_string_equal(of_few("\xe2\x84\xa2", 0, 9), "texlivePackages.gentium 1");
    assert_int_equal(catalog_characters("\xe2\x84\xa2x", 4), 2);
    char out[16];
    assert_int_equal(catalog_fold("A\xff\xc3Z", 4, out), 4); /* what is not UTF-8 stays */
    assert_memory_equal(out, "a\xff\xc3z", 4);
}

static void without_a_term_all_is_found(void **state)
{
    (void)state;
    struct catalog_part *hers = part_of(few, sizeof few / sizeof *few, few[14].owner);
    const struct catalog_searched in[] = {{hers, "alice"}};
    assert_string_equal(search(in, 1, NULL, 0, 9), "alice/hello alice/set.hello 2");
    assert_string_equal(search(in, 0, "hello", 0, 9), "0");
    catalog_part_drop(hers);
}

/* --- against a plain model */

static unsigned below(unsigned n)
{
    return (unsigned)random() % n;
}

static const char *word(size_t most)
{
    static const char letters[] = "aabbcdehlloo_-.XY";
    char text[32];
    size_t n = 1 + below((unsigned)most);
    for (size_t i = 0; i < n; i++)
        text[i] = letters[below(sizeof letters - 1)];
    return fh_strndup(a, text, n);
}

static int kind_of(const struct plain *row, const char *term)
{
    bool whole = strpbrk(term, "./") != NULL;
    if (strcasestr(whole ? row->attr_path : catalog_last_component(row->attr_path), term))
        return 0;
    return row->description && strcasestr(row->description, term) ? 1 : 2;
}

static const char *sorting_for;

static int by_rule(const void *x, const void *y)
{
    const struct plain *r = x, *s = y;
    int k = kind_of(r, sorting_for), l = kind_of(s, sorting_for);
    size_t m = strlen(r->attr_path), n = strlen(s->attr_path);
    return k != l ? k - l : m != n ? (m < n ? -1 : 1) : strcmp(r->attr_path, s->attr_path);
}

static void check_against_model(size_t n, size_t terms)
{
    struct plain *rows = fh_alloc(a, n * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        rows[i].attr_path = fh_sprintf(a, "%s%zu%s", word(9), i, word(9));
        rows[i].description =
            below(5) ? fh_sprintf(a, "%s %s %s %s %s", word(9), word(20), word(30), word(30), word(30))
                     : NULL;
    }
    struct catalog_part *part = part_of(rows, n, NULL);
    const struct catalog_searched in[] = {{part, NULL}};
    assert_int_equal(part->about.grams.at != NULL, n > 5000);
    for (size_t t = 0; t < terms; t++) {
        const char *term = fh_sprintf(a, "%s%s", word(2), word(3));
        struct catalog_hit *hits;
        size_t count, total, want = 0;
        catalog_search(a, in, 1, term, 0, n, &hits, &count, &total);
        sorting_for = term;
        struct plain *sorted = fh_alloc(a, (n + 1) * sizeof *sorted);
        for (size_t i = 0; i < n; i++)
            if (kind_of(&rows[i], term) < 2)
                sorted[want++] = rows[i];
        qsort(sorted, want, sizeof *sorted, by_rule);
        assert_int_equal(total, want);
        assert_int_equal(count, want);
        for (size_t i = 0; i < want; i++) {
            struct catalog_row row;
            catalog_part_row(part, hits[i].row, &row);
            assert_string_equal(row.attr_path, sorted[i].attr_path);
        }
    }
    catalog_part_drop(part);
}

static void searches_are_what_a_plain_model_says(void **state)
{
    (void)state;
    srandom(1);
    for (size_t n = 0; n < 40; n++)
        check_against_model(n, 20);
    check_against_model(3000, 200);
    check_against_model(12000, 100);
}

/* --- several catalogs */

enum { OWNERS = 25, MOST_ROWS = 60 };

struct row_of {
    const char *owner, *path;
    int kind;
};

static int by_whole_rule(const void *x, const void *y)
{
    const struct row_of *r = x, *s = y;
    size_t m = strlen(r->path) + (r->owner ? strlen(r->owner) + 1 : 0),
           n = strlen(s->path) + (s->owner ? strlen(s->owner) + 1 : 0);
    int order = r->kind != s->kind ? r->kind - s->kind : m != n ? (m < n ? -1 : 1) : 0;
    order = order ? order : (r->owner != NULL) - (s->owner != NULL);
    order = order || !r->owner ? order : strcmp(r->owner, s->owner);
    return order ? order : strcmp(r->path, s->path);
}

/* The base catalog and owners' ones, in any order, and all their rows. */
static size_t make_catalogs(struct catalog_searched *in, struct row_of *all)
{
    size_t n = 0;
    for (size_t c = 0; c < OWNERS; c++) {
        struct catalog_maker *m = catalog_maker_new((int64_t)c, 1);
        const char *owner = c == 7 ? NULL : fh_sprintf(a, "%s%zu", word(6), c);
        for (size_t i = 0, rows = below(MOST_ROWS); i < rows; i++) {
            struct catalog_row row = {.attr_path = fh_sprintf(a, "%s%zu", word(12), i),
                                      .name = "n",
                                      .version = "1",
                                      .description = word(9)};
            catalog_maker_add(m, &row);
            all[n++] = (struct row_of){owner, row.attr_path,
                                       kind_of(&(struct plain){row.attr_path, row.description, NULL}, "a")};
        }
        in[c] = (struct catalog_searched){catalog_maker_finish(m), owner};
    }
    return n;
}

static void any_page_of_many_catalogs_is_what_a_plain_model_says(void **state)
{
    (void)state;
    static struct catalog_searched in[OWNERS];
    static struct row_of all[OWNERS * MOST_ROWS];
    srandom(3);
    for (int round = 0; round < 20; round++) {
        size_t n = make_catalogs(in, all), found = 0;
        qsort(all, n, sizeof *all, by_whole_rule);
        while (found < n && all[found].kind < 2)
            found++;
        for (int page = 0; page < 40; page++) {
            size_t first = below((unsigned)found + 5), most = below(page % 2 ? 9 : 900), count, total;
            struct catalog_hit *hits;
            catalog_search(a, in, OWNERS, "a", first, most, &hits, &count, &total);
            assert_int_equal(total, found);
            assert_int_equal(count, first >= found ? 0 : most < found - first ? most : found - first);
            for (size_t i = 0; i < count; i++) {
                struct catalog_row row;
                catalog_part_row(hits[i].in->part, hits[i].row, &row);
                assert_string_equal(row.attr_path, all[first + i].path);
                assert_ptr_equal(hits[i].in->owner, all[first + i].owner);
            }
        }
        for (size_t c = 0; c < OWNERS; c++)
            catalog_part_drop((struct catalog_part *)(uintptr_t)in[c].part);
    }
}

static double cost_of_page(const struct catalog_searched *in, size_t n, size_t first)
{
    struct catalog_hit *hits;
    size_t count, total;
    clock_t began = clock();
    catalog_search(a, in, n, "aa", first, 10, &hits, &count, &total);
    assert_true(count == 10);
    return (double)(clock() - began) / CLOCKS_PER_SEC;
}

static void a_page_far_behind_costs_about_what_the_first_does(void **state)
{
    (void)state;
    enum { MANY = 600, ROWS = 100 };
    static struct catalog_searched in[MANY];
    for (size_t c = 0; c < MANY; c++) {
        struct catalog_maker *m = catalog_maker_new((int64_t)c, 1);
        for (size_t i = 0; i < ROWS; i++) {
            struct catalog_row row = {
                .attr_path = fh_sprintf(a, "aa%*zu", (int)(i % 40), i), .name = "n", .version = "1"};
            catalog_maker_add(m, &row);
        }
        in[c] = (struct catalog_searched){catalog_maker_finish(m), fh_sprintf(a, "owner%04zu", c)};
    }
    double near = cost_of_page(in, MANY, 0), far = cost_of_page(in, MANY, MANY * ROWS - 20);
    assert_true(far < 10 * near + 0.1);
    for (size_t c = 0; c < MANY; c++)
        catalog_part_drop((struct catalog_part *)(uintptr_t)in[c].part);
}

static void a_scan_finds_the_first_place_and_nothing_behind_the_end(void **state)
{
    (void)state;
    char *text = fh_xcalloc(1, 100 + CATALOG_SCAN_MOST);
    srandom(2);
    for (int round = 0; round < 20000; round++) {
        size_t n = below(100), size = 1 + below(5);
        char needle[8];
        for (size_t i = 0; i < 100; i++)
            text[i] = (char)('a' + below(2));
        for (size_t i = 0; i < size; i++)
            needle[i] = (char)('a' + below(2));
        const char *want = n < size ? NULL : memmem(text, n, needle, size);
        assert_ptr_equal(catalog_scan(text, text + n, needle, size), want);
    }
    free(text);
}

static void parts_are_shared_until_the_last_holder_drops_them(void **state)
{
    (void)state;
    struct catalog_part *p = part_of(few, 3, NULL);
    assert_ptr_equal(catalog_part_hold(p), p);
    catalog_part_drop(p);
    assert_int_equal(p->n, 3);
    catalog_part_drop(p);
    catalog_part_drop(NULL);
    catalog_maker_free(catalog_maker_new(1, 1));
    catalog_maker_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_first_then_the_shorter_path_then_bytes_and_descriptions_last),
        cmocka_unit_test(every_character_stands_for_itself),
        cmocka_unit_test(a_set_is_not_searched_unless_the_term_has_a_dot_or_a_slash),
        cmocka_unit_test(case_is_nothing_beyond_ascii_either),
        cmocka_unit_test(without_a_term_all_is_found),
        cmocka_unit_test(searches_are_what_a_plain_model_says),
        cmocka_unit_test(any_page_of_many_catalogs_is_what_a_plain_model_says),
        cmocka_unit_test(a_page_far_behind_costs_about_what_the_first_does),
        cmocka_unit_test(a_scan_finds_the_first_place_and_nothing_behind_the_end),
        cmocka_unit_test(parts_are_shared_until_the_last_holder_drops_them),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
