/* A request's body on its way in: pieces, inflated when they were gzip, to memory or to an unlinked file.
 *
 *     event thread        web_body_add     copies a piece behind the chunk, never blocks
 *                             |  chunk full: the connection is suspended
 *     worker              web_body_flush   inflates the chunk and writes it to the file
 *     either              web_body_finish  the rest; hands the body to the request's arena
 *
 * What is held in memory is the chunk (FH_SPOOL_CHUNK), inflate's window, and FH_MAX_BODY_SMALL of what was
 * inflated but not yet spilt; it never follows the size of the body. One thread at a time. No HTTP in here.
 */
#ifndef WEB_BODY_H
#define WEB_BODY_H

#include "common/buf.h"
#include "server/http/web.h"

#include <zlib.h>

struct web_intake {
    size_t limit; /* of the decoded body */
    const char *spool_dir;
    bool gzip;
    char *chunk; /* as received, not yet decoded */
    size_t chunk_len, chunk_cap;
    uint64_t received;
    struct fh_buf small; /* decoded, as long as it fits */
    int fd;              /* decoded, when it does not; -1 */
    size_t size;         /* decoded bytes */
    z_stream z;
    bool inflating, inflated; /* z is open; its stream has ended */
    bool disk_full;           /* why FH_UNAVAILABLE */
};

void web_body_begin(struct web_intake *in, size_t limit, bool gzip, const char *spool_dir);
void web_body_end(struct web_intake *in); /* frees what was not handed over; may be called twice */
/* Takes as much as fits behind the chunk and returns how much that was: less than n when it must be flushed.
 */
size_t web_body_add(struct web_intake *in, const void *bytes, size_t n);
/* FH_TOO_LARGE, FH_INVALID (not gzip, or a wrong one) or FH_UNAVAILABLE (the file). */
fh_err web_body_flush(struct web_intake *in, struct fh_error *e) FH_MUSTCHECK;
/* Whether web_body_finish can be called on an event thread: no file, little to inflate. */
bool web_body_is_light(const struct web_intake *in);
fh_err web_body_finish(struct web_intake *in, struct fh_arena *a, struct web_body *out,
                       struct fh_error *e) FH_MUSTCHECK;

#endif
