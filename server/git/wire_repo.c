/* Snapshots of owners' repositories. See wire_repo.h.
 *
 *     wire_repo_hold:  in the table? --yes--> count, return
 *                          | no
 *                      lock the owner's stripe (one load of an owner at a time; the rest then find it)
 *                          | note the stripe's generation
 *                      rows -> folder -> packs opened
 *                          | generation still the same? then keep it, else hand it out and keep nothing
 *
 * wire_repos_changed raises the generation and takes the owner out of the table, so that a load that began
 * before the change is never kept. */
#include "server/git/wire_repo.h"

#include "common/ceilings.h"
#include "common/mem.h"
#include "server/git/wire_materialise.h"
#include "server/git/wire_packcache.h"
#include "server/git/wire_quarantine.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    STRIPES = 64, /* a power of two */
    BUCKETS = 1024,
    /* Each pack is two mappings and the kernel allows a process 65,530. */
    MAX_SNAPSHOTS = 2048,
    MAX_PACKS = 12 * 1024,
    LOAD_TRIES = 4,
};

struct snapshot {
    struct wire_snapshot public; /* first: handed out as a pointer to this */
    struct fh_arena *arena;
    atomic_uint holders;
    int64_t told;          /* once it is a stripe's previous: the latest revision that was told of since */
    struct snapshot *next; /* in its bucket */
    struct snapshot *older, *newer; /* by last use */
};

struct stripe {
    pthread_mutex_t loading;
    uint64_t generation;       /* under the table's lock, as is */
    struct snapshot *previous; /* the last one that a change took out: its successor shares its open packs */
};

struct wire_repos {
    struct wire_repos_config config;
    char *data;
    struct wire_packcache *cache;
    struct wire_deltas *deltas;
    bool (*live)(void *);
    void *live_arg;
    atomic_uint_fast64_t stamps;
    atomic_flag compacting;
    struct stripe stripes[STRIPES];
    pthread_mutex_t lock; /* the table: what follows, and the stripes' generations */
    struct snapshot *buckets[BUCKETS];
    struct snapshot *newest, *oldest;
    size_t snapshots, packs;
};

fh_err wire_repos_open(const struct wire_repos_config *config, struct wire_repos **out, struct fh_error *e)
{
    struct wire_repos *r = fh_xcalloc(1, sizeof *r);
    r->config = *config;
    r->data = fh_xstrdup(config->data);
    r->config.data = r->data;
    pthread_mutex_init(&r->lock, NULL);
    for (size_t i = 0; i < STRIPES; i++)
        pthread_mutex_init(&r->stripes[i].loading, NULL);
    atomic_flag_clear(&r->compacting);
    r->deltas = wire_deltas_new(config->delta_cache_bytes);
    fh_err rc = wire_packcache_open(config->data, config->pack_cache_bytes, &r->cache, e);
    if (rc != FH_OK) {
        wire_repos_close(r);
        return rc;
    }
    wire_private_sweep(r->data);
    *out = r;
    return FH_OK;
}

const struct wire_repos_config *wire_repos_settings(const struct wire_repos *r)
{
    return &r->config;
}

struct wire_packcache *wire_repos_cache(struct wire_repos *r)
{
    return r->cache;
}

struct wire_deltas *wire_repos_deltas(struct wire_repos *r)
{
    return r->deltas;
}

bool wire_repos_begin_compaction(struct wire_repos *r)
{
    return !atomic_flag_test_and_set(&r->compacting);
}

void wire_repos_end_compaction(struct wire_repos *r)
{
    atomic_flag_clear(&r->compacting);
}

void wire_repos_set_live(struct wire_repos *r, bool (*live)(void *), void *arg)
{
    r->live = live;
    r->live_arg = arg;
}

static bool is_live(const struct wire_repos *r)
{
    return r->live == NULL || r->live(r->live_arg);
}

static uint32_t hash_owner(const char *owner)
{
    uint32_t h = 2166136261u;
    for (const char *c = owner; *c; c++)
        h = (h ^ (unsigned char)*c) * 16777619u;
    return h;
}

static struct snapshot *hold(struct snapshot *s)
{
    atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
    return s;
}

static void drop(struct snapshot *s)
{
    if (atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) != 1)
        return;
    wire_packs_drop(s->public.packs);
    fh_arena_free(s->arena);
    free(s);
}

