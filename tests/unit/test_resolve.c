/* Which page is chosen, and what is said where there is none: the pure part, over small catalogs written down
 * as rows.
 *
 * A row is "attr system page version [flags]"; a build is the same with an owner in front of the attribute,
 * and its page is that on which it was built. An answer is read back as one line for each group: "page:
 * attr=version …", or the types of its errors. */
#include "server/catalog/resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_ROWS = 64 };

struct row {
    const char *attr;
    const char *system; /* ad, al, xd, xl */
    int page;
    const char *version;
    int flags;
    const char *license;
    bool is_yanked;
};
struct small_page {
    int number;
    const char *tags; /* one, or two with a blank; NULL: none */
};

static const struct small_page usual_pages[] = {
    {100, "lts unstable"}, {200, "stable unstable"}, {300, "unstable"}, {0, NULL}};

static struct fh_arena *a;

static enum fh_system system_of(const char *s)
{
    return s[0] == 'a' ? (s[1] == 'd' ? FH_AARCH64_DARWIN : FH_AARCH64_LINUX)
                       : (s[1] == 'd' ? FH_X86_64_DARWIN : FH_X86_64_LINUX);
}

static void set_tags(struct store_catalog_page *page, const char *tags)
{
    char *copy = fh_strdup(a, tags ? tags : "");
    page->tags = fh_alloc(a, 2 * sizeof *page->tags);
    for (char *tag; tags && (tag = strsep(&copy, " "));)
        page->tags[page->ntags++] = tag;
}

static struct calendar *make_calendar(const struct small_page *pages)
{
    struct store_catalog_layout layout = {.pages.version = 1};
    struct store_catalog_pages *all = &layout.pages;
    while (pages[all->n].number)
        all->n++;
    all->items = fh_alloc(a, (all->n + 1) * sizeof *all->items);
    for (size_t i = 0; i < all->n; i++) {
        const struct small_page *p = &pages[all->n - 1 - i];
        all->items[i] = (struct store_catalog_page){.id = p->number, .rev_count = p->number};
        set_tags(&all->items[i], p->tags);
    }
    for (int s = FH_AARCH64_DARWIN; s < FH_SYSTEM_END; s++) {
        layout.systems[s].items = fh_alloc(a, (all->n + 1) * sizeof *layout.systems[s].items);
        layout.systems[s].n = all->n;
        for (size_t i = 0; i < all->n; i++)
            layout.systems[s].items[i] =
                (struct store_column){pages[i].number, &all->items[all->n - 1 - i], 0};
    }
    return catalog_calendar(a, &layout);
}

static size_t key_of(struct store_resolve_key *keys, size_t *n, const char *attr)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(keys[i].attr_path, attr) == 0)
            return i;
    keys[*n] = (struct store_resolve_key){
        .catalog_id = 1, .owner = strchr(attr, '/') ? "acme" : NULL, .attr_path = attr};
    return (*n)++;
}

static int by_place(const void *left, const void *right)
{
    const struct store_run *x = left, *y = right;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->system != y->system ? (int)x->system - (int)y->system : x->first - y->first;
}

static int by_age(const void *left, const void *right)
{
    const struct store_build *x = left, *y = right;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->system != y->system ? (int)x->system - (int)y->system
                                  : (int)(y->base_rev_count - x->base_rev_count);
}

static struct store_candidates make_candidates(struct store_resolve_key *keys, size_t *nkeys,
                                               const struct row *rows)
{
    struct store_candidates c = {.runs = fh_alloc(a, MAX_ROWS * sizeof *c.runs),
                                 .builds = fh_alloc(a, MAX_ROWS * sizeof *c.builds)};
    for (const struct row *r = rows; r->attr; r++) {
        size_t key = key_of(keys, nkeys, r->attr);
        const char *drv = fh_sprintf(a, "%s-%s-%s.drv", r->attr, r->system, r->version);
        if (keys[key].owner)
            c.builds[c.nbuilds++] = (struct store_build){.key = key,
                                                         .system = system_of(r->system),
                                                         .base_rev_count = r->page,
                                                         .is_yanked = r->is_yanked,
                                                         .flags = r->flags,
                                                         .version = r->version,
                                                         .license = r->license,
                                                         .drv_path = drv};
        else
            c.runs[c.nruns++] = (struct store_run){.key = key,
                                                   .system = system_of(r->system),
                                                   .first = r->page,
                                                   .past = r->page + 1,
                                                   .flags = r->flags,
                                                   .version = r->version,
                                                   .license = r->license,
                                                   .drv_path = drv};
    }
    qsort(c.runs, c.nruns, sizeof *c.runs, by_place);
    qsort(c.builds, c.nbuilds, sizeof *c.builds, by_age);
    return c;
}

