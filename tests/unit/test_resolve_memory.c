/* What resolve keeps between questions, and the names nearest to a misspelt one. */
#include "server/catalog/near.h"
#include "server/catalog/resolve_memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct resolve_generation *generation(struct resolve_memory *m, struct fh_arena *a, int64_t version)
{
    struct resolve_generation *g = resolve_generation_find(m, a, version);
    if (g)
        return g;
    struct fh_arena *own = fh_arena_new();
    const struct store_catalog_layout layout = {.pages.version = version};
    return resolve_generation_new(m, a, own, catalog_calendar(own, &layout));
}

static void keep(struct resolve_generation *g, const char *attr_path, const char *version)
{
    const struct store_resolve_key key = {.catalog_id = 1, .attr_path = attr_path};
    struct store_run run = {
        .system = FH_X86_64_LINUX, .first = 1, .past = 2, .version = version, .drv_path = "d"};
    struct resolve_package package = {0};
    package.systems[FH_X86_64_LINUX].runs = &run;
    package.systems[FH_X86_64_LINUX].nruns = 1;
    resolve_keep_package(g, &key, &package);
}

static const char *recall(struct resolve_generation *g, int64_t catalog, const char *attr_path)
{
    const struct store_resolve_key key = {.catalog_id = catalog, .attr_path = attr_path};
    struct resolve_package package;
    return resolve_recall_package(g, &key, &package) ? package.systems[FH_X86_64_LINUX].runs[0].version
                                                     : NULL;
}

static void a_package_is_found_again_in_its_version_and_catalog_alone(void **state)
{
    (void)state;
    struct resolve_memory *m = resolve_memory_new(1 << 20);
    struct fh_arena *a = fh_arena_new(), *b = fh_arena_new();
    struct resolve_generation *g = generation(m, a, 1);
    assert_null(recall(g, 1, "hello"));
    char version[] = "1.0";
    keep(g, "hello", version);
    version[0] = '9'; /* what was kept is a copy */
    assert_string_equal(recall(generation(m, a, 1), 1, "hello"), "1.0");
    assert_null(recall(g, 2, "hello"));
    assert_null(recall(generation(m, b, 2), 1, "hello"));
    assert_null(resolve_generation_find(m, b, 1));     /* it was replaced */
    assert_string_equal(recall(g, 1, "hello"), "1.0"); /* and lives while it is held */
    assert_null(recall(generation(m, b, 1), 1, "hello"));
    assert_non_null(resolve_generation_find(m, b, 2)); /* an older one takes no newer one's place */
    fh_arena_free(a);
    fh_arena_free(b);
    resolve_memory_free(m);
}

static void a_row_is_found_again_on_its_page_and_system_alone(void **state)
{
    (void)state;
    struct resolve_memory *m = resolve_memory_new(1 << 20);
    struct fh_arena *a = fh_arena_new();
    struct resolve_generation *g = generation(m, a, 1);
    const struct resolve_place place = {7, FH_X86_64_LINUX, 3};
    const struct resolve_place others[] = {
        {8, FH_X86_64_LINUX, 3}, {7, FH_AARCH64_LINUX, 3}, {7, FH_X86_64_LINUX, 4}};
    size_t n = 0;
    resolve_keep_row(g, &place, "{\"a\":1}", 7);
    assert_memory_equal(resolve_recall_row(g, &place, &n), "{\"a\":1}", 7);
    assert_int_equal(n, 7);
    for (size_t i = 0; i < 3; i++)
        assert_null(resolve_recall_row(g, &others[i], &n));
    fh_arena_free(a);
    resolve_memory_free(m);
}

static void what_is_full_begins_afresh(void **state)
{
    (void)state;
    enum { MOST = 64 * 1024, PACKAGES = 2000 };
    struct resolve_memory *m = resolve_memory_new(MOST);
    int kept = 0;
    for (int i = 0; i < PACKAGES; i++) {
        struct fh_arena *a = fh_arena_new();
        char name[32];
        snprintf(name, sizeof name, "package%d", i);
        keep(generation(m, a, 1), name, "1.0");
        const char *version = recall(generation(m, a, 1), 1, name);
        kept += version != NULL;
        assert_true(!version || strcmp(version, "1.0") == 0);
        fh_arena_free(a);
    }
    assert_true(kept > PACKAGES / 2 && kept < PACKAGES);
    resolve_memory_free(m);
}

static double cost_of(const char (*names)[16], size_t n)
{
    struct resolve_memory *m = resolve_memory_new(64 << 20);
    struct fh_arena *a = fh_arena_new();
    struct resolve_generation *g = generation(m, a, 1);
    clock_t began = clock();
    for (size_t i = 0; i < n; i++)
        keep(g, names[i], "1.0");
    double cost = (double)(clock() - began) / CLOCKS_PER_SEC;
    fh_arena_free(a);
    resolve_memory_free(m);
    return cost;
}

static uint64_t mixed(uint64_t h, uint64_t value)
{
    h = (h ^ value) * 0x9e3779b97f4a7c15U;
    return h ^ h >> 29;
}

