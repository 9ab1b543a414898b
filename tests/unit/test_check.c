/* The check of a push: hidden and absent objects, unsound ones, and all that honest clients send. And the
 * rules for single objects, beside the verdicts of git fsck --strict. */
#include "gitbox.h"

#include "common/ceilings.h"

static const char not_there[] = "The push refers to an object that is not there.";

/* The server has what is in packs/ (repacked from these tips); the pusher may read `readable`. */
static struct wire_packs *server;

static void serve(void)
{
    box_run("git repack -adq && rm -rf packs && cp -r .git/objects/pack packs");
    server = box_packs("packs/*.pack", NULL);
}

/* What was pushed so far is now there. */
static void serve_again(void)
{
    wire_packs_drop(server);
    serve();
}

static void serve_end(void)
{
    wire_packs_drop(server);
    box_close();
}

/* Pushes the objects that the shell line names (one id a line) with tip; readable: names, by spaces. */
static fh_err push(const char *objects, const char *tip, const char *readable, struct fh_error *e)
{
    struct fh_oid tips[16], new_tip = box_oid(tip);
    char copy[200], *save = NULL;
    size_t n = 0;
    snprintf(copy, sizeof copy, "%s", readable);
    for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save))
        tips[n++] = box_oid(p);
    box_run("rm -rf in && mkdir in && (%s) | git pack-objects -q in/pack >/dev/null", objects);
    struct wire_packs *both = box_packs("in/*.pack", server);
    struct wire_reader *r = wire_reader_new(both);
    fh_err rc = wire_walk_check_push(r, &new_tip, tips, n, e);
    wire_reader_free(r);
    wire_packs_drop(both);
    return rc;
}

static void assert_taken(const char *objects, const char *tip, const char *readable)
{
    struct fh_error e = {0};
    if (push(objects, tip, readable, &e) != FH_OK)
        fail_msg("%s: %s", objects, e.msg);
}

static void assert_refused(const char *objects, const char *tip, const char *readable, const char *words)
{
    struct fh_error e = {0};
    fh_err rc = push(objects, tip, readable, &e);
    if (rc != FH_INVALID || !strstr(e.msg, words))
        fail_msg("%s: %s: %s", objects, fh_err_name(rc), e.msg);
}

#define RANGE "git rev-list --objects --no-object-names "

static void what_git_pushes_is_taken(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 12, 3);
    box_run("git branch old web~4");
    serve();
    assert_taken(RANGE "web", "web", "");             /* a first push */
    assert_taken(RANGE "web ^web~1", "web", "web~1"); /* the next generation */
    assert_taken(RANGE "web ^web~5", "web", "web~5"); /* several */
    assert_taken("true", "web", "web");               /* nothing new: an empty pack */
    assert_taken("true", "web~3", "web");             /* back to an old tip, by force */
    assert_taken(RANGE "web", "web", "web~7");        /* everything again */
    serve_end();
}

/* Objects that exist on the pusher's side alone are made after serve(). */
static void new_histories_of_every_shape_are_taken(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 8, 3);
    serve();
    /* a rollback: metadata alone changes */
    box_run("git checkout -qf web && echo '{}' >metadata.json && git commit -qam rollback");
    assert_taken(RANGE "web ^web~1", "web", "web~1");
    serve_again();
    /* an old tree again, as a revert of everything makes it: nothing but a commit is new */
    box_run("git branch again $(git commit-tree -p web -m again 'web~4^{tree}')");
    assert_taken(RANGE "again ^web", "again", "web");
    assert_taken("git rev-parse again", "again", "web");
    /* an old blob at a new place, as an upgrade without a change of the manifest makes it */
    box_run("mkdir -p 9/env && cp 8/env/manifest.toml 9/env/ && echo new >9/env/manifest.lock && "
            "git add 9 && git commit -qm nine");
    assert_taken(RANGE "web ^web~1", "web", "web~1");
    assert_taken("git rev-parse web web^{tree} web:9 web:9/env web:9/env/manifest.lock", "web", "web~1");
    serve_again();
    /* a folder that only an older generation had, at another place */
    box_run("git rm -rq 1 && git commit -qm without");
    serve_again();
    box_run("git read-tree --prefix=x/ web~10:1 && git commit -qm "
            "back");
    assert_taken("git rev-parse web web^{tree} web:x", "web", "web~1");
    serve_again();
    /* history that has nothing to do with it, and a merge of both */
    box_run(
        "git checkout -q --orphan other && git rm -rfq . && echo o >o && git add o && git commit -qm o && "
        "git branch merged $(git commit-tree -p web -p other -m m web^{tree})");
    assert_taken(RANGE "other", "other", "web");
    assert_taken(RANGE "merged ^web", "merged", "web");
    serve_again();
    assert_taken("git rev-parse merged", "merged", "web other");
    serve_end();
}

