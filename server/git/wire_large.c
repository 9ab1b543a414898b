/* One request at a time. See wire_large.h. */
#include "server/git/wire_large.h"

#include <pthread.h>
#include <time.h>

enum { LARGE = 1024 * 1024, PATIENCE_SECONDS = 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

fh_err wire_large_take(struct wire_large *t, uint64_t size, struct fh_error *e)
{
    struct timespec until;
    if (t->taken || size <= LARGE)
        return FH_OK;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS;
    if (pthread_mutex_timedlock(&lock, &until) != 0)
        return FH_FAIL(
            e, FH_UNAVAILABLE,
            "This environment is large, and the hub is at work on another such. Ask again in a moment.");
    t->taken = true;
    return FH_OK;
}

void wire_large_leave(struct wire_large *t)
{
    if (t->taken)
        pthread_mutex_unlock(&lock);
    t->taken = false;
}
