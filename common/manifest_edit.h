/* Changes to the text of a manifest.toml that leave every other byte as it is: comments, order, spacing.
 *
 * A change names a table by its header as written without dots or quotes ("install", "options"; "" is the top
 * of the file) and a key as it is to stand in the file ("hello.pkg-path"). value is TOML source (see
 * fh_toml_quote). The text must be valid TOML; the result is, and holds the change, or an error is returned
 * and out is as it was. What stands in an inline table or under a dotted header is not touched: FH_CONFLICT.
 */
#ifndef FH_MANIFEST_EDIT_H
#define FH_MANIFEST_EDIT_H

#include "common/buf.h"

#include <stddef.h>

/* Replaces the key's value, or puts a new line "key = value" behind the table's last key (behind its header
 * when it has none; at the end of the file, with a new header, when there is no such table). */
fh_err fh_manifest_edit_set(const char *text, size_t n, const char *table, const char *key, const char *value,
                            struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Removes the lines of the key (all of a value that spans several). FH_NOT_FOUND when it is not there. A
 * table header stays, also when the table is empty then. */
fh_err fh_manifest_edit_remove(const char *text, size_t n, const char *table, const char *key,
                               struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* s as a TOML basic string, quotes included. */
fh_err fh_toml_quote(const char *s, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

#endif
