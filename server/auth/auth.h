/* Who is calling, and what they may do.
 *
 * auth_can() is the one policy function: pure, no database, no clock. An actor is made once per request
 * (auth_http.c) from the Authorization header, through a cache that NOTIFY clears.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "common/err.h"
#include "server/store/owner.h"

enum auth_state {
    AUTH_VALID,
    AUTH_ANONYMOUS, /* no credential, or Basic with an empty password */
    AUTH_UNKNOWN,   /* a credential that names no token of ours, or is malformed */
    AUTH_EXPIRED,
    AUTH_REVOKED,
    AUTH_DISABLED, /* the token's owner is disabled */
};

struct auth_role {
    int64_t owner_id;
    enum store_role role;
};

/* Immutable once made. A user's actor has its own owner_id and its roles in organisations; an organisation's
 * token (a machine) acts as the organisation: scope write as a writer of it, admin as an owner, read as a
 * reader. */
struct auth_actor {
    enum auth_state state;
    enum store_owner_kind kind;
    int64_t owner_id, token_id;
    char handle[64]; /* "" when not valid */
    bool hub_admin;  /* counts only with scope admin */
    enum store_scope scope;
    int64_t expires_at;      /* Unix seconds, 0 never */
    bool challenge_answered; /* an Authorization header was there, be it an empty password */
    size_t nroles;
    const struct auth_role *roles;
};

enum auth_action {
    AUTH_OPEN = 1,    /* anyone: health, pages without content of their own */
    AUTH_WHOAMI,      /* any valid token */
    AUTH_GIT_READ,    /* route level: anyone who answered the challenge; refs are filtered one by one */
    AUTH_GIT_WRITE,   /* route level: a valid token with scope write or admin */
    AUTH_ENV_LIST,    /* object level: it appears in lists and advertisements */
    AUTH_ENV_READ,    /* it may be read by whoever names it exactly */
    AUTH_ENV_CREATE,  /* under an owner */
    AUTH_ENV_WRITE,   /* push to it */
    AUTH_ENV_ADMIN,   /* visibility, rename, delete, restore */
    AUTH_OWNER_SEE,   /* that it exists; the object's visibility is that of its most open environment */
    AUTH_OWNER_READ,  /* members, tokens' names */
    AUTH_OWNER_ADMIN, /* members, settings */
    AUTH_AUDIT_READ,  /* an owner's trail */
    AUTH_ORG_CREATE,
    AUTH_TOKEN_CREATE,    /* one's own, or an organisation's; see auth_may_grant too */
    AUTH_TOKEN_REVOKE,    /* any but the one that calls, which may always be given up */
    AUTH_CATALOG_LIST,    /* a catalog's packages appear in searches and counts */
    AUTH_CATALOG_READ,    /* they may be read by whoever names the catalog exactly */
    AUTH_CATALOG_RESOLVE, /* and be locked; else as AUTH_CATALOG_READ */
    AUTH_CATALOG_ADMIN,
    AUTH_HUB_ADMIN,
    AUTH_ACTIONS_END
};

struct auth_object {
    int64_t owner_id; /* 0: the hub itself, or an owner that does not exist */
    enum store_owner_kind owner_kind;
    bool owner_disabled;
    bool of_hub;                      /* nobody's but the hub's: its base catalog; owner_id is 0 then */
    enum store_visibility visibility; /* 0 for an owner as such */
};

/* Settings of the hub that policy depends on. */
struct auth_policy {
    bool require_login;     /* nobody is anonymous */
    bool users_create_orgs; /* not only the hub's administrators */
    bool catalog_login;     /* nobody anonymous asks the catalog */
    bool resolve_login;     /* nobody anonymous resolves, though they may search */
};

/* FH_OK; FH_UNAUTHENTICATED (log in, or log in again), FH_NOT_FOUND (it must look absent) or FH_DENIED with a
 * sentence for the caller. Pure. object may be NULL for actions at route level. */
fh_err auth_can(const struct auth_policy *policy, const struct auth_actor *actor, enum auth_action action,
                const struct auth_object *object, struct fh_error *e) FH_MUSTCHECK;
