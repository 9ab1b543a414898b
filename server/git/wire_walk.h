/* Walking: which objects a set of commits needs, and whether all of them are there and sound.
 *
 * A walk goes from what is new to what is known and never the whole history, but for a push that takes up old
 * objects in an unusual place, and for gc and fsck.
 */
#ifndef WIRE_WALK_H
#define WIRE_WALK_H

#include "server/git/wire_pack.h"

/* An ordered set of objects to send, each once, with the hints that the writer needs. */
struct wire_list_item {
    struct fh_oid oid;
    enum wire_type type;
    uint32_t name_hash; /* of the last path component: objects that are likely alike share it */
};
struct wire_list {
    struct wire_list_item *items;
    size_t n, cap;
    void *index; /* oid -> position */
};
void wire_list_free(struct wire_list *l);
bool wire_list_has(const struct wire_list *l, const struct fh_oid *oid, size_t *position);

/* Everything reachable from wants that is not reachable from haves (all of which must be commits that exist).
 * Newest commits first, then per commit trees and blobs in path order. max_commits bounds the walk
 * (FH_TOO_LARGE). What the known commits next to it hold, at whatever path, is not in it; something that the
 * other side has from further back, or by a detour of clocks, may be; nothing is missing. */
fh_err wire_walk_list(struct wire_reader *r, const struct fh_oid *wants, size_t nwants,
                      const struct fh_oid *haves, size_t nhaves, size_t max_commits, struct wire_list *out,
                      struct fh_error *e) FH_MUSTCHECK;

/* Is commit one of tips or an ancestor of one? */
fh_err wire_walk_is_ancestor(struct wire_reader *r, const struct fh_oid *commit, const struct fh_oid *tips,
                             size_t ntips, size_t max_commits, bool *out, struct fh_error *e) FH_MUSTCHECK;

/* The check of a push: every object that new_tip newly makes reachable is in the pushed pack
 * (wire_packs_is_new of the reader's set) or reachable from readable; exists; is of the type its place asks
 * for. Everything in the pushed pack, reachable or not, is sound by the fsck rules below (that it hashes to
 * its name is wire_index_pack's doing), and byte for byte the same as what is stored under that name, if
 * something is: FH_TOO_LARGE when that cannot be seen in a few seconds. With old_tip among readable, what did
 * not change against it is not walked again. FH_INVALID with a sentence for the pusher; the same sentence for
 * absent and for hidden objects. FH_INTERNAL when something that should be stored is not.
 *
 * fsck rules: tree modes 100644, 100755, 40000 alone (no symlinks, no submodules); names without '/', NUL and
 * control characters, not "", ".", "..", nor anything that begins with ".git" or that a file system could
 * take for such a name ("git~1", HFS and NTFS variants); sorted as git sorts, no doubles; at most
 * FH_MAX_TREE_ENTRIES, FH_MAX_TREE_DEPTH, FH_MAX_TREE_NAME. Commits parse as git's fsck wants them (tree,
 * parents, author, committer, sane dates, no NUL in the header). No tags. */
fh_err wire_walk_check_push(struct wire_reader *r, const struct fh_oid *new_tip,
                            const struct fh_oid *readable, size_t nreadable, struct fh_error *e) FH_MUSTCHECK;

/* For fsck --deep: everything reachable from tips is there, hashes to its name and is sound. Counts it. */
fh_err wire_walk_verify(struct wire_reader *r, const struct fh_oid *tips, size_t ntips, size_t *objects,
                        struct fh_error *e) FH_MUSTCHECK;

/* fsck of one object's bytes, by the rules above; pure, fuzzed. */
fh_err wire_fsck_object(enum wire_type type, const char *bytes, size_t n, struct fh_error *e) FH_MUSTCHECK;

#endif
