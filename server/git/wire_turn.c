/* Taking turns. See wire_turn.h. */
#include "server/git/wire_turn.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void wire_turn_take(struct wire_turn *t)
{
    if (!t->taken)
        pthread_mutex_lock(&lock);
    t->taken = true;
}

void wire_turn_leave(struct wire_turn *t)
{
    if (t->taken)
        pthread_mutex_unlock(&lock);
    t->taken = false;
}
