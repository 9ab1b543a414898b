/* manifest.lock: reading it, judging whether it fits a manifest, and writing one where no catalog is needed.
 *
 * The bytes of a lock are what the hub and the official client compare; a client copies and pushes the file's
 * own bytes and calls fh_lock_make only when the lock does not fit the manifest any more. All memory is the
 * arena's.
 */
#ifndef FH_LOCK_H
#define FH_LOCK_H

#include "common/manifest_merge.h"

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
    size_t nincludes; /* compose.include: what was included when it was locked */
    const struct fh_included *includes;
    size_t noverrides; /* compose.warnings */
    const struct fh_override *overrides;
    size_t npackages;
    const struct fh_lock_package *packages; /* in the file's order */
    const json_t *json;
};

fh_err fh_lock_parse(struct fh_arena *a, const char *text, size_t n, const char *name,
                     const struct fh_lock **out, struct fh_error *e) FH_MUSTCHECK;
/* Nothing to lock: the lock's user manifest equals m at value level. */
bool fh_lock_fits(const struct fh_lock *lock, const struct fh_manifest *m);
/* What an unchanged include entry was locked with: NULL when previous (may be NULL) has none like it. */
const struct fh_included *fh_lock_find_include(const struct fh_lock *previous, const json_t *descriptor);
bool fh_included_equal(const struct fh_included *a, const struct fh_included *b);

struct fh_lock_input {
    const struct fh_manifest *manifest; /* what stands in manifest.toml */
    const struct fh_included *includes; /* what its entries name, in their order; their names are unique */
    size_t nincludes;
    const struct fh_lock *previous; /* may be NULL */
    const char *host;               /* the system's name: "x86_64-linux" */
};
/* The lock of an environment, its includes merged in: two-space pretty JSON and a newline. Packages come from
 * previous where its entries may be used again, as the official client does without asking the catalog.
 * *composer is the manifest that has to stand in manifest.toml: the one given, or, where the merged one needs
 * a newer schema version than it has, the same in the newest. FH_UNAVAILABLE, naming them, for packages that
 * only the catalog can resolve. */
fh_err fh_lock_compose(struct fh_arena *a, const struct fh_lock_input *input, struct fh_buf *out,
                       const struct fh_manifest **composer, struct fh_error *e) FH_MUSTCHECK;
/* The same for a manifest without includes. */
fh_err fh_lock_make(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock *previous,
                    const char *host, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

#endif
