/* Generations made on the hub, against a real database, with git as the oracle: the protocol's worked example
 * comes out with its ids; what is stored is read back; races, broken histories, and who may. */
#include "gitbox.h"
#include "test_cluster.h"

#include "server/git/wire_build.h"
#include "server/git/wire_make.h"

#include <pthread.h>

static struct test_cluster cluster;
static struct wire_repos *repos;
static const struct auth_policy policy;
static const struct wire_rules rules = {STORE_PUBLIC, STORE_PRIVATE, 0};
static struct auth_actor alice = {
    .state = AUTH_VALID, .kind = STORE_USER, .handle = "alice", .scope = STORE_SCOPE_WRITE};
static const struct auth_actor bob = {
    .state = AUTH_VALID, .kind = STORE_USER, .owner_id = 4711, .handle = "bob", .scope = STORE_SCOPE_WRITE};
static const struct auth_actor nobody = {.state = AUTH_ANONYMOUS};

static const char first_manifest[] = "schema-version = \"1.15.0\"\n";
static const char first_lock[] =
    "{\n  \"lockfile-version\": 1,\n  \"manifest\": {\n    \"schema-version\": \"1.15.0\",\n    \"hook\": "
    "{},\n    \"profile\": {},\n    \"options\": {}\n  },\n  \"packages\": []\n}";
static const char second_manifest[] =
    "schema-version = \"1.15.0\"\n\n[install]\nhello.pkg-path = \"hello\"\n";
static const char second_lock[] =
    "{\n  \"lockfile-version\": 1,\n  \"manifest\": {\n    \"schema-version\": \"1.15.0\",\n    \"install\": "
    "{\n      \"hello\": {\n        \"pkg-path\": \"hello\"\n      }\n    },\n    \"hook\": {},\n    "
    "\"profile\": {},\n    \"options\": {}\n  },\n  \"packages\": []\n}";
static const struct wire_files first = {{first_manifest, sizeof first_manifest - 1, {{0}}},
                                        {first_lock, sizeof first_lock - 1, {{0}}}};
static const struct wire_files second = {{second_manifest, sizeof second_manifest - 1, {{0}}},
                                         {second_lock, sizeof second_lock - 1, {{0}}}};

static fh_err make_alice(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct store_owner owner = {.kind = STORE_USER, .handle = (char[]){"alice"}};
    fh_err rc = store_owner_create(c, a, &owner, arg, e);
    fh_arena_free(a);
    return rc;
}

