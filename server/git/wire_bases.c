/* The delta bases of a reader. See wire_bases.h.
 *
 *   buckets[] -> item -> item      (by place)
 *   newest <-> item <-> item <-> oldest
 */
#include "server/git/wire_bases.h"

#include "common/mem.h"

enum { BUCKETS = 256 };

struct item {
    struct item *next; /* in the bucket */
    struct item *newer, *older;
    struct wire_place place;
    enum wire_type type;
    size_t n;
    uint8_t bytes[];
};
struct wire_bases {
    struct item *buckets[BUCKETS];
    struct item *newest, *oldest;
    size_t used, max;
};

struct wire_bases *wire_bases_new(size_t max_bytes)
{
    struct wire_bases *b = fh_xcalloc(1, sizeof *b);
    b->max = max_bytes;
    return b;
}

void wire_bases_free(struct wire_bases *b)
{
    if (!b)
        return;
    for (struct item *i = b->newest, *older; i; i = older) {
        older = i->older;
        free(i);
    }
    free(b);
}

void wire_bases_raise(struct wire_bases *b, size_t max_bytes)
{
    if (max_bytes > b->max)
        b->max = max_bytes;
}

static struct item **link_of(struct wire_bases *b, const struct wire_place *place)
{
    uint64_t hash = (place->offset + place->pack) * 0x9e3779b97f4a7c15u;
    struct item **at = &b->buckets[hash >> 56];
    while (*at && ((*at)->place.offset != place->offset || (*at)->place.pack != place->pack))
        at = &(*at)->next;
    return at;
}

static void unlink_age(struct wire_bases *b, struct item *i)
{
    *(i->newer ? &i->newer->older : &b->newest) = i->older;
    *(i->older ? &i->older->newer : &b->oldest) = i->newer;
}

static void make_newest(struct wire_bases *b, struct item *i)
{
    i->newer = NULL;
    i->older = b->newest;
    *(b->newest ? &b->newest->newer : &b->oldest) = i;
    b->newest = i;
}

const void *wire_bases_get(struct wire_bases *b, const struct wire_place *place, enum wire_type *type,
                           size_t *n)
{
    struct item *i = *link_of(b, place);
    if (!i)
        return NULL;
    unlink_age(b, i);
    make_newest(b, i);
    *type = i->type;
    *n = i->n;
    return i->bytes;
}

void wire_bases_put(struct wire_bases *b, const struct wire_place *place, enum wire_type type,
                    const void *bytes, size_t n)
{
    if (n > b->max / 4 || *link_of(b, place))
        return;
    size_t cost = n + sizeof(struct item);
    while (b->oldest && b->used + cost > b->max) {
        struct item *old = b->oldest;
        *link_of(b, &old->place) = old->next;
        unlink_age(b, old);
        b->used -= old->n + sizeof *old;
        free(old);
    }
    struct item *i = fh_xmalloc(sizeof *i + n);
    *i = (struct item){.place = *place, .type = type, .n = n};
    memcpy(i->bytes, bytes, n);
    *link_of(b, place) = i;
    make_newest(b, i);
    b->used += cost;
}
