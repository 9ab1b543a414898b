/* Changes to the text of a manifest.toml that leave every other byte as it is: comments, order, spacing,
 * quoting, line breaks.
 *
 * A change names a table ("install", "options.allow"; "" is the top of the file) and a key below it as it is
 * to stand in the file ("hello.pkg-path"); together they are a path, and it does not matter how the file
 * writes it: under a header, as dotted keys, in an inline table. value is TOML source (see fh_toml_quote).
 * The text must be valid TOML. The result is, and means the same but for that path: it is read to prove it,
 * and where it does not, out stays as it was: FH_CONFLICT. Not reached: what stands in arrays of tables
 * ([[…]]), which can be removed and renamed as a whole, but not set.
 */
#ifndef FH_MANIFEST_EDIT_H
#define FH_MANIFEST_EDIT_H

#include "common/buf.h"

#include <stddef.h>

/* Replaces the key's value, or adds the key: in the inline table that holds its neighbours; else as a new
 * line behind them, behind the last key of its table, behind the table's header; else under a new header at
 * the end of the file. */
fh_err fh_manifest_edit_set(const char *text, size_t n, const char *table, const char *key, const char *value,
                            struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Removes the lines of the key, all of a value that spans several; for a table all that is in it, and its own
 * headers. FH_NOT_FOUND when it is not there. The header of the table that it stands in stays, also when that
 * is empty then. */
fh_err fh_manifest_edit_remove(const char *text, size_t n, const char *table, const char *key,
                               struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Gives the last part of the path another name, as it is to stand in the file, wherever the path is written.
 * FH_NOT_FOUND when there is no such key, FH_CONFLICT when there is one of the new name. */
fh_err fh_manifest_edit_rename(const char *text, size_t n, const char *table, const char *key,
                               const char *name, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* s as a TOML basic string, quotes included; as a key, bare where it may be. */
fh_err fh_toml_quote(const char *s, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_toml_quote_key(const char *s, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

#endif
