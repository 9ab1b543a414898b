/* The store against a real PostgreSQL: owners, members, tokens. */
#include "tests/unit/test_storebox.h"

#include <pthread.h>

static void names_and_enums_translate_both_ways(void **state)
{
    (void)state;
    for (int v = STORE_PUBLIC; v <= STORE_PRIVATE; v++)
        assert_int_equal(store_visibility_parse(store_visibility_name((enum store_visibility)v)), v);
    for (int r = STORE_READER; r <= STORE_OWNER; r++)
        assert_int_equal(store_role_parse(store_role_name((enum store_role)r)), r);
    for (int s = STORE_SCOPE_READ; s <= STORE_SCOPE_ADMIN; s++)
        assert_int_equal(store_scope_parse(store_scope_name((enum store_scope)s)), s);
    assert_int_equal(store_visibility_parse("Public"), 0);
    assert_int_equal(store_role_parse("none"), 0);
    assert_int_equal(store_scope_parse(NULL), 0);
}

static void a_handle_is_taken_in_every_case_and_found_in_its_own(void **state)
{
    (void)state;
    make_owner("Alice", STORE_USER);
    struct db_conn *c = begin();
    struct store_owner owner;
    int64_t id;
    char other[] = "aLICE";
    assert_int_equal(
        store_owner_create(c, a, &(struct store_owner){.kind = STORE_ORG, .handle = other}, &id, &e),
        FH_CONFLICT);
    assert_non_null(strstr(e.msg, "Alice"));
    assert_int_equal(store_owner_find(c, a, "alice", &owner, &e), FH_NOT_FOUND);
    MUST(store_owner_find(c, a, "Alice", &owner, &e));
    assert_int_equal(owner.kind, STORE_USER);
    assert_true(owner.created_at > fh_now() - 60 && owner.created_at <= fh_now());
    commit(c);
}

static void settings_of_an_owner_are_kept_and_a_rename_moves_everything(void **state)
{
    (void)state;
    int64_t id = make_owner("settings", STORE_USER);
    struct store_push p = a_push(id, "web", 0, 1);
    MUST(push(&p));
    struct store_owner owner, *all;
    size_t n;
    char *hash;
    struct db_conn *c = begin();
    MUST(store_owner_set_disabled(c, id, true, &e));
    MUST(store_owner_set_admin(c, id, true, &e));
    MUST(store_owner_set_password(c, id, "$argon2id$x", &e));
    MUST(store_owner_set_visibility(c, id, STORE_INTERNAL, &e));
    MUST(store_owner_rename(c, id, "renamed", &e));
    MUST(store_owner_find(c, a, "renamed", &owner, &e));
    assert_true(owner.disabled && owner.admin);
    assert_int_equal(owner.default_visibility, STORE_INTERNAL);
    MUST(store_owner_password(c, a, id, &hash, &e));
    assert_string_equal(hash, "$argon2id$x");
    MUST(store_owner_list(c, a, STORE_USER, &all, &n, &e));
    assert_true(n >= 1);
    assert_int_equal(store_owner_set_admin(c, 999999, true, &e), FH_NOT_FOUND);
    assert_int_equal(store_owner_rename(c, id, "aLICE", &e), FH_CONFLICT);
    db_give(c);
    c = begin();
    MUST(store_owner_rename(c, id, "renamed", &e));
    commit(c);
    assert_int_equal(load("renamed").nenvs, 1);
}

struct removal {
    int64_t org, user;
    fh_err rc;
    pthread_barrier_t *both;
};

static fh_err remove_work(struct db_conn *c, void *arg, struct fh_error *err)
{
    struct removal *r = arg;
    return store_member_remove(c, r->org, r->user, err);
}

static void *remove_thread(void *arg)
{
    struct removal *r = arg;
    struct fh_error mine;
    pthread_barrier_wait(r->both);
    r->rc = db_transaction(cluster.pool, remove_work, r, &mine);
    return NULL;
}

static void set_member(int64_t org, int64_t user, enum store_role role, fh_err expected)
{
    struct db_conn *c = begin();
    assert_int_equal(store_member_set(c, org, user, role, &e), expected);
    if (expected == FH_OK)
        commit(c);
    else
        db_give(c);
}