static void drop_all(struct snapshot *list)
{
    while (list) {
        struct snapshot *next = list->next;
        drop(list);
        list = next;
    }
}

/* --- the table; all under r->lock --- */

static void unlink_age(struct wire_repos *r, struct snapshot *s)
{
    *(s->newer ? &s->newer->older : &r->newest) = s->older;
    *(s->older ? &s->older->newer : &r->oldest) = s->newer;
    s->newer = s->older = NULL;
}

static void make_newest(struct wire_repos *r, struct snapshot *s)
{
    s->older = r->newest;
    s->newer = NULL;
    *(r->newest ? &r->newest->newer : &r->oldest) = s;
    r->newest = s;
}

static struct snapshot **find_slot(struct wire_repos *r, const char *owner)
{
    struct snapshot **slot = &r->buckets[hash_owner(owner) % BUCKETS];
    while (*slot && strcmp((*slot)->public.repo.owner.handle, owner) != 0)
        slot = &(*slot)->next;
    return slot;
}

/* Takes it out; the table's count is the caller's to drop, outside the lock: unmapping takes time. */
static struct snapshot *take_out(struct wire_repos *r, struct snapshot **slot)
{
    struct snapshot *s = *slot;
    *slot = s->next;
    s->next = NULL;
    unlink_age(r, s);
    r->snapshots--;
    r->packs -= s->public.repo.npacks;
    return s;
}

static void put_in(struct wire_repos *r, struct snapshot **slot, struct snapshot *s)
{
    s->next = *slot;
    *slot = hold(s);
    make_newest(r, s);
    r->snapshots++;
    r->packs += s->public.repo.npacks;
}

static struct snapshot *find(struct wire_repos *r, const char *owner)
{
    pthread_mutex_lock(&r->lock);
    struct snapshot *s = *find_slot(r, owner);
    if (s) {
        unlink_age(r, s);
        make_newest(r, s);
        hold(s);
    }
    pthread_mutex_unlock(&r->lock);
    return s;
}

/* Whether what s shows is all that is known of the owner but for the change that made this revision: it is in
 * the table, or the news of that change, and no other, took it out. Under the table's lock. */
static bool precedes(struct wire_repos *r, const struct stripe *stripe, const struct snapshot *s,
                     int64_t revision)
{
    const struct snapshot *now = *find_slot(r, s->public.repo.owner.handle);
    return now == s || (!now && stripe->previous == s && s->told == revision);
}

static uint64_t generation(struct wire_repos *r, const struct stripe *stripe)
{
    pthread_mutex_lock(&r->lock);
    uint64_t g = stripe->generation;
    pthread_mutex_unlock(&r->lock);
    return g;
}

/* Keeps s unless something changed since the load began; throws out the least lately used beyond the bounds.
 */
static void keep(struct wire_repos *r, const struct stripe *stripe, uint64_t began, struct snapshot *s)
{
    struct snapshot *out = NULL;
    pthread_mutex_lock(&r->lock);
    struct snapshot **slot = find_slot(r, s->public.repo.owner.handle);
    if (stripe->generation == began && !*slot)
        put_in(r, slot, s);
    while (r->oldest != r->newest && (r->snapshots > MAX_SNAPSHOTS || r->packs > MAX_PACKS)) {
        struct snapshot *old = take_out(r, find_slot(r, r->oldest->public.repo.owner.handle));
        old->next = out;
        out = old;
    }
    pthread_mutex_unlock(&r->lock);
    drop_all(out);
}

static void forget_all(struct wire_repos *r)
{
    struct snapshot *out = NULL;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < STRIPES; i++) {
        struct snapshot *previous = r->stripes[i].previous;
        r->stripes[i].generation++;
        r->stripes[i].previous = NULL;
        if (previous) {
            previous->next = out;
            out = previous;
        }
    }
    while (r->oldest) {
        struct snapshot *old = take_out(r, find_slot(r, r->oldest->public.repo.owner.handle));
        old->next = out;
        out = old;
    }
    pthread_mutex_unlock(&r->lock);
    drop_all(out);
}

