/* git import: the branches of a git repository as environments of an owner.
 *
 * Every object goes through what a push goes through (pre-scan, index, fsck, connectivity), but a broken
 * metadata.json is taken and marked. All branches come in one transaction: all of them or none, so that an
 * operator who is told of a fault can mend it and simply run the same command again.
 */
#ifndef WIRE_IMPORT_H
#define WIRE_IMPORT_H

#include "common/arena.h"
#include "server/git/wire_export.h"
#include "server/store/env.h"

struct wire_import {
    struct db_pool *pool;
    const char *data, *owner, *dir;
    const char *const *only; /* branches to take; NULL: all */
    size_t nonly;
    bool force;                       /* also where the environment has another tip */
    enum store_visibility visibility; /* of new environments; 0: as floe-export.json says, else the default */
    enum store_visibility user_default, org_default; /* the hub's, for owners without one of their own */
    int64_t quota;
    struct store_actor actor;
    wire_stage_fn *stage; /* may be NULL */
    void *arg;
};

enum wire_imported_how { WIRE_IMPORT_CREATED, WIRE_IMPORT_UPDATED, WIRE_IMPORT_UNCHANGED };
struct wire_imported {
    const char *name;
    enum wire_imported_how how;
    struct fh_oid old_tip, tip;
    enum store_visibility visibility;
    const char *broken; /* what is wrong with its metadata.json, or NULL */
};

/* FH_NOT_FOUND: no such owner or repository; FH_CONFLICT names the environments that have another tip;
 * FH_INVALID says what a check found. Results are the arena's, by name. */
fh_err wire_import(const struct wire_import *m, struct fh_arena *a, struct wire_imported **out, size_t *n,
                   struct fh_error *e) FH_MUSTCHECK;

/* What floe-export.json says of one environment. */
struct wire_export_note {
    const char *name;
    enum store_visibility visibility; /* 0: nothing that is known */
    int64_t created_at;               /* 0: nothing */
};
/* The notes of the file's text, in the arena; pure, fuzzed. Entries that make no sense are left out. */
fh_err wire_export_parse(struct fh_arena *a, const char *text, size_t n, struct wire_export_note **out,
                         size_t *count, struct fh_error *e) FH_MUSTCHECK;

#endif
