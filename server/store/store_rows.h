/* What the files of the store share: reading rows into structs, and telling other nodes on commit. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "server/store/audit.h"

/* A timestamp as Unix seconds, null as 0. */
#define STORE_SECONDS(column) "coalesce(floor(extract(epoch FROM " column "))::bigint, 0)"

/* Of an owner's builds b the newest first, by what a build is and not by when it came here; what is alike in
 * this goes by its derivation's drv_path, the last first. Resolve sorts them alike. The source comes before
 * the page: who goes back to an older nixpkgs publishes no older version. */
#define STORE_NEWEST_BUILD "b.rev_date DESC, b.rev_count DESC, b.base_rev_count DESC NULLS LAST"

/* The columns of an owner o, as store_owner_read expects them. */
#define STORE_OWNER_COLUMNS                                                                                  \
    "o.id, o.kind, o.handle, o.email, o.admin, o.disabled_at IS NOT NULL, "                                  \
    "o.default_visibility, " STORE_SECONDS("o.created_at")
enum { STORE_OWNER_COLUMN_COUNT = 8 };
void store_owner_read(struct fh_arena *a, const struct db_rows *rows, size_t row, int first,
                      struct store_owner *out);

/* clang-format off */
/* The columns of an environment e of owner o with metadata g, as store_env_read expects them, and where they come
 * from. */
#define STORE_ENV_FIELDS                                                                                     \
    "e.id, e.owner_id, o.handle, e.name, e.visibility, e.tip, "                                              \
    STORE_SECONDS("e.created_at") ", " STORE_SECONDS("e.updated_at") ", " STORE_SECONDS("e.deleted_at") ", " \
    "CASE WHEN g.broken IS NULL THEN coalesce(g.total, 0) ELSE -1 END, "                                     \
    "CASE WHEN g.broken IS NULL THEN coalesce(g.live, 0) ELSE -1 END, g.broken "
#define STORE_ENV_COLUMNS                                                                                    \
    STORE_ENV_FIELDS "FROM environment e JOIN owner o ON o.id = e.owner_id "                                 \
    "LEFT JOIN generation_metadata g ON g.env_id = e.id "
/* clang-format on */
void store_env_read(struct fh_arena *a, const struct db_rows *rows, size_t row, struct store_env *out);

/* Why a history is broken when nobody says. */
#define STORE_BROKEN "it cannot be read"

char *store_text(struct fh_arena *a, const struct db_rows *rows, size_t row, int column); /* null: NULL */
struct fh_oid store_oid(const struct db_rows *rows, size_t row, int column);              /* null: zero */
#define STORE_OID(oid) DB_BYTES((oid)->id, FH_OID_RAW)
/* Zero becomes null. */
struct db_param store_oid_or_null(const struct fh_oid *oid);
struct db_param store_id_or_null(int64_t id);
/* ids as "{1,2}" for a ::text::bigint[] parameter. */
char *store_id_list(struct fh_arena *a, const int64_t *ids, size_t n);

/* An audit row whose detail is {key: value}; key NULL: none. */
fh_err store_audit_note(struct db_conn *c, const struct store_actor *by, const char *action, int64_t owner_id,
                        const char *object, const char *key, const char *value,
                        struct fh_error *e) FH_MUSTCHECK;

struct store_ref_change {
    int64_t env_id, owner_id;
    const char *owner, *name;
    struct fh_oid old_tip, new_tip; /* zero: none */
    enum store_ref_kind kind;
    const char *action;      /* of the audit row */
    const char *key, *value; /* its detail; key NULL: none */
    int64_t revision;        /* told to other nodes; 0: they look for themselves */
};
/* The ref log's row, the audit row, and the notification to other nodes: "<owner>" or "<owner> <revision>".
 * Under the owner's lock. */
fh_err store_ref_note(struct db_conn *c, const struct store_ref_change *change, const struct store_actor *by,
                      struct fh_error *e) FH_MUSTCHECK;
/* The same, and before it the compare-and-swap of the tip: from old_tip to new_tip. change->env_id is not
 * looked at; out->env_id is 0, and nothing was written, when no environment of that name has the old tip. */
fh_err store_ref_move(struct db_conn *c, struct fh_arena *a, const struct store_ref_change *change,
                      const struct store_actor *by, struct store_pushed *out,
                      struct fh_error *e) FH_MUSTCHECK;

struct store_pack_files {
    int pack_fd, idx_fd;
    int64_t objects, pack_bytes, idx_bytes;
    const uint8_t *checksum;
};
/* Puts a pack's rows in; one that the owner has already is left as it is. Of a small one the rows may only be
 * on their way (db_later). */
fh_err store_pack_write(struct db_conn *c, struct fh_arena *a, int64_t owner_id,
                        const struct store_pack_files *files, struct fh_error *e) FH_MUSTCHECK;
bool store_pack_is_small(const struct store_pack_files *files);

#endif
