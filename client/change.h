/* One change of an environment: found, locked and read; and put in place, in an environment of a hub as a new
 * generation. For the verbs that change manifest or lock. */
#ifndef CHANGE_H
#define CHANGE_H

#include "client/floxdir.h"
#include "client/floxmeta.h"

struct change {
    struct client *c;
    struct floxdir dir;
    struct floxmeta meta; /* of an environment of a hub */
    const char *title;    /* for messages: as the folder's, and " (local)" behind that of -r */
    bool is_nowhere;      /* change_begin found no environment, and no option says where one is */
    struct floxdir_files before;
};

/* The environment that the options -d and -r mean, or the one here; with login, -r wants one. Everything is
 * held until the verb ends. */
fh_err change_begin(struct change *ch, struct client *c, struct fh_cli *cli, bool login,
                    struct fh_error *e) FH_MUSTCHECK;
/* FH_CONFLICT, with the ways out, when an environment of a hub has edits that are in no generation. */
fh_err change_refuse_unsynced(struct change *ch, struct fh_error *e) FH_MUSTCHECK;
/* The files, which fit each other; what is the kind of the generation and its targets. */
fh_err change_apply(struct change *ch, const struct floxdir_files *files, const struct fh_change *what,
                    struct fh_error *e) FH_MUSTCHECK;
/* A lock that was made of what was read is put beside it, if that is still there; best effort, for a verb
 * that changes nothing else. Not for an environment of a hub: its locks are in generations. */
void change_keep_lock(struct client *c, struct floxdir *d, const struct floxdir_files *read,
                      const struct floxdir_files *made);
bool change_is_same(const struct floxdir_files *a, const struct floxdir_files *b); /* byte by byte */

#endif
