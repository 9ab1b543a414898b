/* Ids by key, in a cache of a fixed size. See catalog_import_parts.h.
 *
 *     set = bits of the key:  [newest] [.] [.] [oldest]            a new one pushes the oldest out
 */
#include "server/store/catalog_import_parts.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

/* The first bytes of a key are the same for all derivations of one name. */
enum { WAYS = 4, SET_AT = 8 };

struct slot {
    uint8_t key[IMPORT_KEY];
    int32_t id; /* 0: empty */
};

struct store_import_ids {
    size_t mask;
    struct slot *slots;
};

struct store_import_ids *store_import_ids_new(unsigned log2_sets)
{
    struct store_import_ids *c = fh_xcalloc(1, sizeof *c);
    c->mask = ((size_t)1 << log2_sets) - 1;
    c->slots = fh_xcalloc((c->mask + 1) * WAYS, sizeof *c->slots);
    return c;
}

void store_import_ids_free(struct store_import_ids *c)
{
    if (!c)
        return;
    free(c->slots);
    free(c);
}

static struct slot *set_of(const struct store_import_ids *c, const uint8_t key[IMPORT_KEY])
{
    uint32_t at;
    memcpy(&at, key + SET_AT, sizeof at);
    return c->slots + (at & c->mask) * WAYS;
}

int32_t store_import_ids_get(struct store_import_ids *c, const uint8_t key[IMPORT_KEY])
{
    const struct slot *set = set_of(c, key);
    for (int i = 0; i < WAYS && set[i].id; i++)
        if (memcmp(set[i].key, key, IMPORT_KEY) == 0)
            return set[i].id;
    return 0;
}

void store_import_ids_put(struct store_import_ids *c, const uint8_t key[IMPORT_KEY], int32_t id)
{
    struct slot *set = set_of(c, key);
    int at = 0;
    while (at < WAYS - 1 && set[at].id && memcmp(set[at].key, key, IMPORT_KEY) != 0)
        at++;
    memmove(set + 1, set, (size_t)at * sizeof *set);
    memcpy(set->key, key, IMPORT_KEY);
    set->id = id;
}
