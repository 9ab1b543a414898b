/* Environments as rows: a branch of the owner's floxmeta repository is a row with its tip, its visibility and
 * the log of what its tip was. An accepted push is one call of store_push inside one transaction.
 */
#ifndef STORE_ENV_H
#define STORE_ENV_H

#include "common/hex.h"
#include "server/store/owner.h"

struct store_env {
    int64_t id, owner_id;
    char *owner;
    char *name; /* the branch */
    enum store_visibility visibility;
    struct fh_oid tip;
    int64_t created_at, updated_at, deleted_at; /* deleted_at: 0 unless deleted */
    int64_t generations, live;                  /* from its metadata; -1 where that is broken */
    char *broken;                               /* why it is; NULL: it is not */
};

/* A tip that a branch of the owner had until a short while ago. */
struct store_recent_tip {
    int64_t env_id;
    struct fh_oid tip;
    int64_t replaced_at;
};

struct store_pack {
    int64_t id;
    uint8_t checksum[20]; /* the pack's trailer, and its name */
    int64_t objects, bytes, idx_bytes;
};

/* All that git needs to know of an owner, read in one snapshot of the database. */
struct store_repo {
    struct store_owner owner;
    int64_t epoch;          /* rises whenever packs are taken away (compaction, gc) */
    int64_t revision;       /* rises whenever anything here changes but by the passing of time */
    struct store_env *envs; /* not the deleted ones; by name */
    size_t nenvs;
    struct store_recent_tip
        *recent; /* replaced within the last ten minutes, of environments that still exist */
    size_t nrecent;
    struct store_pack *packs; /* oldest first */
    size_t npacks;
};

/* FH_NOT_FOUND when there is no such owner. */
fh_err store_repo_load(struct db_conn *c, struct fh_arena *a, const char *owner, struct store_repo *out,
                       struct fh_error *e) FH_MUSTCHECK;

/* One pack's bytes, in chunks: write is called in order. */
typedef fh_err store_pack_sink(void *arg, const void *bytes, size_t n, struct fh_error *e);
fh_err store_pack_read(struct db_conn *c, int64_t pack_id, bool idx, store_pack_sink *write, void *arg,
                       struct fh_error *e) FH_MUSTCHECK;

/* Who did it, for the ref log and the audit trail. */
struct store_actor {
    int64_t owner_id, token_id; /* 0: an admin command */
    const char *handle;
    const char *remote; /* address, may be NULL */
};

enum store_ref_kind {
    STORE_REF_PUSH = 1,
    STORE_REF_IMPORT,
    STORE_REF_DELETE,
    STORE_REF_RESTORE,
    STORE_REF_RENAME
};

struct store_push {
    int64_t owner_id;
    int64_t epoch; /* as loaded: FH_AGAIN when it is another by now, and the check must be made again */
    const char *name;
    struct fh_oid old_tip, new_tip; /* old_tip zero: create */
    enum store_ref_kind kind;
    const char *action;               /* of the audit row; NULL: by kind */
    enum store_visibility visibility; /* of a new environment */
    int pack_fd, idx_fd;              /* -1 when the push brings no pack */
    int64_t objects, pack_bytes, idx_bytes;
    uint8_t checksum[20];
    struct store_actor actor;
    int64_t quota; /* bytes of packs the owner may have; 0: no limit */
};

/* In the caller's transaction, first: the pack's rows. Those of a small pack are only sent, and answered for
 * by store_push, so that the caller can do something else meanwhile. */
fh_err store_push_send(struct db_conn *c, const struct store_push *p, struct fh_error *e) FH_MUSTCHECK;
bool store_push_is_small(const struct store_push *p);

/* Then, under the owner's row lock, the compare-and-swap of the
 * tip, the ref log and the audit row. FH_CONFLICT "fetch first" when the tip is not old_tip, or when a name
 * that differs only in case exists (the sentence says which). Announces the change to other nodes on commit.
 */
