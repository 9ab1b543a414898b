/* Generations made on the hub: by REST, by a page. A commit is built on top of the tip as the official client
 * would have built it (git-environments §3.3 to §3.7), so that every client lists, pulls and rolls back over
 * it, and goes in by the door that a push goes in by (wire_accept.h): the same checks, one transaction.
 *
 * A change is made on a tip that its caller has seen. Whoever moved the branch meanwhile has won:
 * FH_CONFLICT, and of any number of changes to one tip exactly one is made. A history that breaks the rules
 * is not built upon: FH_CONFLICT with the reason, and a push over it is the way out.
 *
 * The files are taken as they are: that they fit each other is for the caller to see to (common/lock.h). */
#ifndef WIRE_MAKE_H
#define WIRE_MAKE_H

#include "server/git/wire_accept.h"
#include "server/git/wire_stored.h"

struct wire_make {
    struct wire_repos *repos;
    const struct wire_caller *caller;
    struct fh_arena *arena;
    const char *remote; /* address, for the log */
    const struct wire_rules *rules;
    const char *owner, *name;
    const char *action; /* of the audit row */
    /* Kind, author, host, command, time; for a switch also where to, 0 being the generation that was live
     * before. The rest is told by the history. */
    struct fh_change change;
    struct wire_with with;
};

/* Another visibility than the owner's default takes an owner (FH_DENIED), but for private. *tip is set before
 * the transaction, so that what is done after it (`with`) can tell of it; it holds only with FH_OK. */
fh_err wire_make_environment(const struct wire_make *m, enum store_visibility v /* 0: by the rules */,
                             const struct wire_files *files, struct fh_oid *tip,
                             struct fh_error *e) FH_MUSTCHECK;
/* files NULL: a switch, which changes metadata.json alone. */
fh_err wire_make_generation(const struct wire_make *m, const struct fh_oid *from,
                            const struct wire_files *files, struct fh_oid *tip,
                            struct fh_error *e) FH_MUSTCHECK;

#endif
