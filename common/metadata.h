/* metadata.json of an environment branch: the history of its generations.
 *
 * Read in versions 1 and 2; written as version 2, compact, unknown keys and kinds kept. A history that breaks
 * the rules reads all the same (fh_metadata_check tells), so that the hub can show what was imported. All
 * memory is the arena's; a metadata never changes, fh_metadata_append makes a new one. Pure; fuzzed.
 */
#ifndef FH_METADATA_H
#define FH_METADATA_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/json.h"

#include <stdbool.h>

enum fh_change_kind {
    FH_CHANGE_IMPORT,
    FH_CHANGE_INITIALIZE,
    FH_CHANGE_MIGRATE_V1,
    FH_CHANGE_INSTALL,
    FH_CHANGE_UNINSTALL,
    FH_CHANGE_EDIT,
    FH_CHANGE_UPGRADE,
    FH_CHANGE_INCLUDE_UPGRADE,
    FH_CHANGE_SWITCH,
    FH_CHANGE_OTHER,
    FH_CHANGE_UNKNOWN, /* a kind we do not know, or one whose fields are not as known */
};

struct fh_change {
    enum fh_change_kind kind;
    const char *kind_text; /* as it stands in the file; ignored by fh_metadata_append */
    size_t ntargets;       /* install, uninstall, upgrade, include_upgrade */
    const char *const *targets;
    const char *text; /* migrate_v1: description; other: summary; else NULL */
    const char *author, *hostname;
    bool has_command;
    size_t ncommand;
    const char *const *command;
    int64_t timestamp; /* Unix seconds */
    int64_t current;   /* generation live after the change */
    int64_t previous;  /* before it; 0: none */
};

struct fh_metadata {
    int version; /* of the file that was read */
    size_t nchanges;
    const struct fh_change *changes; /* oldest first */
    int64_t total;                   /* the highest generation number handed out */
    int64_t live;                    /* 0: none */
    const json_t *json;              /* as version 2 */
};

struct fh_generation {
    int64_t number;
    int64_t created;   /* Unix seconds */
    int64_t last_live; /* 0: live now, or never was */
    int64_t parent;    /* 0: none */
    bool is_live;
    const char *description;
    const struct fh_change *change; /* what created it */
};

/* FH_INVALID when it is not metadata; a version above 2 says that a newer program wrote it. */
fh_err fh_metadata_parse(struct fh_arena *a, const char *text, size_t n, const struct fh_metadata **out,
                         struct fh_error *e) FH_MUSTCHECK;
/* The metadata of a new branch: no history. */
const struct fh_metadata *fh_metadata_new(struct fh_arena *a);
/* Adds a change: `current` and `previous` are set by kind (a creating kind takes total + 1; a switch goes to
 * change->current). FH_INVALID: a switch to the live generation or to one that does not exist. */
fh_err fh_metadata_append(struct fh_arena *a, const struct fh_metadata *m, const struct fh_change *change,
                          const struct fh_metadata **out, struct fh_error *e) FH_MUSTCHECK;
/* The bytes of metadata.json: compact, no newline. */
fh_err fh_metadata_write(const struct fh_metadata *m, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* The rules that the official client aborts on when broken: FH_INVALID with the first one. */
fh_err fh_metadata_check(const struct fh_metadata *m, struct fh_error *e) FH_MUSTCHECK;

bool fh_change_creates(const struct fh_change *c);
/* "installed package 'hello (hello)'" */
const char *fh_change_text(struct fh_arena *a, const struct fh_change *c);
/* The git commit message of a change, and of the branch's first commit. No newline at the end. */
const char *fh_change_message(struct fh_arena *a, const struct fh_change *c);
const char *fh_metadata_root_message(struct fh_arena *a, const char *env);
/* The generations, newest number first. */
const struct fh_generation *fh_metadata_generations(struct fh_arena *a, const struct fh_metadata *m,
                                                    size_t *count);
/* The generation that was live most recently before the live one. FH_NOT_FOUND when there is none. */
fh_err fh_metadata_rollback(struct fh_arena *a, const struct fh_metadata *m, int64_t *generation,
                            struct fh_error *e) FH_MUSTCHECK;

#endif
