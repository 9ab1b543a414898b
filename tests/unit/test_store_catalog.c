/* The catalog's pages, version and owners against a real PostgreSQL. */
#include "tests/unit/test_storebox.h"

#include "server/store/catalog.h"

#include <pthread.h>
#include <time.h>

static const char add_pages[] =
    "INSERT INTO catalog_page (rev, rev_count, rev_date, complete_at) VALUES "
    "(repeat('1', 40), 100, to_timestamp(1000), now()), (repeat('3', 40), 300, to_timestamp(3000), now()), "
    "(repeat('2', 40), 200, to_timestamp(2000), now()), (repeat('4', 40), 400, to_timestamp(4000), NULL); "
    "INSERT INTO catalog_page_tag SELECT id, unnest(ARRAY['unstable', 'lts', 'stable']) FROM catalog_page "
    "WHERE rev_count = 200; "
    "INSERT INTO catalog_page_tag SELECT id, 'unstable' FROM catalog_page WHERE rev_count = 300";

static int64_t version(void)
{
    struct db_conn *c;
    int64_t v;
    MUST(db_take(cluster.pool, &c, &e));
    MUST(store_catalog_version(c, &v, &e));
    db_give(c);
    return v;
}

static struct store_catalog_pages pages(void)
{
    struct db_conn *c;
    struct store_catalog_pages p;
    MUST(db_take(cluster.pool, &c, &e));
    MUST(store_catalog_pages(c, a, &p, &e));
    db_give(c);
    return p;
}

static void complete_pages_come_newest_first_with_their_tags(void **state)
{
    (void)state;
    assert_int_equal(pages().n, 0);
    assert_int_equal(pages().version, version());
    script(add_pages);
    struct store_catalog_pages p = pages();
    assert_int_equal(p.n, 3);
    assert_int_equal(p.items[0].rev_count, 300);
    assert_int_equal(p.items[0].ntags, 1);
    assert_int_equal(p.items[1].rev_count, 200);
    assert_int_equal(p.items[1].rev_date, 2000);
    assert_string_equal(p.items[1].rev, "2222222222222222222222222222222222222222");
    assert_int_equal(p.items[1].ntags, 3);
    assert_string_equal(p.items[1].tags[0], "lts");
    assert_string_equal(p.items[1].tags[1], "stable");
    assert_string_equal(p.items[1].tags[2], "unstable");
    assert_int_equal(p.items[2].ntags, 0);
}

struct heard {
    pthread_mutex_t lock;
    pthread_cond_t more;
    char payload[32];
};

static void hear(void *arg, const char *channel, const char *payload)
{
    struct heard *h = arg;
    pthread_mutex_lock(&h->lock);
    if (strcmp(channel, "floe_catalog") == 0)
        snprintf(h->payload, sizeof h->payload, "%s", payload);
    pthread_cond_broadcast(&h->more);
    pthread_mutex_unlock(&h->lock);
}

static void ignore(void *arg, bool lost)
{
    (void)arg;
    (void)lost;
}

static void a_change_raises_the_version_and_tells_of_it_when_it_is_committed(void **state)
{
    (void)state;
    struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};
    static const char *const channels[] = {"floe_catalog"};
    const struct db_config config = {.url = cluster.url, .size = 1, .wait_ms = 5000};
    struct db_listener *l;
    char wanted[32];
    MUST(db_listener_start(&config, channels, 1, hear, ignore, &h, &l, &e));
    while (!db_listener_is_live(l))
        usleep(1000);
    int64_t before = version();
    struct db_conn *c = begin();
    MUST(store_catalog_changed(c, &e));
    assert_int_equal(version(), before);
    assert_string_equal(h.payload, "");
    commit(c);
    assert_int_equal(version(), before + 1);
    snprintf(wanted, sizeof wanted, "%lld", (long long)before + 1);
    struct timespec until = {.tv_sec = time(NULL) + 20};
    pthread_mutex_lock(&h.lock);
    while (h.payload[0] == '\0' && pthread_cond_timedwait(&h.more, &h.lock, &until) == 0)
        ;
    assert_string_equal(h.payload, wanted);
    pthread_mutex_unlock(&h.lock);
    db_listener_stop(l);
}

static void every_owner_has_at_most_one_catalog_and_the_hub_has_its_own(void **state)
{
    (void)state;
    int64_t alice = make_owner("alice", STORE_USER), acme = make_owner("acme", STORE_ORG), id, again;
    bool made;
    struct store_catalog found, *all;
    size_t n;
    struct db_conn *c = begin();
    MUST(store_catalog_find(c, a, NULL, &found, &e));
    assert_int_equal(found.owner_id, 0);
    assert_null(found.owner);
    assert_int_equal(found.visibility, STORE_PUBLIC);
    assert_int_equal(store_catalog_find(c, a, "alice", &found, &e), FH_NOT_FOUND);
    MUST(store_catalog_ensure(c, a, alice, STORE_INTERNAL, &id, &made, &e));
    assert_true(made);
    MUST(store_catalog_ensure(c, a, alice, STORE_PUBLIC, &again, &made, &e));
    assert_false(made);
    assert_int_equal(again, id);
    MUST(store_catalog_find(c, a, "alice", &found, &e));
    assert_int_equal(found.owner_id, alice);
    assert_string_equal(found.owner, "alice");
    assert_int_equal(found.owner_kind, STORE_USER);
    assert_int_equal(found.visibility, STORE_INTERNAL);
    assert_int_equal(store_catalog_find(c, a, "Alice", &found, &e), FH_NOT_FOUND);
    MUST(store_catalog_ensure(c, a, acme, STORE_PRIVATE, &id, NULL, &e));
    MUST(store_catalog_list(c, a, &all, &n, &e));
    assert_int_equal(n, 2);
    assert_string_equal(all[0].owner, "acme");
    assert_string_equal(all[1].owner, "alice");
    commit(c);
}

static void a_catalogs_visibility_is_changed_with_the_version(void **state)
{
    (void)state;
    struct store_catalog found;
    int64_t before = version();
    struct db_conn *c = begin();
    MUST(store_catalog_find(c, a, "alice", &found, &e));
    MUST(store_catalog_set_visibility(c, found.id, STORE_PUBLIC, &e));
    MUST(store_catalog_find(c, a, "alice", &found, &e));
    assert_int_equal(found.visibility, STORE_PUBLIC);
    assert_int_equal(store_catalog_set_visibility(c, 999999, STORE_PUBLIC, &e), FH_NOT_FOUND);
    commit(c);
    assert_int_equal(version(), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_pages_come_newest_first_with_their_tags),
        cmocka_unit_test(a_change_raises_the_version_and_tells_of_it_when_it_is_committed),
        cmocka_unit_test(every_owner_has_at_most_one_catalog_and_the_hub_has_its_own),
        cmocka_unit_test(a_catalogs_visibility_is_changed_with_the_version),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
