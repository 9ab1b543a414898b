/* Snapshots, fetches, pushes and compaction against a real database, with git as the oracle and without HTTP.
 */
#include "gitbox.h"
#include "test_cluster.h"

#include "common/ceilings.h"
#include "common/pkt.h"
#include "server/git/wire_compact.h"
#include "server/git/wire_fetch.h"
#include "server/git/wire_materialise.h"
#include "server/git/wire_push.h"

#include <pthread.h>

static struct test_cluster cluster;
static struct wire_repos *repos;
static const struct auth_policy policy;
static struct auth_actor alice = {.state = AUTH_VALID,
                                  .kind = STORE_USER,
                                  .handle = "alice",
                                  .scope = STORE_SCOPE_WRITE,
                                  .challenge_answered = true};
static const struct auth_actor nobody = {.state = AUTH_ANONYMOUS, .challenge_answered = true};

static fh_err make_alice(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct store_owner owner = {.kind = STORE_USER, .handle = (char[]){"alice"}};
    fh_err rc = store_owner_create(c, a, &owner, arg, e);
    fh_arena_free(a);
    return rc;
}

static void open_repos(void)
{
    struct wire_repos_config config = {
        .data = cluster.data,
        .pool = cluster.pool,
        .pack_cache_bytes = (size_t)8 << 20,
        .delta_cache_bytes = (size_t)8 << 20,
        .ref_log_days = 90,
    };
    assert_ok(wire_repos_open(&config, &repos, &e));
}

static int set_up(void **state)
{
    (void)state;
    box_open();
    test_cluster_start(&cluster, true);
    assert_ok(db_transaction(cluster.pool, make_alice, &alice.owner_id, &e));
    open_repos();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wire_repos_close(repos);
    test_cluster_stop(&cluster);
    box_close();
    return 0;
}

/* --- a push, as git would send it --- */

static struct fh_buf push_body(const char *name, const struct fh_oid *old_tip, const struct fh_oid *new_tip)
{
    struct fh_buf body = FH_BUF_INIT((size_t)64 << 20), pack = body;
    struct fh_error e;
    char from[FH_OID_HEX + 1], to[FH_OID_HEX + 1];
    fh_oid_format(old_tip, from);
    fh_oid_format(new_tip, to);
    assert_int_equal(
        fh_pkt_addf(&body, &e, "%s %s refs/heads/%s%c report-status side-band-64k", from, to, name, 0),
        FH_OK);
    assert_int_equal(fh_pkt_add_flush(&body, &e), FH_OK);
    assert_int_equal(box_try(&pack, "printf '%%s\\n' %s %s%s | git pack-objects -q --revs --stdout", to,
                             fh_oid_is_zero(old_tip) ? "" : "^", fh_oid_is_zero(old_tip) ? "" : from),
                     0);
    assert_int_equal(fh_buf_add(&body, pack.data, pack.len, &e), FH_OK);
    fh_buf_free(&pack);
    return body;
}

/* True when it was accepted; the answer's bytes in text (may be NULL), freed by the caller. */
static bool push_bytes(const struct auth_actor *actor, const struct fh_buf *body, char **text)
{
    struct fh_arena *a = fh_arena_new();
    struct wire_caller caller = {&policy, actor};
    struct wire_push_job job = {
        .repos = repos,
        .caller = &caller,
        .arena = a,
        .owner = "alice",
        .data = body->data,
        .fd = -1,
        .size = body->len,
        .rules = {STORE_PUBLIC, STORE_PRIVATE, 0},
    };
    struct wire_answer answer;
    struct fh_oid tip;
    bool changed;
    struct fh_error e = {0};
    fh_err rc = wire_push_answer(&job, &answer, &changed, &tip, &e);
    if (rc != FH_OK)
        fail_msg("%s", e.msg);
    if (text)
        *text = fh_xstrndup(answer.data, answer.size);
    fh_arena_free(a);
    return changed;
}

static bool push(const char *name, const struct fh_oid *old_tip, const struct fh_oid *new_tip)
{
    struct fh_buf body = push_body(name, old_tip, new_tip);
    bool changed = push_bytes(&alice, &body, NULL);
    fh_buf_free(&body);
    return changed;
}