static void names_that_somebody_chose_to_lie_together_do_not(void **state)
{
    (void)state;
    enum { NAMES = 12000, TABLE = 1 << 14 };
    static char chosen[NAMES][16], others[NAMES][16];
    size_t n = 0;
    for (unsigned i = 0; n < NAMES; i++) { /* by the function, were there no secret in it */
        char head[8];
        snprintf(head, sizeof head, "%x", i);
        uint64_t h = mixed(1, 1);
        for (const char *c = head; *c; c++)
            h = mixed(h, (unsigned char)*c);
        for (char x = 'a'; x <= 'z'; x++)
            for (char y = 'a'; y <= 'z' && n < NAMES; y++)
                if (mixed(mixed(h, (uint64_t)x), (uint64_t)y) % TABLE == 0)
                    snprintf(chosen[n++], sizeof chosen[0], "%s%c%c", head, x, y);
    }
    for (size_t i = 0; i < NAMES; i++)
        snprintf(others[i], sizeof others[0], "name%zu", i);
    double together = cost_of(chosen, NAMES), apart = cost_of(others, NAMES);
    assert_true(together < 8 * apart + 0.02);
}

static void what_was_kept_of_another_database_is_forgotten(void **state)
{
    (void)state;
    struct resolve_memory *m = resolve_memory_new(1 << 20);
    struct fh_arena *a = fh_arena_new();
    struct resolve_generation *g = generation(m, a, 7);
    keep(g, "hello", "1.0");
    resolve_memory_forget(m);
    resolve_memory_forget(m);
    resolve_memory_forget(NULL);
    assert_null(resolve_generation_find(m, a, 7));
    assert_string_equal(recall(g, 1, "hello"), "1.0"); /* and lives while it is held */
    assert_null(recall(generation(m, a, 3), 1, "hello"));
    assert_non_null(resolve_generation_find(m, a, 3)); /* also of an older number */
    fh_arena_free(a);
    resolve_memory_free(m);
}

struct crowd {
    struct resolve_memory *memory;
    int seed;
};

static void *ask_often(void *arg)
{
    const struct crowd *c = arg;
    for (int i = 0; i < 3000; i++) {
        struct fh_arena *a = fh_arena_new();
        struct resolve_generation *g = generation(c->memory, a, 1 + i / 1000);
        char name[32];
        snprintf(name, sizeof name, "package%d", (i * 7 + c->seed) % 50);
        const char *version = recall(g, 1, name);
        if (version)
            assert_string_equal(version, name);
        else
            keep(g, name, name);
        fh_arena_free(a);
    }
    return NULL;
}

static void many_ask_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct crowd crowds[THREADS];
    pthread_t threads[THREADS];
    struct resolve_memory *m = resolve_memory_new(16 * 1024);
    for (int i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){m, i};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &crowds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    resolve_memory_free(m);
}

static void edits_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *x, *y;
        size_t edits;
    } cases[] = {{"hello", "hello", 0}, {"hello", "HELLO", 0}, {"helo", "hello", 1},
                 {"hlelo", "hello", 1}, {"hello", "jello", 1}, {"kitten", "sitting", 3},
                 {"abc", "xyz", 3},     {"abcdef", "xyz", 4},  {"", "ab", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(catalog_edits(cases[i].x, strlen(cases[i].x), cases[i].y, strlen(cases[i].y), 3),
                         cases[i].edits);
}

static void no_name_is_passed_over_that_is_near(void **state)
{
    (void)state;
    static const char alphabet[] = "abAB.1_-\xc3\xa4";
    struct fh_arena *a = fh_arena_new();
    srandom(7);
    for (int round = 0; round < 30000; round++) {
        char x[24], y[24];
        size_t nx = 3 + (size_t)random() % 9, ny = 1 + (size_t)random() % 11;
        for (size_t i = 0; i <= nx; i++)
            x[i] = i < nx ? alphabet[(size_t)random() % (sizeof alphabet - 1)] : '\0';
        memcpy(y, x, sizeof y);
        for (size_t i = 0; i <= ny; i++)
            y[i] = i == ny                  ? '\0'
                   : i < nx && random() % 3 ? x[i]
                                            : alphabet[(size_t)random() % (sizeof alphabet - 1)];
        struct catalog_near near;
        catalog_near_start(&near, x);
        catalog_near_try(&near, a, y);
        bool is_last = ny > nx + 1 && y[ny - nx - 1] == '.' && memcmp(y + ny - nx, x, nx) == 0;
        assert_int_equal(near.n, is_last || catalog_edits(x, nx, y, ny, near.apart) <= near.apart);
    }
    fh_arena_free(a);
}

static void the_nearest_names_come_first_and_far_ones_not_at_all(void **state)
{
    (void)state;
    static const char *const names[] = {"help",     "hello", "heloo", "helo2", "yellow",
                                        "set.helo", "halo",  "helix", "hey"};
    struct fh_arena *a = fh_arena_new();
    struct catalog_near near;
    catalog_near_start(&near, "helo");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        catalog_near_try(&near, a, names[i]);
    assert_int_equal(near.n, CATALOG_NEAR_MOST);
    static const char *const want[] = {"halo", "help", "hello", "helo2", "heloo"};
    for (size_t i = 0; i < near.n; i++)
        assert_string_equal(near.found[i].name, want[i]);
    catalog_near_start(&near, "x");
    catalog_near_try(&near, a, "y");
    assert_int_equal(near.n, 0);
    fh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_is_found_again_in_its_version_and_catalog_alone),
        cmocka_unit_test(a_row_is_found_again_on_its_page_and_system_alone),
        cmocka_unit_test(what_is_full_begins_afresh),
        cmocka_unit_test(names_that_somebody_chose_to_lie_together_do_not),
        cmocka_unit_test(what_was_kept_of_another_database_is_forgotten),
        cmocka_unit_test(many_ask_at_once),
        cmocka_unit_test(edits_are_counted),
        cmocka_unit_test(no_name_is_passed_over_that_is_near),
        cmocka_unit_test(the_nearest_names_come_first_and_far_ones_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
