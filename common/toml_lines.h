/* A TOML document as statements, each with its place in the text: for changes that leave all other bytes
 * alone.
 *
 *   # comment                      OTHER
 *   [install]                      HEADER   path: install
 *   hello.pkg-path = "hello" # x   PAIR     path: install hello pkg-path
 *   ^key           ^value ^        begin … end is whole lines, the line break included
 *
 *   a = { b = 1, c.d = [] }        what stands in braces: fh_toml_inline_items, places as above
 *         ^key ^value
 *
 * Only for text that fh_toml_parse accepts. All memory is the arena's. */
#ifndef FH_TOML_LINES_H
#define FH_TOML_LINES_H

#include "common/arena.h"

#include <stdbool.h>
#include <stddef.h>

enum fh_toml_line { FH_TOML_OTHER, FH_TOML_HEADER, FH_TOML_PAIR };

struct fh_toml_path {
    size_t count;
    const char *const *parts; /* without quotes, escapes resolved */
};

struct fh_toml_statement {
    enum fh_toml_line kind;
    bool is_array;            /* a header in double brackets */
    struct fh_toml_path path; /* of a header, or of a pair with its header's path in front */
    size_t nheader;           /* how many parts of a pair's path are its header's */
    size_t begin, end;
    size_t key_begin, key_end;     /* of a header: what is in the brackets */
    size_t value_begin, value_end; /* of a pair */
};

const struct fh_toml_statement *fh_toml_statements(struct fh_arena *a, const char *text, size_t n,
                                                   size_t *count);
/* The pairs of the inline table whose brace opens at `at`; close is where its brace is. They are PAIRs whose
 * begin and end are their key's and value's. */
const struct fh_toml_statement *fh_toml_inline_items(struct fh_arena *a, const char *text, size_t n,
                                                     size_t at, size_t *count, size_t *close);
/* The parts of a key as it is written: a."b c".d */
struct fh_toml_path fh_toml_key_path(struct fh_arena *a, const char *key, size_t n);
/* Where one part of a key stands in it. index < the path's count. */
void fh_toml_key_part(const char *key, size_t n, size_t index, size_t *begin, size_t *end);

#endif