static int set_up(void **state)
{
    (void)state;
    box_open();
    test_cluster_start(&cluster, true);
    assert_ok(db_transaction(cluster.pool, make_alice, &alice.owner_id, &e));
    struct wire_repos_config config = {
        .data = cluster.data,
        .pool = cluster.pool,
        .pack_cache_bytes = (size_t)8 << 20,
        .delta_cache_bytes = (size_t)8 << 20,
        .ref_log_days = 90,
    };
    assert_ok(wire_repos_open(&config, &repos, &e));
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

/* --- making --- */

struct work {
    struct fh_arena *a;
    struct wire_caller caller;
    struct wire_make make;
    struct fh_oid tip;
    struct fh_error e;
};

static void begin(struct work *w, const char *name, enum fh_change_kind kind, int64_t when)
{
    *w = (struct work){.a = fh_arena_new(), .caller = {&policy, &alice}};
    w->make = (struct wire_make){
        .repos = repos,
        .caller = &w->caller,
        .arena = w->a,
        .remote = "127.0.0.1",
        .rules = &rules,
        .owner = "alice",
        .name = name,
        .action = "env.generation",
        .change = {.kind = kind, .author = "alice", .hostname = "laptop", .timestamp = when},
    };
}

static void end(struct work *w)
{
    fh_arena_free(w->a);
}

static void assert_id(const struct fh_oid *oid, const char *expected)
{
    char hex[FH_OID_HEX + 1];
    fh_oid_format(oid, hex);
    assert_string_equal(hex, expected);
}

static struct fh_oid tip_of(const char *name)
{
    const struct wire_snapshot *s;
    assert_ok(wire_repo_hold(repos, "alice", false, &s, &e));
    const struct store_env *env = wire_view_find(s, name);
    struct fh_oid tip = env ? env->tip : (struct fh_oid){0};
    wire_repo_drop(repos, s);
    return tip;
}

static struct fh_oid make_first(const char *name, enum store_visibility v)
{
    struct work w;
    begin(&w, name, FH_CHANGE_INITIALIZE, 1760000000);
    if (wire_make_environment(&w.make, v, &first, &w.tip, &w.e) != FH_OK)
        fail_msg("%s", w.e.msg);
    struct fh_oid tip = w.tip;
    end(&w);
    return tip;
}

static void git_finds_nothing_wrong(void)
{
    box_run("git -c safe.directory='*' -C %s/git/alice/floxmeta.git fsck --strict >/dev/null 2>&1",
            cluster.data);
}

static void the_worked_example_comes_out_with_the_ids_of_the_protocol(void **state)
{
    (void)state;
    static const char *const push[] = {"flox", "push"}, *const install[] = {"flox", "install", "hello"},
                             *const back[] = {"flox", "generations", "rollback"},
                             *const target[] = {"hello (hello)"};
    struct work w;
    begin(&w, "web", FH_CHANGE_IMPORT, 1760000000);
    w.make.change.has_command = true;
    w.make.change.command = push;
    w.make.change.ncommand = 2;
    assert_ok(wire_make_environment(&w.make, 0, &first, &w.tip, &e));
    assert_id(&w.tip, "685a3d2891950c2db2e095177bb73d2ecc4b8435");

    struct fh_oid from = w.tip;
    w.make.change.kind = FH_CHANGE_INSTALL;
    w.make.change.targets = target;
    w.make.change.ntargets = 1;
    w.make.change.command = install;
    w.make.change.ncommand = 3;
    w.make.change.timestamp = 1760003600;
    assert_ok(wire_make_generation(&w.make, &from, &second, &w.tip, &e));
    assert_id(&w.tip, "36e190fffff99fe21c726495cfc477cdbe5dc139");

    from = w.tip;
    w.make.change.kind = FH_CHANGE_SWITCH;
    w.make.change.command = back;
    w.make.change.timestamp = 1760007200;
    assert_ok(wire_make_generation(&w.make, &from, NULL, &w.tip, &e));
    assert_id(&w.tip, "f7111e2f6bb3a290cb180b7d0a58e50eaf184fdf");
    end(&w);
    char *disk =
        box_text("git -c safe.directory='*' -C %s/git/alice/floxmeta.git rev-parse web", cluster.data);
    assert_string_equal(disk, "f7111e2f6bb3a290cb180b7d0a58e50eaf184fdf");
    free(disk);
    git_finds_nothing_wrong();
}

static struct wire_stored *stored(struct fh_arena *a, const struct auth_actor *actor, const char *name)
{
    struct wire_caller caller = {&policy, actor};
    struct wire_stored *s = NULL;
    struct fh_error e = {0};
    fh_err rc = wire_stored_open(repos, a, &caller, "alice", name, AUTH_ENV_READ, false, &s, &e);
    assert_true(rc == FH_OK || rc == FH_NOT_FOUND);
    return s;
}

static void what_was_made_is_read_back_byte_for_byte(void **state)
{
    (void)state;
    struct fh_arena *a = fh_arena_new();
    const struct fh_metadata *m;
    struct wire_files files;
    struct fh_error why = {0};
    const struct wire_stored *s = stored(a, &nobody, "web");
    assert_non_null(s);
    assert_ok(wire_stored_metadata(s, &m, &e));
    assert_int_equal(m->total, 2);
    assert_int_equal(m->live, 1);
    assert_ok(fh_metadata_check(m, &e));
    assert_ok(wire_stored_files(s, 2, &files, &e));
    assert_int_equal(files.manifest.n, sizeof second_manifest - 1);
    assert_memory_equal(files.manifest.bytes, second_manifest, sizeof second_manifest);
    assert_string_equal(files.lock.bytes, second_lock);
    assert_int_equal(wire_stored_files(s, 3, &files, &why), FH_NOT_FOUND);
    assert_string_equal(why.msg, "This environment has no generation 3.");
    fh_arena_free(a);
}

static void what_is_private_looks_absent_and_unlisted_is_read_by_name(void **state)
{
    (void)state;
    struct fh_arena *a = fh_arena_new();
    struct wire_caller caller = {&policy, &bob};
    struct wire_stored *s;
    struct fh_error hidden = {0}, absent = {0};
    make_first("secret", STORE_PRIVATE);
    make_first("quiet", STORE_UNLISTED);
    assert_int_equal(
        wire_stored_open(repos, a, &caller, "alice", "secret", AUTH_ENV_READ, false, &s, &hidden),
        FH_NOT_FOUND);
    assert_int_equal(wire_stored_open(repos, a, &caller, "alice", "none", AUTH_ENV_READ, false, &s, &absent),
                     FH_NOT_FOUND);
    assert_string_equal(hidden.msg, absent.msg);
    assert_int_equal(wire_stored_open(repos, a, &caller, "nobody", "none", AUTH_ENV_READ, false, &s, &absent),
                     FH_NOT_FOUND);
    assert_string_equal(hidden.msg, absent.msg);
    assert_non_null(stored(a, &alice, "secret"));
    assert_non_null(stored(a, &bob, "quiet"));
    assert_int_equal(
        wire_stored_open(repos, a, &caller, "alice", "quiet", AUTH_ENV_WRITE, false, &s, &absent), FH_DENIED);
    fh_arena_free(a);
}

static void others_make_nothing_here(void **state)
{
    (void)state;
    struct work w;
    struct fh_oid from = tip_of("quiet");
    begin(&w, "mine", FH_CHANGE_INITIALIZE, 1760000000);
    w.caller.actor = &bob;
    assert_int_equal(wire_make_environment(&w.make, 0, &first, &w.tip, &w.e), FH_DENIED);
    w.make.name = "quiet";
    assert_int_equal(wire_make_generation(&w.make, &from, &second, &w.tip, &w.e), FH_DENIED);
    w.make.name = "secret";
    assert_int_equal(wire_make_generation(&w.make, &from, &second, &w.tip, &w.e), FH_NOT_FOUND);
    w.caller.actor = &nobody;
    assert_int_equal(wire_make_generation(&w.make, &from, &second, &w.tip, &w.e), FH_UNAUTHENTICATED);
    end(&w);
    struct fh_oid now = tip_of("quiet"), none = tip_of("mine");
    assert_true(fh_oid_equal(&from, &now));
    assert_true(fh_oid_is_zero(&none));
}

static void a_writer_does_not_make_public_what_is_private_by_default(void **state)
{
    (void)state;
    static const struct wire_rules closed = {STORE_PRIVATE, STORE_PRIVATE, 0};
    const struct auth_role role = {alice.owner_id, STORE_WRITER};
    struct auth_actor writer = bob;
    struct work w;
    writer.roles = &role;
    writer.nroles = 1;
    begin(&w, "chosen", FH_CHANGE_INITIALIZE, 1760000000);
    w.caller.actor = &writer;
    w.make.rules = &closed;
    for (enum store_visibility v = STORE_PUBLIC; v < STORE_PRIVATE; v++)
        assert_int_equal(wire_make_environment(&w.make, v, &first, &w.tip, &w.e), FH_DENIED);
    assert_int_equal(wire_make_environment(&w.make, STORE_PRIVATE, &first, &w.tip, &w.e), FH_OK);
    w.caller.actor = &alice;
    w.make.name = "chosen-by-its-owner";
    assert_int_equal(wire_make_environment(&w.make, STORE_PUBLIC, &first, &w.tip, &w.e), FH_OK);
    end(&w);
}

static void a_name_is_made_once_whatever_its_case(void **state)
{
    (void)state;
    struct work w;
    begin(&w, "web", FH_CHANGE_INITIALIZE, 1760000001);
    assert_int_equal(wire_make_environment(&w.make, 0, &first, &w.tip, &w.e), FH_CONFLICT);
    assert_string_equal(w.e.msg, "There is an environment alice/web already.");
    w.make.name = "WEB";
    assert_int_equal(wire_make_environment(&w.make, 0, &first, &w.tip, &w.e), FH_CONFLICT);
    w.make.name = ".web";
    assert_int_equal(wire_make_environment(&w.make, 0, &first, &w.tip, &w.e), FH_INVALID);
    end(&w);
}

static void a_switch_goes_only_where_there_is_something(void **state)
{
    (void)state;
    struct work w;
    make_first("one", 0);
    struct fh_oid from = tip_of("one");
    begin(&w, "one", FH_CHANGE_SWITCH, 1760000060);
    assert_int_equal(wire_make_generation(&w.make, &from, NULL, &w.tip, &w.e), FH_CONFLICT);
    assert_string_equal(w.e.msg, "alice/one has no other generation to roll back to.");
    w.make.change.current = 1;
    assert_int_equal(wire_make_generation(&w.make, &from, NULL, &w.tip, &w.e), FH_INVALID);
    assert_string_equal(w.e.msg, "Generation 1 is already live.");
    w.make.change.current = 2;
    assert_int_equal(wire_make_generation(&w.make, &from, NULL, &w.tip, &w.e), FH_INVALID);
    assert_string_equal(w.e.msg, "Generation 2 does not exist.");
    end(&w);
}

/* --- races --- */

enum { MAKERS = 12 };

struct maker {
    pthread_t thread;
    struct fh_oid from;
    int number;
    fh_err rc;
};

static void *make_one(void *arg)
{
    struct maker *m = arg;
    struct work w;
    char text[80];
    snprintf(text, sizeof text, "schema-version = \"1.15.0\"\n# maker %d\n", m->number);
    const struct wire_files files = {{text, strlen(text), {{0}}}, first.lock};
    begin(&w, "race", FH_CHANGE_EDIT, 1760000100);
    m->rc = wire_make_generation(&w.make, &m->from, &files, &w.tip, &w.e);
    end(&w);
    return NULL;
}

static void of_many_makers_on_one_tip_exactly_one_wins(void **state)
{
    (void)state;
    struct maker makers[MAKERS];
    make_first("race", 0);
    for (int round = 0; round < 3; round++) {
        struct fh_oid from = tip_of("race");
        int won = 0;
        for (int i = 0; i < MAKERS; i++) {
            makers[i] = (struct maker){.from = from, .number = i};
            assert_int_equal(pthread_create(&makers[i].thread, NULL, make_one, &makers[i]), 0);
        }
        for (int i = 0; i < MAKERS; i++) {
            pthread_join(makers[i].thread, NULL);
            assert_true(makers[i].rc == FH_OK || makers[i].rc == FH_PRECONDITION);
            won += makers[i].rc == FH_OK;
        }
        assert_int_equal(won, 1);
    }
    char *count = box_text("git -c safe.directory='*' -C %s/git/alice/floxmeta.git rev-list --count race",
                           cluster.data);
    assert_string_equal(count, "5"); /* the root, the first generation, and one a round */
    free(count);
    git_finds_nothing_wrong();
}

static fh_err refuse(struct db_conn *c, void *arg, struct fh_error *e)
{
    (void)c;
    ++*(int *)arg;
    return FH_FAIL(e, FH_INVALID, "not today");
}

static void what_belongs_to_it_fails_with_it(void **state)
{
    (void)state;
    struct work w;
    int called = 0;
    struct fh_oid from = tip_of("one");
    begin(&w, "one", FH_CHANGE_EDIT, 1760000200);
    w.make.with = (struct wire_with){.after = refuse, .arg = &called};
    assert_int_equal(wire_make_generation(&w.make, &from, &second, &w.tip, &w.e), FH_INVALID);
    assert_int_equal(called, 1);
    w.make.with = (struct wire_with){.before = refuse, .arg = &called};
    assert_int_equal(wire_make_generation(&w.make, &from, &second, &w.tip, &w.e), FH_INVALID);
    assert_int_equal(called, 2);
    end(&w);
    struct fh_oid now = tip_of("one");
    assert_true(fh_oid_equal(&from, &now));
}

/* --- histories that cannot be built upon --- */

static fh_err take_tip(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct store_push *p = arg;
    FH_TRY(store_push_send(c, p, e));
    return store_push(c, p, NULL, e);
}

/* A branch with this metadata.json, as git makes it, put where a push puts it. */
static void push_metadata(const char *name, const char *metadata)
{
    struct wire_quarantine q;
    struct fh_buf pack = FH_BUF_INIT((size_t)1 << 20), text = pack;
    assert_ok(fh_buf_add_str(&text, metadata, &e));
    box_save("metadata.json", &text);
    box_run("rm -f .git/index && mkdir -p 1/env && echo 'version = 1' >1/env/manifest.toml && git add "
            "metadata.json "
            "1 && git commit -q --allow-empty -m x && git branch -f %s",
            name);
    assert_int_equal(box_try(&pack, "git rev-parse %s | git pack-objects -q --revs --stdout", name), 0);
    assert_ok(wire_quarantine_enter(&q, cluster.data, pack.data, -1, 0, pack.len, &e));
    struct store_push p = {.owner_id = alice.owner_id,
                           .epoch = 1,
                           .name = name,
                           .new_tip = box_oid(name),
                           .kind = STORE_REF_PUSH,
                           .visibility = STORE_PUBLIC,
                           .pack_fd = q.pack_fd,
                           .idx_fd = q.idx_fd,
                           .objects = q.objects,
                           .pack_bytes = q.pack_bytes,
                           .idx_bytes = q.idx_bytes,
                           .actor = {.handle = "alice"}};
    memcpy(p.checksum, q.checksum, sizeof p.checksum);
    assert_ok(db_transaction(cluster.pool, take_tip, &p, &e));
    wire_repos_changed(repos, "alice", 0);
    wire_quarantine_leave(&q);
    fh_buf_free(&pack);
    fh_buf_free(&text);
}

static void assert_not_built_upon(const char *name, const char *why)
{
    struct work w;
    struct fh_oid from = tip_of(name);
    begin(&w, name, FH_CHANGE_EDIT, 1760000300);
    assert_int_equal(wire_make_generation(&w.make, &from, &second, &w.tip, &w.e), FH_CONFLICT);
    if (!strstr(w.e.msg, why))
        fail_msg("not \"%s\": %s", why, w.e.msg);
    w.make.change.kind = FH_CHANGE_SWITCH;
    w.make.change.current = 1;
    assert_int_equal(wire_make_generation(&w.make, &from, NULL, &w.tip, &w.e), FH_CONFLICT);
    end(&w);
}

#define CHANGE(kind, current, previous)                                                                      \
    "{\"kind\":\"" kind                                                                                      \
    "\",\"author\":\"a\",\"hostname\":\"h\",\"timestamp\":1,\"current_generation\":\"" current               \
    "\",\"previous_generation\":" previous "}"

static void a_history_that_breaks_the_rules_is_not_built_upon(void **state)
{
    (void)state;
    push_metadata("twice", "{\"version\":2,\"history\":[" CHANGE("import", "1", "null") "," CHANGE(
                               "edit", "1", "\"1\"") "],\"total_generations\":2}");
    assert_not_built_upon("twice", "generation 1 is created twice");
    push_metadata("newer", "{\"version\":3}");
    assert_not_built_upon("newer", "a newer program wrote it");
    push_metadata("none", "{\"version\":2,\"history\":[],\"total_generations\":0}");
    struct work w;
    struct fh_oid from = tip_of("none");
    begin(&w, "none", FH_CHANGE_EDIT, 1760000300);
    assert_int_equal(wire_make_generation(&w.make, &from, &second, &w.tip, &w.e), FH_CONFLICT);
    assert_non_null(strstr(w.e.msg, "the branch has a folder of it"));
    end(&w);
}

static void unknown_keys_and_version_one_are_carried_along(void **state)
{
    (void)state;
    struct work w;
    const struct fh_metadata *m;
    push_metadata(
        "kept", "{\"version\":2,\"history\":[{\"kind\":\"dance\",\"step\":7,\"author\":\"a\",\"hostname\":"
                "\"h\",\"timestamp\":1,\"current_generation\":\"1\"}],\"total_generations\":1,\"more\":[1]}");
    push_metadata("old", "{\"currentGen\":\"1\",\"generations\":{\"1\":{\"created\":5,\"lastActive\":null,"
                         "\"description\":\"made\"}},\"version\":1}");
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "old" : "kept";
        struct fh_oid from = tip_of(name);
        begin(&w, name, FH_CHANGE_EDIT, 1760000400);
        assert_ok(wire_make_generation(&w.make, &from, &second, &w.tip, &e));
        assert_ok(wire_stored_metadata(stored(w.a, &alice, name), &m, &e));
        assert_int_equal(m->version, 2);
        assert_int_equal(m->total, 2);
        assert_ok(fh_metadata_check(m, &e));
        if (i == 0) {
            assert_int_equal(json_integer_value(json_object_get(
                                 json_array_get(json_object_get(m->json, "history"), 0), "step")),
                             7);
            assert_true(json_is_array(json_object_get(m->json, "more")));
        }
        end(&w);
    }
    git_finds_nothing_wrong();
}

