/* A map from object ids to small numbers. See wire_oidmap.h. */
#include "server/git/wire_oidmap.h"

#include "common/digest.h"
#include "common/mem.h"

#include <pthread.h>

static uint64_t keys[2];
static pthread_once_t keys_once = PTHREAD_ONCE_INIT;

static void make_keys(void)
{
    fh_random(keys, sizeof keys);
    keys[1] |= 1;
}

uint64_t wire_oid_hash(const struct fh_oid *oid)
{
    uint64_t x;
    pthread_once(&keys_once, make_keys);
    memcpy(&x, oid->id + 4, sizeof x);
    x = (x + keys[0]) * keys[1];
    return x ^ x >> 32;
}

void wire_oidmap_free(struct wire_oidmap *m)
{
    free(m->slots);
    *m = (struct wire_oidmap){0};
}

static struct wire_oidmap_slot *slot_of(const struct wire_oidmap *m, const struct fh_oid *oid)
{
    size_t at = (size_t)wire_oid_hash(oid) & m->mask;
    while (m->slots[at].value && !fh_oid_equal(&m->slots[at].oid, oid))
        at = (at + 1) & m->mask;
    return &m->slots[at];
}

struct wire_oidmap_slot *wire_oidmap_get(const struct wire_oidmap *m, const struct fh_oid *oid)
{
    if (!m->slots)
        return NULL;
    struct wire_oidmap_slot *s = slot_of(m, oid);
    return s->value ? s : NULL;
}

static void grow(struct wire_oidmap *m)
{
    struct wire_oidmap bigger = {.n = m->n, .mask = m->slots ? m->mask * 2 + 1 : 63};
    bigger.slots = fh_xcalloc(bigger.mask + 1, sizeof *bigger.slots);
    for (size_t i = 0; m->slots && i <= m->mask; i++)
        if (m->slots[i].value)
            *slot_of(&bigger, &m->slots[i].oid) = m->slots[i];
    free(m->slots);
    *m = bigger;
}

bool wire_oidmap_put(struct wire_oidmap *m, const struct fh_oid *oid, uint32_t value)
{
    if (!m->slots || m->n * 3 >= m->mask * 2)
        grow(m);
    struct wire_oidmap_slot *s = slot_of(m, oid);
    if (s->value)
        return false;
    s->oid = *oid;
    s->value = value + 1;
    m->n++;
    return true;
}
