/* The difference of two texts, line by line, as a unified diff with three lines of context and without the
 * lines that name the files. Pure, fuzzed; any bytes. */
#ifndef FH_LINEDIFF_H
#define FH_LINEDIFF_H

#include "common/buf.h"

#include <stdbool.h>

/* Bounded in time and memory: *complete is false, and out empty, for texts of more than 20,000 lines, or with
 * more than 800 lines that differ, or whose diff is over out's ceiling. Equal texts: complete and empty. */
fh_err fh_linediff(const char *from, size_t nfrom, const char *to, size_t nto, struct fh_buf *out,
                   bool *complete, struct fh_error *e) FH_MUSTCHECK;

#endif
