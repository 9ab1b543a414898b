/* What every verb starts from: one run of the program, its settings, its connection and its memory. */
#ifndef CLIENT_H
#define CLIENT_H

#include "client/api.h"
#include "client/settings.h"
#include "common/cli.h"
#include "common/json.h"

struct client {
    struct fh_arena *arena;
    struct settings settings;
    struct api *api;
    const char *const *command; /* as typed, but for the program's name, which histories have as "flox" */
    size_t ncommand;
    const char *meta_lock; /* the lock of an owner's clone that is held: see floxmeta.h; NULL: none */
    int preparing; /* the descriptor, and one, that holds a .flox which has no name yet; see floxdir_prepare
                    */
    struct fh_error e;      /* where a verb's calls leave what went wrong */
    const char *why;        /* the same, where it is longer than an error can hold: see client_fail */
    const json_t *question; /* that the catalog was asked last to lock packages; NULL: none */
};

/* Loads the settings. Every verb calls it first; on failure it has told why and returns NULL. */
struct client *client_begin(struct fh_cli *cli);

/* Tells what is in c->e, or in c->why; returns 1, the exit status. */
int client_fail(const struct client *c);

struct identity {
    const char *handle;
    const char *expires; /* RFC 3339, or NULL */
};
/* Whose token it is: from the hub for an opaque token, from itself for a JWT. FH_UNAUTHENTICATED when there
 * is none, or the hub does not know it, or it has expired; FH_UNAVAILABLE when the hub cannot be asked. */
fh_err client_identity(struct client *c, const char *token, const char *hub, struct identity *out,
                       struct fh_error *e) FH_MUSTCHECK;
/* The handle of the token in effect, without asking anybody where it is known. */
fh_err client_handle(struct client *c, const char **handle, struct fh_error *e) FH_MUSTCHECK;
/* FH_UNAUTHENTICATED with the ways to log in, when there is no credential. */
fh_err client_need_login(const struct client *c, struct fh_error *e) FH_MUSTCHECK;

#endif
