/* A git repository that is not ours, read for an import: its branches, and where its objects stand.
 *
 * Bare or with a work tree, packed or loose objects and refs, alternates included; format SHA-1 with file
 * refs alone. Nothing in it is run, written or trusted: what comes out goes through the same checks as a
 * push.
 */
#ifndef WIRE_FOREIGN_H
#define WIRE_FOREIGN_H

#include "common/arena.h"
#include "server/git/wire_pack.h"

enum { WIRE_MAX_FOREIGN_REFS = 20000, WIRE_MAX_FOREIGN_FILES = 2000000 };

struct wire_branch {
    char *name; /* behind refs/heads/ */
    struct fh_oid tip;
    char *target; /* while reading: what a symbolic ref points to, else NULL */
};
struct wire_branches {
    struct wire_branch *items;
    size_t n, cap;
};

struct wire_foreign {
    char *dir;                     /* the repository itself: DIR, DIR/.git, or where DIR/.git points */
    struct wire_branches branches; /* by name */
    const char **folders;          /* of objects, alternates behind the repository's own */
    size_t nfolders;
};

/* All of out is the arena's. FH_NOT_FOUND when dir is no git repository; FH_INVALID for formats that are not
 * read, with what to do. */
fh_err wire_foreign_open(struct fh_arena *a, const char *dir, struct wire_foreign *out,
                         struct fh_error *e) FH_MUSTCHECK;

/* Every object the repository has, as packs for wire_packs_open: its own packs as they stand, and its loose
 * objects in new ones under scratch (a private folder of the caller's). Loose objects that cannot be read are
 * left out, which matters only where a branch needs them: then the first one's reason is in *skipped, else
 * that is NULL. */
struct wire_foreign_packs {
    const char **paths;
    size_t n;
    const char *skipped;
};
fh_err wire_foreign_packs(struct fh_arena *a, const struct wire_foreign *f, const char *scratch,
                          struct wire_foreign_packs *out, struct fh_error *e) FH_MUSTCHECK;

/* The parsers; pure, fuzzed. A packed-refs file: its branches are added to out. */
fh_err wire_foreign_parse_packed(struct fh_arena *a, const char *text, size_t n, struct wire_branches *out,
                                 struct fh_error *e) FH_MUSTCHECK;
/* A loose ref's text: an id, or "ref: refs/heads/x" (then target is set). */
fh_err wire_foreign_parse_ref(struct fh_arena *a, const char *text, size_t n, struct wire_branch *out,
                              struct fh_error *e) FH_MUSTCHECK;
/* A loose object's file: "<type> <size>\0<bytes>", deflated as one. */
fh_err wire_loose_parse(const void *bytes, size_t n, enum wire_type *type, struct fh_buf *out,
                        struct fh_error *e) FH_MUSTCHECK;

void wire_branches_add(struct fh_arena *a, struct wire_branches *b, const struct wire_branch *item);
/* A regular file's bytes, at most max, from the arena; FH_NOT_FOUND when there is none. */
fh_err wire_foreign_slurp(struct fh_arena *a, const char *path, size_t max, char **text, size_t *n,
                          struct fh_error *e) FH_MUSTCHECK;

#endif
