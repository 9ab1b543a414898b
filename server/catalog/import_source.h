/* Where an import reads from: a file or standard input, plain or compressed by gzip, xz or zstd, which its
 * first bytes tell. A window of bytes moves over it, so that memory does not grow with it.
 *
 * One thread at a time.
 */
#ifndef CATALOG_IMPORT_SOURCE_H
#define CATALOG_IMPORT_SOURCE_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalog_source;

/* path "-": standard input. */
fh_err catalog_source_open(const char *path, struct catalog_source **out, struct fh_error *e) FH_MUSTCHECK;
void catalog_source_close(struct catalog_source *s); /* NULL is fine */

/* The next line without its end, valid until the next call; *line NULL: there is none. A line longer than
 * FH_MAX_IMPORT_LINE comes cut, and *is_whole says so; the rest of it is passed over. FH_INVALID when what is
 * compressed is damaged or ends in the middle. */
fh_err catalog_source_line(struct catalog_source *s, const char **line, size_t *n, bool *is_whole,
                           struct fh_error *e) FH_MUSTCHECK;
/* The bytes that are next, as they come, for readers of another shape; *n 0: the end. Not with _line. */
fh_err catalog_source_bytes(struct catalog_source *s, const char **bytes, size_t *n,
                            struct fh_error *e) FH_MUSTCHECK;

/* How far it is, in bytes of the file; total 0: not known. */
void catalog_source_progress(const struct catalog_source *s, int64_t *done, int64_t *total);
const char *catalog_source_name(const struct catalog_source *s); /* for messages */

#endif
