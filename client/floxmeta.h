/* The local bare clone of an owner's environments and the two branches of a checkout in it
 * (git-environments §4.4, §7.1):
 *
 *   <name>          what the hub last had; moved by a fetch alone
 *   <name>.<8 hex>  this checkout's own generations, until a push
 *
 * The clone is shared with flox and by all checkouts; meta/<owner>.lock is held from open to close. */
#ifndef FLOXMETA_H
#define FLOXMETA_H

#include "client/client.h"
#include "client/floxdir.h"
#include "client/gitobj.h"
#include "client/gitwire.h"
#include "common/metadata.h"

struct floxmeta {
    struct client *client;
    const char *owner, *name;
    const char *branch;   /* the project branch */
    const char *dot_flox; /* canonical path it is named by */
    const char *path;     /* of the clone */
    struct gitobj *objects;
    struct gitwire wire;
    int lock_fd;
    struct fh_envlock pin; /* env.lock as it is on disk */
    gitobj_id here;        /* the project branch's tip */
};

/* OPEN and LOCK: brings the clone and the branch where they are missing, finds the generation that env.lock
 * names, points the project branch at it. Uses the network only when something is not here.
 * dot_flox is the canonical path the checkout has or will have; envlock_dir is where its env.lock is now. */
fh_err floxmeta_open(struct client *c, const struct fh_envjson *pointer, const char *dot_flox,
                     const char *envlock_dir, struct floxmeta *out, struct fh_error *e) FH_MUSTCHECK;
void floxmeta_close(struct floxmeta *m); /* lets go of the lock; also done when the program ends */

/* What is on this machine of a checkout that is there, and nothing made: FH_NOT_FOUND when the clone or the
 * generation is gone. Never uses the network. */
fh_err floxmeta_open_local(struct client *c, const struct fh_envjson *pointer, const char *dot_flox,
                           struct floxmeta *out, struct fh_error *e) FH_MUSTCHECK;

/* The clone alone, for a first push: made when it is not there. */
fh_err floxmeta_open_clone(struct client *c, const struct fh_envjson *pointer, const char *dot_flox,
                           struct floxmeta *out, struct fh_error *e) FH_MUSTCHECK;

/* FETCH: moves the branch <name> to what the hub has. */
fh_err floxmeta_fetch(struct floxmeta *m, gitobj_id tip, struct fh_error *e) FH_MUSTCHECK;

enum floxmeta_relation { FLOXMETA_EQUAL, FLOXMETA_AHEAD, FLOXMETA_BEHIND, FLOXMETA_DIVERGED };
/* The project branch against a commit of the hub. */
fh_err floxmeta_compare(struct floxmeta *m, const char *tip, enum floxmeta_relation *out,
                        struct fh_error *e) FH_MUSTCHECK;

/* History and live generation of a commit. */
fh_err floxmeta_history(struct floxmeta *m, const char *commit, const struct fh_metadata **out,
                        struct fh_error *e) FH_MUSTCHECK;
fh_err floxmeta_live_files(struct floxmeta *m, const char *commit, struct floxdir_files *out,
                           struct fh_error *e) FH_MUSTCHECK;

/* A change on top of parent (NULL: a new branch, whose root commit is made too): kind, targets, text and a
 * switch's `current` are the caller's, the rest is filled in. files is NULL for a switch. No branch moves. */
fh_err floxmeta_commit(struct floxmeta *m, const char *parent, const struct fh_change *change,
                       const struct floxdir_files *files, gitobj_id out, struct fh_error *e) FH_MUSTCHECK;
/* The project branch and env.lock (in envlock_dir) to commit; rev is what the hub has. */
fh_err floxmeta_move(struct floxmeta *m, const char *envlock_dir, const char *commit, const char *rev,
                     struct fh_error *e) FH_MUSTCHECK;

/* Deletes the project branch, and the hub's branch when no other checkout uses it. */
fh_err floxmeta_forget(struct floxmeta *m, struct fh_error *e) FH_MUSTCHECK;

/* Manifest or lock in .flox/env are not those of the live generation. */
fh_err floxmeta_is_edited(struct floxmeta *m, const struct floxdir *d, bool *out,
                          struct fh_error *e) FH_MUSTCHECK;

#endif
