/* The cache of computed deltas. See wire_deltas.h.
 *
 *   buckets[] -> item -> item      (by oid and base)
 *   newest <-> item <-> item <-> oldest
 *
 * One lock; what is done under it is a look-up and a copy of some hundred bytes. */
#include "server/git/wire_deltas.h"

#include "common/mem.h"
#include "server/git/wire_oidmap.h"

#include <pthread.h>

struct item {
    struct item *next; /* in the bucket */
    struct item *newer, *older;
    struct fh_oid oid, base;
    size_t nbytes, size;
    bool pays;
    uint8_t bytes[];
};
struct wire_deltas {
    pthread_mutex_t lock; /* of everything below */
    struct item **buckets;
    size_t mask, n;
    struct item *newest, *oldest;
    size_t used, max;
};

struct wire_deltas *wire_deltas_new(size_t max_bytes)
{
    struct wire_deltas *d = fh_xcalloc(1, sizeof *d);
    pthread_mutex_init(&d->lock, NULL);
    d->mask = 1023;
    d->buckets = fh_xcalloc(d->mask + 1, sizeof(struct item *));
    d->max = max_bytes;
    return d;
}

void wire_deltas_free(struct wire_deltas *d)
{
    if (!d)
        return;
    for (struct item *i = d->newest, *older; i; i = older) {
        older = i->older;
        free(i);
    }
    free(d->buckets);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static size_t bucket_of(const struct wire_deltas *d, const struct fh_oid *oid, const struct fh_oid *base)
{
    return (size_t)(wire_oid_hash(oid) ^ wire_oid_hash(base) * 31) & d->mask;
}

static struct item **link_of(struct wire_deltas *d, const struct fh_oid *oid, const struct fh_oid *base)
{
    struct item **at = &d->buckets[bucket_of(d, oid, base)];
    while (*at && (!fh_oid_equal(&(*at)->oid, oid) || !fh_oid_equal(&(*at)->base, base)))
        at = &(*at)->next;
    return at;
}

static void unlink_age(struct wire_deltas *d, struct item *i)
{
    *(i->newer ? &i->newer->older : &d->newest) = i->older;
    *(i->older ? &i->older->newer : &d->oldest) = i->newer;
}

static void make_newest(struct wire_deltas *d, struct item *i)
{
    i->newer = NULL;
    i->older = d->newest;
    *(d->newest ? &d->newest->newer : &d->oldest) = i;
    d->newest = i;
}

static void grow(struct wire_deltas *d)
{
    free(d->buckets);
    d->mask = d->mask * 2 + 1;
    d->buckets = fh_xcalloc(d->mask + 1, sizeof(struct item *));
    for (struct item *i = d->newest; i; i = i->older) {
        struct item **at = &d->buckets[bucket_of(d, &i->oid, &i->base)];
        i->next = *at;
        *at = i;
    }
}

bool wire_deltas_get(struct wire_deltas *d, const struct fh_oid *oid, const struct fh_oid *base,
                     struct wire_deflated *out)
{
    *out = (struct wire_deflated){0};
    if (!d)
        return false;
    pthread_mutex_lock(&d->lock);
    struct item *i = *link_of(d, oid, base);
    if (i) {
        unlink_age(d, i);
        make_newest(d, i);
        if (i->pays) {
            out->bytes = fh_xmalloc(i->nbytes);
            memcpy(out->bytes, i->bytes, i->nbytes);
            out->nbytes = i->nbytes;
            out->size = i->size;
        }
    }
    pthread_mutex_unlock(&d->lock);
    return i != NULL;
}

void wire_deltas_put(struct wire_deltas *d, const struct fh_oid *oid, const struct fh_oid *base,
                     const struct wire_deflated *value)
{
    size_t cost = sizeof(struct item) + value->nbytes;
    if (!d || cost > d->max / 4)
        return;
    struct item *made = fh_xmalloc(cost);
    *made = (struct item){.oid = *oid,
                          .base = *base,
                          .nbytes = value->nbytes,
                          .size = value->size,
                          .pays = value->bytes != NULL};
    if (value->nbytes)
        memcpy(made->bytes, value->bytes, value->nbytes);
    pthread_mutex_lock(&d->lock);
    struct item **at = link_of(d, oid, base);
    if (*at) {
        free(made);
    } else {
        *at = made;
        make_newest(d, made);
        d->used += cost;
        d->n++;
        while (d->used > d->max) {
            struct item *old = d->oldest;
            *link_of(d, &old->oid, &old->base) = old->next;
            unlink_age(d, old);
            d->used -= sizeof *old + old->nbytes;
            d->n--;
            free(old);
        }
        if (d->n > d->mask)
            grow(d);
    }
    pthread_mutex_unlock(&d->lock);
}
