/* A list shows what auth_can says may be listed, row by row: random owners, roles, visibilities, accounts
 * that are disabled, administrators, tokens of every scope and state, against a real PostgreSQL. */
#include "tests/unit/test_storebox.h"

#include "common/mem.h"
#include "server/auth/auth.h"
#include "server/store/see.h"

enum { OWNERS = 9, ENVS = 160, ACTORS = 300, MAX_SEEN = ENVS + 1 };

static uint64_t seed = 20261127;

static unsigned below(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static int64_t owners[OWNERS];
static struct store_env envs[ENVS];
static struct store_owner owner_rows[OWNERS];

static const char *handle_of(unsigned i)
{
    return fh_sprintf(a, "owner%u", i);
}

static void make_world(void)
{
    for (unsigned i = 0; i < OWNERS; i++) {
        owners[i] = make_owner(handle_of(i), i % 2 ? STORE_ORG : STORE_USER);
        struct db_conn *c = begin();
        MUST(store_owner_set_disabled(c, owners[i], i == 3 || i == 4, &e));
        MUST(store_owner_find(c, a, handle_of(i), &owner_rows[i], &e));
        commit(c);
    }
    for (int i = 0; i < ENVS; i++) {
        unsigned of = below(OWNERS);
        struct store_push p =
            a_push(owners[of], fh_sprintf(a, "%s%d", i % 3 ? "Web" : "tool_%", i), 0, i + 1);
        p.visibility = (enum store_visibility)(1 + below(4));
        MUST(push(&p));
        struct db_conn *c = begin();
        MUST(store_env_find(c, a, handle_of(of), p.name, &envs[i], &e));
        if (i % 10 == 9)
            MUST(store_env_delete(c, envs[i].id, &admin, &e));
        commit(c);
        envs[i].deleted_at = i % 10 == 9;
    }
}

static struct auth_actor random_actor(void)
{
    static const enum auth_state states[] = {AUTH_VALID,   AUTH_VALID,   AUTH_VALID,   AUTH_VALID,
                                             AUTH_EXPIRED, AUTH_REVOKED, AUTH_UNKNOWN, AUTH_DISABLED};
    unsigned me = below(OWNERS);
    struct auth_actor actor = {.state = states[below(8)],
                               .kind = owner_rows[me].kind,
                               .owner_id = owners[me],
                               .token_id = 1,
                               .hub_admin = below(4) == 0,
                               .scope = (enum store_scope)(1 + below(3))};
    struct auth_role *roles = fh_alloc(a, OWNERS * sizeof *roles);
    for (unsigned i = 1; actor.kind == STORE_USER && i < OWNERS; i += 2)
        if (below(3) == 0)
            roles[actor.nroles++] = (struct auth_role){owners[i], (enum store_role)(1 + below(3))};
    actor.roles = roles;
    return below(6) ? actor : *auth_anonymous();
}

/* Walks the whole list in pages of a random size. */
static size_t walk(const struct store_viewer *viewer, struct store_env_query q, int64_t ids[MAX_SEEN])
{
    size_t seen = 0, n;
    q.limit = 1 + below(40);
    do {
        struct store_env *page;
        struct db_conn *c;
        MUST(db_take(cluster.pool, &c, &e));
        MUST(store_env_page(c, a, viewer, &q, &page, &n, &e));
        db_give(c);
        for (size_t i = 0; i < n; i++) {
            assert_true(page[i].id > q.after);
            assert_true(seen < MAX_SEEN);
            ids[seen++] = q.after = page[i].id;
        }
    } while (n == q.limit);
    return seen;
}

static bool is_asked_for(const struct store_env *env, const struct store_env_query *q)
{
    return !env->deleted_at && (!q->owner || strcmp(env->owner, q->owner) == 0) &&
           (!q->visibility || env->visibility == q->visibility) &&
           (!q->part || strcasestr(env->name, q->part) != NULL);
}

static bool may_list(const struct auth_policy *policy, const struct auth_actor *actor,
                     const struct store_env *env)
{
    struct auth_object object = {.owner_id = env->owner_id, .visibility = env->visibility};
    for (unsigned i = 0; i < OWNERS; i++)
        if (owners[i] == env->owner_id) {
            object.owner_kind = owner_rows[i].kind;
            object.owner_disabled = owner_rows[i].disabled;
        }
    return auth_can(policy, actor, AUTH_ENV_LIST, &object, NULL) == FH_OK;
}

static void a_list_is_what_the_policy_allows_row_by_row(void **state)
{
    (void)state;
    size_t shown = 0, hidden = 0;
    static const char *const parts[] = {NULL, NULL, "web", "1", "_", "%", "WEB1", "\\", "none"};
    make_world();
    for (int i = 0; i < ACTORS; i++) {
        const struct auth_policy policy = {.require_login = below(5) == 0};
        const struct auth_actor actor = random_actor();
        const struct store_viewer *viewer = auth_viewer(a, &policy, &actor);
        struct store_env_query q = {.owner = below(2) ? handle_of(below(OWNERS + 1)) : NULL,
                                    .part = parts[below(9)],
                                    .visibility = below(3) ? 0 : (enum store_visibility)(1 + below(4))};
        int64_t ids[MAX_SEEN];
        size_t n = walk(viewer, q, ids), at = 0;
        for (int k = 0; k < ENVS; k++) { /* made in the order of their ids */
            if (!is_asked_for(&envs[k], &q))
                continue;
            bool may = may_list(&policy, &actor, &envs[k]), is = at < n && ids[at] == envs[k].id;
            if (may != is)
                fail_msg("actor %d, %s/%s (%s): may %d, is listed %d", i, envs[k].owner, envs[k].name,
                         store_visibility_name(envs[k].visibility), may, is);
            at += is;
            shown += may;
            hidden += !may;
        }
        assert_int_equal(at, n);
    }
    assert_true(shown > 1000 && hidden > 1000);
}

static void a_deleted_one_is_found_by_name_the_newest_first(void **state)
{
    (void)state;
    struct store_env first, second, found;
    for (int i = 0; i < 2; i++) {
        struct store_push p = a_push(owners[0], "again", 0, 900 + i);
        MUST(push(&p));
        struct db_conn *c = begin();
        MUST(store_env_find(c, a, handle_of(0), "again", i ? &second : &first, &e));
        MUST(store_env_delete(c, i ? second.id : first.id, &admin, &e));
        commit(c);
    }
    struct db_conn *c = begin();
    MUST(store_env_find_deleted(c, a, handle_of(0), "again", &found, &e));
    assert_int_equal(found.id, second.id);
    assert_int_equal(store_env_find_deleted(c, a, handle_of(1), "again", &found, &e), FH_NOT_FOUND);
    assert_int_equal(store_env_find(c, a, handle_of(0), "again", &found, &e), FH_NOT_FOUND);
    commit(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_what_the_policy_allows_row_by_row),
        cmocka_unit_test(a_deleted_one_is_found_by_name_the_newest_first),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
