/* An answer to a git POST, before it becomes HTTP: memory of the request's arena, or a file. */
#ifndef WIRE_ANSWER_H
#define WIRE_ANSWER_H

#include "common/arena.h"
#include "common/buf.h"

struct wire_answer {
    const char *data;
    size_t size;
    int fd; /* >= 0: size bytes of it instead of data; whoever takes the answer closes it */
};

/* The bytes of b, which is emptied, as an answer that lives as long as the arena. */
void wire_answer_take(struct fh_arena *a, struct fh_buf *take_b, struct wire_answer *out);

#endif