/* {"name": …} of a group written as "attr[@version] systems [member: value, …]; …". */
static const char *group_json(const char *group)
{
    char *copy = fh_strdup(a, group), *json = fh_strdup(a, "");
    for (char *part; (part = strsep(&copy, ";"));) {
        part += strspn(part, " ");
        char *attr = strsep(&part, " "), *systems = strsep(&part, " ");
        const char *list = "";
        for (char *s; (s = strsep(&systems, ","));)
            list = fh_sprintf(a, "%s%s\"%s\"", list, *list ? "," : "", fh_system_name(system_of(s)));
        char *version = strchr(attr, '@');
        if (version)
            *version++ = '\0';
        json = fh_sprintf(a, "%s%s{\"install_id\":\"%s\",\"attr_path\":\"%s\",\"systems\":[%s]%s%s%s%s%s}",
                          json, *json ? "," : "", attr, attr, list, version ? ",\"version\":\"" : "",
                          version ? version : "", version ? "\"" : "", part ? "," : "", part ? part : "");
    }
    return json;
}

static struct resolve_answer *answer_of(const struct small_page *pages, const struct row *rows,
                                        const char *stability, const char *group, size_t further)
{
    struct resolve_request *request;
    struct fh_error e;
    struct store_resolve_key keys[MAX_ROWS] = {0};
    size_t nkeys = 0;
    const char *body = fh_sprintf(a, "{\"items\":[{\"name\":\"g\",%s%s%s\"descriptors\":[%s]}]}",
                                  stability ? "\"stability\":\"" : "", stability ? stability : "",
                                  stability ? "\"," : "", *group ? group_json(group) : "");
    if (resolve_request_parse(a, body, strlen(body), &request, &e) != FH_OK)
        fail_msg("%s: %s", body, e.msg);
    request->candidate_pages = further;
    struct store_candidates found = make_candidates(keys, &nkeys, rows);
    for (size_t i = 0; i < request->groups[0].n; i++)
        request->groups[0].descriptors[i].key =
            key_of(keys, &nkeys, request->groups[0].descriptors[i].attr_path);
    struct store_resolve_key *kept = fh_memdup(a, keys, sizeof keys);
    struct resolve_candidates *c = fh_alloc(a, sizeof *c);
    *c = (struct resolve_candidates){resolve_packages_of(a, kept, nkeys, &found), nkeys};
    return catalog_resolve(a, make_calendar(pages), c, request);
}

static const char *version_of(const struct resolve_row *r)
{
    return r->run ? r->run->version : r->build->version;
}

static const char *read_back(const struct resolve_group_answer *g)
{
    const char *text = g->is_found ? fh_sprintf(a, "%d:", (int)g->number) : "";
    for (size_t i = 0; i < g->nrows; i++)
        text = fh_sprintf(a, "%s %s", text, version_of(&g->rows[i]));
    for (size_t i = 0; i < g->page_messages.n; i++)
        text = fh_sprintf(a, "%s !%s", text, g->page_messages.items[i].type);
    for (size_t i = 0; i < g->messages.n; i++)
        if (g->messages.items[i].level == RESOLVE_ERROR)
            text = fh_sprintf(a, "%s%s%s", text, *text ? "; " : "", g->messages.items[i].text);
    return text;
}

#define NOT_FOUND(attr) "The package '" attr "' is not found in the catalog."
#define TOO_TIGHT       "Resolution constraints are too tight."

