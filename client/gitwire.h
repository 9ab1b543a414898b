/* git over HTTP as a client: one branch fetched with protocol v2, one branch pushed with v0.
 *
 * The credential is sent with the first request (Basic oauth:<token>, or an empty password, which a hub takes
 * for an anonymous caller), so that there is no round trip for the challenge. A fetch of something new is
 * three requests, of nothing new two, a push two.
 *
 * Kinds of errors: FH_DENIED (no right to it, or the credential is refused), FH_NOT_FOUND (no such branch
 * that the caller may see), FH_CONFLICT (the branch changed meanwhile), FH_UNAVAILABLE (no answer, or a
 * temporary one), FH_INVALID (not a hub's answer, or content refused: its reason). Text of the server in a
 * message is harmless to a terminal. */
#ifndef GITWIRE_H
#define GITWIRE_H

#include "client/api.h"
#include "client/gitobj.h"

/* Where a repository is: <git base>/<owner>/floxmeta. */
struct gitwire {
    struct api *api;
    struct fh_arena *arena;
    const char *url;
};

/* Asks for the tip of branch and brings what is not here yet. No local branch is moved. */
fh_err gitwire_fetch(struct gitwire *w, struct gitobj *g, const char *branch, gitobj_id tip,
                     struct fh_error *e) FH_MUSTCHECK;

enum gitwire_outcome {
    GITWIRE_CREATED,
    GITWIRE_UPDATED,
    GITWIRE_SAME,   /* the branch is there already and is the same commit: nothing was sent */
    GITWIRE_EXISTS, /* it is there and not an ancestor of ours: nothing was sent */
};
/* Pushes the commit to refs/heads/<branch>. Without force a tip that is not an ancestor of it stays. */
fh_err gitwire_push(struct gitwire *w, struct gitobj *g, const char *branch, const char *commit, bool force,
                    enum gitwire_outcome *outcome, struct fh_error *e) FH_MUSTCHECK;

/* Shared by both directions. */
enum gitwire_service { GITWIRE_UPLOAD, GITWIRE_RECEIVE };
/* GET info/refs: the advertisement behind the "# service" line, checked to be a git answer. */
fh_err gitwire_discover(struct gitwire *w, enum gitwire_service service, struct api_answer *answer,
                        struct fh_error *e) FH_MUSTCHECK;
/* The sentence and kind for an answer that is not the wanted one. */
fh_err gitwire_refused(struct gitwire *w, const struct api_answer *answer, struct fh_error *e) FH_MUSTCHECK;
/* The sentence and kind for what a git service says went wrong ("ERR …", side-band 3). */
fh_err gitwire_said(struct gitwire *w, const char *text, size_t n, struct fh_error *e) FH_MUSTCHECK;

#endif
