/* What toml++ 3.3 must not see: it frees nested tables by recursion and sets no bound to the dots of a key,
 * and it takes for granted that a table's name begins like a name. */
#ifndef FH_TOML_GUARD_H
#define FH_TOML_GUARD_H

#include "common/err.h"

#include <stddef.h>

/* FH_INVALID, with the place, where text has such a thing in front of its first mistake. */
fh_err fh_toml_guard(const char *text, size_t n, const char *name, struct fh_error *e) FH_MUSTCHECK;

#endif
