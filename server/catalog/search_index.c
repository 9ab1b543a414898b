/* The search index and the thread that keeps it. See search_index.h. */
#include "server/catalog/search_index.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/store/catalog_read.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum {
    BATCH = 10000,    /* rows read at a time */
    GATHER_MS = 2000, /* between two indexes that nobody waits for */
    RETRY_MS = 5000,  /* after one that could not be made */
};

struct catalog_index {
    atomic_uint holders;
    uint64_t era;                    /* of the indexer, when it began to be made */
    uint64_t heard;                  /* changes that had been heard of when its list was read */
    const struct catalog_list *list; /* only to be compared: held, so that no other comes to its address */
    size_t n;
    struct catalog_part **parts; /* by catalog id */
};

struct catalog_indexer {
    struct catalog *catalog;
    pthread_t thread;
    bool runs;
    pthread_mutex_t making; /* one makes an index at a time */
    pthread_mutex_t lock;   /* what follows */
    pthread_cond_t woken;
    bool stops, soon, wanted;
    uint64_t era; /* another one when what is kept must go */
    struct catalog_index *index;
    int64_t made_ms, packages, bytes; /* of the last one: how long it took, what is in it */
    uint64_t made;
};

/* --- an index */

void catalog_index_drop(struct catalog_index *i)
{
    if (!i || atomic_fetch_sub_explicit(&i->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t k = 0; k < i->n; k++)
        catalog_part_drop(i->parts[k]);
    catalog_list_drop((struct catalog_list *)(uintptr_t)i->list);
    free(i->parts);
    free(i);
}

static size_t slot_of(const struct catalog_index *i, int64_t catalog_id)
{
    size_t low = 0, high = i->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (i->parts[middle]->catalog_id < catalog_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct catalog_part *part_of(const struct catalog_index *i, int64_t catalog_id)
{
    size_t slot = i ? slot_of(i, catalog_id) : 0;
    return i && slot < i->n && i->parts[slot]->catalog_id == catalog_id ? i->parts[slot] : NULL;
}

const struct catalog_part *catalog_index_part(const struct catalog_index *i, int64_t catalog_id)
{
    return part_of(i, catalog_id);
}

/* Has the index all that the list tells of? */
static bool covers(const struct catalog_index *i, const struct catalog_list *list)
{
    size_t n;
    const struct store_catalog_entry *entries = catalog_list_entries(list, &n);
    if (i && i->list == list)
        return true;
    for (size_t k = 0; i && k < n; k++) {
        const struct catalog_part *p = part_of(i, entries[k].id);
        if (!p || p->changed != entries[k].changed)
            return false;
    }
    return i != NULL;
}

/* --- making one */

struct load {
    const struct store_catalog_entry *entry;
    struct catalog_part *part;
};

static fh_err load_rows(struct db_conn *conn, struct catalog_maker *m, int64_t catalog_id, struct fh_error *e)
{
    char *after = fh_xstrdup("");
    size_t n = BATCH;
    fh_err rc = FH_OK;
    while (rc == FH_OK && n == BATCH) {
        struct fh_arena *a = fh_arena_new();
        struct store_catalog_found *rows;
        rc = store_catalog_found(conn, a, catalog_id, after, BATCH, &rows, &n, e);
        for (size_t i = 0; rc == FH_OK && i < n; i++) {
            const struct catalog_row row = {.attr_path = rows[i].attr_path,
                                            .name = rows[i].name,
                                            .version = rows[i].version,
                                            .description = rows[i].description,
                                            .deprecation = rows[i].deprecation};
            catalog_maker_add(m, &row);
        }
        if (rc == FH_OK && n > 0) {
            free(after);
            after = fh_xstrdup(rows[n - 1].attr_path);
        }
        fh_arena_free(a);
    }
    free(after);
    return rc;
}

static fh_err load_part(struct db_conn *conn, void *arg, struct fh_error *e)
{
    struct load *l = arg;
    struct catalog_maker *m = catalog_maker_new(l->entry->id, l->entry->changed);
    fh_err rc = load_rows(conn, m, l->entry->id, e);
    if (rc != FH_OK) {
        catalog_maker_free(m);
        return rc;
    }
    l->part = catalog_maker_finish(m);
    return FH_OK;
}

static int by_catalog(const void *a, const void *b)
{
    const struct catalog_part *const *x = a, *const *y = b;
    return ((*x)->catalog_id > (*y)->catalog_id) - ((*x)->catalog_id < (*y)->catalog_id);
}

/* From the list, and from old what did not change. */
static fh_err make(struct catalog_indexer *x, uint64_t era, struct catalog_list *list,
                   const struct catalog_index *old, struct catalog_index **out, struct fh_error *e)
{
    size_t n;
    const struct store_catalog_entry *entries = catalog_list_entries(list, &n);
    struct catalog_index *fresh = fh_xcalloc(1, sizeof *fresh);
    atomic_init(&fresh->holders, 1);
    fresh->era = era;
    fresh->heard = catalog_list_heard(list);
    fresh->list = catalog_list_share(list);
    fresh->parts = fh_xcalloc(n + 1, sizeof *fresh->parts);
    for (size_t i = 0; i < n; i++) {
        struct catalog_part *kept = part_of(old, entries[i].id);
        struct load l = {.entry = &entries[i]};
        if (kept && kept->changed == entries[i].changed) {
            l.part = catalog_part_hold(kept);
        } else {
            fh_err rc = db_read(catalog_pool(x->catalog), load_part, &l, e);
            if (rc != FH_OK) {
                catalog_index_drop(fresh);
                return rc;
            }
        }
        fresh->parts[fresh->n++] = l.part;
    }
    qsort(fresh->parts, fresh->n, sizeof *fresh->parts, by_catalog);
    *out = fresh;
    return FH_OK;
}

static struct catalog_index *hold_present(struct catalog_indexer *x)
{
    pthread_mutex_lock(&x->lock);
    struct catalog_index *i = x->index && x->index->era == x->era ? x->index : NULL;
    if (i)
        atomic_fetch_add_explicit(&i->holders, 1, memory_order_relaxed);
    pthread_mutex_unlock(&x->lock);
    return i;
}

/* Puts an index in the place of the present one, unless that is from a later moment. */
static void put_up(struct catalog_indexer *x, struct catalog_index *fresh, int64_t ms)
{
    struct catalog_index *old = fresh;
    int64_t packages = 0, bytes = 0;
    for (size_t i = 0; i < fresh->n; i++) {
        packages += (int64_t)fresh->parts[i]->n;
        bytes += (int64_t)fresh->parts[i]->bytes;
    }
    pthread_mutex_lock(&x->lock);
    if (fresh->era == x->era && (!x->index || x->index->era != x->era || x->index->heard <= fresh->heard)) {
        old = x->index;
        x->index = fresh;
        atomic_fetch_add_explicit(&fresh->holders, 1, memory_order_relaxed);
        x->made++;
        x->made_ms = ms;
        x->packages = packages;
        x->bytes = bytes;
    } else {
        old = NULL;
    }
    pthread_mutex_unlock(&x->lock);
    catalog_index_drop(old);
}

static uint64_t era_of(struct catalog_indexer *x)
{
    pthread_mutex_lock(&x->lock);
    uint64_t era = x->era;
    pthread_mutex_unlock(&x->lock);
    return era;
}

void catalog_indexer_forget(struct catalog_indexer *x)
{
    pthread_mutex_lock(&x->lock);
    x->era++;
    pthread_mutex_unlock(&x->lock);
}

/* An index that covers the list, held. */
static fh_err refresh(struct catalog_indexer *x, struct catalog_list *list, struct catalog_index **out,
                      struct fh_error *e)
{
    pthread_mutex_lock(&x->making);
    uint64_t era = era_of(x);
    struct catalog_index *old = hold_present(x), *fresh = NULL;
    int64_t began = fh_ticks_ms();
    fh_err rc = FH_OK;
    if (old && old->list == list) {
        *out = old;
    } else {
        rc = make(x, era, list, old, &fresh, e);
        catalog_index_drop(old);
        if (rc == FH_OK) {
            put_up(x, fresh, fh_ticks_ms() - began);
            *out = fresh;
        }
    }
    pthread_mutex_unlock(&x->making);
    return rc;
}

fh_err catalog_index_hold(struct catalog *c, struct catalog_list *list, bool inline_only,
                          struct catalog_index **out, struct fh_error *e)
{
    struct catalog_indexer *x = catalog_indexer(c);
    struct catalog_index *i = hold_present(x);
    bool enough = i && catalog_is_live(c) && i->heard >= catalog_awaited(c);
    if (enough || covers(i, list)) {
        *out = i;
        return FH_OK;
    }
    catalog_index_drop(i);
    if (inline_only)
        return FH_FAIL(e, FH_AGAIN, "The search index is older than the catalog.");
    return refresh(x, list, out, e);
}

/* --- the thread */

static fh_err keep_up(struct catalog_indexer *x, struct fh_error *e)
{
    struct catalog_list *list;
    struct catalog_index *index;
    FH_TRY(catalog_list_hold(x->catalog, false, &list, e));
    fh_err rc = refresh(x, list, &index, e);
    if (rc == FH_OK)
        catalog_index_drop(index);
    catalog_list_drop(list);
    return rc;
}

/* Under the lock: until there is something to do, at most ms (0: for ever). */
static void wait_for_work(struct catalog_indexer *x, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    if (ms == 0)
        pthread_cond_wait(&x->woken, &x->lock);
    else
        pthread_cond_timedwait(&x->woken, &x->lock, &until);
}

static void *run(void *arg)
{
    struct catalog_indexer *x = arg;
    int64_t next = 0; /* ticks: not before, unless it is needed soon */
    pthread_mutex_lock(&x->lock);
    while (!x->stops) {
        int64_t left = next - fh_ticks_ms();
        if (!x->wanted || (!x->soon && left > 0)) {
            wait_for_work(x, x->wanted ? (int)(left > 1000 ? left : 1000) : 0);
            continue;
        }
        struct fh_error e = {0};
        x->wanted = x->soon = false;
        pthread_mutex_unlock(&x->lock);
        fh_err rc = keep_up(x, &e);
        if (rc != FH_OK)
            fh_log(FH_LOG_WARN, "The search index could not be made: %s", e.msg);
        pthread_mutex_lock(&x->lock);
        next = fh_ticks_ms() + (rc == FH_OK ? GATHER_MS : RETRY_MS);
        x->wanted = x->wanted || rc != FH_OK;
    }
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

struct catalog_indexer *catalog_indexer_new(struct catalog *c)
{
    struct catalog_indexer *x = fh_xcalloc(1, sizeof *x);
    x->catalog = c;
    x->wanted = true;
    pthread_mutex_init(&x->making, NULL);
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->woken, NULL);
    return x;
}

fh_err catalog_indexer_start(struct catalog_indexer *x, struct fh_error *e)
{
    if (pthread_create(&x->thread, NULL, run, x) != 0)
        return FH_FAIL(e, FH_UNAVAILABLE, "A thread could not be started.");
    x->runs = true;
    return FH_OK;
}

void catalog_indexer_wake(struct catalog_indexer *x, bool soon)
{
    pthread_mutex_lock(&x->lock);
    x->wanted = true;
    x->soon = x->soon || soon;
    pthread_cond_signal(&x->woken);
    pthread_mutex_unlock(&x->lock);
}

void catalog_indexer_stop(struct catalog_indexer *x)
{
    if (!x->runs)
        return;
    pthread_mutex_lock(&x->lock);
    x->stops = true;
    pthread_cond_signal(&x->woken);
    pthread_mutex_unlock(&x->lock);
    pthread_join(x->thread, NULL);
    x->runs = false;
}

void catalog_indexer_free(struct catalog_indexer *x)
{
    catalog_indexer_stop(x);
    catalog_index_drop(x->index);
    pthread_cond_destroy(&x->woken);
    pthread_mutex_destroy(&x->lock);
    pthread_mutex_destroy(&x->making);
    free(x);
}

fh_err catalog_indexer_metrics(struct catalog_indexer *x, struct fh_buf *out, struct fh_error *e)
{
    pthread_mutex_lock(&x->lock);
    int64_t packages = x->packages, bytes = x->bytes, ms = x->made_ms;
    uint64_t made = x->made;
    pthread_mutex_unlock(&x->lock);
    return fh_buf_addf(out, e,
                       "# HELP floe_search_index_packages Packages in the search index.\n"
                       "# TYPE floe_search_index_packages gauge\nfloe_search_index_packages %lld\n"
                       "# HELP floe_search_index_bytes What the search index takes in memory.\n"
                       "# TYPE floe_search_index_bytes gauge\nfloe_search_index_bytes %lld\n"
                       "# HELP floe_search_index_build_seconds How long it took to make it.\n"
                       "# TYPE floe_search_index_build_seconds gauge\nfloe_search_index_build_seconds %.3f\n"
                       "# HELP floe_search_index_builds_total How often it was made.\n"
                       "# TYPE floe_search_index_builds_total counter\nfloe_search_index_builds_total %llu\n",
                       (long long)packages, (long long)bytes, (double)ms / 1000, (unsigned long long)made);
}
