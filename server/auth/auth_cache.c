/* A set-associative table of actors by the SHA-256 of their token:
 *
 *     hash[0..1] -> one of 1024 sets of four places; a new actor takes the place used longest ago
 */
#include "server/auth/auth_cache.h"

#include "common/digest.h"
#include "common/mem.h"

#include <pthread.h>
#include <string.h>

struct place {
    uint8_t hash[32];
    struct auth_actor *actor; /* NULL: free; roles in the same allocation */
    uint64_t used;
    int64_t noted; /* when its last use was last handed out to be written */
};

struct auth_cache {
    pthread_mutex_t lock; /* guards all below */
    uint64_t generation, clock;
    struct place sets[AUTH_CACHE_SETS][AUTH_CACHE_WAYS];
};

struct auth_cache *auth_cache_new(void)
{
    struct auth_cache *c = fh_xcalloc(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void drop_all(struct auth_cache *c)
{
    for (size_t s = 0; s < AUTH_CACHE_SETS; s++)
        for (size_t w = 0; w < AUTH_CACHE_WAYS; w++) {
            free(c->sets[s][w].actor);
            c->sets[s][w] = (struct place){0};
        }
}

void auth_cache_free(struct auth_cache *c)
{
    if (!c)
        return;
    drop_all(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

uint64_t auth_cache_generation(struct auth_cache *c)
{
    pthread_mutex_lock(&c->lock);
    uint64_t generation = c->generation;
    pthread_mutex_unlock(&c->lock);
    return generation;
}

void auth_cache_clear(struct auth_cache *c)
{
    pthread_mutex_lock(&c->lock);
    c->generation++;
    drop_all(c);
    pthread_mutex_unlock(&c->lock);
}

void auth_actor_void(struct auth_actor *actor, enum auth_state state)
{
    *actor = (struct auth_actor){.state = state, .challenge_answered = true};
}

static struct place *set_of(struct auth_cache *c, const uint8_t hash[32])
{
    return c->sets[((unsigned)hash[0] << 8 | hash[1]) % AUTH_CACHE_SETS];
}

static struct place *find(struct auth_cache *c, const uint8_t hash[32])
{
    struct place *set = set_of(c, hash);
    for (size_t w = 0; w < AUTH_CACHE_WAYS; w++)
        if (set[w].actor && fh_equal_secret(set[w].hash, hash, sizeof set[w].hash))
            return &set[w];
    return NULL;
}

struct auth_actor *auth_cache_get(struct auth_cache *c, struct fh_arena *a, const uint8_t hash[32],
                                  int64_t now, bool *touch)
{
    struct auth_actor *out = NULL;
    *touch = false;
    pthread_mutex_lock(&c->lock);
    struct place *p = find(c, hash);
    if (p) {
        p->used = ++c->clock;
        out = fh_memdup(a, p->actor, sizeof *out);
        out->roles = out->nroles ? fh_memdup(a, p->actor->roles, out->nroles * sizeof *out->roles) : NULL;
        if (out->state == AUTH_VALID && out->expires_at && now >= out->expires_at) {
            auth_actor_void(out, AUTH_EXPIRED);
        } else if (out->state == AUTH_VALID && now - p->noted >= AUTH_CACHE_TOUCH_SECONDS) {
            p->noted = now;
            *touch = true;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return out;
}

static struct auth_actor *copy(const struct auth_actor *actor)
{
    size_t roles = actor->nroles * sizeof *actor->roles;
    struct auth_actor *out = fh_xmalloc(sizeof *out + roles);
    *out = *actor;
    if (roles)
        memcpy(out + 1, actor->roles, roles);
    out->roles = roles ? (const struct auth_role *)(out + 1) : NULL;
    return out;
}

void auth_cache_put(struct auth_cache *c, uint64_t generation, const uint8_t hash[32],
                    const struct auth_actor *actor, int64_t now)
{
    pthread_mutex_lock(&c->lock);
    if (generation == c->generation) {
        struct place *p = find(c, hash), *set = set_of(c, hash);
        if (!p) {
            p = &set[0];
            for (size_t w = 1; w < AUTH_CACHE_WAYS && p->actor; w++)
                if (!set[w].actor || set[w].used < p->used)
                    p = &set[w];
        }
        free(p->actor);
        p->actor = copy(actor);
        memcpy(p->hash, hash, sizeof p->hash);
        p->used = ++c->clock;
        p->noted = now;
    }
    pthread_mutex_unlock(&c->lock);
}
