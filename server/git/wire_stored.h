/* What stands in an environment's branch, for whoever shows it: metadata.json and the two files of a
 * generation, byte for byte as they are stored (git-environments §3.5).
 *
 * An environment is opened for one caller and one action, so that what the caller may not know of looks
 * absent; it borrows the owner's snapshot and with that is one moment, whatever is pushed meanwhile. All of
 * it, the opened environment too, lives as long as the arena. One thread.
 */
#ifndef WIRE_STORED_H
#define WIRE_STORED_H

#include "common/metadata.h"
#include "server/git/wire_view.h"

struct wire_stored {
    struct fh_arena *arena;
    const struct wire_snapshot *snapshot;
    const struct store_env *env;
    struct wire_reader *reader;
};

/* FH_NOT_FOUND in the same words, and at the same pace, for what does not exist and for what the caller may
 * not see; else what auth_can says of the action. FH_AGAIN when inline_only and the owner's snapshot is not
 * in memory. */
fh_err wire_stored_open(struct wire_repos *repos, struct fh_arena *a, const struct wire_caller *caller,
                        const char *owner, const char *name, enum auth_action action, bool inline_only,
                        struct wire_stored **out, struct fh_error *e) FH_MUSTCHECK;

struct wire_file {
    const char *bytes; /* NUL-terminated; NULL: there is no such file */
    size_t n;
    struct fh_oid id; /* git's, of the bytes; where they were stored */
};
struct wire_files {
    struct wire_file manifest, lock; /* old environments have generations without a lock */
};

/* The tip's metadata. FH_INVALID with the reason where it is broken: the environment can be shown and pushed
 * over all the same, and its generations cannot be told. */
fh_err wire_stored_metadata(const struct wire_stored *s, const struct fh_metadata **out,
                            struct fh_error *e) FH_MUSTCHECK;
/* What all files of a generation, and metadata.json, are in memory: by this a caller decides whether to read
 * them now. Of a generation that is not there, metadata.json's alone. */
fh_err wire_stored_size(const struct wire_stored *s, int64_t generation, uint64_t *out,
                        struct fh_error *e) FH_MUSTCHECK;
/* FH_NOT_FOUND when the tip has no such generation; FH_TOO_LARGE over FH_MAX_MANIFEST or FH_MAX_LOCK. */
fh_err wire_stored_files(const struct wire_stored *s, int64_t generation, struct wire_files *out,
                         struct fh_error *e) FH_MUSTCHECK;

#endif
