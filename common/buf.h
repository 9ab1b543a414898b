/* Growable bytes, born with a ceiling.
 *
 *   data                 len             cap          ceiling
 *    |--- bytes in use ---|--- allocated ---|.............|
 *
 * Every append that would pass the ceiling fails with FH_TOO_LARGE and leaves the buffer as it was. The bytes
 * in use are always followed by a NUL that is not counted. Running out of memory aborts.
 * Not safe for several threads at once. Ceilings stand in common/ceilings.h.
 */
#ifndef FH_BUF_H
#define FH_BUF_H

#include "common/err.h"

#include <stdarg.h>
#include <stddef.h>

struct fh_buf {
    char *data; /* never NULL after the first append */
    size_t len;
    size_t cap;
    size_t ceiling;
};

#define FH_BUF_INIT(max) ((struct fh_buf){.ceiling = (max)})

void fh_buf_init(struct fh_buf *b, size_t ceiling);
void fh_buf_free(struct fh_buf *b);  /* frees the bytes; the buffer can be used again */
void fh_buf_clear(struct fh_buf *b); /* len = 0, keeps the allocation */
fh_err fh_buf_add(struct fh_buf *b, const void *bytes, size_t n, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_buf_add_str(struct fh_buf *b, const char *s, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_buf_add_char(struct fh_buf *b, char c, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_buf_addf(struct fh_buf *b, struct fh_error *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) FH_MUSTCHECK;
/* Makes room for n more bytes and returns where they go; add to b->len what was written there. */
fh_err fh_buf_reserve(struct fh_buf *b, size_t n, char **where, struct fh_error *e) FH_MUSTCHECK;
void fh_buf_drop_front(struct fh_buf *b, size_t n); /* n <= len */
/* Hands the bytes (NUL-terminated, to be freed with free()) to the caller and empties the buffer. */
char *fh_buf_take(struct fh_buf *b, size_t *len);

#endif
