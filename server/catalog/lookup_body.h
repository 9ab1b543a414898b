/* The body of POST …/build-inputs/lookup (catalog-read-api 3.5), checked. Pure. */
#ifndef CATALOG_LOOKUP_BODY_H
#define CATALOG_LOOKUP_BODY_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct catalog_lookup_group {
    const char *key;
    const char **references;
    size_t n;
};
struct catalog_lookup {
    const char *stability;
    int64_t as_of;          /* Unix seconds: of builds made until then; 0: now */
    const char *as_of_date; /* that, as it was sent; NULL: it was not */
    struct {
        const char *catalog, *attr_path, *rev; /* all NULL: not asked */
    } as_of_build;
    struct catalog_lookup_group *groups; /* their keys differ */
    size_t n;
};
/* FH_MISMATCH with what is wrong. Members that are not known are passed over. In the arena. */
fh_err catalog_lookup_parse(struct fh_arena *a, const char *text, size_t n, struct catalog_lookup *out,
                            struct fh_error *e) FH_MUSTCHECK;

#endif
