/* One line of a rows file: an attribute on a system of a page, as the service answers it
 * (catalog-read-api 12.1). Pure; fuzzed. */
#ifndef CATALOG_IMPORT_ROW_H
#define CATALOG_IMPORT_ROW_H

#include "server/store/catalog_import.h"

/* Where the strings of one row stand; used again for the next. */
struct catalog_row_memory;
struct catalog_row_memory *catalog_row_memory_new(void);
void catalog_row_memory_free(struct catalog_row_memory *m);

/* n at most FH_MAX_IMPORT_LINE. owner NULL: a row of the base catalog. FH_INVALID with the reason, a clause
 * ("\"version\" is missing"). What out points to is in m. */
fh_err catalog_row_parse(struct catalog_row_memory *m, const char *owner, const char *line, size_t n,
                         struct store_import_row *out, struct fh_error *e) FH_MUSTCHECK;
/* What every row must hold, wherever it comes from: lengths, characters, that system and revision are some.
 */
fh_err catalog_row_check(const struct store_import_row *row, const char *owner,
                         struct fh_error *e) FH_MUSTCHECK;
/* Printable, as the names of things are: no space, and nothing that a terminal acts on or does not show. */
bool catalog_row_is_plain(const char *s);

#endif
