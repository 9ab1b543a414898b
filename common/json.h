/* JSON as the official client's files have it: a strict reader and two ordered writers over jansson.
 *
 * Reading refuses duplicate keys, NUL in strings, bytes that are not UTF-8, nesting deeper than
 * FH_MAX_JSON_DEPTH, more values than FH_MAX_JSON_UNITS and anything behind the value. Objects keep the order
 * of their keys. Writing follows that order and escapes only what JSON demands ('"', '\' and controls), so
 * that what the official client wrote is written back byte for byte. Values are jansson's and counted;
 * fh_json_own ties one to an arena. Thread-safe on distinct values.
 */
#ifndef FH_JSON_H
#define FH_JSON_H

#include "common/arena.h"
#include "common/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* name stands in front of what is wrong: "name:line:column: …". The caller owns *out. */
fh_err fh_json_parse(const char *text, size_t n, const char *name, json_t **out,
                     struct fh_error *e) FH_MUSTCHECK;
/* Releases take_value when the arena dies; returns it. */
json_t *fh_json_own(struct fh_arena *a, json_t *take_value);

/* No spaces, no newline. */
fh_err fh_json_write_compact(const json_t *value, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* Two spaces an indent, "[]" and "{}" when empty, no newline at the end. */
fh_err fh_json_write_pretty(const json_t *value, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
/* s in quotes, escaped as above. */
fh_err fh_json_write_string(const char *s, size_t n, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

/* The string at key; NULL when absent, null or something else. Borrowed from object. */
const char *fh_json_string(const json_t *object, const char *key);
/* Sets key, taking take_value; aborts when memory runs out. */
void fh_json_set(json_t *object, const char *key, json_t *take_value);
void fh_json_push(json_t *array, json_t *take_value);
json_t *fh_json_text(const char *s); /* what is not UTF-8 in s becomes U+FFFD */

#endif
