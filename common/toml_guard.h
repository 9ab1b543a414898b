/* What toml++ 3.3 must not see. It frees nested tables by recursion and sets no bound to the dots of a key;
 * it takes for granted that a table's name begins like a name; and where it skips white space in front of a
 * letter that is not ASCII, its look-up runs into code that the compiler was told is never reached. */
#ifndef FH_TOML_GUARD_H
#define FH_TOML_GUARD_H

#include "common/arena.h"
#include "common/err.h"

/* Refuses, with its place, what no TOML document has and the parser would stumble over; *safe is the text to
 * parse, which means the same and has the same lines. */
fh_err fh_toml_guard(struct fh_arena *a, const char *text, size_t n, const char *name, const char **safe,
                     size_t *safe_n, struct fh_error *e) FH_MUSTCHECK;

#endif