static void two_owners_who_remove_each_other_leave_one(void **state)
{
    (void)state;
    int64_t ann = make_owner("ann", STORE_USER), ben = make_owner("ben", STORE_USER);
    for (int round = 0; round < 20; round++) {
        char name[32];
        snprintf(name, sizeof name, "duel%d", round);
        int64_t org = make_owner(name, STORE_ORG);
        set_member(org, ann, STORE_OWNER, FH_OK);
        set_member(org, ben, STORE_OWNER, FH_OK);
        pthread_barrier_t both;
        pthread_t threads[2];
        pthread_barrier_init(&both, NULL, 2);
        struct removal r[] = {{org, ann, FH_OK, &both}, {org, ben, FH_OK, &both}};
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, remove_thread, &r[i]);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&both);
        assert_true((r[0].rc == FH_OK && r[1].rc == FH_CONFLICT) ||
                    (r[1].rc == FH_OK && r[0].rc == FH_CONFLICT));
    }
    assert_int_equal(number("SELECT count(*) FROM owner o WHERE handle LIKE 'duel%' AND NOT EXISTS "
                            "(SELECT FROM member m WHERE m.org_id = o.id AND role = 3)"),
                     0);
}

static void the_last_owner_cannot_be_demoted_and_kinds_are_checked(void **state)
{
    (void)state;
    int64_t org = make_owner("acme", STORE_ORG), eve = make_owner("eve", STORE_USER);
    struct store_member *members;
    size_t n;
    set_member(org, eve, STORE_OWNER, FH_OK);
    set_member(org, eve, STORE_WRITER, FH_CONFLICT);
    set_member(org, org, STORE_WRITER, FH_INVALID);
    set_member(eve, eve, STORE_WRITER, FH_INVALID);
    struct db_conn *c = begin();
    MUST(store_member_list(c, a, org, &members, &n, &e));
    assert_int_equal(n, 1);
    assert_string_equal(members[0].user, "eve");
    assert_int_equal(members[0].role, STORE_OWNER);
    MUST(store_member_of(c, a, eve, &members, &n, &e));
    assert_int_equal(n, 1);
    assert_string_equal(members[0].org, "acme");
    assert_int_equal(store_member_remove(c, org, 999999, &e), FH_NOT_FOUND);
    commit(c);
}

static void a_token_is_found_by_its_hash_with_its_owner_also_revoked(void **state)
{
    (void)state;
    int64_t id = make_owner("tokens", STORE_USER), token_id;
    uint8_t hash[32] = {1, 2, 3}, unknown[32] = {9};
    char hint[] = "flox_pat_Ab12", name[] = "laptop";
    struct store_token token, *list,
        in = {
            .owner_id = id, .hint = hint, .name = name, .scope = STORE_SCOPE_WRITE, .expires_at = 4000000000};
    struct store_owner owner;
    size_t n;
    struct db_conn *c = begin();
    MUST(store_token_create(c, &in, hash, &token_id, &e));
    assert_int_equal(store_token_find(c, a, unknown, &token, &owner, &e), FH_NOT_FOUND);
    MUST(store_token_touch(c, &token_id, 1, 1700000000, &e));
    MUST(store_token_touch(c, &token_id, 1, 1600000000, &e));
    MUST(store_token_find(c, a, hash, &token, &owner, &e));
    assert_string_equal(owner.handle, "tokens");
    assert_string_equal(token.name, "laptop");
    assert_int_equal(token.scope, STORE_SCOPE_WRITE);
    assert_true(token.expires_at == 4000000000 && token.revoked_at == 0 && token.last_used_at == 1700000000);
    MUST(store_token_revoke(c, token_id, &e));
    MUST(store_token_find(c, a, hash, &token, &owner, &e));
    assert_true(token.revoked_at > 0);
    MUST(store_token_list(c, a, id, &list, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(store_token_revoke(c, 999999, &e), FH_NOT_FOUND);
    assert_int_equal(store_token_create(c, &in, hash, &token_id, &e), FH_CONFLICT);
    db_give(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_enums_translate_both_ways),
        cmocka_unit_test(a_handle_is_taken_in_every_case_and_found_in_its_own),
        cmocka_unit_test(settings_of_an_owner_are_kept_and_a_rename_moves_everything),
        cmocka_unit_test(two_owners_who_remove_each_other_leave_one),
        cmocka_unit_test(the_last_owner_cannot_be_demoted_and_kinds_are_checked),
        cmocka_unit_test(a_token_is_found_by_its_hash_with_its_owner_also_revoked),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