static void expect_on(const struct small_page *pages, const struct row *rows, const char *stability,
                      const char *group, const char *want)
{
    a = fh_arena_new();
    assert_string_equal(read_back(&answer_of(pages, rows, stability, group, 0)->groups[0]), want);
    fh_arena_free(a);
}

static void expect(const struct row *rows, const char *group, const char *want)
{
    expect_on(usual_pages, rows, NULL, group, want);
}

static void the_newest_page_that_has_everything_wins(void **state)
{
    (void)state;
    static const struct row rows[] = {{.attr = "hello", .system = "al", .page = 100, .version = "1.0.0"},
                                      {.attr = "hello", .system = "al", .page = 200, .version = "2.0.0"},
                                      {.attr = "hello", .system = "al", .page = 300, .version = "3.0.0"},
                                      {.attr = "hello", .system = "xd", .page = 200, .version = "2.0.0"},
                                      {.attr = "old", .system = "al", .page = 100, .version = "5"},
                                      {0}};
    expect(rows, "hello al", "300: 3.0.0");
    expect(rows, "hello al,xd", "200: 2.0.0 2.0.0");
    expect(rows, "hello al; hello xd", "200: 2.0.0 2.0.0");
    expect(rows, "hello al; old al", "100: 1.0.0 5");
    expect(rows, "old al; hello al", "100: 5 1.0.0");
    expect(rows, "hello@1 al", "100: 1.0.0");
    expect(rows, "hello@<3 al", "200: 2.0.0");
    expect(rows, "", "300:");
    expect_on(usual_pages, rows, "stable", "hello al", "200: 2.0.0");
    expect_on(usual_pages, rows, "lts", "hello al", "100: 1.0.0");
    expect_on(usual_pages, rows, "weekly", "hello al", "No page of the catalog has the stability 'weekly'.");
    expect_on(usual_pages, rows, "stable", "old al",
              "The package 'old' for aarch64-linux is on no page with the stability 'stable'.");
}

static void filters_walk_back_in_time(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.attr = "p", .system = "al", .page = 100, .version = "1", .license = "MIT"},
        {.attr = "p", .system = "al", .page = 200, .version = "2", .flags = STORE_INSECURE, .license = "MIT"},
        {.attr = "p",
         .system = "al",
         .page = 300,
         .version = "3",
         .flags = STORE_BROKEN | STORE_UNFREE,
         .license = "Unfree"},
        {0}};
    expect(rows, "p al", "100: 1");
    expect(rows, "p al \"allow_broken\":true", "300: 3");
    expect(rows, "p al \"allow_broken\":true,\"allow_unfree\":false,\"allow_insecure\":true", "200: 2");
    expect(rows, "p al \"allow_insecure\":true", "200: 2");
    expect(rows, "p al \"allow_broken\":true,\"allowed_licenses\":[\"MIT\"]", "100: 1");
    expect(rows,
           "p al "
           "\"allow_broken\":null,\"allow_insecure\":false,\"allow_unfree\":true,\"allow_pre_releases\":null",
           "100: 1");
}

static void missing_builds_are_the_last_resort(void **state)
{
    (void)state;
    enum { MISSING = STORE_MISSING_BUILDS };
    static const struct row rows[] = {
        {.attr = "p", .system = "al", .page = 200, .version = "2"},
        {.attr = "p", .system = "al", .page = 300, .version = "3", .flags = MISSING},
        {.attr = "new", .system = "al", .page = 300, .version = "3", .flags = MISSING},
        {.attr = "unfree", .system = "al", .page = 300, .version = "3", .flags = MISSING | STORE_UNFREE},
        {0}};
    expect(rows, "p al", "200: 2");
    expect(rows, "p al \"allow_missing_builds\":true", "300: 3");
    expect(rows, "new al", "300: 3 !missing_builds");
    expect(rows, "new al; p al", "300: 3 3 !missing_builds !missing_builds");
    expect(
        rows, "new al \"allow_missing_builds\":false",
        "The package 'new' for aarch64-linux has no known build, and packages without one are not allowed.");
    expect(rows, "unfree al", "300: 3");
    /* What is pinned must be built, what is new beside it need not. */
    expect(rows, "p@3 al \"derivation\":\"p-al-3.drv\"; new al", "300: 3 3 !missing_builds !missing_builds");
}

