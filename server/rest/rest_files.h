/* The two files of a generation in a request: manifest.toml held against the format's schema, manifest.lock
 * against the manifest, before anything is written. */
#ifndef REST_FILES_H
#define REST_FILES_H

#include "common/arena.h"
#include "server/git/wire_stored.h"

/* lock NULL: one is made, where no catalog is needed; previous (may be NULL) is the live generation's, whose
 * packages serve again where they may. FH_MISMATCH with a sentence for what is wrong with the documents:
 * name, line, column and key where they are known. What is sent is taken byte for byte. Pure. */
fh_err rest_files_check(struct fh_arena *a, const char *manifest, const char *lock,
                        const struct wire_file *previous, struct wire_files *out,
                        struct fh_error *e) FH_MUSTCHECK;

#endif
