/* The slots of a group by package: an install id and an attribute path, which may be sent as several
 * descriptors, one for each system. For the files of resolve and explain. Pure. */
#ifndef CATALOG_RESOLVE_PACKAGES_H
#define CATALOG_RESOLVE_PACKAGES_H

#include "server/catalog/resolve_slot.h"

struct resolve_part {
    const struct resolve_slot *slot;
    size_t at; /* its place in the request */
};
struct resolve_packaged {
    const struct resolve_descriptor *descriptor; /* the first of it */
    const struct resolve_part *parts;            /* by system */
    size_t nparts;
    size_t at;
};
/* As requested. Descriptors without a system are in none. */
const struct resolve_packaged *resolve_packages(const struct resolve_field *f, size_t *count);

#endif
