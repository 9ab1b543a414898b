/* The slots of a group by package. See resolve_packages.h. */
#include "server/catalog/resolve_packages.h"

#include <stdlib.h>
#include <string.h>

static int by_package(const void *left, const void *right)
{
    const struct resolve_part *x = left, *y = right;
    const struct resolve_descriptor *dx = x->slot->descriptor, *dy = y->slot->descriptor;
    int order = strcmp(dx->install_id, dy->install_id);
    order = order ? order : strcmp(dx->attr_path, dy->attr_path);
    order = order ? order : (x->slot->system > y->slot->system) - (x->slot->system < y->slot->system);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int by_request(const void *left, const void *right)
{
    const struct resolve_packaged *x = left, *y = right;
    return (x->at > y->at) - (x->at < y->at);
}

static bool is_same_package(const struct resolve_descriptor *x, const struct resolve_descriptor *y)
{
    return strcmp(x->install_id, y->install_id) == 0 && strcmp(x->attr_path, y->attr_path) == 0;
}

/* A package may be sent as several descriptors, one for each system. */
const struct resolve_packaged *resolve_packages(const struct resolve_field *f, size_t *count)
{
    struct resolve_part *parts = fh_alloc(f->arena, (f->nslots + 1) * sizeof *parts);
    struct resolve_packaged *packages = fh_alloc(f->arena, (f->nslots + 1) * sizeof *packages);
    size_t n = 0;
    for (size_t i = 0; i < f->nslots; i++)
        parts[i] = (struct resolve_part){&f->slots[i], i};
    qsort(parts, f->nslots, sizeof *parts, by_package);
    for (size_t i = 0; i < f->nslots; i++) {
        const struct resolve_descriptor *d = parts[i].slot->descriptor;
        if (n == 0 || !is_same_package(packages[n - 1].descriptor, d))
            packages[n++] = (struct resolve_packaged){d, &parts[i], 0, parts[i].at};
        struct resolve_packaged *p = &packages[n - 1];
        p->nparts++;
        if (parts[i].at < p->at)
            p->at = parts[i].at;
    }
    qsort(packages, n, sizeof *packages, by_request);
    *count = n;
    return packages;
}
