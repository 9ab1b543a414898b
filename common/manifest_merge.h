/* Composition: the manifests of included environments and the composing one, merged into one
 * (manifest-lockfile-client §6).
 *
 *   includes[0]  includes[1]  …  composer      later wins
 *
 * install, vars, services, build and plugins are united by key, options field by field, containerize key by
 * key within; what loses is noted as an override, also when both say the same. Hooks and profile scripts are
 * joined, earlier first, those that run on leaving later first. Pure; all memory is the arena's.
 */
#ifndef FH_MANIFEST_MERGE_H
#define FH_MANIFEST_MERGE_H

#include "common/manifest.h"

/* An included environment as a lock keeps it. */
struct fh_included {
    const char *name;                   /* unique among the includes */
    const struct fh_manifest *manifest; /* its own merged manifest, from its lock */
    struct fh_manifest_include entry;   /* what it was included by */
    const json_t *descriptor;           /* the same as JSON */
};

/* What the composing environment is called as the winner of an override. */
#define FH_COMPOSER_NAME "Current manifest"

struct fh_override {
    struct fh_strings path; /* install, hello */
    const char *winner;     /* an include's name, or FH_COMPOSER_NAME */
};

struct fh_merged {
    const struct fh_manifest *manifest; /* without includes */
    size_t noverrides;
    const struct fh_override *overrides; /* in the order they came up */
};

/* composer and every included manifest are in the newest schema (manifest_migrate.h), and so is the result.
 * FH_INVALID when what comes out is not a manifest. */
fh_err fh_manifest_merge(struct fh_arena *a, const struct fh_manifest *composer,
                         const struct fh_included *includes, size_t n, struct fh_merged *out,
                         struct fh_error *e) FH_MUSTCHECK;

#endif