/* --- trees --- */

static void a_tree_is_ordered_as_git_orders_it(void **state)
{
    (void)state;
    uint64_t seed = 3;
    static const char *const names[] = {"1", "10",  "1.x", "1-", "10a", "2", "metadata.json",
                                        "a", "a.b", "a-b", "ab"};
    enum { NAMES = sizeof names / sizeof *names };
    for (int round = 0; round < 30; round++) {
        struct fh_buf tree = FH_BUF_INIT(1 << 16), lines = tree;
        bool used[NAMES] = {0};
        struct fh_oid blob;
        struct wire_build *b = wire_build_new();
        assert_ok(wire_build_object(b, WIRE_BLOB, "x", 1, &blob, &e));
        for (size_t i = 0; i < NAMES; i++) {
            size_t n = box_next(&seed) % NAMES;
            bool folder = n % 3 != 0; /* the same each time */
            struct fh_buf next = FH_BUF_INIT(1 << 16);
            assert_ok(wire_build_tree(tree.data, tree.len, folder ? WIRE_MODE_FOLDER : WIRE_MODE_FILE,
                                      names[n], &blob, &next, &e));
            fh_buf_free(&tree);
            tree = next;
            char hex[FH_OID_HEX + 1];
            fh_oid_format(&blob, hex);
            if (!used[n])
                assert_ok(fh_buf_addf(&lines, &e, "%s %s %s\t%s\n", folder ? "040000" : "100644",
                                      folder ? "tree" : "blob", hex, names[n]));
            used[n] = true;
        }
        struct fh_oid mine;
        assert_ok(wire_build_object(b, WIRE_TREE, tree.data, tree.len, &mine, &e));
        box_save("lines", &lines);
        char *git = box_text("git mktree --missing <lines");
        assert_id(&mine, git);
        free(git);
        wire_build_free(b);
        fh_buf_free(&tree);
        fh_buf_free(&lines);
    }
}

