/* See wire_answer.h. */
#include "server/git/wire_answer.h"

void wire_answer_take(struct fh_arena *a, struct fh_buf *take_b, struct wire_answer *out)
{
    *out = (struct wire_answer){.fd = -1};
    char *bytes = fh_buf_take(take_b, &out->size);
    fh_defer(a, free, bytes);
    out->data = bytes;
}
