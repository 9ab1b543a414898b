/* Version constraints as the catalog's protocol has them (catalog-read-api 6.4). Pure.
 *
 *     range  = clause { "," clause }                                       all of them must hold
 *     clause = [ "<" "<=" "=" "==" ">=" ">" "!=" "^" "~" "~=" ] partial    none is "=="
 *     partial = num [ "." num [ "." num [ "-" pre-release ] [ "+" build ] ] ]
 *     num    = "*" | "x" | "X" | "0" | [1-9][0-9]*                         of any length
 *
 * What a clause means is what the class SimpleSpec of Python's semantic_version makes of it, its oddities
 * included, for manifests were written against that. Ours beyond it: blanks around commas, behind an operator
 * and at both ends, and "x" for "*". A text that is no range is a literal, unless it begins with an operator:
 * then it is refused.
 *
 * A row's version takes part in ranges when it is a semantic version, strictly read, or is one or two plain
 * numbers, which stand for themselves with zeros behind ("2.10" is 2.10.0). Everything here takes time in
 * proportion to the texts it looks at.
 */
#ifndef FH_VERSION_RANGE_H
#define FH_VERSION_RANGE_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>

struct fh_version_range;

/* text NULL or empty: no constraint. FH_INVALID says what that class would: "Invalid simple block '=a'". What
 * is returned lives in the arena and borrows the text. */
fh_err fh_version_range_parse(struct fh_arena *a, const char *text, struct fh_version_range **out,
                              struct fh_error *e) FH_MUSTCHECK;
/* The text itself always fits, and with it a pre-release; to a range those fit only when they are allowed. */
bool fh_version_range_fits(const struct fh_version_range *range, const char *version, bool pre_releases);
/* Could anything but the text itself fit? */
bool fh_version_range_is_literal(const struct fh_version_range *range);

#endif
