/* Turns: of all pushes, one at a time may hold large objects in memory, so that many workers do not multiply
 * what one may need. Whole objects are streamed and need none; what needs one is to apply deltas to large
 * objects, and to look at large trees. Waiting is for pushes alone, and the work of one turn is bounded. */
#ifndef WIRE_TURN_H
#define WIRE_TURN_H

#include <stdbool.h>
#include <stddef.h>

/* What may be held without a turn: by one object, and by all that are remembered. */
enum { WIRE_TURN_OBJECT = 1024 * 1024, WIRE_TURN_FREE = 4 * 1024 * 1024 };

struct wire_turn {
    bool taken;
};
void wire_turn_take(struct wire_turn *t); /* once is enough; a thread takes no other before it leaves */
void wire_turn_leave(struct wire_turn *t);

#endif
