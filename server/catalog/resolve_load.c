/* A question of resolve asked of the database. See resolve_load.h. */
#include "server/catalog/resolve_load.h"

#include "common/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* --- the pages, between questions */

struct kept_calendar {
    struct fh_arena *arena;
    atomic_uint holders;
    const struct calendar *calendar;
};
struct calendar_cache {
    pthread_mutex_t lock;
    struct kept_calendar *kept; /* NULL: none yet */
};

struct calendar_cache *calendar_cache_new(void)
{
    struct calendar_cache *c = fh_xcalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void drop(void *kept)
{
    struct kept_calendar *k = kept;
    if (!k || atomic_fetch_sub_explicit(&k->holders, 1, memory_order_acq_rel) != 1)
        return;
    fh_arena_free(k->arena);
    free(k);
}

void calendar_cache_free(struct calendar_cache *c)
{
    if (!c)
        return;
    drop(c->kept);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* Held until the arena dies; NULL: it is not there. */
static const struct calendar *find(struct calendar_cache *c, struct fh_arena *a, int64_t version)
{
    struct kept_calendar *k = NULL;
    pthread_mutex_lock(&c->lock);
    if (c->kept && c->kept->calendar->pages.version == version) {
        k = c->kept;
        atomic_fetch_add_explicit(&k->holders, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&c->lock);
    if (!k)
        return NULL;
    fh_defer(a, drop, k);
    return k->calendar;
}

/* A snapshot may be older than the one that somebody else has meanwhile; then it is not kept. */
static void keep(struct calendar_cache *c, struct kept_calendar *k)
{
    struct kept_calendar *old = k;
    pthread_mutex_lock(&c->lock);
    if (!c->kept || c->kept->calendar->pages.version < k->calendar->pages.version) {
        old = c->kept;
        c->kept = k;
    }
    pthread_mutex_unlock(&c->lock);
    drop(old);
}

static fh_err read_calendar(struct db_conn *c, struct kept_calendar *k, struct fh_error *e)
{
    struct store_catalog_pages pages;
    struct store_column *columns;
    size_t n;
    FH_TRY(store_catalog_pages(c, k->arena, &pages, e));
    FH_TRY(store_catalog_columns(c, k->arena, &columns, &n, e));
    k->calendar = catalog_calendar(k->arena, &pages, columns, n);
    return FH_OK;
}

static fh_err open_calendar(struct db_conn *c, struct resolve_question *q, struct fh_error *e)
{
    int64_t version;
    FH_TRY(store_catalog_version(c, &version, e));
    q->calendar = find(q->cache, q->arena, version);
    if (q->calendar)
        return FH_OK;
    struct kept_calendar *k = fh_xcalloc(1, sizeof *k);
    k->arena = fh_arena_new();
    atomic_init(&k->holders, 2); /* the cache, and the question */
    fh_err rc = read_calendar(c, k, e);
    if (rc != FH_OK) {
        fh_arena_free(k->arena);
        free(k);
        return rc;
    }
    q->calendar = k->calendar;
    fh_defer(q->arena, drop, k);
    keep(q->cache, k);
    return FH_OK;
}

/* --- the keys */

static int by_path(const void *left, const void *right)
{
    const struct resolve_descriptor *const *x = left, *const *y = right;
    return strcmp((*x)->attr_path, (*y)->attr_path);
}

void resolve_keys(struct resolve_question *q, const struct catalog_scope *scope)
{
    struct resolve_request *r = q->request;
    struct resolve_descriptor **all =
        fh_alloc(q->arena, (r->ndescriptors + 1) * sizeof(struct resolve_descriptor *));
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->groups[i].n; k++)
            all[n++] = &r->groups[i].descriptors[k];
    qsort(all, n, sizeof *all, by_path);
    q->keys = fh_alloc(q->arena, (n + 1) * sizeof *q->keys);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(all[i]->attr_path, all[i - 1]->attr_path) != 0) {
            struct store_resolve_key *key = &q->keys[q->nkeys++];
            const char *owner;
            catalog_path_split(q->arena, all[i]->attr_path, &owner, &key->attr_path);
            const struct store_catalog_entry *catalog =
                owner ? catalog_scope_find(scope, owner) : catalog_scope_base(scope);
            key->catalog_id = catalog ? catalog->id : 0;
            key->owner = owner;
        }
        all[i]->key = q->nkeys - 1;
    }
}