/* Under the table's lock. */
static void tell_previous(struct stripe *stripe, const char *owner, int64_t revision)
{
    struct snapshot *s = stripe->previous;
    if (!s || strcmp(s->public.repo.owner.handle, owner) != 0)
        return;
    if (revision == 0)
        revision = INT64_MAX;
    if (s->told < revision)
        s->told = revision;
}

void wire_repos_changed(struct wire_repos *r, const char *owner, int64_t revision)
{
    if (!owner) {
        forget_all(r);
        return;
    }
    struct stripe *stripe = &r->stripes[hash_owner(owner) % STRIPES];
    struct snapshot *replaced = NULL;
    pthread_mutex_lock(&r->lock);
    struct snapshot **slot = find_slot(r, owner);
    bool known = *slot && revision && (*slot)->public.repo.revision >= revision;
    if (!known)
        stripe->generation++;
    if (*slot && !known) {
        replaced = stripe->previous;
        stripe->previous = take_out(r, slot);
        stripe->previous->told = 0;
    }
    if (!known)
        tell_previous(stripe, owner, revision);
    pthread_mutex_unlock(&r->lock);
    if (replaced)
        drop(replaced);
}

void wire_repos_close(struct wire_repos *r)
{
    if (!r)
        return;
    forget_all(r);
    wire_packcache_close(r->cache);
    wire_deltas_free(r->deltas);
    for (size_t i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&r->stripes[i].loading);
    pthread_mutex_destroy(&r->lock);
    free(r->data);
    free(r);
}

/* --- loading --- */

struct load {
    const char *owner;
    struct fh_arena *arena;
    struct store_repo *repo;
};

static fh_err load_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct load *l = arg;
    return store_repo_load(c, l->arena, l->owner, l->repo, e);
}

/* How many packs previous has, if they are the first ones of repo too: packs are rows, oldest first, and a
 * push adds one. Otherwise none. */
static size_t count_shared(const struct snapshot *previous, const struct store_repo *repo)
{
    if (!previous || previous->public.repo.owner.id != repo->owner.id ||
        previous->public.repo.npacks > repo->npacks)
        return 0;
    for (size_t i = 0; i < previous->public.repo.npacks; i++)
        if (previous->public.repo.packs[i].id != repo->packs[i].id)
            return 0;
    return previous->public.repo.npacks;
}

static fh_err open_packs(struct wire_repos *r, struct snapshot *s, const struct snapshot *previous,
                         struct fh_error *e)
{
    const struct store_repo *repo = &s->public.repo;
    size_t shared = count_shared(previous, repo), n = repo->npacks - shared;
    const char **paths = fh_alloc(s->arena, (n + 1) * sizeof *paths);
    for (size_t i = 0; i < n; i++) {
        char path[WIRE_PATH_SIZE];
        FH_TRY(wire_pack_path(r->data, repo->owner.handle, repo->packs[shared + i].checksum, path, e));
        paths[i] = fh_strdup(s->arena, path);
    }
    return wire_packs_open(paths, n, shared ? previous->public.packs : NULL, &s->public.packs, e);
}

static fh_err load_once(struct wire_repos *r, const char *owner, struct snapshot *s,
                        const struct snapshot *previous, struct fh_error *e)
{
    struct load l = {owner, s->arena, &s->public.repo};
    FH_TRY(db_read(r->config.pool, load_rows, &l, e));
    FH_TRY(wire_materialise(r->data, r->config.pool, &s->public.repo, false, e));
    fh_err rc = open_packs(r, s, previous, e);
    if (rc != FH_INTERNAL && rc != FH_NOT_FOUND)
        return rc;
    /* Somebody removed or damaged a file: the rows are the truth. */
    FH_TRY(wire_materialise(r->data, r->config.pool, &s->public.repo, true, e));
    rc = open_packs(r, s, NULL, e);
    return rc == FH_NOT_FOUND ? FH_FAIL(e, FH_INTERNAL, "A pack of %s that was just written is gone.", owner)
                              : rc;
}

static struct snapshot *take_previous(struct wire_repos *r, struct stripe *stripe)
{
    pthread_mutex_lock(&r->lock);
    struct snapshot *previous = stripe->previous;
    stripe->previous = NULL;
    pthread_mutex_unlock(&r->lock);
    return previous;
}