struct store_pushed {
    int64_t env_id;
    int64_t pack_id;                 /* of the pack it brought, new or not; 0: none */
    int64_t revision;                /* the owner's, as this transaction leaves it */
    int64_t updated_at, replaced_at; /* 0 for a new environment */
};
fh_err store_push(struct db_conn *c, const struct store_push *p, struct store_pushed *out,
                  struct fh_error *e) FH_MUSTCHECK;

/* Compaction and gc: puts the new packs' rows in and takes the old ones out, raising the epoch. Under the
 * owner's row lock; FH_AGAIN when the epoch is no longer the one given, or a pack to be removed is gone. */
struct store_swap {
    int64_t owner_id, epoch;
    const int64_t *remove;
    size_t nremove;
    int pack_fd, idx_fd; /* -1: nothing to put in */
    int64_t objects, pack_bytes, idx_bytes;
    uint8_t checksum[20];
};
fh_err store_pack_swap(struct db_conn *c, const struct store_swap *s, struct fh_error *e) FH_MUSTCHECK;

/* Roots for gc besides the tips: every tip in the ref log younger than since. */
fh_err store_ref_log_roots(struct db_conn *c, struct fh_arena *a, int64_t owner_id, int64_t since,
                           struct fh_oid **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;

fh_err store_env_find(struct db_conn *c, struct fh_arena *a, const char *owner, const char *name,
                      struct store_env *out, struct fh_error *e) FH_MUSTCHECK;
/* owner NULL: everybody's. With deleted ones when asked. */
fh_err store_env_list(struct db_conn *c, struct fh_arena *a, const char *owner, bool with_deleted,
                      struct store_env **out, size_t *n, struct fh_error *e) FH_MUSTCHECK;
fh_err store_env_set_visibility(struct db_conn *c, int64_t env_id, enum store_visibility v,
                                const struct store_actor *by, struct fh_error *e) FH_MUSTCHECK;
fh_err store_env_rename(struct db_conn *c, int64_t env_id, const char *name, const struct store_actor *by,
                        struct fh_error *e) FH_MUSTCHECK;
fh_err store_env_delete(struct db_conn *c, int64_t env_id, const struct store_actor *by,
                        struct fh_error *e) FH_MUSTCHECK;
/* Undeletes the newest deleted environment of that name, or (to != NULL) sets the tip of an existing one back
 * to a commit of its ref log. FH_CONFLICT when the name is taken again. */
fh_err store_env_restore(struct db_conn *c, const char *owner, const char *name, const struct fh_oid *to,
                         const struct store_actor *by, struct fh_error *e) FH_MUSTCHECK;

/* Generation metadata as rows. A broken document keeps the environment and marks it. */
struct store_change {
    const char *kind, *summary, *author, *hostname;
    const char *command; /* JSON array, may be NULL */
    int64_t at;
    const char *current, *previous; /* generation ids as text; previous may be NULL */
    const char *raw;                /* the entry's own JSON, unknown fields included */
};
struct store_generations {
    struct fh_oid tip; /* of the commit that was read */
    bool broken;
    const char *reason; /* when broken */
    int version;
    int64_t total, live;                /* live 0: none */
    const struct store_change *changes; /* oldest first */
    size_t nchanges;
};
/* What stands after a push that moved a tip, without reading it: from is what stood before, and the push's
 * revision is the next one, so that nothing else can have happened. False when that is not so; out is made in
 * a. */
bool store_repo_push(struct fh_arena *a, const struct store_repo *from, const struct store_push *push,
                     const struct store_pushed *pushed, const struct store_generations *g,
                     struct store_repo *out);

/* Replaces what is stored; entries that stand there already, unchanged and in the same place, are not written
 * again. */
fh_err store_generations_set(struct db_conn *c, int64_t env_id, const struct store_generations *g,
                             struct fh_error *e) FH_MUSTCHECK;
fh_err store_generations_get(struct db_conn *c, struct fh_arena *a, int64_t env_id,
                             struct store_generations *out, struct fh_error *e) FH_MUSTCHECK;

#endif
