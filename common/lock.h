/* manifest.lock: reading it, judging whether it fits a manifest, and writing one where no catalog is needed.
 *
 * The bytes of a lock are what the hub and the official client compare; a client copies and pushes the file's
 * own bytes and calls fh_lock_make only when the lock does not fit the manifest any more. All memory is the
 * arena's.
 */
#ifndef FH_LOCK_H
#define FH_LOCK_H

#include "common/manifest.h"

struct fh_lock_output {
    const char *name, *path;
};

struct fh_lock_package {
    enum fh_package_kind kind;
    const char *install_id, *system;
    const char *attr_path; /* catalog: attribute path; flake: its attribute; store path: NULL */
    const char *group;     /* catalog only */
    const char *name, *pname, *version, *derivation, *description, *license; /* NULL: absent */
    const char *store_path;                                                  /* store paths only */
    const char *locked_url;
    int64_t priority;
    int broken, unfree; /* -1: absent */
    size_t noutputs;
    const struct fh_lock_output *outputs; /* sorted by name */
    bool has_outputs_to_install;
    struct fh_strings outputs_to_install;
    const json_t *json;
};

struct fh_lock {
    const struct fh_manifest *manifest; /* what was locked: includes merged */
    const struct fh_manifest *user;     /* what stands in manifest.toml: compose.composer, else manifest */
    bool composed;
    size_t npackages;
    const struct fh_lock_package *packages; /* in the file's order */
    const json_t *json;
};

fh_err fh_lock_parse(struct fh_arena *a, const char *text, size_t n, const char *name,
                     const struct fh_lock **out, struct fh_error *e) FH_MUSTCHECK;
/* Nothing to lock: the lock's user manifest equals m at value level. */
bool fh_lock_fits(const struct fh_lock *lock, const struct fh_manifest *m);
/* The lock of m: two-space pretty JSON and a newline. Packages come from previous (may be NULL) where its
 * entries may be used again, as the official client does without asking the catalog; host is the system's
 * name ("x86_64-linux"). FH_UNAVAILABLE, naming them, for packages that only the catalog can resolve, and for
 * includes. */
fh_err fh_lock_make(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock *previous,
                    const char *host, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

#endif