static struct snapshot *make_snapshot(struct wire_repos *r, struct fh_arena *take_arena)
{
    struct snapshot *s = fh_xcalloc(1, sizeof *s);
    s->arena = take_arena;
    s->public.stamp = atomic_fetch_add(&r->stamps, 1) + 1;
    atomic_init(&s->holders, 1);
    return s;
}

static fh_err load(struct wire_repos *r, const char *owner, struct snapshot *previous, struct snapshot **out,
                   struct fh_error *e)
{
    fh_err rc = FH_AGAIN;
    for (int i = 0; rc == FH_AGAIN && i < LOAD_TRIES; i++) {
        struct snapshot *s = make_snapshot(r, fh_arena_new());
        rc = load_once(r, owner, s, previous, e);
        if (rc == FH_OK)
            *out = s;
        else
            drop(s);
    }
    return rc == FH_AGAIN
               ? FH_FAIL(e, FH_UNAVAILABLE, "The repository of %s is being packed; try again.", owner)
               : rc;
}

fh_err wire_repo_hold(struct wire_repos *r, const char *owner, bool inline_only,
                      const struct wire_snapshot **out, struct fh_error *e)
{
    bool live = is_live(r);
    struct snapshot *s = live ? find(r, owner) : NULL;
    if (!s && inline_only)
        return FH_FAIL(e, FH_AGAIN, "The repository of %s is not in memory.", owner);
    if (!s) {
        struct stripe *stripe = &r->stripes[hash_owner(owner) % STRIPES];
        fh_err rc = FH_OK;
        pthread_mutex_lock(&stripe->loading);
        s = live ? find(r, owner) : NULL;
        if (!s) {
            uint64_t began = generation(r, stripe);
            struct snapshot *previous = take_previous(r, stripe);
            rc = load(r, owner, previous, &s, e);
            if (previous)
                drop(previous);
            if (rc == FH_OK && is_live(r))
                keep(r, stripe, began, s);
        }
        pthread_mutex_unlock(&stripe->loading);
        FH_TRY(rc);
    }
    *out = &s->public;
    return FH_OK;
}

/* Puts s in the place of before; with look_only, says whether that could be done. */
static bool replace(struct wire_repos *r, struct stripe *stripe, const struct snapshot *before,
                    struct snapshot *s, bool look_only)
{
    struct snapshot *out = NULL;
    pthread_mutex_lock(&r->lock);
    struct snapshot **slot = find_slot(r, s->public.repo.owner.handle);
    bool may = precedes(r, stripe, before, s->public.repo.revision);
    if (may && !look_only) {
        out = *slot ? take_out(r, slot) : stripe->previous;
        if (out == stripe->previous)
            stripe->previous = NULL;
        stripe->generation++; /* what a load under way has read may be older */
        put_in(r, slot, s);
    }
    pthread_mutex_unlock(&r->lock);
    if (out)
        drop(out);
    return may;
}

bool wire_repo_advance(struct wire_repos *r, const struct wire_snapshot *before, struct fh_arena *take_arena,
                       const struct store_repo *next)
{
    const struct snapshot *present = (const struct snapshot *)before;
    struct stripe *stripe = &r->stripes[hash_owner(before->repo.owner.handle) % STRIPES];
    struct snapshot *s = make_snapshot(r, take_arena);
    struct fh_error e = {0};
    s->public.repo = *next;
    pthread_mutex_lock(&stripe->loading);
    bool done =
        is_live(r) && replace(r, stripe, present, s, true) && open_packs(r, s, present, &e) == FH_OK &&
        wire_materialise_refs(r->data, &s->public.repo, &e) == FH_OK && replace(r, stripe, present, s, false);
    pthread_mutex_unlock(&stripe->loading);
    drop(s);
    return done;
}

fh_err wire_repo_pretend(struct wire_repos *r, struct fh_error *e)
{
    struct store_repo none;
    struct load l = {"", fh_arena_new(), &none}; /* nobody has this handle */
    fh_err rc = db_read(r->config.pool, load_rows, &l, e);
    fh_arena_free(l.arena);
    return rc == FH_NOT_FOUND ? FH_OK : rc;
}

void wire_repo_drop(struct wire_repos *r, const struct wire_snapshot *s)
{
    (void)r;
    if (s)
        drop((struct snapshot *)(uintptr_t)s);
}
