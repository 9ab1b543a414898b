/* Owners (users and organisations share one namespace), their members and their tokens, as rows.
 *
 * Every function runs on the caller's connection, inside the caller's transaction where one is open. What is
 * returned lives in the caller's arena. Times are Unix seconds; 0 means never or not yet.
 */
#ifndef STORE_OWNER_H
#define STORE_OWNER_H

#include "server/db/db.h"

enum store_owner_kind { STORE_USER = 1, STORE_ORG = 2 };
enum store_role { STORE_NO_ROLE = 0, STORE_READER = 1, STORE_WRITER = 2, STORE_OWNER = 3 };
enum store_visibility { STORE_PUBLIC = 1, STORE_INTERNAL = 2, STORE_UNLISTED = 3, STORE_PRIVATE = 4 };
enum store_scope { STORE_SCOPE_READ = 1, STORE_SCOPE_WRITE = 2, STORE_SCOPE_ADMIN = 3 };

struct store_owner {
    int64_t id;
    enum store_owner_kind kind;
    char *handle; /* the one canonical spelling */
    char *email;  /* may be NULL */
    bool admin;   /* hub admin; users only */
    bool disabled;
    int default_visibility; /* enum store_visibility, 0: the hub's default for the kind */
    int64_t created_at;
};

struct store_member {
    int64_t org_id, user_id;
    char *org, *user;
    enum store_role role;
};

struct store_token {
    int64_t id, owner_id;
    char *owner;
    char *name; /* may be NULL */
    char *hint; /* the first characters, for lists: "flox_pat_Ab12…" */
    enum store_scope scope;
    int64_t created_at, expires_at, revoked_at, last_used_at;
};

/* The texts that stand for the enums in commands and JSON; *_parse gives 0 for what is none. Static. */
const char *store_visibility_name(enum store_visibility v);
enum store_visibility store_visibility_parse(const char *text);
const char *store_role_name(enum store_role r);
enum store_role store_role_parse(const char *text);
const char *store_scope_name(enum store_scope s);
enum store_scope store_scope_parse(const char *text);

/* FH_CONFLICT when the handle exists, also in another case. */
fh_err store_owner_create(struct db_conn *c, struct fh_arena *a, const struct store_owner *in, int64_t *id,
                          struct fh_error *e) FH_MUSTCHECK;
/* By exact spelling; FH_NOT_FOUND. */
fh_err store_owner_find(struct db_conn *c, struct fh_arena *a, const char *handle, struct store_owner *out,
                        struct fh_error *e) FH_MUSTCHECK;
/* The same, with the visibility of its most open environment (STORE_PRIVATE when it has none), by which
 * auth_can decides who may know of it. */
fh_err store_owner_look(struct db_conn *c, struct fh_arena *a, const char *handle, struct store_owner *out,
                        enum store_visibility *openness, struct fh_error *e) FH_MUSTCHECK;
/* Locks the owner's row against other changes of its refs, packs and members and settings, until the
 * transaction ends, and raises the revision, since whoever takes the lock changes something. As an update of
 * no key: FOR UPDATE would wait for every row being inserted that refers to the owner, and deadlock with it.
 * out may be NULL. FH_NOT_FOUND. */
struct store_lock {
    char *handle;
    int64_t epoch, revision; /* the revision as this transaction leaves it */
};
fh_err store_owner_lock(struct db_conn *c, struct fh_arena *a, int64_t id, struct store_lock *out,
                        struct fh_error *e) FH_MUSTCHECK;