static void a_malformed_tree_is_refused(void **state)
{
    (void)state;
    static const char tree[] = "100644 a\0only a few bytes";
    struct fh_buf out = FH_BUF_INIT(1 << 10);
    struct fh_oid oid = {0};
    struct fh_error e;
    assert_int_equal(wire_build_tree(tree, sizeof tree, WIRE_MODE_FILE, "b", &oid, &out, &e), FH_INVALID);
    fh_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example_comes_out_with_the_ids_of_the_protocol),
        cmocka_unit_test(what_was_made_is_read_back_byte_for_byte),
        cmocka_unit_test(what_is_private_looks_absent_and_unlisted_is_read_by_name),
        cmocka_unit_test(others_make_nothing_here),
        cmocka_unit_test(a_writer_does_not_make_public_what_is_private_by_default),
        cmocka_unit_test(a_name_is_made_once_whatever_its_case),
        cmocka_unit_test(a_switch_goes_only_where_there_is_something),
        cmocka_unit_test(of_many_makers_on_one_tip_exactly_one_wins),
        cmocka_unit_test(what_belongs_to_it_fails_with_it),
        cmocka_unit_test(a_history_that_breaks_the_rules_is_not_built_upon),
        cmocka_unit_test(unknown_keys_and_version_one_are_carried_along),
        cmocka_unit_test(a_tree_is_ordered_as_git_orders_it),
        cmocka_unit_test(a_malformed_tree_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
