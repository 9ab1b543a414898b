/* Cursors of lists: the key of the last item shown, in base64url without padding. Opaque to callers, and
 * checked as strictly as anything else that comes from outside: it says where to go on, never what may be
 * seen. Pure. */
#ifndef REST_CURSOR_H
#define REST_CURSOR_H

#include "common/arena.h"
#include "common/err.h"

#include <stdint.h>

enum { REST_MAX_KEY = 255 }; /* bytes of a key: printable ASCII */

const char *rest_cursor_make(struct fh_arena *a, const char *key);
/* FH_INVALID for what rest_cursor_make would not have made. */
fh_err rest_cursor_parse(struct fh_arena *a, const char *cursor, const char **key,
                         struct fh_error *e) FH_MUSTCHECK;
/* The same for keys that are row ids: above 0. */
fh_err rest_cursor_id(const char *key, int64_t *id, struct fh_error *e) FH_MUSTCHECK;

#endif
