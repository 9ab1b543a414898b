/* The actors of tokens seen lately, in memory: bounded, without a database. auth_session.c fills it.
 *
 * A fill takes the generation before it asks the database and gives it back with the answer; when the cache
 * was cleared meanwhile, the answer may be older than what cleared it and is not kept. Safe from any thread.
 */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include "server/auth/auth.h"

enum { AUTH_CACHE_SETS = 1024, AUTH_CACHE_WAYS = 4, AUTH_CACHE_TOUCH_SECONDS = 60 };

struct auth_cache;
struct auth_cache *auth_cache_new(void);
void auth_cache_free(struct auth_cache *c);
uint64_t auth_cache_generation(struct auth_cache *c);
void auth_cache_clear(struct auth_cache *c);
/* A copy in the arena, with the state that is true at `now`; NULL when it is not there. *touch: its last use
 * was not noted for AUTH_CACHE_TOUCH_SECONDS, and is now. */
struct auth_actor *auth_cache_get(struct auth_cache *c, struct fh_arena *a, const uint8_t hash[32],
                                  int64_t now, bool *touch);
/* Copies the actor; its last use counts as noted at `now`. */
void auth_cache_put(struct auth_cache *c, uint64_t generation, const uint8_t hash[32],
                    const struct auth_actor *actor, int64_t now);
/* Makes an actor one of that state, who is nobody. */
void auth_actor_void(struct auth_actor *actor, enum auth_state state);

#endif
