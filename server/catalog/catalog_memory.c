/* The catalog between requests: its list of catalogs. See catalog_memory.h.
 *
 * A list is kept only if nothing was heard between the moment at which it began to be read and its end; so
 * whoever asks after a change was announced is never answered from before it. */
#include "server/catalog/catalog_memory.h"

#include "common/clock.h"
#include "common/mem.h"
#include "server/catalog/search_index.h"
#include "server/store/catalog_info.h"
#include "server/store/catalog_read.h"

#include <pthread.h>
#include <stdatomic.h>

struct catalog_list {
    struct fh_arena *arena;
    atomic_uint holders;
    uint64_t heard; /* what had been heard when it began to be read */
    int64_t version;
    struct store_catalog_entry *entries;
    size_t n;
    struct store_catalog_layout layout;
};

struct catalog {
    struct db_pool *pool;
    int64_t started;
    bool (*live)(void *);
    void *live_arg;
    pthread_mutex_t loading; /* one reads, the others then find it */
    pthread_mutex_t lock;    /* what follows */
    uint64_t heard;          /* changes announced */
    uint64_t awaited;        /* that was, when one was announced that somebody waits for */
    struct catalog_list *list;
    struct catalog_indexer *indexer;
    int64_t counted; /* the catalog's version of which counts tells; 0: of none */
    struct store_catalog_counts counts;
};

struct catalog *catalog_new(struct db_pool *pool)
{
    struct catalog *c = fh_xcalloc(1, sizeof *c);
    c->pool = pool;
    c->started = fh_now();
    pthread_mutex_init(&c->loading, NULL);
    pthread_mutex_init(&c->lock, NULL);
    c->indexer = catalog_indexer_new(c);
    return c;
}

void catalog_free(struct catalog *c)
{
    if (!c)
        return;
    catalog_indexer_free(c->indexer);
    catalog_list_drop(c->list);
    pthread_mutex_destroy(&c->loading);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void catalog_set_live(struct catalog *c, bool (*live)(void *), void *arg)
{
    c->live = live;
    c->live_arg = arg;
}

bool catalog_is_live(const struct catalog *c)
{
    return c->live == NULL || c->live(c->live_arg);
}

void catalog_stop(struct catalog *c)
{
    catalog_indexer_stop(c->indexer);
}

fh_err catalog_run(struct catalog *c, struct fh_error *e)
{
    return catalog_indexer_start(c->indexer, e);
}

void catalog_changed(struct catalog *c, bool awaited)
{
    pthread_mutex_lock(&c->lock);
    c->heard++;
    if (awaited)
        c->awaited = c->heard;
    pthread_mutex_unlock(&c->lock);
    catalog_indexer_wake(c->indexer, awaited);
}

void catalog_forget(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    c->counted = 0;
    pthread_mutex_unlock(&c->lock);
    catalog_indexer_forget(c->indexer);
}

uint64_t catalog_awaited(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    uint64_t awaited = c->awaited;
    pthread_mutex_unlock(&c->lock);
    return awaited;
}

struct db_pool *catalog_pool(const struct catalog *c)
{
    return c->pool;
}

struct catalog_indexer *catalog_indexer(const struct catalog *c)
{
    return c->indexer;
}

int64_t catalog_started(const struct catalog *c)
{
    return c->started;
}

static fh_err read_counts(struct db_conn *conn, void *arg, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = store_catalog_count(conn, a, arg, e);
    fh_arena_free(a);
    return rc;
}

fh_err catalog_counts(struct catalog *c, const struct catalog_list *l, struct store_catalog_counts *out,
                      struct fh_error *e)
{
    pthread_mutex_lock(&c->lock);
    bool known = c->counted == l->version && l->version != 0;
    if (known)
        *out = c->counts;
    pthread_mutex_unlock(&c->lock);
    if (known)
        return FH_OK;
    FH_TRY(db_read(c->pool, read_counts, out, e));
    pthread_mutex_lock(&c->lock);
    c->counted = l->version;
    c->counts = *out;
    pthread_mutex_unlock(&c->lock);
    return FH_OK;
}

fh_err catalog_metrics(struct catalog *c, struct fh_buf *out, struct fh_error *e)
{
    return catalog_indexer_metrics(c->indexer, out, e);
}

struct catalog_list *catalog_list_share(struct catalog_list *l)
{
    atomic_fetch_add_explicit(&l->holders, 1, memory_order_relaxed);
    return l;
}

void catalog_list_drop(struct catalog_list *l)
{
    if (!l || atomic_fetch_sub_explicit(&l->holders, 1, memory_order_acq_rel) != 1)
        return;
    fh_arena_free(l->arena);
    free(l);
}

const struct store_catalog_entry *catalog_list_entries(const struct catalog_list *l, size_t *n)
{
    *n = l->n;
    return l->entries;
}

uint64_t catalog_list_heard(const struct catalog_list *l)
{
    return l->heard;
}

const struct store_catalog_layout *catalog_list_layout(const struct catalog_list *l)
{
    return &l->layout;
}

int64_t catalog_list_version(const struct catalog_list *l)
{
    return l->version;
}

static fh_err read_list(struct db_conn *conn, void *arg, struct fh_error *e)
{
    struct catalog_list *l = arg;
    FH_TRY(store_catalog_entries(conn, l->arena, &l->version, &l->entries, &l->n, e));
    return store_catalog_layout(conn, l->arena, &l->layout, e);
}

/* Held for the caller; NULL: none is kept, or an old one. */
static struct catalog_list *find(struct catalog *c)
{
    struct catalog_list *l = NULL;
    if (!catalog_is_live(c))
        return NULL;
    pthread_mutex_lock(&c->lock);
    if (c->list && c->list->heard == c->heard) {
        l = c->list;
        atomic_fetch_add_explicit(&l->holders, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&c->lock);
    return l;
}

static void keep(struct catalog *c, struct catalog_list *l)
{
    struct catalog_list *old = NULL;
    if (!catalog_is_live(c))
        return;
    pthread_mutex_lock(&c->lock);
    if (l->heard == c->heard) {
        atomic_fetch_add_explicit(&l->holders, 1, memory_order_relaxed);
        old = c->list;
        c->list = l;
    }
    pthread_mutex_unlock(&c->lock);
    catalog_list_drop(old);
}

static fh_err load(struct catalog *c, struct catalog_list **out, struct fh_error *e)
{
    struct catalog_list *l = fh_xcalloc(1, sizeof *l);
    atomic_init(&l->holders, 1);
    l->arena = fh_arena_new();
    pthread_mutex_lock(&c->lock);
    l->heard = c->heard;
    pthread_mutex_unlock(&c->lock);
    fh_err rc = db_read(c->pool, read_list, l, e);
    if (rc != FH_OK) {
        catalog_list_drop(l);
        return rc;
    }
    keep(c, l);
    *out = l;
    return FH_OK;
}

fh_err catalog_list_hold(struct catalog *c, bool inline_only, struct catalog_list **out, struct fh_error *e)
{
    fh_err rc = FH_OK;
    *out = find(c);
    if (*out)
        return FH_OK;
    if (inline_only)
        return FH_FAIL(e, FH_AGAIN, "The list of catalogs is not in memory.");
    pthread_mutex_lock(&c->loading);
    *out = find(c);
    if (!*out)
        rc = load(c, out, e);
    pthread_mutex_unlock(&c->loading);
    return rc;
}