/* --- a fetch --- */

/* The answer's bytes; inlined: it was a repetition that needed no builder. */
static struct fh_buf ask(const struct auth_actor *actor, const char *request, size_t n, bool *inlined)
{
    struct fh_arena *a = fh_arena_new();
    struct wire_caller caller = {&policy, actor};
    const struct wire_snapshot *s;
    struct wire_v2 v2;
    struct wire_answer answer;
    struct fh_buf out = FH_BUF_INIT((size_t)64 << 20);
    assert_ok(wire_repo_hold(repos, "alice", false, &s, &e));
    struct wire_fetch_job job = {
        .repos = repos, .view = wire_view_make(a, &caller, s), .arena = a, .version = 2};
    wire_fetch_digest(job.view, 2, request, n, &job.digest);
    bool again = wire_fetch_repeat(repos, &job.digest, &answer);
    if (!again) {
        struct fh_error e = {0};
        assert_int_equal(wire_request_v2(a, request, n, &v2, &e), FH_OK);
        fh_err rc = wire_fetch_answer(&job, &v2.fetch, &answer, &e);
        if (rc != FH_OK) {
            assert_int_equal(fh_buf_add_str(&out, e.msg, &e), FH_OK);
            answer = (struct wire_answer){.fd = -1};
        }
    }
    if (answer.fd >= 0) {
        char *where;
        struct fh_error e;
        assert_int_equal(fh_buf_reserve(&out, answer.size, &where, &e), FH_OK);
        assert_int_equal(pread(answer.fd, where, answer.size, 0), answer.size);
        out.len += answer.size;
        close(answer.fd);
    } else {
        struct fh_error e;
        assert_int_equal(fh_buf_add(&out, answer.data, answer.size, &e), FH_OK);
    }
    if (inlined)
        *inlined = again;
    wire_repo_drop(repos, s);
    fh_arena_free(a);
    return out;
}

static struct fh_buf clone_request(const struct fh_oid *want)
{
    struct fh_buf b = FH_BUF_INIT(4096);
    struct fh_error e;
    char hex[FH_OID_HEX + 1];
    fh_oid_format(want, hex);
    assert_int_equal(fh_pkt_addf(&b, &e, "command=fetch\n"), FH_OK);
    assert_int_equal(fh_pkt_add_delim(&b, &e), FH_OK);
    assert_int_equal(fh_pkt_addf(&b, &e, "ofs-delta\n"), FH_OK);
    assert_int_equal(fh_pkt_addf(&b, &e, "want %s\n", hex), FH_OK);
    assert_int_equal(fh_pkt_addf(&b, &e, "done\n"), FH_OK);
    assert_int_equal(fh_pkt_add_flush(&b, &e), FH_OK);
    return b;
}

static struct fh_buf clone_tip(const struct auth_actor *actor, const struct fh_oid *tip, bool *inlined)
{
    struct fh_buf request = clone_request(tip);
    struct fh_buf out = ask(actor, request.data, request.len, inlined);
    fh_buf_free(&request);
    return out;
}

static struct fh_buf pack_in(const struct fh_buf *answer)
{
    struct fh_pkt_reader r = {answer->data, answer->data + answer->len};
    struct fh_buf pack = FH_BUF_INIT((size_t)64 << 20);
    struct fh_pkt p;
    assert_ok(fh_pkt_next(&r, &p, &e));
    assert_true(fh_pkt_is(&p, "packfile"));
    for (;;) {
        struct fh_error e;
        assert_int_equal(fh_pkt_next(&r, &p, &e), FH_OK);
        if (p.kind == FH_PKT_FLUSH)
            break;
        assert_int_equal(p.data[0], 1);
        assert_int_equal(fh_buf_add(&pack, p.data + 1, p.len - 1, &e), FH_OK);
    }
    assert_ptr_equal(r.at, r.end);
    return pack;
}