fh_err store_owner_list(struct db_conn *c, struct fh_arena *a, enum store_owner_kind kind,
                        struct store_owner **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
fh_err store_owner_set_disabled(struct db_conn *c, int64_t id, bool disabled,
                                struct fh_error *e) FH_MUSTCHECK;
fh_err store_owner_set_admin(struct db_conn *c, int64_t id, bool admin, struct fh_error *e) FH_MUSTCHECK;
fh_err store_owner_set_password(struct db_conn *c, int64_t id, const char *hash,
                                struct fh_error *e) FH_MUSTCHECK;
fh_err store_owner_password(struct db_conn *c, struct fh_arena *a, int64_t id, char **hash,
                            struct fh_error *e) FH_MUSTCHECK;
fh_err store_owner_rename(struct db_conn *c, int64_t id, const char *handle, struct fh_error *e) FH_MUSTCHECK;
fh_err store_owner_set_visibility(struct db_conn *c, int64_t id, int default_visibility,
                                  struct fh_error *e) FH_MUSTCHECK;

/* Sets or changes a role. Locks the organisation's row first, so that two changes at once see each other:
 * FH_CONFLICT when it would leave the organisation without an owner. The same for remove. */
fh_err store_member_set(struct db_conn *c, int64_t org_id, int64_t user_id, enum store_role role,
                        struct fh_error *e) FH_MUSTCHECK;
fh_err store_member_remove(struct db_conn *c, int64_t org_id, int64_t user_id,
                           struct fh_error *e) FH_MUSTCHECK;
fh_err store_member_list(struct db_conn *c, struct fh_arena *a, int64_t org_id, struct store_member **out,
                         size_t *n, struct fh_error *e) FH_MUSTCHECK;
/* One page of them by handle, at most limit behind after (NULL: from the beginning). */
fh_err store_member_page(struct db_conn *c, struct fh_arena *a, int64_t org_id, const char *after,
                         size_t limit, struct store_member **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
/* One page of a user's organisations by handle, as owners. */
fh_err store_org_page(struct db_conn *c, struct fh_arena *a, int64_t user_id, const char *after, size_t limit,
                      struct store_owner **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
/* The organisations a user belongs to. */
fh_err store_member_of(struct db_conn *c, struct fh_arena *a, int64_t user_id, struct store_member **out,
                       size_t *n, struct fh_error *e) FH_MUSTCHECK;

/* hash: SHA-256 of the token's text. The text itself is never stored. */
fh_err store_token_create(struct db_conn *c, const struct store_token *in, const uint8_t hash[32],
                          int64_t *id, struct fh_error *e) FH_MUSTCHECK;
/* Also revoked and expired ones, with their owner: the caller judges. FH_NOT_FOUND. */
fh_err store_token_find(struct db_conn *c, struct fh_arena *a, const uint8_t hash[32],
                        struct store_token *token, struct store_owner *owner,
                        struct fh_error *e) FH_MUSTCHECK;
/* Likewise by number; in a transaction, in which neither is revoked or disabled until it ends. */
fh_err store_token_hold(struct db_conn *c, struct fh_arena *a, int64_t id, struct store_token *token,
                        struct store_owner *owner, struct fh_error *e) FH_MUSTCHECK;
/* One page of an owner's, revoked and expired ones too, by number: at most limit behind after (0: from the
 * beginning). */
fh_err store_token_page(struct db_conn *c, struct fh_arena *a, int64_t owner_id, int64_t after, size_t limit,
                        struct store_token **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
/* By number. FH_NOT_FOUND. */
fh_err store_token_get(struct db_conn *c, struct fh_arena *a, int64_t id, struct store_token *token,
                       struct store_owner *owner, struct fh_error *e) FH_MUSTCHECK;
fh_err store_token_list(struct db_conn *c, struct fh_arena *a, int64_t owner_id /* 0: all */,
                        struct store_token **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
fh_err store_token_revoke(struct db_conn *c, int64_t id, struct fh_error *e) FH_MUSTCHECK; /* FH_NOT_FOUND */
/* Batched by the caller: sets last_used_at of each id to at, where that is later. */
fh_err store_token_touch(struct db_conn *c, const int64_t *ids, size_t n, int64_t at,
                         struct fh_error *e) FH_MUSTCHECK;

#endif