static void hidden_and_absent_objects_are_refused_in_the_same_words(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 4, 3);
    box_generations("secret", 4, 99);
    serve();
    /* the hidden tip itself, or a commit upon it */
    assert_refused("true", "secret", "web", not_there);
    assert_refused("true", "secret~2", "web", not_there);
    box_run("git branch upon $(git commit-tree -p secret -m x web^{tree})");
    assert_refused("git rev-parse upon", "upon", "web", not_there);
    box_run("git branch beside $(git commit-tree -p web -p secret -m x web^{tree})");
    assert_refused("git rev-parse beside", "beside", "web", not_there);
    /* a hidden tree, in whole or in part, or a hidden blob under a name of one's own */
    box_run("git branch whole $(git commit-tree -p web -m x secret^{tree})");
    assert_refused("git rev-parse whole", "whole", "web", not_there);
    box_run(
        "git checkout -qf web && git read-tree --prefix=s/ secret:2 && git commit -qm s && git branch part");
    assert_refused("git rev-parse part part^{tree}", "part", "web~1", not_there);
    box_run("git checkout -q web~1 && git update-index --add --cacheinfo 100644,$(git rev-parse "
            "secret:2/env/manifest.lock),m && git commit -qm m && git branch blob");
    assert_refused("git rev-parse blob blob^{tree}", "blob", "web~1", not_there);
    /* the same where a readable file had been: the name alone does not open it */
    box_run("git checkout -q web~1 && git update-index --cacheinfo 100644,$(git rev-parse "
            "secret:2/env/manifest.lock),metadata.json && git commit -qm m && git branch over");
    assert_refused("git rev-parse over over^{tree}", "over", "web~1", not_there);
    /* and what is nowhere */
    box_run("git branch nowhere $(printf 'tree %%040d\\nauthor b <b> 1 +0000\\ncommitter b <b> 1 "
            "+0000\\n\\nx' 7 | "
            "git hash-object -t commit -w --stdin --literally)");
    assert_refused("git rev-parse nowhere", "nowhere", "web~1", not_there);
    /* whoever may read it, or sends it all, has it */
    assert_taken("git rev-parse blob blob^{tree}", "blob", "web~1 secret");
    assert_taken("git rev-parse blob blob^{tree} secret:2/env/manifest.lock", "blob", "web~1");
    assert_taken(RANGE "upon", "upon", "web~1");
    serve_end();
}

/* Branch x: upon web, a tree of one entry that says of an object what it is not. */
static void commit_entry(const char *mode, const char *what)
{
    struct fh_oid oid = box_oid(what);
    struct fh_buf raw = FH_BUF_INIT(1000);
    mill_add(&raw, mode, strlen(mode));
    mill_add(&raw, " a", 3);
    mill_add(&raw, oid.id, sizeof oid.id);
    box_save("raw", &raw);
    fh_buf_free(&raw);
    box_run("git branch -f x $(git commit-tree -p web -m x $(git hash-object -t tree -w --literally raw))");
}

