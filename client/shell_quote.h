/* Text for shells to read, and finding programs the way they do. Pure but for the look-ups. */
#ifndef SHELL_QUOTE_H
#define SHELL_QUOTE_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>

/* One word of bash and zsh that stands for exactly s, on one line. */
const char *shell_quote(struct fh_arena *a, const char *s);
/* The same for fish. */
const char *shell_quote_fish(struct fh_arena *a, const char *s);
/* The same for tcsh, whether backslash_quote is set there or not, with history ('!') on or off. tcsh has no
 * way to write a line break on one line: one in s is a backslash and a line break in the word, which only a
 * file can hold. */
const char *shell_quote_tcsh(struct fh_arena *a, const char *s);
/* The program's path: name itself with a slash in it, else the first executable in path (a colon list). */
fh_err shell_find(struct fh_arena *a, const char *path, const char *name, const char **out,
                  struct fh_error *e) FH_MUSTCHECK;
bool shell_is_name(const char *s); /* can be the name of a variable */

#endif
