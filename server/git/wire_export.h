/* git export: an owner's environments as a bare git repository that stands by itself. */
#ifndef WIRE_EXPORT_H
#define WIRE_EXPORT_H

#include "common/arena.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct db_pool;

/* What git has no place for; written by export, read by import. */
#define WIRE_EXPORT_FILE "floe-export.json"

typedef void wire_stage_fn(void *arg, const char *what, int64_t done, int64_t total);

struct wire_export {
    struct db_pool *pool;
    const char *owner, *dir;
    wire_stage_fn *stage; /* may be NULL */
    void *arg;
};
struct wire_exported {
    size_t branches, objects;
    int64_t bytes; /* of packs */
};
/* Makes dir (absent, or an empty folder) a bare repository with every environment of the owner as a branch:
 * whole or not at all, by a rename. FH_CONFLICT when dir is in use. */
fh_err wire_export(const struct wire_export *x, struct wire_exported *out, struct fh_error *e) FH_MUSTCHECK;

#endif