static void pins_are_kept_where_they_can_be_and_dropped_silently(void **state)
{
    (void)state;
    static const struct small_page pages[] = {
        {100, "unstable"}, {150, NULL}, {200, "unstable"}, {300, "unstable"}, {0, NULL}};
    static const struct row rows[] = {{.attr = "p", .system = "al", .page = 100, .version = "1"},
                                      {.attr = "p", .system = "al", .page = 150, .version = "1.5"},
                                      {.attr = "p", .system = "al", .page = 200, .version = "1"},
                                      {.attr = "p", .system = "al", .page = 300, .version = "3"},
                                      {.attr = "q", .system = "al", .page = 150, .version = "q1"},
                                      {.attr = "q", .system = "al", .page = 200, .version = "q2"},
                                      {.attr = "q", .system = "al", .page = 300, .version = "q3"},
                                      {.attr = "late", .system = "al", .page = 300, .version = "l"},
                                      {0}};
    expect_on(pages, rows, NULL, "p al \"derivation\":\"p-al-1.drv\"; q al", "200: 1 q2");
    expect_on(pages, rows, NULL, "p al \"derivation\":\"p-al-1.drv\"; late al", "300: 3 l");
    expect_on(pages, rows, NULL, "p@>2 al \"derivation\":\"p-al-1.drv\"", "300: 3");
    expect_on(pages, rows, NULL, "p al \"derivation\":\"gone.drv\"", "300: 3");
    /* A page that lost its tags answers a pin to it, and nothing else. */
    expect_on(pages, rows, NULL, "p al \"derivation\":\"p-al-1.5.drv\"; q al", "150: 1.5 q1");
    expect_on(pages, rows, NULL, "p@1.5 al",
              "No version compatible with '1.5' found for 'p' on 'aarch64-linux'.");
    expect_on(pages, rows, "unstable", "p al \"derivation\":\"p-al-1.5.drv\"", "300: 3");
}

static void builds_of_owners_stand_on_their_page_and_later_ones(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.attr = "acme/tool", .system = "al", .page = 100, .version = "1.0.0"},
        {.attr = "acme/tool", .system = "al", .page = 200, .version = "2.0.0"},
        {.attr = "acme/tool", .system = "al", .page = 250, .version = "9.9.9", .is_yanked = true},
        {.attr = "acme/late", .system = "al", .page = 300, .version = "7"},
        {.attr = "hello", .system = "al", .page = 100, .version = "h1"},
        {.attr = "hello", .system = "al", .page = 200, .version = "h2"},
        {.attr = "hello", .system = "al", .page = 300, .version = "h3"},
        {.attr = "old", .system = "al", .page = 100, .version = "o"},
        {0}};
    expect(rows, "acme/tool al", "200: 2.0.0");
    expect(rows, "acme/tool@1 al", "100: 1.0.0");
    expect(rows, "acme/tool@1 al; acme/late al", "300: 1.0.0 7");
    expect(rows, "acme/tool al; hello al", "300: 2.0.0 h3");
    expect(rows, "acme/tool al; hello@h1 al", "100: 1.0.0 h1");
    expect(rows, "acme/tool@1 al; hello al", "300: 1.0.0 h3");
    expect(rows, "acme/late al; old al", TOO_TIGHT);
    expect(rows, "acme/tool@9.9.9 al",
           "No version compatible with '9.9.9' found for 'acme/tool' on 'aarch64-linux'.");
    expect(rows, "acme/tool al \"derivation\":\"acme/tool-al-9.9.9.drv\"", "250: 9.9.9");
    expect(rows, "acme/tool al \"derivation\":\"acme/tool-al-1.0.0.drv\"", "100: 1.0.0");
    expect(rows, "acme/hello al", NOT_FOUND("acme/hello"));
    expect(rows, "acme/tool al,xl",
           "The package 'acme/tool' is not found for all the requested systems, suggest limiting systems to "
           "(aarch64-linux).");
}