static void objects_of_the_wrong_kind_are_refused(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 4, 3);
    serve();
    commit_entry("40000", "web:metadata.json");
    assert_refused("git rev-parse x x^{tree}", "x", "web", "another kind");
    assert_refused("git rev-parse x x^{tree} web:metadata.json", "x", "web", "another kind");
    commit_entry("100644", "web:1");
    assert_refused("git rev-parse x x^{tree}", "x", "web", "another kind");
    commit_entry("100644", "web");
    assert_refused("git rev-parse x x^{tree} web", "x", "web", "another kind");
    box_run("git update-ref refs/blob $(git rev-parse web:metadata.json)");
    assert_refused("git rev-parse refs/blob", "refs/blob", "web", "must point at a commit");
    box_run("git tag -a -m t tagged web");
    assert_refused("git rev-parse tagged", "web", "web", "Tags are not taken");
    serve_end();
}

static void nesting_has_an_end_also_when_old_folders_are_put_deeper(void **state)
{
    (void)state;
    box_open();
    box_run("mkdir -p a/a/a/a/a/a/a && echo x >a/a/a/a/a/a/a/f && git add a && git commit -qm deep && git "
            "branch ok");
    serve();
    assert_taken(RANGE "ok", "ok", "");
    box_run("git read-tree --prefix=b/ ok:a/a && git commit -qm shallower && git branch ok2");
    assert_taken("git rev-parse ok2 ok2^{tree}", "ok2", "ok");
    serve_again();
    box_run("git read-tree --prefix=c/d/ ok:a && git commit -qm deeper && git branch no");
    assert_refused("git rev-parse no no^{tree} no:c", "no", "ok2", "nests folders");
    box_run("git checkout -qf --detach ok && mkdir -p a/a/a/a/a/a/a/a && echo >a/a/a/a/a/a/a/a/f && git add "
            "a && git "
            "commit -qm 9");
    assert_refused(RANGE "HEAD ^ok", "HEAD", "ok", "nests folders");
    /* a new folder that is good where it comes first, and too deep where it comes again */
    box_run("git checkout -q --orphan twice && git rm -rfq . && mkdir -p p/1/2/3/4/5/6 && echo t "
            ">p/1/2/3/4/5/6/f && "
            "git add p && git commit -qm once && git branch once && git read-tree --prefix=q/r/ once:p && "
            "git commit -q --amend -m twice");
    assert_taken(RANGE "once", "once", "");
    assert_refused(RANGE "twice", "twice", "", "nests folders");
    serve_end();
}

static void junk_in_a_pack_must_be_sound_too(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 2, 3);
    serve();
    box_run("echo junk >j && git update-ref refs/junk $(git hash-object -w j)");
    assert_taken(RANGE "web; git rev-parse refs/junk", "web", "");
    box_run("printf 'tree' >raw && git update-ref refs/bad $(git hash-object -t tree -w --literally raw) || "
            "git hash-object -t tree -w --literally raw >bad");
    assert_refused(RANGE "web; cat bad 2>/dev/null || git rev-parse refs/bad", "web", "", "malformed");
    serve_end();
}

/* --- single objects, beside git --- */

struct sample {
    const char *bytes;
    size_t n;
    bool ours; /* is it refused by us? */
    bool gits; /* and by git fsck --strict? */
};
#define ID     "abcdefghijklmnopqrst"
#define FOLDER "bcdefghijklmnopqrstu"
#define TREE(text, ours, gits)                                                                               \
    {                                                                                                        \
        text, sizeof text - 1, ours, gits                                                                    \
    }

