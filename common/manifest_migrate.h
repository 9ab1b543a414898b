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
/* The text of manifest.toml for the newest schema: text reads as from, and what is written reads as to, which
 * is fh_manifest_to_newest of it. All other bytes stay. FH_CONFLICT where the text is written in a way that
 * cannot be changed so; the person has to set the schema-version. */
fh_err fh_manifest_migrate_text(const char *text, size_t n, const struct fh_manifest *from,
                                const struct fh_manifest *to, struct fh_buf *out,
                                struct fh_error *e) FH_MUSTCHECK;

#endif