static void failures_are_told_as_clients_know_them(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.attr = "lx", .system = "al", .page = 100, .version = "1"},
        {.attr = "lx", .system = "xl", .page = 300, .version = "3"},
        {.attr = "lx", .system = "al", .page = 200, .version = "2"},
        {.attr = "lx", .system = "xd", .page = 200, .version = "2"},
        {.attr = "bad",
         .system = "al",
         .page = 300,
         .version = "2",
         .flags = STORE_INSECURE | STORE_BROKEN | STORE_UNFREE,
         .license = "X"},
        {.attr = "ok", .system = "al", .page = 100, .version = "1"},
        {.attr = "ok", .system = "al", .page = 300, .version = "3"},
        {.attr = "half", .system = "al", .page = 100, .version = "1", .flags = STORE_BROKEN},
        {.attr = "half", .system = "al", .page = 300, .version = "3"},
        {.attr = "two", .system = "al", .page = 200, .version = "1"},
        {0}};
    expect(rows, "nope al; nope xl", NOT_FOUND("nope"));
    expect(rows, "lx xl; lx ad; lx al",
           "The package 'lx' is not found for all the requested systems, suggest limiting systems to "
           "(aarch64-linux,x86_64-linux).");
    expect(rows, "lx ad",
           "The package 'lx' is not found for all the requested systems, suggest limiting systems to ().");
    expect(rows, "lx xl,al,xd",
           "The package 'lx' is not found for all requested systems on the same page, consider package "
           "groups with the "
           "following system groupings: (aarch64-linux,x86_64-darwin), (aarch64-linux), (x86_64-linux).");
    expect(rows, "bad@1 al \"allow_unfree\":false,\"allowed_licenses\":[]",
           "The package 'bad' for aarch64-linux is insecure and insecure packages are not allowed.; "
           "The package 'bad' for aarch64-linux is broken and broken packages are not allowed.; "
           "The package 'bad' for aarch64-linux is unfree and unfree packages are not allowed.; "
           "The package 'bad' for aarch64-linux has a license that is not among the allowed licenses.; "
           "No version compatible with '1' found for 'bad' on 'aarch64-linux'.");
    expect(rows, "ok al; bad al; nope al",
           "The package 'bad' for aarch64-linux is insecure and insecure packages are not allowed.; "
           "The package 'bad' for aarch64-linux is broken and broken packages are not allowed.; " NOT_FOUND(
               "nope"));
    expect(rows, "ok@7 al; ok@7 al", "No version compatible with '7' found for 'ok' on 'aarch64-linux'.");
    expect(rows, "two al; ok al", TOO_TIGHT);
    expect(rows, "half@1 al", TOO_TIGHT);
}

static void an_empty_catalog_says_so(void **state)
{
    (void)state;
    static const struct small_page none[] = {{0, NULL}};
    static const struct row rows[] = {{0}};
    a = fh_arena_new();
    const struct resolve_group_answer *g = &answer_of(none, rows, NULL, "hello al", 0)->groups[0];
    assert_string_equal(read_back(g), NOT_FOUND("hello"));
    assert_non_null(strstr(g->messages.items[g->messages.n - 1].text, "catalog import"));
    assert_int_equal(g->messages.items[g->messages.n - 1].level, RESOLVE_TRACE);
    fh_arena_free(a);
}

static void traces_stand_behind_the_errors_and_contexts_are_complete(void **state)
{
    (void)state;
    static const struct row rows[] = {{.attr = "p", .system = "al", .page = 100, .version = "1"}, {0}};
    a = fh_arena_new();
    const struct resolve_messages *m = &answer_of(usual_pages, rows, NULL, "p@2 al", 0)->groups[0].messages;
    assert_int_equal(m->n, 4);
    assert_int_equal(m->items[0].level, RESOLVE_ERROR);
    assert_int_equal(m->items[0].ncontext, 3);
    assert_string_equal(m->items[0].context[0].key, "attr_path");
    assert_string_equal(m->items[0].context[1].value, "p");
    assert_string_equal(m->items[0].context[2].value, "aarch64-linux");
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(m->items[i].level, RESOLVE_TRACE);
        assert_string_equal(m->items[i].type, "resolution_logic");
        assert_string_equal(m->items[i].context[0].value, "GROUP");
    }
    assert_string_equal(
        m->items[1].text,
        "TRACE (GROUP): Group 'g' could not be resolved with strategy: Stage 1: Only allow missing builds "
        "for packages without current locked derivations.");
    fh_arena_free(a);
}