static const struct sample trees[] = {
    TREE("100644 a\0" ID, false, false),
    TREE("", false, false),
    TREE("100755 a\0" ID "40000 b\0" FOLDER, false, false),
    TREE("100644 a\0" ID "100644 a.b\0" ID "40000 ab\0" FOLDER, false, false),
    TREE("100644 a.b\0" ID "40000 a\0" FOLDER, false, false),
    TREE("100644 ..\0" ID, true, true),
    TREE("100644 .\0" ID, true, true),
    TREE("100644 .git\0" ID, true, true),
    TREE("40000 .GIT\0" FOLDER, true, true),
    TREE("40000 git~1\0" FOLDER, true, true),
    TREE("40000 GIT~1\0" FOLDER, true, true),
    TREE("40000 .git \0" FOLDER, true, true),
    TREE("40000 .git.. .\0" FOLDER, true, true),
    TREE("40000 .git::$INDEX\0" FOLDER, true, true),
    TREE("40000 .g\xe2\x80\x8cit\0" FOLDER, true, true),
    TREE("40000 \xef\xbb\xbf.git\0" FOLDER, true, true),
    TREE("40000 a\\.git\0" FOLDER, true, true),
    TREE("120000 .gitmodules\0" ID, true, true),
    TREE("100644 ../evil\0" ID, true, true),
    TREE("100644 a/b\0" ID, true, true),
    TREE("100644 b\0" ID "100644 a\0" ID, true, true),
    TREE("40000 a\0" FOLDER "100644 a.b\0" ID, true, true),
    TREE("100644 a\0" ID "100644 a\0" ID, true, true),
    TREE("100644 a\0" ID "40000 a\0" FOLDER, true, true),
    TREE("100644 a\0" ID "100644 a.b\0" ID "40000 a\0" FOLDER, true, true),
    TREE("100644 \0" ID, true, true),
    TREE("0100644 a\0" ID, true, true),
    TREE("040000 a\0" FOLDER, true, true),
    TREE("100644 a\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", true, true),
    TREE("100644 a\0abcdefghijklmnopqrs", true, true),
    TREE("100644 a", true, true),
    TREE("100644", true, true),
    TREE("x00644 a\0" ID, true, true),
    /* what git lets be, or warns of alone */
    TREE("120000 a\0" ID, true, false),
    TREE("160000 a\0" ID, true, false),
    TREE("100664 a\0" ID, true, true),
    TREE("100600 a\0" ID, true, true),
    TREE("100644 a\nb\0" ID, true, false),
    TREE("100644 .gitx\0" ID, true, false),
};

#define HEAD      "tree 6161616161616161616161616161616161616161\n"
#define PARENT    "parent 6262626262626262626262626262626262626262\n"
#define AUTHOR    "author A B <a@b> 1760000000 +0000\n"
#define COMMITTER "committer A B <a@b> 1760000000 +0000\n"

static const struct sample commits[] = {
    TREE(HEAD AUTHOR COMMITTER "\nmessage\n", false, false),
    TREE(HEAD PARENT PARENT AUTHOR COMMITTER "\n", false, false),
    TREE(HEAD AUTHOR COMMITTER "\n", false, false),
    TREE(HEAD AUTHOR COMMITTER, false, false),
    TREE(HEAD AUTHOR COMMITTER "gpgsig x\n y\n\nmessage", false, false),
    TREE(HEAD "author  <a@b> 0 -1200\n" COMMITTER "\nx", false, false),
    TREE(HEAD "author A <> 1 +0000\n" COMMITTER "\nx", false, false),
    TREE(AUTHOR COMMITTER "\nx", true, true),
    TREE("tree 61616161616161616161616161616161616161\n" AUTHOR COMMITTER "\nx", true, true),
    TREE(HEAD "parent x\n" AUTHOR COMMITTER "\nx", true, true),
    TREE(HEAD COMMITTER "\nx", true, true),
    TREE(HEAD AUTHOR "\nx", true, true),
    TREE(HEAD AUTHOR AUTHOR COMMITTER "\nx", true, true),
    TREE(HEAD COMMITTER AUTHOR "\nx", true, true),
    TREE(HEAD "author <a@b> 1 +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A<a@b> 1 +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A> <a@b> 1 +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b 1 +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@<b> 1 +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b>1 +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b> 01 +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b> x +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b> 99999999999999999999 +0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b> 1 0000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b> 1 +000\n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b> 1 +0000 \n" COMMITTER "\nx", true, true),
    TREE(HEAD "author A <a@b>\n" COMMITTER "\nx", true, true),
    TREE(HEAD AUTHOR COMMITTER "gpgsig x", true, true),
    TREE(HEAD AUTHOR COMMITTER "x\0y\n\nx", true, true),
    TREE(HEAD AUTHOR COMMITTER "\nx\0y", true, true),
    TREE("", true, true),
};

