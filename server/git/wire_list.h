/* Inside of wire_walk.h: filling a list from trees, for the walks. */
#ifndef WIRE_LIST_H
#define WIRE_LIST_H

#include "server/git/wire_oidmap.h"
#include "server/git/wire_walk.h"

/* Trees are read into one buffer per level. A stored tree may be deeper than what we take in a push, since
 * imported history is only as sound as its owner left it; this is where the walk of one ends. */
enum { WIRE_LIST_DEPTH = 32, WIRE_LIST_BASES = 4 };

struct wire_trees {
    struct wire_reader *reader;
    struct wire_list *list;
    /* of each level: the tree itself, and those at the same path that the other side has */
    struct fh_buf own[WIRE_LIST_DEPTH], base[WIRE_LIST_DEPTH][WIRE_LIST_BASES];
};
void wire_trees_init(struct wire_trees *t, struct wire_reader *r, struct wire_list *l);
void wire_trees_free(struct wire_trees *t);
/* Lists tree and everything below it that is not listed or known yet. */
fh_err wire_trees_add(struct wire_trees *t, const struct fh_oid *tree, struct fh_error *e) FH_MUSTCHECK;
/* The other side has tree and everything below it: none of it is listed from now on. */
fh_err wire_trees_know(struct wire_trees *t, const struct fh_oid *tree, struct fh_error *e) FH_MUSTCHECK;
/* Reads a tree into buf and lays c over it; FH_INVALID when the object is none. */
fh_err wire_trees_read(struct wire_trees *t, const struct fh_oid *oid, struct fh_buf *buf,
                       struct wire_tree_cursor *c, struct fh_error *e) FH_MUSTCHECK;
/* Moves c to the entry of wanted's name and kind; forward only, as trees are sorted. */
bool wire_trees_seek(struct wire_tree_cursor *c, const struct wire_tree_entry *wanted,
                     struct wire_tree_entry *out);

void wire_list_init(struct wire_list *l);
/* False when it is there or known. */
bool wire_list_add(struct wire_list *l, const struct fh_oid *oid, enum wire_type type, uint32_t name_hash);
/* Never to be listed: the other side has it. */
void wire_list_know(struct wire_list *l, const struct fh_oid *oid);
bool wire_list_has_or_knows(const struct wire_list *l, const struct fh_oid *oid);

/* Git's order of two names in a tree: a folder's name is taken to end with '/'. */
int wire_tree_compare(const struct wire_tree_entry *a, const struct wire_tree_entry *b);
static inline bool wire_mode_is_tree(uint32_t mode)
{
    return (mode & 0170000) == 0040000;
}
static inline bool wire_mode_is_submodule(uint32_t mode)
{
    return (mode & 0170000) == 0160000;
}

#endif
