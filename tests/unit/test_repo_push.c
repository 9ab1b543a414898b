/* What stands after a push, known without reading it: the same as what a load then reads. */
#include "test_storebox.h"

#include <sys/mman.h>
#include <unistd.h>

static int by_tip(const void *x, const void *y)
{
    const struct store_recent_tip *p = x, *q = y;
    int order = memcmp(&p->tip, &q->tip, sizeof p->tip);
    order = order ? order : (p->env_id > q->env_id) - (p->env_id < q->env_id);
    return order ? order : (p->replaced_at < q->replaced_at) - (p->replaced_at > q->replaced_at);
}

/* A tip that was replaced twice counts from the later time; how often it is listed does not matter. */
static void sort_recent(struct store_repo *r)
{
    size_t n = 0;
    if (r->nrecent)
        qsort(r->recent, r->nrecent, sizeof *r->recent, by_tip);
    for (size_t i = 0; i < r->nrecent; i++)
        if (n == 0 || !fh_oid_equal(&r->recent[n - 1].tip, &r->recent[i].tip) ||
            r->recent[n - 1].env_id != r->recent[i].env_id)
            r->recent[n++] = r->recent[i];
    r->nrecent = n;
}

static void assert_text(const char *x, const char *y)
{
    assert_true((x == NULL) == (y == NULL));
    if (x)
        assert_string_equal(x, y);
}

static void assert_same_repo(struct store_repo *x, struct store_repo *y)
{
    assert_int_equal(x->revision, y->revision);
    assert_int_equal(x->epoch, y->epoch);
    assert_text(x->owner.handle, y->owner.handle);
    assert_text(x->owner.email, y->owner.email);
    assert_int_equal(x->owner.id, y->owner.id);
    assert_int_equal(x->owner.default_visibility, y->owner.default_visibility);
    assert_int_equal(x->owner.disabled, y->owner.disabled);
    assert_int_equal(x->nenvs, y->nenvs);
    for (size_t i = 0; i < x->nenvs; i++) {
        const struct store_env *p = &x->envs[i], *q = &y->envs[i];
        assert_text(p->name, q->name);
        assert_text(p->owner, q->owner);
        assert_text(p->broken, q->broken);
        assert_true(fh_oid_equal(&p->tip, &q->tip));
        assert_true(p->id == q->id && p->visibility == q->visibility && p->generations == q->generations);
        assert_true(p->live == q->live && p->created_at == q->created_at && p->updated_at == q->updated_at);
    }
    assert_int_equal(x->npacks, y->npacks);
    for (size_t i = 0; i < x->npacks; i++) {
        const struct store_pack *p = &x->packs[i], *q = &y->packs[i];
        assert_true(p->id == q->id && p->objects == q->objects && p->bytes == q->bytes);
        assert_int_equal(p->idx_bytes, q->idx_bytes);
        assert_memory_equal(p->checksum, q->checksum, sizeof p->checksum);
    }
    sort_recent(x);
    sort_recent(y);
    assert_int_equal(x->nrecent, y->nrecent);
    for (size_t i = 0; i < x->nrecent; i++) {
        assert_true(fh_oid_equal(&x->recent[i].tip, &y->recent[i].tip));
        assert_int_equal(x->recent[i].env_id, y->recent[i].env_id);
        assert_int_equal(x->recent[i].replaced_at, y->recent[i].replaced_at);
    }
}

struct work {
    struct store_push push;
    struct store_generations g;
    struct store_pushed pushed;
};

static fh_err push_and_note(struct db_conn *c, void *arg, struct fh_error *err)
{
    struct work *w = arg;
    FH_TRY(store_push_send(c, &w->push, err));
    FH_TRY(store_push(c, &w->push, &w->pushed, err));
    return store_generations_set(c, w->pushed.env_id, &w->g, err);
}

static int memory_file(const char *bytes)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    return fd;
}