/* git takes the pack, and it holds all of the commit's history. */
static void assert_whole_clone(const struct fh_oid *tip)
{
    struct fh_buf answer = clone_tip(&nobody, tip, NULL);
    struct fh_buf pack = pack_in(&answer);
    char hex[FH_OID_HEX + 1];
    fh_oid_format(tip, hex);
    box_save("answer.pack", &pack);
    box_run(
        "rm -rf taken && git init -q --bare taken && git -C taken index-pack --strict --stdin <answer.pack "
        ">/dev/null && git -C taken update-ref refs/heads/x %s && git -C taken fsck --strict >/dev/null 2>&1",
        hex);
    char *count = box_text("git -C taken rev-list --objects --all | wc -l"),
         *want = box_text("git rev-list --objects %s | wc -l", hex);
    assert_string_equal(count, want);
    free(count);
    free(want);
    fh_buf_free(&pack);
    fh_buf_free(&answer);
}

static size_t packs_now(void)
{
    const struct wire_snapshot *s;
    assert_ok(wire_repo_hold(repos, "alice", false, &s, &e));
    size_t n = s->repo.npacks;
    wire_repo_drop(repos, s);
    return n;
}

/* --- tests --- */

static const struct fh_oid none;

static void a_push_can_be_cloned_at_once(void **state)
{
    (void)state;
    box_generations("first", 5, 1);
    struct fh_oid tip = box_oid("first");
    assert_true(push("first", &none, &tip));
    assert_whole_clone(&tip);
    char *disk =
             box_text("git -c safe.directory='*' -C %s/git/alice/floxmeta.git rev-parse first", cluster.data),
         *here = box_text("git rev-parse first");
    assert_string_equal(disk, here);
    free(disk);
    free(here);
}

static void a_repeated_fetch_is_recalled_and_shared_by_others(void **state)
{
    (void)state;
    struct fh_oid tip = box_oid("first");
    bool inlined;
    struct fh_buf one = clone_tip(&nobody, &tip, NULL), two = clone_tip(&nobody, &tip, &inlined);
    assert_true(inlined);
    struct fh_buf three = clone_tip(&alice, &tip, NULL);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    assert_memory_equal(one.data, three.data, one.len);
    fh_buf_free(&one);
    fh_buf_free(&two);
    fh_buf_free(&three);
}

