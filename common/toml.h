/* TOML 1.0 as plain C data, with the place of every key and value. The only door to toml++ (toml_shim.cpp);
 * no C++ exception passes it. Everything lives in the caller's arena. Thread-safe on distinct arenas. */
#ifndef FH_TOML_H
#define FH_TOML_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fh_toml_kind {
    FH_TOML_STRING,
    FH_TOML_INTEGER,
    FH_TOML_FLOAT,
    FH_TOML_BOOLEAN,
    FH_TOML_DATETIME, /* also dates and times alone; text as written */
    FH_TOML_ARRAY,
    FH_TOML_TABLE,
    FH_TOML_NULL, /* only in values made from JSON */
};

struct fh_toml_entry;

struct fh_toml {
    enum fh_toml_kind kind;
    bool is_inline;        /* a table in braces */
    unsigned line, column; /* from 1; columns count characters */
    const char
        *text; /* strings and date-times: UTF-8, NUL-terminated; a string with a NUL in it is refused */
    int64_t integer;
    double real;
    bool boolean;
    size_t count;
    const struct fh_toml *items;         /* of an array */
    const struct fh_toml_entry *entries; /* of a table, sorted by the bytes of the key */
};

struct fh_toml_entry {
    const char *key;
    unsigned line, column; /* of the key */
    struct fh_toml value;
};

/* name stands in front of what is wrong: "name:line:column: …". FH_TOO_LARGE over FH_MAX_MANIFEST bytes,
 * FH_INVALID for everything else that is wrong, also nesting over FH_MAX_TOML_DEPTH. */
fh_err fh_toml_parse(struct fh_arena *a, const char *text, size_t n, const char *name,
                     const struct fh_toml **root, struct fh_error *e) FH_MUSTCHECK;
/* NULL when the table has no such key. */
const struct fh_toml_entry *fh_toml_find(const struct fh_toml *table, const char *key);
const char *fh_toml_kind_name(enum fh_toml_kind kind); /* "string", "integer", … */

#endif
