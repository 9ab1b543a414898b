/* What resolve keeps between questions. See resolve_memory.h. */
#include "server/catalog/resolve_memory.h"

#include "common/digest.h"
#include "common/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 14 };

struct kept_package {
    struct kept_package *next;
    uint64_t hash;
    int64_t catalog_id;
    const char *attr_path;
    struct resolve_package package;
};
struct kept_row {
    struct kept_row *next;
    struct resolve_place place;
    const char *text;
    size_t n;
};

struct resolve_generation {
    atomic_uint holders;
    struct resolve_memory *memory;
    const struct calendar *calendar;
    pthread_mutex_t lock; /* what follows */
    struct fh_arena *arena;
    size_t used;
    struct kept_package *packages[BUCKETS];
    struct kept_row *rows[BUCKETS];
};

struct resolve_memory {
    size_t most;
    uint64_t secret; /* names are chosen by who asks; where they lie is not */
    pthread_mutex_t lock;
    struct resolve_generation *kept; /* NULL: none */
};

struct resolve_memory *resolve_memory_new(size_t most)
{
    struct resolve_memory *m = fh_xcalloc(1, sizeof *m);
    m->most = most;
    fh_random(&m->secret, sizeof m->secret);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void drop(void *generation)
{
    struct resolve_generation *g = generation;
    if (!g || atomic_fetch_sub_explicit(&g->holders, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&g->lock);
    fh_arena_free(g->arena);
    free(g);
}

void resolve_memory_free(struct resolve_memory *m)
{
    if (!m)
        return;
    drop(m->kept);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void resolve_memory_forget(struct resolve_memory *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    struct resolve_generation *old = m->kept;
    m->kept = NULL;
    pthread_mutex_unlock(&m->lock);
    drop(old);
}

static int64_t version_of(const struct resolve_generation *g)
{
    return g->calendar->pages.version;
}

struct resolve_generation *resolve_generation_find(struct resolve_memory *m, struct fh_arena *a,
                                                   int64_t version)
{
    struct resolve_generation *g = NULL;
    pthread_mutex_lock(&m->lock);
    if (m->kept && version_of(m->kept) == version) {
        g = m->kept;
        atomic_fetch_add_explicit(&g->holders, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&m->lock);
    if (g)
        fh_defer(a, drop, g);
    return g;
}

/* A snapshot may be older than the one that somebody else has meanwhile; then it is not kept. */
static void keep(struct resolve_memory *m, struct resolve_generation *g)
{
    struct resolve_generation *old = g;
    pthread_mutex_lock(&m->lock);
    if (!m->kept || version_of(m->kept) < version_of(g)) {
        old = m->kept;
        m->kept = g;
    }
    pthread_mutex_unlock(&m->lock);
    drop(old);
}

struct resolve_generation *resolve_generation_new(struct resolve_memory *m, struct fh_arena *a,
                                                  struct fh_arena *take_arena,
                                                  const struct calendar *calendar)
{
    struct resolve_generation *g = fh_xcalloc(1, sizeof *g);
    atomic_init(&g->holders, 2); /* the memory, and whoever asked */
    pthread_mutex_init(&g->lock, NULL);
    g->memory = m;
    g->arena = take_arena;
    g->calendar = calendar;
    fh_defer(a, drop, g);
    keep(m, g);
    return g;
}

const struct calendar *resolve_generation_calendar(const struct resolve_generation *g)
{
    return g->calendar;
}

/* One that is full is kept by nobody but its holders. */
static void give_up(struct resolve_generation *g)
{
    struct resolve_memory *m = g->memory;
    bool was_kept;
    pthread_mutex_lock(&m->lock);
    was_kept = m->kept == g;
    if (was_kept)
        m->kept = NULL;
    pthread_mutex_unlock(&m->lock);
    if (was_kept)
        drop(g);
}

/* Under its lock: room for n bytes more; false when it is full. */
static bool has_room(struct resolve_generation *g, size_t n)
{
    if (g->used + n > g->memory->most)
        return false;
    g->used += n;
    return true;
}

/* --- packages */

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * 0x9e3779b97f4a7c15U;
    return h ^ h >> 29;
}

static uint64_t hash_key(const struct resolve_memory *m, const struct store_resolve_key *key)
{
    uint64_t h = mix(m->secret, (uint64_t)key->catalog_id);
    for (const char *c = key->attr_path; *c; c++)
        h = mix(h, (unsigned char)*c);
    return h;
}

static struct kept_package *find_package(struct resolve_generation *g, const struct store_resolve_key *key,
                                         uint64_t hash)
{
    struct kept_package *p = g->packages[hash % BUCKETS];
    while (p &&
           (p->hash != hash || p->catalog_id != key->catalog_id || strcmp(p->attr_path, key->attr_path) != 0))
        p = p->next;
    return p;
}

bool resolve_recall_package(struct resolve_generation *g, const struct store_resolve_key *key,
                            struct resolve_package *out)
{
    uint64_t hash = hash_key(g->memory, key);
    pthread_mutex_lock(&g->lock);
    const struct kept_package *p = find_package(g, key, hash);
    if (p)
        *out = p->package;
    pthread_mutex_unlock(&g->lock);
    return p != NULL;
}

static size_t text_size(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static const char *copy_text(struct resolve_generation *g, const char *s)
{
    return s ? fh_strdup(g->arena, s) : NULL;
}

static size_t package_size(const struct resolve_package *p)
{
    size_t n = sizeof(struct kept_package);
    for (int s = 0; s < FH_SYSTEM_END; s++) {
        for (size_t i = 0; i < p->systems[s].nruns; i++) {
            const struct store_run *r = &p->systems[s].runs[i];
            n += sizeof *r + text_size(r->version) + text_size(r->license) + text_size(r->drv_path);
        }
        for (size_t i = 0; i < p->systems[s].nbuilds; i++) {
            const struct store_build *b = &p->systems[s].builds[i];
            n += sizeof *b + text_size(b->version) + text_size(b->license) + text_size(b->drv_path);
        }
    }
    return n;
}

static void copy_package(struct resolve_generation *g, struct resolve_package *p)
{
    for (int s = 0; s < FH_SYSTEM_END; s++) {
        size_t nruns = p->systems[s].nruns, nbuilds = p->systems[s].nbuilds;
        struct store_run *runs = nruns ? fh_memdup(g->arena, p->systems[s].runs, nruns * sizeof *runs) : NULL;
        struct store_build *builds =
            nbuilds ? fh_memdup(g->arena, p->systems[s].builds, nbuilds * sizeof *builds) : NULL;
        for (size_t i = 0; i < nruns; i++) {
            runs[i].version = copy_text(g, runs[i].version);
            runs[i].license = copy_text(g, runs[i].license);
            runs[i].drv_path = copy_text(g, runs[i].drv_path);
        }
        for (size_t i = 0; i < nbuilds; i++) {
            builds[i].version = copy_text(g, builds[i].version);
            builds[i].license = copy_text(g, builds[i].license);
            builds[i].drv_path = copy_text(g, builds[i].drv_path);
        }
        p->systems[s].runs = runs;
        p->systems[s].builds = builds;
    }
}

void resolve_keep_package(struct resolve_generation *g, const struct store_resolve_key *key,
                          struct resolve_package *package)
{
    uint64_t hash = hash_key(g->memory, key);
    size_t size = package_size(package) + text_size(key->attr_path);
    pthread_mutex_lock(&g->lock);
    bool fits = has_room(g, size);
    if (fits && !find_package(g, key, hash)) {
        struct kept_package *p = fh_alloc(g->arena, sizeof *p);
        copy_package(g, package);
        *p = (struct kept_package){g->packages[hash % BUCKETS], hash, key->catalog_id,
                                   copy_text(g, key->attr_path), *package};
        g->packages[hash % BUCKETS] = p;
    }
    pthread_mutex_unlock(&g->lock);
    if (!fits)
        give_up(g);
}

/* --- rows */

static size_t bucket_of(const struct resolve_place *p)
{
    return mix(mix(mix(2, (uint64_t)p->package_id), p->page), (uint64_t)p->system) % BUCKETS;
}

static const struct kept_row *find_row(struct resolve_generation *g, const struct resolve_place *place)
{
    const struct kept_row *r = g->rows[bucket_of(place)];
    while (r && (r->place.package_id != place->package_id || r->place.system != place->system ||
                 r->place.page != place->page))
        r = r->next;
    return r;
}

const char *resolve_recall_row(struct resolve_generation *g, const struct resolve_place *place, size_t *n)
{
    pthread_mutex_lock(&g->lock);
    const struct kept_row *r = find_row(g, place);
    pthread_mutex_unlock(&g->lock);
    if (r)
        *n = r->n;
    return r ? r->text : NULL;
}

void resolve_keep_row(struct resolve_generation *g, const struct resolve_place *place, const char *text,
                      size_t n)
{
    pthread_mutex_lock(&g->lock);
    bool fits = has_room(g, sizeof(struct kept_row) + n);
    if (fits && !find_row(g, place)) {
        struct kept_row *r = fh_alloc(g->arena, sizeof *r);
        *r = (struct kept_row){g->rows[bucket_of(place)], *place, fh_memdup(g->arena, text, n), n};
        g->rows[bucket_of(place)] = r;
    }
    pthread_mutex_unlock(&g->lock);
    if (!fits)
        give_up(g);
}