/* --- the rows */

static struct store_choice choice_of(const struct resolve_question *q, const struct resolve_group_answer *g,
                                     const struct resolve_row *row)
{
    if (row->build)
        return (struct store_choice){.build_id = row->build->id};
    return (struct store_choice){.derivation_id = row->run->derivation_id,
                                 .package_id = row->run->package_id,
                                 .page_id = q->calendar->pages.items[g->page].id,
                                 .system = row->system};
}

static const char *tags_of(struct fh_arena *a, const struct store_catalog_page *page)
{
    const char *list = "[";
    if (page->ntags == 0)
        return NULL;
    for (size_t i = 0; i < page->ntags; i++) /* a tag holds nothing that JSON escapes (migration 0007) */
        list = fh_sprintf(a, "%s%s\"%s\"", list, i ? "," : "", page->tags[i]);
    return fh_sprintf(a, "%s]", list);
}

static void complete_of_page(const struct resolve_question *q, long number, const char *tags,
                             struct store_package_row *row)
{
    const struct store_catalog_page *page = &q->calendar->pages.items[number];
    row->rev = page->rev;
    row->rev_count = page->rev_count;
    row->rev_date = page->rev_date;
    row->tags = tags;
    if (row->scraped_at == STORE_SCRAPED_WITH_PAGE)
        row->scraped_at = q->calendar->systems[row->system].of_page[number]->scraped_at;
}

/* The page that a build was made on; NULL: it is not here. */
static const struct store_catalog_page *base_of(const struct calendar *c, const struct store_build *build)
{
    size_t low = 0, high = c->pages.n;
    while (low < high) { /* the newest first */
        size_t middle = low + (high - low) / 2;
        if (c->pages.items[middle].rev_count > build->base_rev_count)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->pages.n && c->pages.items[low].rev_count == build->base_rev_count ? &c->pages.items[low]
                                                                                      : NULL;
}

static void complete_rows(struct resolve_question *q)
{
    size_t at = 0;
    for (size_t i = 0; i < q->answer->n; i++) {
        const struct resolve_group_answer *g = &q->answer->groups[i];
        const char *tags =
            g->page == CALENDAR_NO_PAGE ? NULL : tags_of(q->arena, &q->calendar->pages.items[g->page]);
        for (size_t k = 0; k < g->nrows; k++, at++) {
            const struct store_catalog_page *base =
                g->rows[k].build ? base_of(q->calendar, g->rows[k].build) : NULL;
            if (g->rows[k].run)
                complete_of_page(q, g->page, tags, &q->rows[at]);
            else if (base)
                q->rows[at].tags = tags_of(q->arena, base);
        }
    }
}

static fh_err load_rows(struct db_conn *c, struct resolve_question *q, struct fh_error *e)
{
    size_t n = 0;
    for (size_t i = 0; i < q->answer->n; i++)
        n += q->answer->groups[i].nrows;
    struct store_choice *choices = fh_alloc(q->arena, (n + 1) * sizeof *choices);
    n = 0;
    for (size_t i = 0; i < q->answer->n; i++)
        for (size_t k = 0; k < q->answer->groups[i].nrows; k++)
            choices[n++] = choice_of(q, &q->answer->groups[i], &q->answer->groups[i].rows[k]);
    FH_TRY(store_resolve_rows(c, q->arena, choices, n, &q->rows, e));
    complete_rows(q);
    return FH_OK;
}

static fh_err ask(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct resolve_question *q = arg;
    struct store_candidates found;
    FH_TRY(store_resolve_begin(c, e));
    FH_TRY(open_calendar(c, q, e));
    FH_TRY(store_resolve_candidates(c, q->arena, q->keys, q->nkeys, q->request->has_pins, &found, e));
    q->candidates = resolve_candidates(q->arena, q->keys, q->nkeys, &found);
    q->answer = catalog_resolve(q->arena, q->calendar, q->candidates, q->request);
    if (q->with_rows)
        FH_TRY(load_rows(c, q, e));
    return store_resolve_end(c, e);
}

fh_err resolve_ask(struct resolve_question *q, struct db_pool *pool, struct fh_error *e)
{
    return db_read(pool, ask, q, e);
}