static void compare_with_git(enum wire_type type, const char *name, const struct sample *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fh_buf raw = FH_BUF_INIT(65536), out = FH_BUF_INIT(65536);
        struct fh_error e;
        mill_add(&raw, samples[i].bytes, samples[i].n);
        box_save("raw", &raw);
        /* An id has no objects behind it here: what git says of those is not meant. */
        int rc = box_try(
            &out,
            "o=$(git hash-object -t %s -w --literally raw); git fsck --strict --no-dangling $o 2>&1 | "
            "grep -v -E '^(missing|broken link|  +to|notice|Checking)' | grep -E 'error|fatal|warning' || "
            "true",
            name);
        assert_int_equal(rc, 0);
        bool gits = out.len > 0, ours = wire_fsck_object(type, raw.data, raw.len, &e) != FH_OK;
        if (ours != samples[i].ours || gits != samples[i].gits)
            fail_msg("%s %zu: we %s it (%s); git %s it: %s", name, i, ours ? "refuse" : "take",
                     ours ? e.msg : "", gits ? "refuses" : "takes", out.len ? out.data : "");
        box_run("rm -rf .git/objects/?? && git pack-refs --all");
        fh_buf_free(&raw);
        fh_buf_free(&out);
    }
}

static void trees_are_judged_at_least_as_strictly_as_by_git(void **state)
{
    (void)state;
    box_open();
    compare_with_git(WIRE_TREE, "tree", trees, sizeof trees / sizeof *trees);
    box_close();
}

static void commits_are_judged_as_strictly_as_by_git(void **state)
{
    (void)state;
    box_open();
    compare_with_git(WIRE_COMMIT, "commit", commits, sizeof commits / sizeof *commits);
    box_close();
}

static void names_and_counts_have_ceilings(void **state)
{
    (void)state;
    struct fh_buf tree = FH_BUF_INIT(1 << 24);
    struct fh_error e;
    char name[300];
    memset(name, 'n', sizeof name);
    for (int n = 255; n <= 256; n++) {
        fh_buf_clear(&tree);
        assert_int_equal(fh_buf_addf(&tree, &e, "100644 %.*s", n, name), FH_OK);
        mill_add(&tree, "\0" ID, 21);
        assert_int_equal(wire_fsck_object(WIRE_TREE, tree.data, tree.len, &e), n == 255 ? FH_OK : FH_INVALID);
    }
    fh_buf_clear(&tree);
    for (int i = 0; i <= FH_MAX_TREE_ENTRIES; i++) {
        fh_err want = i == FH_MAX_TREE_ENTRIES ? FH_INVALID : FH_OK;
        assert_int_equal(fh_buf_addf(&tree, &e, "100644 %08d", i), FH_OK);
        mill_add(&tree, "\0" ID, 21);
        if (i >= FH_MAX_TREE_ENTRIES - 1)
            assert_int_equal(wire_fsck_object(WIRE_TREE, tree.data, tree.len, &e), want);
    }
    fh_buf_free(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_git_pushes_is_taken),
        cmocka_unit_test(new_histories_of_every_shape_are_taken),
        cmocka_unit_test(hidden_and_absent_objects_are_refused_in_the_same_words),
        cmocka_unit_test(objects_of_the_wrong_kind_are_refused),
        cmocka_unit_test(nesting_has_an_end_also_when_old_folders_are_put_deeper),
        cmocka_unit_test(junk_in_a_pack_must_be_sound_too),
        cmocka_unit_test(trees_are_judged_at_least_as_strictly_as_by_git),
        cmocka_unit_test(commits_are_judged_as_strictly_as_by_git),
        cmocka_unit_test(names_and_counts_have_ceilings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
