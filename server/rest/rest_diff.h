/* What differs between the files of two generations, as JSON. Pure.
 *
 *     {"manifest": {"diff": "@@ -1,3 +1,4 @@\n…", "complete": true},
 *      "packages": {"added": [P], "removed": [P], "changed": [{"id", "system", "from": P, "to": P}]}}
 *     P: {"id", "system", "kind", "attr_path", "version", "derivation", "store_path"}, null for what it has
 * not
 *
 * A package is one install id on one system. Each list is ordered by id, then system. */
#ifndef REST_DIFF_H
#define REST_DIFF_H

#include "server/git/wire_stored.h"

/* "packages" is null when a lock is missing or cannot be read, "diff" when the manifests are no text, or too
 * large or too different to be compared. The caller owns *out. */
fh_err rest_diff_json(struct fh_arena *a, const struct wire_files *from, const struct wire_files *to,
                      json_t **out, struct fh_error *e) FH_MUSTCHECK;

#endif
