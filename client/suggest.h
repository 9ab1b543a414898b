/* What a person may have meant who asked for a package that is not there: a table of names that people know
 * from elsewhere, and one search (manifest-lockfile-client §7.2). A search that fails suggests nothing. */
#ifndef SUGGEST_H
#define SUGGEST_H

#include "client/client.h"

/* "Could not find package 'x'." and what to try instead. */
const char *suggest_for_install(struct client *c, const char *path);
/* The results for what the term is called here: "Related search results for …"; NULL: none. */
const char *suggest_for_search(struct client *c, const char *term);

/* The lines of `floe search`: paths in a column, descriptions cut to columns (0: whole). */
struct ask_rows;
const char *suggest_lines(struct client *c, const struct ask_rows *list, size_t columns);
/* What is wider pushes no column of a list to the right: one absurd name would cost every line as much. */
enum { SUGGEST_COLUMN = 100 };

#endif
