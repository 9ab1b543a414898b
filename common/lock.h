/* manifest.lock: reading it, judging whether it fits a manifest, and writing one.
 *
 * The bytes of a lock are what the hub and the official client compare; a client copies and pushes the file's
 * own bytes and makes a lock only when the old one does not fit the manifest any more. Where that takes the
 * catalog, it is made in two steps around the question (fh_locking_begin). All memory is the arena's.
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
/* The list "packages" of a lock alone, whatever else is in it. Borrows from it. */
fh_err fh_lock_read_packages(struct fh_arena *a, const json_t *from, const char *name,
                             const struct fh_lock_package **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
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
    struct fh_strings unlocked;     /* an upgrade: what is locked of these ids and groups does not count */
    bool unlocks_all;               /* the same of every package of the catalog */
    bool may_move;           /* a version 1 manifest goes to the newest schema where it cannot say the same
                                (manifest-lockfile-client §3.4): with includes always, for the caller rewrites it */
    struct fh_strings fresh; /* ids that were just installed: of them the default outputs are meant, also in a
                                version 1 manifest, in which otherwise all are */
    const char *now;         /* RFC 3339: stands for a scrape date that the catalog does not know */
};

/* What the catalog cannot resolve. */
enum fh_lock_failure_kind {
    FH_FAILURE_NOT_FOUND,    /* no package attr_path */
    FH_FAILURE_SOME_SYSTEMS, /* of the systems asked for, only the valid ones have it */
    FH_FAILURE_TOO_TIGHT,    /* each package of the group can be had, but not all of them together */
    FH_FAILURE_OTHER,        /* message tells */
};
struct fh_lock_failure {
    enum fh_lock_failure_kind kind;
    const char *group, *install_id, *attr_path, *message; /* "" where the answer does not say */
    struct fh_strings valid, invalid;                     /* sorted */
};
struct fh_lock_failures {
    size_t count;
    const struct fh_lock_failure *items;
    const char *note; /* what the hub says besides, for instance that its catalog is empty; NULL: nothing */
};
/* "resolution failed: …", of any length, harmless; line breaks are ours alone. */
const char *fh_lock_failures_text(struct fh_arena *a, const struct fh_lock_failures *failures);

/* The lock of an environment, its includes merged in, in two steps. The first decides what can be used again
 * and what the catalog has to be asked; input's contents have to outlive the second. FH_MISMATCH for what the
 * manifest says against itself or forbids, FH_UNAVAILABLE for flakes that are not locked yet. */
struct fh_locking;
fh_err fh_locking_begin(struct fh_arena *a, const struct fh_lock_input *input, struct fh_locking **out,
                        struct fh_error *e) FH_MUSTCHECK;
/* The body of POST /api/v1/catalog/resolve; NULL when there is nothing to ask. */
const json_t *fh_locking_question(const struct fh_locking *l);
/* The ids that the question is for: "'a', 'b'" */
const char *fh_locking_asked(const struct fh_locking *l);
/* The lock, from the answer (NULL where there was no question): two-space pretty JSON and a newline.
 * *composer is the manifest that has to stand in manifest.toml: the one given, or, where what is locked needs
 * a newer schema version than it has, the same in the newest. FH_CONFLICT with *failures for what could not
 * be resolved (else NULL), FH_UNAVAILABLE for an answer that is none to the question. */
fh_err fh_locking_finish(struct fh_locking *l, const json_t *answer, struct fh_buf *out,
                         const struct fh_manifest **composer, const struct fh_lock_failures **failures,
                         struct fh_error *e) FH_MUSTCHECK;

/* Both steps where no catalog is at hand: packages come from previous where its entries may be used again.
 * FH_UNAVAILABLE, naming them, for packages that only the catalog can resolve. */
fh_err fh_lock_compose(struct fh_arena *a, const struct fh_lock_input *input, struct fh_buf *out,
                       const struct fh_manifest **composer, struct fh_error *e) FH_MUSTCHECK;
/* The same for a manifest without includes. */
fh_err fh_lock_make(struct fh_arena *a, const struct fh_manifest *m, const struct fh_lock *previous,
                    const char *host, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

#endif