/* A token makes none that is good for more, or for longer, than itself. expires_at: 0 never. Pure. */
fh_err auth_may_grant(const struct auth_actor *actor, enum store_scope scope, int64_t expires_at,
                      struct fh_error *e) FH_MUSTCHECK;
enum store_role auth_role_in(const struct auth_actor *actor, int64_t owner_id); /* own account: STORE_OWNER */
/* What is asked of a list for AUTH_ENV_LIST to hold of all that is on it. Borrows from the actor; in the
 * arena. Pure. */
struct store_viewer;
struct fh_arena;
const struct store_viewer *auth_viewer(struct fh_arena *a, const struct auth_policy *policy,
                                       const struct auth_actor *actor) __attribute__((returns_nonnull));
const char *auth_action_name(enum auth_action action);
/* The actor that admin commands and internal work act as. Static. */
const struct auth_actor *auth_anonymous(void);

/* Handles and environment names: pattern, reserved words. FH_INVALID with the reason. */
fh_err auth_check_handle(const char *handle, struct fh_error *e) FH_MUSTCHECK;
/* The same for an operator who insists: the handle "flox", which every client trusts, is allowed too. */
fh_err auth_check_handle_trusted(const char *handle, struct fh_error *e) FH_MUSTCHECK;
fh_err auth_check_env_name(const char *name, struct fh_error *e) FH_MUSTCHECK;

/* Tokens: "flox_pat_" (users) or "flox_svc_" (organisations), 43 characters of base62 for 256 random bits, 6
 * of CRC-32 so that scanners and we can tell a mistyped one without a look-up. */
enum { AUTH_TOKEN_SIZE = 64, AUTH_TOKEN_HINT = 13 }; /* what of a token is shown in lists: its first 13 */
void auth_token_make(enum store_owner_kind kind, char out[AUTH_TOKEN_SIZE]);
bool auth_token_plausible(const char *text); /* shape and checksum */
void auth_token_hash(const char *text, uint8_t out[32]);
/* "90d", "12h", "2027-01-31", "never" (0), as Unix seconds. FH_INVALID with what may be written. */
fh_err auth_expiry_parse(const char *text, int64_t now, int64_t *out, struct fh_error *e) FH_MUSTCHECK;

/* Passwords: Argon2id by libsodium; 8 to 1024 bytes. Verifying against NULL costs the same as against a hash.
 */
fh_err auth_password_hash(const char *password, char out[128], struct fh_error *e) FH_MUSTCHECK;
bool auth_password_verify(const char *hash, const char *password);

/* The actors of tokens seen lately. Safe from any thread; entries are dropped by auth_session_clear (on
 * NOTIFY floe_accounts and when the listener was reset), and expire with their token. */
struct auth_sessions;
struct db_pool;
struct db_listener;
struct auth_sessions *auth_sessions_new(struct db_pool *pool);
void auth_sessions_free(struct auth_sessions *s);
void auth_sessions_set_live(struct auth_sessions *s, bool (*live)(void *),
                            void *arg); /* not live: no caching */
void auth_sessions_clear(struct auth_sessions *s);
/* The actor for an Authorization header (NULL: anonymous), in the arena. inline_only: FH_AGAIN instead of
 * asking the database. A credential that is not valid gives an actor whose state says why, never an error;
 * FH_UNAVAILABLE when the database cannot be asked. */
fh_err auth_session_find(struct auth_sessions *s, struct fh_arena *arena, const char *authorization,
                         bool inline_only, const struct auth_actor **out, struct fh_error *e) FH_MUSTCHECK;
/* The same actor as the database has it now, in a transaction: until that ends, its token is not revoked, nor
 * its account disabled. For changes that outlive their maker's rights (tokens, members), after the lock that
 * changes of roles take (store_owner_lock). */
struct db_conn;
fh_err auth_session_renew(struct db_conn *c, struct fh_arena *arena, const struct auth_actor *actor,
                          const struct auth_actor **out, struct fh_error *e) FH_MUSTCHECK;
/* Writes the batched last-use times; called every few seconds and at the end. */
void auth_sessions_flush(struct auth_sessions *s);

#endif
