/* A TOML document as statements, each with its place in the text: for changes that leave all other bytes
 * alone.
 *
 *   # comment                      OTHER
 *   [install]                      HEADER   path: install
 *   hello.pkg-path = "hello" # x   PAIR     path: install hello pkg-path
 *   ^key           ^value ^        begin … end is whole lines, the line break included
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
    const char *const *parts; /* without quotes; escapes in them stay as they are */
};

struct fh_toml_statement {
    enum fh_toml_line kind;
    bool is_array;            /* a header in double brackets */
    struct fh_toml_path path; /* of a header, or of a pair with its header's path in front */
    size_t begin, end;
    size_t value_begin, value_end; /* of a pair */
};

const struct fh_toml_statement *fh_toml_statements(struct fh_arena *a, const char *text, size_t n,
                                                   size_t *count);
/* The parts of a key as it is written: a."b c".d */
struct fh_toml_path fh_toml_key_path(struct fh_arena *a, const char *key, size_t n);

#endif
