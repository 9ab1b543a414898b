/* Walks against git rev-list. */
#include "gitbox.h"

#include "common/ceilings.h"
#include "server/git/wire_list.h"

static struct wire_packs *packs;
static struct wire_reader *reader;

static void open_all(void)
{
    box_run("git repack -adq");
    packs = box_packs(".git/objects/pack/*.pack", NULL);
    reader = wire_reader_new(packs);
}

static void close_all(void)
{
    wire_reader_free(reader);
    wire_packs_drop(packs);
    box_close();
}

/* Ids as rev-list has them, for a range as rev-list takes it. */
static struct wire_list git_list(const char *range)
{
    struct wire_list list;
    wire_list_init(&list);
    char *text = box_text("git rev-list --objects --no-object-names %s", range), *save = NULL;
    for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
        struct fh_oid oid;
        assert_true(fh_oid_parse(p, strlen(p), &oid));
        wire_list_add(&list, &oid, WIRE_BLOB, 0);
    }
    free(text);
    return list;
}

static struct wire_list our_list(const char *wants, const char *haves)
{
    struct fh_oid ids[2][8];
    size_t n[2] = {0, 0};
    const char *words[2] = {wants, haves};
    struct wire_list list;
    for (int k = 0; k < 2; k++) {
        char copy[200], *save = NULL;
        snprintf(copy, sizeof copy, "%s", words[k]);
        for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
            ids[k][n[k]++] = box_oid(p);
    }
    assert_ok(wire_walk_list(reader, ids[0], n[0], ids[1], n[1], 1000, &list, &e));
    return list;
}

/* Ours holds all that git would send; and, if exactly, nothing else. Types are right. */
static void compare(const char *wants, const char *haves, bool exactly)
{
    char range[500];
    snprintf(range, sizeof range, "%s --not %s", wants, haves);
    struct wire_list git = git_list(range), ours = our_list(wants, haves);
    for (size_t i = 0; i < git.n; i++)
        assert_true(wire_list_has(&ours, &git.items[i].oid, NULL));
    if (exactly)
        assert_int_equal(ours.n, git.n);
    for (size_t i = 0; i < ours.n; i++) {
        enum wire_type type;
        uint64_t size;
        size_t at;
        assert_true(wire_list_has(&ours, &ours.items[i].oid, &at));
        assert_int_equal(at, i);
        assert_ok(wire_read_header(reader, &ours.items[i].oid, &type, &size, &e));
        assert_int_equal(type, ours.items[i].type);
    }
    wire_list_free(&git);
    wire_list_free(&ours);
}

static void the_list_of_a_clone_is_rev_lists(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 25, 3);
    box_generations("api", 5, 4);
    open_all();
    compare("web", "", true);
    compare("web api", "", true);
    compare("web web~3", "", true);
    close_all();
}

static void the_list_of_a_fetch_is_rev_lists(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 25, 3);
    box_generations("api", 5, 4);
    open_all();
    for (int back = 1; back < 25; back += 3) {
        char have[32];
        snprintf(have, sizeof have, "web~%d", back);
        compare("web", have, true);
    }
    compare("web", "web", true);
    compare("web~5", "web", true);
    compare("web", "api", true);
    compare("web api", "web~2 api~1", true);
    close_all();
}

static void forks_merges_and_clocks_that_go_wrong_lose_nothing(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 8, 3);
    box_run("git checkout -qf web && git checkout -qb side web~4 && "
            "for i in 1 2 3; do echo $i >side-$i && git add side-$i && "
            "GIT_COMMITTER_DATE=\"$((1760000000 - i * 100000)) +0000\" git commit -qm s$i; done && "
            "git merge -q -m merged web && git branch merged && "
            "git checkout -q -b revert && git revert -n HEAD~1 && git commit -qm reverted");
    open_all();
    compare("merged", "", true);
    compare("merged", "web", false);
    compare("merged", "side~1", false);
    compare("revert", "merged", false);
    compare("revert", "web~2 side", false);
    compare("web", "merged", true);
    compare("side~2", "web", false);
    close_all();
}

static void a_blob_that_only_moved_is_not_lost(void **state)
{
    (void)state;
    box_open();
    box_run("mkdir -p 1/env && seq 1000 >1/env/manifest.lock && git add . && git commit -qm 1 && git branch "
            "one && "
            "cp -r 1 2 && echo x >2/env/manifest.toml && git add . && git commit -qm 2 && git branch two");
    open_all();
    compare("two", "one", false);
    compare("two", "", true);
    close_all();
}

static void what_cannot_be_listed_says_why(void **state)
{
    (void)state;
    struct wire_list list;
    struct fh_error e;
    struct fh_oid oids[2] = {{{1}}, {{0}}};
    box_open();
    box_generations("web", 12, 3);
    open_all();
    assert_int_equal(wire_walk_list(reader, oids, 1, NULL, 0, 100, &list, &e), FH_NOT_FOUND);
    oids[1] = box_oid("web^{tree}");
    assert_int_equal(wire_walk_list(reader, oids + 1, 1, NULL, 0, 100, &list, &e), FH_INVALID);
    oids[1] = box_oid("web");
    assert_int_equal(wire_walk_list(reader, oids + 1, 1, NULL, 0, 11, &list, &e), FH_TOO_LARGE);
    close_all();
}

static void ancestors_are_told_from_strangers(void **state)
{
    (void)state;
    bool yes;
    box_open();
    box_generations("web", 12, 3);
    box_generations("api", 12, 4);
    open_all();
    struct fh_oid tips[2] = {box_oid("api~3"), box_oid("web")}, old = box_oid("web~11"),
                  other = box_oid("api");
    assert_ok(wire_walk_is_ancestor(reader, &old, tips, 2, 100, &yes, &e));
    assert_true(yes);
    assert_ok(wire_walk_is_ancestor(reader, &tips[0], tips, 2, 100, &yes, &e));
    assert_true(yes);
    assert_ok(wire_walk_is_ancestor(reader, &other, tips, 2, 100, &yes, &e));
    assert_false(yes);
    assert_ok(wire_walk_is_ancestor(reader, &other, tips, 0, 100, &yes, &e));
    assert_false(yes);
    close_all();
}

static void verifying_counts_everything_and_finds_what_is_unsound(void **state)
{
    (void)state;
    size_t n;
    struct fh_error e;
    box_open();
    box_generations("web", 9, 3);
    box_run("git checkout -qf web && ln -s x link && git add link && git commit -qm link && git branch link");
    open_all();
    struct fh_oid web = box_oid("web~1"), linked = box_oid("link");
    assert_int_equal(wire_walk_verify(reader, &web, 1, &n, &e), FH_OK);
    assert_int_equal(n, 9 * 7);
    assert_int_equal(wire_walk_verify(reader, &linked, 1, &n, &e), FH_INVALID);
    assert_non_null(strstr(e.msg, "symbolic link"));
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_of_a_clone_is_rev_lists),
        cmocka_unit_test(the_list_of_a_fetch_is_rev_lists),
        cmocka_unit_test(forks_merges_and_clocks_that_go_wrong_lose_nothing),
        cmocka_unit_test(a_blob_that_only_moved_is_not_lost),
        cmocka_unit_test(what_cannot_be_listed_says_why),
        cmocka_unit_test(ancestors_are_told_from_strangers),
        cmocka_unit_test(verifying_counts_everything_and_finds_what_is_unsound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
