/* A map from object ids to small numbers, for walks. Open addressing; the hash is keyed per process, since
 * whoever pushes objects chooses their ids. One thread at a time. */
#ifndef WIRE_OIDMAP_H
#define WIRE_OIDMAP_H

#include "common/hex.h"

struct wire_oidmap_slot {
    struct fh_oid oid;
    uint32_t value; /* the number plus one; 0 is a free slot */
};
struct wire_oidmap {
    struct wire_oidmap_slot *slots;
    size_t n, mask; /* the number of slots less one */
};

uint64_t wire_oid_hash(const struct fh_oid *oid);
void wire_oidmap_free(struct wire_oidmap *m); /* empty and usable afterwards */
/* NULL when it is not there. The number may be changed through the pointer until the next put. */
struct wire_oidmap_slot *wire_oidmap_get(const struct wire_oidmap *m, const struct fh_oid *oid);
/* False (and nothing changed) when it was there already. value < UINT32_MAX. */
bool wire_oidmap_put(struct wire_oidmap *m, const struct fh_oid *oid, uint32_t value);
static inline uint32_t wire_oidmap_value(const struct wire_oidmap_slot *s)
{
    return s->value - 1;
}
static inline void wire_oidmap_set(struct wire_oidmap_slot *s, uint32_t value)
{
    s->value = value + 1;
}

#endif
