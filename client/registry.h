/* The list of environments on this machine, shared with flox: <data>/env-registry.json, locked by
 * env-registry.lock beside it (flox: models/env_registry.rs).
 *
 *   {"version": 1, "entries": [{"hash": <8 hex of the path's BLAKE3>, "path": <…/.flox>,
 *                               "envs": [{"created_at": <Unix seconds>, "pointer": <env.json>}, …]}]}
 *
 * An entry keeps every environment that has been at its path: from these flox knows which branches of the
 * local clones nobody needs any more, so only what is deleted leaves the list. Keys we do not know are kept.
 * Everything returned is the arena's. One thread. */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "client/client.h"
#include "common/envjson.h"

/* Notes that the environment is at dot_flox (canonical); writes nothing when that is known. The list is a
 * convenience: what goes wrong with it stops no verb and is told by the ones that read it. */
void registry_note(struct client *c, const char *dot_flox, const struct fh_envjson *pointer);
/* Forgets the environment that was last noted at dot_flox, if it is this one. */
void registry_forget(struct client *c, const char *dot_flox, const struct fh_envjson *pointer);

struct registry_env {
    const char *dot_flox;
    struct fh_envjson pointer;
};
/* The newest environment of every path that still exists, sorted as flox sorts them: by path. */
fh_err registry_read(struct client *c, struct registry_env **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

#endif
