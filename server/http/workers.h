/* The threads that do what may block, and the one bounded queue before them. Safe from any thread.
 *
 * The queue is fair between callers: the next job is that of the caller who has the fewest running, the
 * oldest first; and one caller alone never has all threads, so that there is one at once for whoever comes
 * next, however long the work of the first takes. */
#ifndef WEB_WORKERS_H
#define WEB_WORKERS_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One piece of work; belongs to whoever pushes it and must stay until run (or late) was called, exactly one
 * of them and once. */
struct web_job {
    struct web_job *next;
    void (*run)(struct web_job *job);
    void (*late)(
        struct web_job *job); /* instead of run, when it waited too long or we stop; NULL: always run */
    int64_t deadline;         /* monotonic ms */
    uint64_t caller; /* for whom; 0: work of our own, or that ends what is under way: never held back */
};

struct web_workers;

fh_err web_workers_start(unsigned threads, struct web_workers **out, struct fh_error *e) FH_MUSTCHECK;
/* false, and nothing else, when the queue is full or we stop. must: also when it is full, for work that ends
 * what is under way already. */
bool web_workers_push(struct web_workers *w, struct web_job *job, int64_t wait_ms, bool must);
/* Calls late for what has waited too long: when every worker is stuck, nobody else would. */
void web_workers_expire(struct web_workers *w);
/* Refuses new work, calls late for what waits, runs what has no late, waits for what runs, ends the threads.
 * Pushing stays safe (and is refused) until web_workers_free. */
void web_workers_stop(struct web_workers *w);
void web_workers_free(struct web_workers *w); /* stopped before; NULL is fine */

struct web_workers_state {
    size_t threads, busy, queued;
};
/* How many threads one caller may have at once: three of four, at least one. */
size_t web_workers_share(size_t threads);
void web_workers_look(struct web_workers *w, struct web_workers_state *out);

#endif
