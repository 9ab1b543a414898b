/* What the files that make a lock share: locking.c (the two steps), lock_pick.c (what is used again),
 * lock_catalog.c (the question and its answer). See lock.h. */
#ifndef FH_LOCKING_PARTS_H
#define FH_LOCKING_PARTS_H

#include "common/lock.h"

/* One package for one system, as the catalog is asked for it. */
struct lock_descriptor {
    const struct fh_manifest_package *package;
    const char *system;
    const struct fh_lock_package *locked; /* what may be used again; NULL: nothing */
    bool answered;
};

/* The packages that resolve together. */
struct lock_group {
    const char *name;
    size_t ndescriptors;
    struct lock_descriptor *descriptors; /* by id and system */
};

struct fh_locking {
    struct fh_arena *arena;
    struct fh_lock_input input;
    const struct fh_manifest
        *manifest;           /* what is locked: includes merged, in the newest schema where that matters */
    struct fh_merged merged; /* of a composed environment */
    bool moves_schema;       /* the result may go back to the schema that manifest.toml has */
    struct fh_strings systems;
    size_t nsorted;
    const struct fh_manifest_package **sorted; /* by kind, group and id */
    json_t *head, *tail; /* locked packages in front of and behind those that the catalog is asked for */
    size_t nasked;
    struct lock_group *asked;
    json_t *question;      /* NULL: none */
    const char *asked_ids; /* of those that are not pinned */
    size_t nnamed;
    struct fh_error *e; /* of the step that is running */
};

/* Fills head and tail with what is used again, asked with the rest. */
fh_err lock_pick_packages(struct fh_locking *l) FH_MUSTCHECK;
/* options.allow against a locked package (§5.2), also one that is used again. */
fh_err lock_check_allowed(const struct fh_locking *l, const json_t *entry) FH_MUSTCHECK;

json_t *lock_question(const struct fh_locking *l);
/* The entries that the answer gives, in its order. */
fh_err lock_take_answer(struct fh_locking *l, const json_t *answer, json_t *packages,
                        const struct fh_lock_failures **failures) FH_MUSTCHECK;

#endif
