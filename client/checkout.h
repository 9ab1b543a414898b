/* A checkout of a hub's environment moves to another generation: branch, env.lock and files in steps that
 * look like one.
 *
 *   files beside ──> note ──> branch ──> env.lock ──> manifest.lock ──> manifest.toml ──> note gone
 *
 * Everything that needs room on the disk comes before env.lock. A crash before env.lock changes nothing.
 * After it, the note (.flox/run/floe/moving: the commit, and a digest of the manifest before) tells the next
 * command that the files were not edited by hand but are merely old, and it writes them. Both are called with
 * the folder and the clone locked. */
#ifndef CHECKOUT_H
#define CHECKOUT_H

#include "client/floxdir.h"
#include "client/floxmeta.h"

/* To commit, whose live generation has these files; rev is what the hub has. */
fh_err checkout_move(struct floxmeta *m, const struct floxdir *d, const char *commit, const char *rev,
                     const struct floxdir_files *files, struct fh_error *e) FH_MUSTCHECK;
/* Finishes what a crash left. */
fh_err checkout_finish(struct floxmeta *m, const struct floxdir *d, struct fh_error *e) FH_MUSTCHECK;

#endif
