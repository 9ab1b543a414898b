/* What the store's tests share: a cluster, an arena, and short names for common steps. */
#ifndef TEST_STOREBOX_H
#define TEST_STOREBOX_H

#include "tests/unit/test_cluster.h"

#include "common/clock.h"
#include "server/store/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MUST(call) test_must((call), &(e))

static struct test_cluster cluster;
static struct fh_error e;
static struct fh_arena *a;
static const struct store_actor admin = {.handle = NULL};

static inline int start(void **state)
{
    (void)state;
    test_cluster_start(&cluster, true);
    a = fh_arena_new();
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    fh_arena_free(a);
    test_cluster_stop(&cluster);
    return 0;
}

static inline struct db_conn *begin(void)
{
    struct db_conn *c;
    MUST(db_take(cluster.pool, &c, &e));
    MUST(db_script(c, "BEGIN", &e));
    return c;
}

static inline void commit(struct db_conn *c)
{
    MUST(db_script(c, "COMMIT", &e));
    db_give(c);
}

static inline void script(const char *sql)
{
    struct db_conn *c = begin();
    MUST(db_script(c, sql, &e));
    commit(c);
}

static inline int64_t number(const char *sql)
{
    struct db_conn *c = begin();
    struct db_rows *rows;
    MUST(db_query(c, a, sql, NULL, 0, &rows, &e));
    int64_t value = db_get_i64(rows, 0, 0);
    commit(c);
    return value;
}

static inline int64_t make_owner(const char *handle, enum store_owner_kind kind)
{
    struct db_conn *c = begin();
    int64_t id;
    char *own = fh_strdup(a, handle);
    MUST(store_owner_create(c, a, &(struct store_owner){.kind = kind, .handle = own}, &id, &e));
    commit(c);
    return id;
}

static inline struct fh_oid oid(int n)
{
    struct fh_oid o = {.id = {0xab}};
    memcpy(o.id + 1, &n, sizeof n);
    return o;
}

static inline struct store_push a_push(int64_t owner_id, const char *name, int from, int to)
{
    struct store_push p = {.owner_id = owner_id,
                           .epoch = 1,
                           .name = name,
                           .new_tip = oid(to),
                           .kind = STORE_REF_PUSH,
                           .visibility = STORE_PUBLIC,
                           .pack_fd = -1,
                           .idx_fd = -1,
                           .actor = {.owner_id = owner_id, .handle = "alice", .remote = "127.0.0.1"}};
    if (from)
        p.old_tip = oid(from);
    return p;
}

static inline fh_err push_work(struct db_conn *c, void *arg, struct fh_error *err)
{
    FH_TRY(store_push_send(c, arg, err));
    return store_push(c, arg, NULL, err);
}

static inline fh_err push(struct store_push *p)
{
    return db_transaction(cluster.pool, push_work, p, &e);
}

static inline struct store_repo load(const char *owner)
{
    struct store_repo repo;
    struct db_conn *c;
    MUST(db_take(cluster.pool, &c, &e));
    MUST(store_repo_load(c, a, owner, &repo, &e));
    db_give(c);
    return repo;
}

static inline int64_t env_id(const char *owner, const char *name)
{
    struct store_env env;
    struct db_conn *c = begin();
    MUST(store_env_find(c, a, owner, name, &env, &e));
    commit(c);
    return env.id;
}

#endif
