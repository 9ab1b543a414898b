/* A manifest in another schema version (manifest-lockfile-client §3.4).
 *
 * Manifests are merged in the newest schema, and the result is kept in an older one where that loses nothing.
 * Up to version 1 every output of a package was linked, from 1.10.0 on the default ones: a package of a
 * version 1 manifest gets outputs = "all", unless it is locked and its default outputs are all it has.
 * All memory is the arena's; pure.
 */
#ifndef FH_MANIFEST_MIGRATE_H
#define FH_MANIFEST_MIGRATE_H

#include "common/manifest.h"

/* m in the newest schema; packages is a lock's list of packages, or NULL where nothing is locked. name is
 * what messages call the manifest. FH_INVALID for a value that the newest schema does not take any more. */
fh_err fh_manifest_to_newest(struct fh_arena *a, const struct fh_manifest *m, const json_t *packages,
                             const char *name, const struct fh_manifest **out,
                             struct fh_error *e) FH_MUSTCHECK;
/* m, which is in the newest schema, in an older one when it can say the same there; else m itself. packages
 * is what was locked for m. */
fh_err fh_manifest_to_schema(struct fh_arena *a, const struct fh_manifest *m, enum fh_schema schema,
                             const json_t *packages, const struct fh_manifest **out,
                             struct fh_error *e) FH_MUSTCHECK;
/* Ids of the packages to which fh_manifest_to_newest gives outputs = "all". */
struct fh_strings fh_manifest_all_outputs(struct fh_arena *a, const struct fh_manifest *m,
                                          const json_t *packages);

#endif
