/* Answers of an upstream, kept by what was asked. See upstream_cache.h. */
#include "server/catalog/upstream_cache.h"

#include "common/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024, KEY = 32, SHARE = 8 }; /* one answer takes at most an eighth of the room */

struct entry {
    uint8_t key[KEY];
    int status;
    char *body;
    size_t n;
    int64_t at;
    struct entry *next;          /* in its bucket */
    struct entry *older, *newer; /* by last use */
};

struct catalog_kept {
    size_t most;
    pthread_mutex_t lock; /* what follows */
    size_t used;
    struct entry *buckets[BUCKETS], *newest, *oldest;
};

struct catalog_kept *catalog_kept_new(size_t bytes)
{
    struct catalog_kept *k = fh_xcalloc(1, sizeof *k);
    k->most = bytes;
    pthread_mutex_init(&k->lock, NULL);
    return k;
}

/* The key is a digest, as good as random. */
static struct entry **slot_of(struct catalog_kept *k, const uint8_t key[KEY])
{
    struct entry **slot = &k->buckets[(key[0] << 8 | key[1]) % BUCKETS];
    while (*slot && memcmp((*slot)->key, key, KEY) != 0)
        slot = &(*slot)->next;
    return slot;
}

static void unlink_age(struct catalog_kept *k, struct entry *x)
{
    *(x->newer ? &x->newer->older : &k->newest) = x->older;
    *(x->older ? &x->older->newer : &k->oldest) = x->newer;
}

static void make_newest(struct catalog_kept *k, struct entry *x)
{
    x->older = k->newest;
    x->newer = NULL;
    *(k->newest ? &k->newest->newer : &k->oldest) = x;
    k->newest = x;
}

static size_t size_of(const struct entry *x)
{
    return x->n + sizeof *x;
}

static void take_out(struct catalog_kept *k, struct entry **slot)
{
    struct entry *x = *slot;
    *slot = x->next;
    unlink_age(k, x);
    k->used -= size_of(x);
    free(x->body);
    free(x);
}

void catalog_kept_free(struct catalog_kept *k)
{
    while (k->oldest)
        take_out(k, slot_of(k, k->oldest->key));
    pthread_mutex_destroy(&k->lock);
    free(k);
}

void catalog_kept_put(struct catalog_kept *k, const uint8_t key[KEY], int status, const char *body, size_t n,
                      int64_t at)
{
    if (n > k->most / SHARE)
        return;
    struct entry *x = fh_xcalloc(1, sizeof *x);
    memcpy(x->key, key, KEY);
    x->status = status;
    x->body = fh_xstrndup(body, n);
    x->n = n;
    x->at = at;
    pthread_mutex_lock(&k->lock);
    struct entry **slot = slot_of(k, key);
    if (*slot)
        take_out(k, slot);
    slot = slot_of(k, key);
    x->next = *slot;
    *slot = x;
    make_newest(k, x);
    k->used += size_of(x);
    while (k->used > k->most)
        take_out(k, slot_of(k, k->oldest->key));
    pthread_mutex_unlock(&k->lock);
}

bool catalog_kept_get(struct catalog_kept *k, struct fh_arena *a, const uint8_t key[KEY], int *status,
                      const char **body, size_t *n, int64_t *at)
{
    pthread_mutex_lock(&k->lock);
    struct entry *x = *slot_of(k, key);
    if (x) {
        unlink_age(k, x);
        make_newest(k, x);
        *status = x->status;
        *body = fh_strndup(a, x->body, x->n);
        *n = x->n;
        *at = x->at;
    }
    pthread_mutex_unlock(&k->lock);
    return x != NULL;
}
