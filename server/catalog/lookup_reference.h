/* References of build inputs, as expressions have them: owner.pkg, owner.set.pkg, owner."foo.bar",
 * owner.set.*; and attribute paths, which are the same without an owner (catalog-read-api 10). Pure. */
#ifndef CATALOG_LOOKUP_REFERENCE_H
#define CATALOG_LOOKUP_REFERENCE_H

#include "common/arena.h"

#include <stdbool.h>

struct catalog_reference {
    const char *owner;  /* NULL for an attribute path */
    const char **parts; /* the components behind it, without quotes */
    size_t n;
    bool all; /* it ended in ".*": whatever begins with parts */
};

/* false: it is none. In the arena. */
bool catalog_reference_parse(struct fh_arena *a, const char *text, struct catalog_reference *out);
bool catalog_attr_parse(struct fh_arena *a, const char *text, struct catalog_reference *out);
/* By their parts, as far as the first `most`; what ends earlier comes first. */
int catalog_reference_compare(const struct catalog_reference *x, const struct catalog_reference *y,
                              size_t most);

#endif
