/* The data of one entry, inflated piece by piece out of a mapped pack; see wire_pages.h for what is behind.
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include "server/git/wire_pack.h"

#include <zlib.h>

struct wire_stream {
    z_stream *z; /* the caller's, and started */
    const uint8_t *kept;
    size_t left; /* not given to z yet */
    bool ended;
};
bool wire_stream_open(struct wire_stream *s, z_stream *z, const uint8_t *bytes, size_t n);
/* At most room bytes, which may be none before the end, too. False: the data are broken or cut short. */
bool wire_stream_next(struct wire_stream *s, uint8_t *out, size_t room, size_t *n);

/* Do two whole (not delta) entries of the same size hold the same? False as well when one is broken. */
bool wire_stream_same(const struct wire_entry *a, const struct wire_entry *b);

#endif