static void a_snapshot_is_answered_inline_until_something_changes(void **state)
{
    (void)state;
    const struct wire_snapshot *a, *b;
    struct fh_error e;
    assert_int_equal(wire_repo_hold(repos, "alice", false, &a, &e), FH_OK);
    assert_int_equal(wire_repo_hold(repos, "alice", true, &b, &e), FH_OK);
    assert_ptr_equal(a, b);
    wire_repo_drop(repos, b);
    wire_repos_changed(repos, "alice", 0);
    assert_int_equal(wire_repo_hold(repos, "alice", true, &b, &e), FH_AGAIN);
    assert_true(wire_packs_has(a->packs, &a->repo.envs[0].tip)); /* who holds it may read on */
    assert_int_equal(wire_repo_hold(repos, "alice", false, &b, &e), FH_OK);
    assert_int_not_equal(a->stamp, b->stamp);
    wire_repo_drop(repos, a);
    wire_repo_drop(repos, b);
    assert_int_equal(wire_repo_hold(repos, "nobody", false, &a, &e), FH_NOT_FOUND);
    assert_int_equal(wire_repo_hold(repos, "../alice", false, &a, &e), FH_NOT_FOUND);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void while_changes_cannot_be_heard_every_request_loads(void **state)
{
    (void)state;
    const struct wire_snapshot *a, *b;
    struct fh_error e;
    wire_repos_set_live(repos, never, NULL);
    assert_int_equal(wire_repo_hold(repos, "alice", true, &a, &e), FH_AGAIN);
    assert_int_equal(wire_repo_hold(repos, "alice", false, &a, &e), FH_OK);
    assert_int_equal(wire_repo_hold(repos, "alice", false, &b, &e), FH_OK);
    assert_ptr_not_equal(a, b);
    wire_repo_drop(repos, a);
    wire_repo_drop(repos, b);
    wire_repos_set_live(repos, NULL, NULL);
}

static void a_lost_or_damaged_folder_is_made_again(void **state)
{
    (void)state;
    struct fh_oid tip = box_oid("first");
    box_run("rm -rf %s/git %s/cache", cluster.data, cluster.data);
    wire_repos_changed(repos, NULL, 0);
    assert_whole_clone(&tip);
    box_run("for f in %s/git/alice/floxmeta.git/objects/pack/*.idx; do chmod 600 $f; s=$(stat -c %%s $f); "
            "head -c $s /dev/zero >$f; done",
            cluster.data);
    wire_repos_changed(repos, NULL, 0);
    box_run("rm -rf %s/cache", cluster.data);
    assert_whole_clone(&tip);
}

static void a_lost_race_is_ng_and_anothers_push_is_denied(void **state)
{
    (void)state;
    struct fh_oid tip = box_oid("first"), before = box_oid("first~1");
    char *text;
    struct fh_buf body = push_body("first", &before, &tip);
    assert_false(push_bytes(&alice, &body, &text));
    assert_non_null(strstr(text, "ng refs/heads/first fetch first"));
    free(text);
    struct auth_actor mallory = alice;
    mallory.owner_id = alice.owner_id + 1000;
    assert_false(push_bytes(&mallory, &body, &text));
    assert_non_null(strstr(text, "DENIED"));
    free(text);
    fh_buf_free(&body);
}

static void a_commit_of_nobody_cannot_be_taken_up_without_its_objects(void **state)
{
    (void)state;
    box_generations("unsent", 1, 77);
    struct fh_oid tip = box_oid("unsent");
    struct fh_buf body = FH_BUF_INIT(4096);
    struct fh_error e;
    char hex[FH_OID_HEX + 1], *text;
    fh_oid_format(&tip, hex);
    assert_int_equal(fh_pkt_addf(&body, &e, "%040d %s refs/heads/unsent%c report-status", 0, hex, 0), FH_OK);
    assert_int_equal(fh_pkt_add_flush(&body, &e), FH_OK);
    assert_false(push_bytes(&alice, &body, &text));
    assert_non_null(strstr(text, "ng refs/heads/unsent"));
    free(text);
    fh_buf_free(&body);
}

static void compaction_keeps_what_is_reachable_in_one_pack(void **state)
{
    (void)state;
    struct wire_compact_stats stats;
    box_generations("many", 12, 3);
    struct fh_oid old = none;
    for (int i = 11; i >= 0; i--) {
        char what[32];
        snprintf(what, sizeof what, "many~%d", i);
        struct fh_oid tip = box_oid(what);
        assert_true(push("many", &old, &tip));
        old = tip;
    }
    size_t before = packs_now();
    assert_true(before >= 12);
    assert_ok(wire_compact_owner(repos, "alice", true, &stats, &e));
    assert_int_equal(packs_now(), before);
    assert_ok(wire_compact_owner(repos, "alice", false, &stats, &e));
    assert_int_equal(stats.packs_before, before);
    assert_int_equal(packs_now(), 1);
    assert_whole_clone(&old);
    struct fh_oid first = box_oid("first");
    assert_whole_clone(&first);
    char *left = box_text("ls %s/git/alice/floxmeta.git/objects/pack/*.pack | wc -l", cluster.data);
    assert_true(strtol(left, NULL, 10) >= 1);
    free(left);
    assert_ok(wire_compact_owner(repos, "alice", false, &stats, &e));
    assert_int_equal(stats.packs_after, stats.packs_before);
}

static void note(void *arg, const char *sentence)
{
    char *all = arg;
    size_t n = strlen(all);
    snprintf(all + n, 4096 - n, "%s\n", sentence);
}

static void what_was_changed_by_hand_is_reported_and_written_again(void **state)
{
    (void)state;
    const struct wire_snapshot *s;
    char told[4096] = "";
    wire_repos_changed(repos, NULL, 0);
    assert_ok(wire_repo_hold(repos, "alice", false, &s, &e));
    assert_ok(wire_materialise_check(cluster.data, &s->repo, note, told, &e));
    assert_string_equal(told, "");
    box_run("cd %s/git/alice/floxmeta.git && echo ref: refs/heads/x >HEAD && echo '# mine' >packed-refs && "
            "echo %040d >refs/heads/planted && mkdir -p objects/ab && : >objects/pack/pack-mine.pack",
            cluster.data, 1);
    assert_ok(wire_materialise_check(cluster.data, &s->repo, note, told, &e));
    wire_repo_drop(repos, s);
    static const char *const said[] = {"HEAD is not", "packed-refs is not",
                                       "refs/heads/planted:", "objects/ab:", "objects/pack/pack-mine.pack:"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        assert_non_null(strstr(told, said[i]));
    wire_repos_changed(repos, NULL, 0);
    assert_ok(wire_repo_hold(repos, "alice", false, &s, &e));
    told[0] = '\0';
    assert_ok(wire_materialise_check(cluster.data, &s->repo, note, told, &e));
    assert_null(strstr(told, "HEAD"));
    assert_null(strstr(told, "packed-refs"));
    wire_repo_drop(repos, s);
}

/* --- many at once --- */

enum { THREADS = 4, ROUNDS = 8 };

struct worker {
    int number;
    struct fh_buf bodies[ROUNDS];
    struct fh_oid tips[ROUNDS];
    int accepted;
};

static void *push_all(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < ROUNDS; i++)
        w->accepted += push_bytes(&alice, &w->bodies[i], NULL);
    return NULL;
}

static void *compact_all(void *arg)
{
    struct wire_compact_stats stats;
    struct fh_error e;
    int *failed = arg;
    for (int i = 0; i < ROUNDS; i++) {
        fh_err rc = wire_compact_owner(repos, "alice", false, &stats, &e);
        *failed += rc != FH_OK && rc != FH_AGAIN;
    }
    return NULL;
}

static void *clone_all(void *arg)
{
    const struct fh_oid *tip = arg;
    for (int i = 0; i < 4 * ROUNDS; i++) {
        struct fh_buf answer = clone_tip(&nobody, tip, NULL);
        struct fh_buf pack = pack_in(&answer);
        fh_buf_free(&pack);
        fh_buf_free(&answer);
    }
    return NULL;
}

static void pushes_fetches_and_compactions_at_once_lose_nothing(void **state)
{
    (void)state;
    struct worker workers[THREADS] = {0};
    pthread_t threads[THREADS + 2];
    struct fh_oid first = box_oid("first");
    int failed = 0;
    for (int t = 0; t < THREADS; t++) {
        char name[32], what[64];
        snprintf(name, sizeof name, "worker%d", t);
        box_generations(name, ROUNDS, (uint64_t)t + 100);
        for (int i = 0; i < ROUNDS; i++) {
            snprintf(what, sizeof what, "%s~%d", name, ROUNDS - 1 - i);
            workers[t].tips[i] = box_oid(what);
            workers[t].bodies[i] = push_body(name, i ? &workers[t].tips[i - 1] : &none, &workers[t].tips[i]);
        }
    }
    for (int t = 0; t < THREADS; t++)
        pthread_create(&threads[t], NULL, push_all, &workers[t]);
    pthread_create(&threads[THREADS], NULL, compact_all, &failed);
    pthread_create(&threads[THREADS + 1], NULL, clone_all, &first);
    for (int t = 0; t < THREADS + 2; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(failed, 0);
    for (int t = 0; t < THREADS; t++) {
        assert_int_equal(workers[t].accepted, ROUNDS);
        assert_whole_clone(&workers[t].tips[ROUNDS - 1]);
        for (int i = 0; i < ROUNDS; i++)
            fh_buf_free(&workers[t].bodies[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_can_be_cloned_at_once),
        cmocka_unit_test(a_repeated_fetch_is_recalled_and_shared_by_others),
        cmocka_unit_test(a_snapshot_is_answered_inline_until_something_changes),
        cmocka_unit_test(while_changes_cannot_be_heard_every_request_loads),
        cmocka_unit_test(a_lost_or_damaged_folder_is_made_again),
        cmocka_unit_test(a_lost_race_is_ng_and_anothers_push_is_denied),
        cmocka_unit_test(a_commit_of_nobody_cannot_be_taken_up_without_its_objects),
        cmocka_unit_test(compaction_keeps_what_is_reachable_in_one_pack),
        cmocka_unit_test(what_was_changed_by_hand_is_reported_and_written_again),
        cmocka_unit_test(pushes_fetches_and_compactions_at_once_lose_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
