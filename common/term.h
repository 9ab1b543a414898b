/* How wide text is on a terminal; for the files that lay text out. cli.h has what programs need. */
#ifndef FH_TERM_H
#define FH_TERM_H

#include "common/cli.h"

/* Columns that the first n bytes take. */
size_t fh_term_columns(const char *s, size_t n);
/* How many bytes of s fit into that many columns, whole characters only. */
size_t fh_term_fit(const char *s, size_t columns);

#endif
