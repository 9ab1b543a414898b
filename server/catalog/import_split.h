/* Cuts one giant JSON object, or many objects behind one another, into pieces, as the bytes come: what
 * "nix-env -qaP --json" and "nix-eval-jobs" print. Only as much JSON is understood as is needed for that;
 * pieces are read by a real reader. Pure; fuzzed.
 *
 *     { "hello": {…}, "curl": {…} }   ->  {"hello": {…}}  {"curl": {…}}      when the first value is an
 * object
 *     {"attr": "hello", …} {"attr": …}  ->  {"attr": "hello", …}  {"attr": …}  otherwise
 */
#ifndef CATALOG_IMPORT_SPLIT_H
#define CATALOG_IMPORT_SPLIT_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum catalog_split_kind { CATALOG_SPLIT_UNKNOWN, CATALOG_SPLIT_MEMBERS, CATALOG_SPLIT_OBJECTS };

/* number counts from 1. A piece longer than FH_MAX_IMPORT_LINE comes without its text, is_whole false. */
typedef fh_err catalog_split_piece(void *arg, enum catalog_split_kind kind, int64_t number, const char *text,
                                   size_t n, bool is_whole, struct fh_error *e);

struct catalog_split {
    catalog_split_piece *piece;
    void *arg;
    /* Its own. */
    enum catalog_split_kind kind;
    struct fh_buf buf;
    int64_t number;
    unsigned depth;
    bool in_string, escaped, after_colon, too_long, something, ended;
};

void catalog_split_init(struct catalog_split *s, catalog_split_piece *piece, void *arg);
fh_err catalog_split_feed(struct catalog_split *s, const char *bytes, size_t n,
                          struct fh_error *e) FH_MUSTCHECK;
/* FH_INVALID when it ended in the middle. */
fh_err catalog_split_end(struct catalog_split *s, struct fh_error *e) FH_MUSTCHECK;
void catalog_split_free(struct catalog_split *s);

#endif