static void add_pack(struct store_push *p, int n)
{
    char bytes[32];
    snprintf(bytes, sizeof bytes, "pack %d", n);
    p->pack_fd = memory_file(bytes);
    p->idx_fd = memory_file(bytes);
    p->pack_bytes = p->idx_bytes = (int64_t)strlen(bytes);
    p->objects = n;
    memset(p->checksum, 7, sizeof p->checksum);
    memcpy(p->checksum, &n, sizeof n);
}

static void do_push(struct work *w)
{
    MUST(db_transaction(cluster.pool, push_and_note, w, &e));
    if (w->push.pack_fd >= 0) {
        close(w->push.pack_fd);
        close(w->push.idx_fd);
    }
}

static struct work work_of(int64_t owner, const char *name, int from, int to)
{
    return (struct work){.push = a_push(owner, name, from, to),
                         .g = {.tip = oid(to), .version = 2, .total = to, .live = to}};
}

static void what_a_push_leaves_is_known_without_reading_it(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    int64_t owner = make_owner("known", STORE_USER);
    int tips[3] = {0}, next = 1;
    srand(42);
    for (int i = 0; i < 3; i++) {
        struct work w = work_of(owner, names[i], 0, next);
        tips[i] = next++;
        struct store_repo before = load("known"), after;
        do_push(&w); /* a new one is read */
        assert_false(store_repo_push(a, &before, &w.push, &w.pushed, &w.g, &after));
    }
    for (int round = 0; round < 60; round++) {
        int i = rand() % 3, to = rand() % 4 ? next : tips[i] - 1 > 0 ? tips[i] - 1 : next;
        if (to == next)
            next++;
        struct work w = work_of(owner, names[i], tips[i], to);
        if (rand() % 2)
            add_pack(&w.push, 1 + rand() % 20); /* some are there already */
        if (rand() % 5 == 0)
            w.g = (struct store_generations){
                .tip = oid(to), .broken = true, .reason = rand() % 2 ? "why" : NULL};
        struct store_repo before = load("known"), after, read;
        do_push(&w);
        tips[i] = to;
        assert_true(store_repo_push(a, &before, &w.push, &w.pushed, &w.g, &after));
        read = load("known");
        assert_same_repo(&after, &read);
    }
}

static void whatever_else_happened_meanwhile_makes_a_push_read(void **state)
{
    (void)state;
    int64_t owner = make_owner("else", STORE_ORG);
    struct work w = work_of(owner, "web", 0, 1);
    do_push(&w);
    int64_t id = env_id("else", "web");
    struct fh_oid back = oid(1);
    int tip = 1;
    for (int what = 0; what < 8; what++) {
        struct store_repo before = load("else"), after;
        struct db_conn *c = begin();
        if (what == 1)
            MUST(store_env_set_visibility(c, id, STORE_PRIVATE, &admin, &e));
        if (what == 2)
            MUST(store_env_rename(c, id, "other", &admin, &e));
        if (what == 3)
            MUST(store_env_rename(c, id, "web", &admin, &e));
        if (what == 4)
            MUST(store_owner_set_visibility(c, owner, STORE_INTERNAL, &e));
        if (what == 5)
            MUST(store_owner_set_disabled(c, owner, true, &e));
        if (what == 6)
            MUST(store_env_restore(c, "else", "web", &back, &admin, &e));
        if (what == 7)
            MUST(store_owner_lock(c, a, owner, NULL, &e));
        commit(c);
        if (what == 6)
            tip = 1;
        w = work_of(owner, what == 2 ? "other" : "web", tip, tip + 1);
        w.push.epoch = load("else").epoch;
        do_push(&w);
        tip++;
        assert_int_equal(store_repo_push(a, &before, &w.push, &w.pushed, &w.g, &after), what == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_push_leaves_is_known_without_reading_it),
        cmocka_unit_test(whatever_else_happened_meanwhile_makes_a_push_read),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