static void candidate_pages_are_the_next_that_fit(void **state)
{
    (void)state;
    static const struct row rows[] = {{.attr = "p", .system = "al", .page = 100, .version = "1"},
                                      {.attr = "p", .system = "al", .page = 200, .version = "2"},
                                      {.attr = "p", .system = "al", .page = 300, .version = "1.1"},
                                      {0}};
    a = fh_arena_new();
    const struct resolve_group_answer *g = &answer_of(usual_pages, rows, NULL, "p@1 al", 5)->groups[0];
    assert_int_equal(g->number, 300);
    assert_int_equal(g->nfurther, 1);
    assert_int_equal(g->further[0], 2);
    assert_int_equal(answer_of(usual_pages, rows, NULL, "p al", 1)->groups[0].nfurther, 1);
    fh_arena_free(a);
}

static void a_body_that_is_none_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"items\":null}",
        "{\"items\":[1]}",
        "{\"items\":[{\"descriptors\":[]}]}",
        "{\"items\":[{\"name\":\"g\"}]}",
        "{\"items\":[{\"name\":1,\"descriptors\":[]}]}",
        "{\"items\":[{\"name\":\"g\",\"descriptors\":[{}]}]}",
        "{\"items\":[{\"name\":\"g\",\"descriptors\":[{\"install_id\":\"i\",\"attr_path\":\"a\"}]}]}",
        "{\"items\":[{\"name\":\"g\",\"descriptors\":[{\"install_id\":\"i\",\"attr_path\":\"a\",\"systems\":["
        "\"riscv\"]}]}]}",
        "{\"items\":[{\"name\":\"g\",\"descriptors\":[{\"install_id\":\"i\",\"attr_path\":\"a\",\"systems\":["
        "1]}]}]}",
        "{\"items\":[{\"name\":\"g\",\"descriptors\":[{\"install_id\":\"i\",\"attr_path\":\"a\",\"systems\":["
        "],\"allow_broken\":1}]}]}",
    };
    a = fh_arena_new();
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct resolve_request *r;
        struct fh_error e = {0};
        if (resolve_request_parse(a, bodies[i], strlen(bodies[i]), &r, &e) != FH_MISMATCH || !*e.msg)
            fail_msg("not refused: %s", bodies[i]);
    }
    struct resolve_request *r;
    struct fh_error e;
    static const char bad[] =
        "{\"items\":[{\"name\":\"g\",\"extra\":{},\"descriptors\":[{\"install_id\":\"foo\",\"attr_path\":"
        "\"bar\",\"systems\":[],\"version\":\"=unstable-2023-03-23\"}]}]}";
    assert_int_equal(resolve_request_parse(a, bad, strlen(bad), &r, &e), FH_MISMATCH);
    assert_non_null(strstr(e.msg, "install_id 'foo', attr_path 'bar' and version '=unstable-2023-03-23'"));
    const char *end = "bad version spec: Invalid simple block '=unstable-2023-03-23'";
    assert_string_equal(e.msg + strlen(e.msg) - strlen(end), end);
    fh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_page_that_has_everything_wins),
        cmocka_unit_test(filters_walk_back_in_time),
        cmocka_unit_test(missing_builds_are_the_last_resort),
        cmocka_unit_test(pins_are_kept_where_they_can_be_and_dropped_silently),
        cmocka_unit_test(builds_of_owners_stand_on_their_page_and_later_ones),
        cmocka_unit_test(failures_are_told_as_clients_know_them),
        cmocka_unit_test(an_empty_catalog_says_so),
        cmocka_unit_test(traces_stand_behind_the_errors_and_contexts_are_complete),
        cmocka_unit_test(candidate_pages_are_the_next_that_fit),
        cmocka_unit_test(a_body_that_is_none_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
