/* From an Authorization header to an actor: the cache, then the database. See auth.h. */
#include "common/clock.h"
#include "common/mem.h"
#include "server/auth/auth_cache.h"
#include "server/auth/auth_header.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { MAX_PENDING = 4096 };

struct auth_sessions {
    struct db_pool *pool;
    struct auth_cache *cache;
    bool (*live)(void *);
    void *live_arg;
    pthread_mutex_t lock;         /* guards what is below */
    int64_t pending[MAX_PENDING]; /* tokens whose last use is to be written */
    size_t npending;
};

struct auth_sessions *auth_sessions_new(struct db_pool *pool)
{
    struct auth_sessions *s = fh_xcalloc(1, sizeof *s);
    s->pool = pool;
    s->cache = auth_cache_new();
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void auth_sessions_free(struct auth_sessions *s)
{
    if (!s)
        return;
    auth_cache_free(s->cache);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void auth_sessions_set_live(struct auth_sessions *s, bool (*live)(void *), void *arg)
{
    s->live = live;
    s->live_arg = arg;
}

void auth_sessions_clear(struct auth_sessions *s)
{
    auth_cache_clear(s->cache);
}

static bool is_live(const struct auth_sessions *s)
{
    return s->live && s->live(s->live_arg);
}

/* Notes that a token was used. More than a full list between two flushes only makes the times less exact. */
static void note_use(struct auth_sessions *s, int64_t token_id)
{
    pthread_mutex_lock(&s->lock);
    size_t i = 0;
    /* Uncached look-ups come one per request: the same token is mostly among the newest. */
    size_t from = s->npending > 16 ? s->npending - 16 : 0;
    for (i = from; i < s->npending && s->pending[i] != token_id; i++)
        ;
    if (i == s->npending && s->npending < MAX_PENDING)
        s->pending[s->npending++] = token_id;
    pthread_mutex_unlock(&s->lock);
}

struct touch_work {
    int64_t ids[MAX_PENDING];
    size_t n;
    int64_t at;
};

static fh_err write_uses(struct db_conn *c, void *arg, struct fh_error *e)
{
    const struct touch_work *w = arg;
    return store_token_touch(c, w->ids, w->n, w->at, e);
}

void auth_sessions_flush(struct auth_sessions *s)
{
    struct touch_work *w = fh_xmalloc(sizeof *w);
    pthread_mutex_lock(&s->lock);
    w->n = s->npending;
    memcpy(w->ids, s->pending, w->n * sizeof *w->ids);
    s->npending = 0;
    pthread_mutex_unlock(&s->lock);
    w->at = fh_now();
    /* When the database is away these times are lost, which harms nobody; whatever matters will say so. */
    if (w->n)
        (void)!db_transaction(s->pool, write_uses, w, NULL);
    free(w);
}

struct load_work {
    struct fh_arena *arena;
    const uint8_t *hash;
    int64_t now;
    struct auth_actor *actor;
};

static void add_roles(struct fh_arena *a, struct auth_actor *actor, const struct store_member *members,
                      size_t n)
{
    struct auth_role *roles = fh_alloc(a, (n ? n : 1) * sizeof *roles);
    for (size_t i = 0; i < n; i++)
        roles[i] = (struct auth_role){members[i].org_id, members[i].role};
    actor->roles = roles;
    actor->nroles = n;
}

/* The actor of a token's rows. */
static fh_err make_actor(struct db_conn *c, struct fh_arena *a, const struct store_token *token,
                         const struct store_owner *owner, int64_t now, struct auth_actor *actor,
                         struct fh_error *e)
{
    enum auth_state state = token->revoked_at                               ? AUTH_REVOKED
                            : owner->disabled                               ? AUTH_DISABLED
                            : token->expires_at && now >= token->expires_at ? AUTH_EXPIRED
                                                                            : AUTH_VALID;
    auth_actor_void(actor, state);
    if (state != AUTH_VALID)
        return FH_OK;
    actor->kind = owner->kind;
    actor->owner_id = owner->id;
    actor->token_id = token->id;
    snprintf(actor->handle, sizeof actor->handle, "%s", owner->handle);
    actor->hub_admin = owner->admin;
    actor->scope = token->scope;
    actor->expires_at = token->expires_at;
    if (owner->kind != STORE_USER)
        return FH_OK;
    struct store_member *members;
    size_t n;
    FH_TRY(store_member_of(c, a, owner->id, &members, &n, e));
    add_roles(a, actor, members, n);
    return FH_OK;
}

static fh_err load(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct load_work *w = arg;
    struct store_token token;
    struct store_owner owner;
    struct fh_error why = {0};
    fh_err rc = store_token_find(c, w->arena, w->hash, &token, &owner, &why);
    if (rc == FH_NOT_FOUND) {
        auth_actor_void(w->actor, AUTH_UNKNOWN);
        return FH_OK;
    }
    if (rc != FH_OK)
        return FH_FAIL(e, rc, "%s", why.msg);
    return make_actor(c, w->arena, &token, &owner, w->now, w->actor, e);
}

fh_err auth_session_renew(struct db_conn *c, struct fh_arena *arena, const struct auth_actor *actor,
                          const struct auth_actor **out, struct fh_error *e)
{
    struct store_token token;
    struct store_owner owner;
    *out = actor;
    if (actor->state != AUTH_VALID)
        return FH_OK;
    struct auth_actor *now = fh_alloc(arena, sizeof *now);
    FH_TRY(store_token_hold(c, arena, actor->token_id, &token, &owner, e));
    FH_TRY(make_actor(c, arena, &token, &owner, fh_now(), now, e));
    *out = now;
    return FH_OK;
}

/* A plausible token's actor. */
static fh_err find_token(struct auth_sessions *s, struct fh_arena *arena, const char *token, bool inline_only,
                         struct auth_actor **out, struct fh_error *e)
{
    uint8_t hash[32];
    auth_token_hash(token, hash);
    int64_t now = fh_now();
    bool live = is_live(s), touch = false;
    struct auth_actor *actor = live ? auth_cache_get(s->cache, arena, hash, now, &touch) : NULL;
    if (!actor) {
        if (inline_only)
            return FH_FAIL(e, FH_AGAIN, "The token is not in memory.");
        uint64_t generation = auth_cache_generation(s->cache);
        actor = fh_alloc(arena, sizeof *actor);
        struct load_work w = {arena, hash, now, actor};
        FH_TRY(db_read(s->pool, load, &w, e));
        /* Tokens that do not exist are not kept: anybody can make up any number of them. */
        if (live && is_live(s) && actor->state != AUTH_UNKNOWN)
            auth_cache_put(s->cache, generation, hash, actor, now);
        touch = actor->state == AUTH_VALID;
    }
    if (touch)
        note_use(s, actor->token_id);
    *out = actor;
    return FH_OK;
}

fh_err auth_session_find(struct auth_sessions *s, struct fh_arena *arena, const char *authorization,
                         bool inline_only, const struct auth_actor **out, struct fh_error *e)
{
    char token[FH_MAX_TOKEN_TEXT + 1];
    struct auth_actor *actor = NULL;
    fh_err rc = FH_OK;
    switch (auth_header_parse(authorization, token)) {
    case AUTH_CRED_NONE:
        *out = auth_anonymous();
        return FH_OK;
    case AUTH_CRED_EMPTY:
        auth_actor_void(actor = fh_alloc(arena, sizeof *actor), AUTH_ANONYMOUS);
        break;
    case AUTH_CRED_TOKEN:
        if (auth_token_plausible(token)) {
            rc = find_token(s, arena, token, inline_only, &actor, e);
            break;
        }
        __attribute__((fallthrough));
    case AUTH_CRED_MALFORMED:
        auth_actor_void(actor = fh_alloc(arena, sizeof *actor), AUTH_UNKNOWN);
        break;
    }
    explicit_bzero(token, sizeof token); /* whole: decoding leaves pieces behind the NUL */
    if (rc == FH_OK)
        *out = actor;
    return rc;
}
