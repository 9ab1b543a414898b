/* Objects and refs of the local bare clones; the only file that knows libgit2.
 *
 * A struct gitobj is one open repository. Commits made here have the author, committer and (but for the
 * message) the form the official client gives them. Object ids are 40 hexadecimal digits and a NUL.
 * Everything returned is the arena's. One thread. */
#ifndef GITOBJ_H
#define GITOBJ_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/hex.h"

#include <stdbool.h>
#include <stdint.h>

struct gitobj;
typedef char gitobj_id[FH_OID_HEX + 1];

/* Opens the bare repository at path; closed with the arena. FH_NOT_FOUND when there is none. */
fh_err gitobj_open(struct fh_arena *a, const char *path, struct gitobj **out,
                   struct fh_error *e) FH_MUSTCHECK;
/* Makes an empty one whose HEAD is branch and whose remote "origin" is url. */
fh_err gitobj_create(struct fh_arena *a, const char *path, const char *branch, const char *url,
                     struct gitobj **out, struct fh_error *e) FH_MUSTCHECK;

/* refs/heads/<branch>: FH_NOT_FOUND when there is none. */
fh_err gitobj_branch(struct gitobj *g, const char *branch, gitobj_id out, struct fh_error *e) FH_MUSTCHECK;
/* Creates or moves it, whatever it was. */
fh_err gitobj_set_branch(struct gitobj *g, const char *branch, const char *id,
                         struct fh_error *e) FH_MUSTCHECK;
fh_err gitobj_delete_branch(struct gitobj *g, const char *branch, struct fh_error *e) FH_MUSTCHECK;
/* Branches whose names begin with prefix. */
fh_err gitobj_branches(struct gitobj *g, const char *prefix, struct fh_arena *a, const char ***out, size_t *n,
                       struct fh_error *e) FH_MUSTCHECK;

bool gitobj_has_commit(struct gitobj *g, const char *id);
/* ancestor is reachable from tip, or is it. */
fh_err gitobj_is_ancestor(struct gitobj *g, const char *ancestor, const char *tip, bool *out,
                          struct fh_error *e) FH_MUSTCHECK;
/* The file at path in the commit's tree: FH_NOT_FOUND when absent, FH_TOO_LARGE over the ceiling. */
fh_err gitobj_read(struct gitobj *g, const char *commit, const char *path, size_t ceiling, struct fh_arena *a,
                   char **out, size_t *len, struct fh_error *e) FH_MUSTCHECK;

struct gitobj_file {
    const char *path; /* "2/env/manifest.toml" */
    const void *bytes;
    size_t len;
};
/* A commit whose tree is the parent's (NULL: empty) with these files put in. */
fh_err gitobj_commit(struct gitobj *g, const char *parent, const struct gitobj_file *files, size_t nfiles,
                     const char *message, int64_t when, gitobj_id out, struct fh_error *e) FH_MUSTCHECK;

/* Up to max commit ids of all branches, newest first, to tell a server what is here. */
fh_err gitobj_haves(struct gitobj *g, size_t max, struct fh_arena *a, const char ***out, size_t *n,
                    struct fh_error *e) FH_MUSTCHECK;
/* A self-contained pack of what tip reaches and none of the commits in have (unknown ones are skipped). */
fh_err gitobj_pack(struct gitobj *g, const char *tip, const char *const *have, size_t nhave,
                   struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

/* A pack that arrives in pieces; every object is checked and must be whole with what it refers to. */
struct gitobj_intake;
fh_err gitobj_intake_begin(struct gitobj *g, struct gitobj_intake **out, struct fh_error *e) FH_MUSTCHECK;
fh_err gitobj_intake_add(struct gitobj_intake *in, const void *bytes, size_t n,
                         struct fh_error *e) FH_MUSTCHECK;
fh_err gitobj_intake_finish(struct gitobj_intake *in, struct fh_error *e) FH_MUSTCHECK; /* keeps the pack */
void gitobj_intake_free(struct gitobj_intake *in);                                      /* NULL is fine */

#endif
