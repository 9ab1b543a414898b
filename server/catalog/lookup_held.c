/* What catalogs have for a lookup. See lookup_held.h. */
#include "server/catalog/lookup_held.h"

#include <stdlib.h>
#include <string.h>

static const struct catalog_held nothing = {.owner = ""};

struct catalog_holds {
    struct fh_arena *arena;
    const struct catalog_scope *scope;
    int64_t before;
    const struct store_catalog_entry *entries; /* the scope's */
    const struct catalog_held **held;          /* by entry; NULL: not read yet */
};

struct catalog_holds *catalog_holds_new(struct fh_arena *a, const struct catalog_scope *scope, int64_t before)
{
    size_t n;
    struct catalog_holds *h = fh_alloc(a, sizeof *h);
    *h = (struct catalog_holds){a, scope, before, catalog_list_entries(catalog_scope_list(scope), &n), NULL};
    h->held = fh_alloc(a, (n + 1) * sizeof *h->held);
    return h;
}

static int by_path(const void *x, const void *y)
{
    return catalog_reference_compare(&((const struct catalog_held_item *)x)->path,
                                     &((const struct catalog_held_item *)y)->path, SIZE_MAX);
}

const struct catalog_held *catalog_held_of(struct fh_arena *a, const char *owner,
                                           const struct store_source *sources, size_t n)
{
    struct catalog_held *h = fh_alloc(a, sizeof *h);
    h->owner = owner;
    h->items = fh_alloc(a, (n + 1) * sizeof *h->items);
    for (size_t i = 0; i < n; i++) {
        struct catalog_held_item *item = &h->items[h->n];
        item->source = sources[i];
        h->n += catalog_attr_parse(a, sources[i].attr_path, &item->path);
    }
    qsort(h->items, h->n, sizeof *h->items, by_path);
    return h;
}

fh_err catalog_holds_get(struct catalog_holds *h, struct db_conn *c, const char *owner,
                         const struct catalog_held **out, struct fh_error *e)
{
    const struct store_catalog_entry *entry = catalog_scope_find(h->scope, owner);
    struct store_source *sources;
    size_t n;
    *out = entry ? h->held[entry - h->entries] : &nothing;
    if (*out)
        return FH_OK;
    FH_TRY(store_sources(c, h->arena, entry->id, h->before, &sources, &n, e));
    *out = h->held[entry - h->entries] = catalog_held_of(h->arena, entry->owner, sources, n);
    return FH_OK;
}

/* The first item whose path, as far as `most` components, is not before r's; past: is behind it. */
static size_t bound(const struct catalog_held *h, const struct catalog_reference *r, size_t most, bool past)
{
    size_t low = 0, high = h->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = catalog_reference_compare(&h->items[middle].path, r, most);
        if (order < 0 || (past && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void catalog_held_find(const struct catalog_held *h, const struct catalog_reference *r, size_t *from,
                       size_t *to)
{
    struct catalog_reference shorter = *r;
    *from = bound(h, r, r->n, false);
    *to = r->all ? bound(h, r, r->n, true) : *from;
    for (; !r->all && *to == *from && shorter.n > 0; shorter.n--) {
        *from = *to = bound(h, &shorter, SIZE_MAX, false);
        *to += *from < h->n && catalog_reference_compare(&h->items[*from].path, &shorter, SIZE_MAX) == 0;
    }
}
