/* pkt-lines (gitprotocol-common) and side-bands: four hexadecimal digits of length, the length's own four
 * included, then data. 0000 flush, 0001 delimiter, 0002 response end. Used by the hub and by floe. Pure;
 * fuzzed. */
#ifndef FH_PKT_H
#define FH_PKT_H

#include "common/buf.h"

#include <stdbool.h>

enum fh_pkt_kind { FH_PKT_DATA, FH_PKT_FLUSH, FH_PKT_DELIM, FH_PKT_END, FH_PKT_EOF /* no more bytes */ };

struct fh_pkt {
    enum fh_pkt_kind kind;
    const char *data; /* in the reader's bytes */
    size_t len;       /* as sent */
};
/* data without one trailing newline. */
size_t fh_pkt_text_len(const struct fh_pkt *p);
bool fh_pkt_is(const struct fh_pkt *p, const char *text); /* the whole line, newline aside */
const char *fh_pkt_after(const struct fh_pkt *p, const char *prefix,
                         size_t *rest); /* NULL if it does not begin so */

struct fh_pkt_reader {
    const char *at, *end;
};
/* FH_INVALID for a malformed or cut line. */
fh_err fh_pkt_next(struct fh_pkt_reader *r, struct fh_pkt *out, struct fh_error *e) FH_MUSTCHECK;

fh_err fh_pkt_add(struct fh_buf *b, const void *data, size_t n, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_pkt_addf(struct fh_buf *b, struct fh_error *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) FH_MUSTCHECK;
fh_err fh_pkt_add_flush(struct fh_buf *b, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_pkt_add_delim(struct fh_buf *b, struct fh_error *e) FH_MUSTCHECK;
/* data on a band (1 pack, 2 progress, 3 error), cut into lines of at most FH_MAX_SIDEBAND. */
fh_err fh_pkt_add_band(struct fh_buf *b, int band, const void *data, size_t n,
                       struct fh_error *e) FH_MUSTCHECK;

#endif
