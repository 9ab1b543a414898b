/* Objects made on the hub, as a pack like one that is pushed: whole entries, each once. What it makes is
 * checked as a push is, so nothing here has to be believed. Pure but for the memory; one thread.
 */
#ifndef WIRE_BUILD_H
#define WIRE_BUILD_H

#include "server/git/wire_pack.h"

struct wire_build;
struct wire_build *wire_build_new(void);
void wire_build_free(struct wire_build *b); /* NULL is fine */

/* Adds an object, unless it was added before, and tells its id. */
fh_err wire_build_object(struct wire_build *b, enum wire_type type, const void *bytes, size_t n,
                         struct fh_oid *out, struct fh_error *e) FH_MUSTCHECK;
/* A commit as the official client makes it: Flox User, UTC (git-environments §3.6). parent NULL: a root. The
 * message's line end is added. */
fh_err wire_build_commit(struct wire_build *b, const struct fh_oid *tree, const struct fh_oid *parent,
                         const char *message, int64_t when, struct fh_oid *out,
                         struct fh_error *e) FH_MUSTCHECK;
/* The whole pack; nothing can be added after this. The bytes are the builder's. */
fh_err wire_build_pack(struct wire_build *b, const char **bytes, size_t *n, struct fh_error *e) FH_MUSTCHECK;

enum { WIRE_MODE_FILE = 0100644, WIRE_MODE_FOLDER = 040000 };
/* A tree's bytes with one entry put in, or put in place of the one of that name, in git's order. tree may be
 * NULL: an empty one. FH_INVALID when it is malformed. */
fh_err wire_build_tree(const void *tree, size_t n, uint32_t mode, const char *name, const struct fh_oid *oid,
                       struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

#endif
