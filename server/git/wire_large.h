/* Large documents, one request at a time: a stored manifest, lock or history of over a mebibyte takes many
 * times its size to be read, built and checked, and many requests at once must not multiply that.
 * (wire_turn.h is the same for the objects of pushes.) */
#ifndef WIRE_LARGE_H
#define WIRE_LARGE_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct wire_large {
    bool taken;
};
/* size: about what will be held; nothing is taken for a small one, nor twice. Waits for another request for
 * ten seconds at most, so that workers do not queue up here: then FH_UNAVAILABLE, "ask again". */
fh_err wire_large_take(struct wire_large *t, uint64_t size, struct fh_error *e) FH_MUSTCHECK;
void wire_large_leave(struct wire_large *t); /* on the thread that took it; fine without */

#endif
