/* The one door through which a branch changes, whoever built the objects: a push, or a generation made here.
 *
 *     a pack in quarantine -> objects reachable and sound -> metadata.json -> one transaction: pack, tip by
 *        compare-and-swap, log, generations, and what the caller adds -> files, snapshot
 *
 * Who may do it, and what the branch is called, was decided before. Nothing of it is seen by anybody before
 * the transaction, and a failure at any step leaves nothing behind. */
#ifndef WIRE_ACCEPT_H
#define WIRE_ACCEPT_H

#include "server/db/db.h"
#include "server/git/wire_quarantine.h"
#include "server/git/wire_view.h"

/* The hub's rules for what is new: the visibility of environments, the bytes that an owner may have (0: no
 * limit). */
struct wire_rules {
    enum store_visibility user_visibility, org_visibility;
    int64_t quota;
};

/* What a caller does in the same transaction: first, and last. Either may be NULL. It may be run again, so it
 * starts from nothing each time. */
struct wire_with {
    db_work *before, *after;
    void *arg;
};

struct wire_accept {
    struct wire_repos *repos;
    const struct wire_caller *caller;
    struct fh_arena *arena;
    const char *remote; /* address, for the log */
    const struct wire_rules *rules;
    const struct wire_snapshot *snapshot; /* the owner's, to which everything below belongs */
    const char *name;                     /* of the environment */
    struct fh_oid old_tip, new_tip;       /* old_tip zero: it is new */
    struct wire_quarantine *quarantine;   /* entered; may be empty */
    const char *action;                   /* of the audit row; NULL: a push's */
    enum store_visibility visibility;     /* of a new environment; 0: by the owner's settings and the rules */
    struct wire_with with;
};

/* May the caller make environments under this owner? s NULL: an owner that does not exist, refused as one of
 * others is; wire_accept_create also takes as long, unless the caller sees that there is such an owner. */
fh_err wire_accept_allowed(const struct wire_caller *caller, const struct wire_snapshot *s,
                           struct fh_error *e) FH_MUSTCHECK;
fh_err wire_accept_create(struct wire_repos *repos, struct fh_arena *a, const struct wire_caller *caller,
                          const struct wire_snapshot *s, struct fh_error *e) FH_MUSTCHECK;
/* Is there another environment whose name differs from this one only in case? FH_INVALID. */
fh_err wire_accept_name(const struct wire_snapshot *s, const char *name, struct fh_error *e) FH_MUSTCHECK;
/* What a new environment of this owner is, unless somebody says otherwise. */
enum store_visibility wire_accept_visibility(const struct wire_rules *rules, const struct wire_snapshot *s);
/* FH_AGAIN: somebody else was first; what that means is seen by looking again, with a new snapshot.
 * FH_INVALID or FH_TOO_LARGE with a sentence for whoever sent the objects. */
fh_err wire_accept(const struct wire_accept *w, struct fh_error *e) FH_MUSTCHECK;

#endif
