/* Bodies of resolve and explain: any bytes, asked of a small catalog, and what must hold of every answer. */
#include "server/catalog/explain.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

enum { PAGES = 3, RUNS = 5, BUILDS = 2, KEYS = 3 };

static const struct calendar *small_calendar(struct fh_arena *a)
{
    static char unstable[] = "unstable", stable[] = "stable", *tags[] = {unstable, stable};
    static struct store_catalog_page items[PAGES] = {{.id = 3, .rev_count = 300, .tags = tags, .ntags = 1},
                                                     {.id = 2, .rev_count = 200, .tags = tags, .ntags = 2},
                                                     {.id = 1, .rev_count = 100}};
    static struct store_column arm[] = {{1, &items[2], 0}, {2, &items[1], 0}, {3, &items[0], 0}};
    static struct store_column intel[] = {{-5, &items[1], 0}, {1, &items[0], 0}};
    static const struct store_catalog_layout layout = {
        .pages = {.version = 1, .items = items, .n = PAGES},
        .systems = {[FH_AARCH64_LINUX] = {arm, 3}, [FH_X86_64_LINUX] = {intel, 2}}};
    return catalog_calendar(a, &layout);
}

static const struct resolve_candidates *small_candidates(struct fh_arena *a)
{
    static const struct store_resolve_key keys[KEYS] = {
        {.catalog_id = 1, .attr_path = "hello"},
        {.catalog_id = 2, .owner = "acme", .attr_path = "tool"},
        {0}};
    static struct store_run runs[RUNS] = {
        {.system = FH_AARCH64_LINUX,
         .first = 1,
         .past = 2,
         .version = "1.0.0",
         .license = "MIT",
         .drv_path = "a.drv"},
        {.system = FH_AARCH64_LINUX, .first = 2, .past = 3, .version = "2.0.0-rc1", .drv_path = "b.drv"},
        {.system = FH_AARCH64_LINUX,
         .first = 3,
         .past = INT32_MAX,
         .version = "2.1",
         .flags = STORE_BROKEN,
         .drv_path = "c.drv"},
        {.system = FH_X86_64_LINUX,
         .first = -5,
         .past = -4,
         .version = "2",
         .flags = STORE_MISSING_BUILDS,
         .drv_path = "d.drv"},
        {.system = FH_X86_64_LINUX,
         .first = 1,
         .past = 9,
         .version = "unstable-2",
         .flags = STORE_INSECURE,
         .drv_path = "e.drv"}};
    static struct store_build builds[BUILDS] = {
        {.key = 1, .system = FH_AARCH64_LINUX, .base_rev_count = 250, .version = "7", .drv_path = "f.drv"},
        {.key = 1,
         .system = FH_AARCH64_LINUX,
         .base_rev_count = -1,
         .version = "6",
         .drv_path = "g.drv",
         .is_yanked = true}};
    const struct store_candidates found = {runs, RUNS, builds, BUILDS};
    struct resolve_candidates *c = fh_alloc(a, sizeof *c);
    *c = (struct resolve_candidates){resolve_packages_of(a, keys, KEYS, &found), KEYS};
    return c;
}

static void check_group(const struct resolve_group *g, const struct resolve_group_answer *answer,
                        const struct explain_group *why)
{
    size_t rows = 0, errors = 0;
    for (size_t i = 0; i < g->n; i++)
        rows += g->descriptors[i].nsystems;
    must(answer->group == g && *why->why);
    must(!answer->is_found || answer->nrows == rows);
    for (size_t i = 0; i < answer->nrows; i++)
        must((answer->rows[i].run != NULL) != (answer->rows[i].build != NULL));
    for (size_t i = 0; i < answer->messages.n; i++)
        errors += answer->messages.items[i].level == RESOLVE_ERROR;
    must(answer->is_found ? answer->messages.n == 0 : errors > 0);
    for (size_t i = 1; i < answer->messages.n; i++)
        must(answer->messages.items[i].level <=
             answer->messages.items[i - 1].level); /* errors before traces */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct resolve_request *r;
    struct fh_error e = {0};
    if (resolve_request_parse(a, (const char *)data, size, &r, &e) != FH_OK) {
        must(e.code == FH_MISMATCH && *e.msg);
        for (const char *c = e.msg; *c; c++)
            must((unsigned char)*c >= ' ' && *c != 0x7f);
        fh_arena_free(a);
        return 0;
    }
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->groups[i].n; k++) {
            const char *attr_path = r->groups[i].descriptors[k].attr_path;
            r->groups[i].descriptors[k].key = attr_path[0] == 'h' ? 0 : attr_path[0] == 'a' ? 1 : 2;
        }
    r->candidate_pages = size % PAGES;
    const struct calendar *calendar = small_calendar(a);
    const struct resolve_candidates *candidates = small_candidates(a);
    const struct resolve_answer *answer = catalog_resolve(a, calendar, candidates, r);
    const struct explain_group *why = catalog_explain(a, calendar, candidates, answer);
    must(answer->n == r->n);
    for (size_t i = 0; i < r->n; i++)
        check_group(&r->groups[i], &answer->groups[i], &why[i]);
    fh_arena_free(a);
    return 0;
}
