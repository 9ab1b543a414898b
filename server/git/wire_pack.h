/* Reading packs: a set of packs (.pack and .idx version 2) of one owner, memory-mapped, read-only.
 *
 * A set is immutable once opened and counted, so any number of threads may read it at once; packs live as
 * long as a set that holds them, also after their files were unlinked by a compaction. This is the only way
 * the server reads objects.
 */
#ifndef WIRE_PACK_H
#define WIRE_PACK_H

#include "common/buf.h"
#include "common/hex.h"

enum wire_type {
    WIRE_COMMIT = 1,
    WIRE_TREE = 2,
    WIRE_BLOB = 3,
    WIRE_TAG = 4,
    WIRE_OFS_DELTA = 6,
    WIRE_REF_DELTA = 7
};

struct wire_packs;

/* paths: n names without ending ("…/pack-<checksum>"); base (may be NULL) is a set whose packs are shared,
 * before the new ones. FH_NOT_FOUND when a file is missing, FH_INTERNAL with its name when one is broken. */
fh_err wire_packs_open(const char *const *paths, size_t n, struct wire_packs *base, struct wire_packs **out,
                       struct fh_error *e) FH_MUSTCHECK;
/* One pack, from the two files' descriptors, which stay the caller's, on top of base. */
fh_err wire_packs_open_files(int pack_fd, int idx_fd, struct wire_packs *base, struct wire_packs **out,
                             struct fh_error *e) FH_MUSTCHECK;
struct wire_packs *wire_packs_hold(struct wire_packs *p); /* one more reference; returns p */
void wire_packs_drop(struct wire_packs *p);               /* NULL is fine */

/* Where an object's entry stands. */
struct wire_place {
    uint32_t pack;
    uint64_t offset;
};
bool wire_packs_find(const struct wire_packs *p, const struct fh_oid *oid, struct wire_place *out);
bool wire_packs_has(const struct wire_packs *p, const struct fh_oid *oid);
/* Only among the packs that were opened on top of the base: what a push brought. */
bool wire_packs_is_new(const struct wire_packs *p, const struct fh_oid *oid);
size_t wire_packs_count(const struct wire_packs *p); /* objects in all packs, doubles counted */
/* Every object of every pack, as they stand there. */
typedef fh_err wire_each_fn(void *arg, const struct fh_oid *oid, const struct wire_place *place,
                            struct fh_error *e);
fh_err wire_packs_each(const struct wire_packs *p, wire_each_fn *fn, void *arg,
                       struct fh_error *e) FH_MUSTCHECK;

/* A reader holds what one thread needs to read objects: an inflater and a small cache of delta bases. */
struct wire_reader;
struct wire_reader *wire_reader_new(struct wire_packs *p); /* holds p */
void wire_reader_free(struct wire_reader *r);
/* The object's type and bytes, deltas applied; out is cleared first, and its ceiling holds. FH_NOT_FOUND, or
 * FH_INTERNAL for a broken pack. Does not hash; wire_fsck does. */
fh_err wire_read(struct wire_reader *r, const struct fh_oid *oid, enum wire_type *type, struct fh_buf *out,
                 struct fh_error *e) FH_MUSTCHECK;
/* Type (never a delta type) and inflated size alone. */
fh_err wire_read_header(struct wire_reader *r, const struct fh_oid *oid, enum wire_type *type, uint64_t *size,
                        struct fh_error *e) FH_MUSTCHECK;

/* The entry as it is stored, for copying: type may be a delta type, then base is set. bytes are the deflated
 * data, mapped memory that lives as long as the set. */
struct wire_entry {
    enum wire_type type;
    uint64_t size; /* inflated size of the entry itself (of the delta, for a delta) */
    const uint8_t *bytes;
    size_t nbytes;
    struct fh_oid base;
};
fh_err wire_read_entry(struct wire_reader *r, const struct wire_place *place, struct wire_entry *out,
                       struct fh_error *e) FH_MUSTCHECK;

/* Trees and commits, parsed in place. False at the end or when it is malformed (*bad). */
struct wire_tree_entry {
    uint32_t mode;
    const char *name;
    size_t name_len;
    struct fh_oid oid;
};
struct wire_tree_cursor {
    const uint8_t *at, *end;
};
bool wire_tree_next(struct wire_tree_cursor *c, struct wire_tree_entry *out, bool *bad);
enum { WIRE_MAX_PARENTS = 16 };
struct wire_commit {
    struct fh_oid tree, parents[WIRE_MAX_PARENTS];
    size_t nparents;
    int64_t committed_at;
};
fh_err wire_commit_parse(const char *bytes, size_t n, struct wire_commit *out,
                         struct fh_error *e) FH_MUSTCHECK;
/* path "a/b/c" below a commit: the object's id. FH_NOT_FOUND. */
fh_err wire_lookup_path(struct wire_reader *r, const struct fh_oid *commit, const char *path,
                        struct fh_oid *out, struct fh_error *e) FH_MUSTCHECK;

#endif
