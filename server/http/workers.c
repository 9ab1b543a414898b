/* The worker threads and their queue. See workers.h. */
#include "server/http/workers.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "common/mem.h"

#include <pthread.h>

struct worker {
    pthread_t thread;
    struct web_workers *of;
    uint64_t caller; /* of the job it has; 0: none, or one that is not counted */
};

struct web_workers {
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t more;
    struct web_job *head, **tail;
    size_t queued, busy;
    bool stopping;
    size_t nthreads;
    struct worker workers[];
};

size_t web_workers_share(size_t threads)
{
    return threads > 1 ? threads - (threads + 3) / 4 : 1;
}

static size_t count_running(const struct web_workers *w, uint64_t caller)
{
    size_t n = 0;
    for (size_t i = 0; caller && i < w->nthreads; i++)
        n += w->workers[i].caller == caller;
    return n;
}

/* Where the next job hangs; NULL when there is none that may run now. Both numbers are bounded, so this is a
 * few microseconds at the very most. */
static struct web_job **choose(struct web_workers *w)
{
    size_t fewest = w->stopping ? SIZE_MAX : web_workers_share(w->nthreads);
    struct web_job **best = NULL;
    for (struct web_job **p = &w->head; *p; p = &(*p)->next) {
        size_t running = count_running(w, (*p)->caller);
        if (running < fewest) {
            fewest = running;
            best = p;
        }
        if (fewest == 0)
            break;
    }
    return best;
}

static struct web_job *take(struct web_workers *w)
{
    struct web_job **at = choose(w);
    if (!at)
        return NULL;
    struct web_job *job = *at;
    *at = job->next;
    if (!*at)
        w->tail = at;
    w->queued--;
    return job;
}

static void *work(void *arg)
{
    struct worker *self = arg;
    struct web_workers *w = self->of;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct web_job *job;
        while (!(job = take(w)) && !w->stopping)
            pthread_cond_wait(&w->more, &w->lock);
        if (!job)
            break;
        bool late = job->late && (w->stopping || fh_ticks_ms() > job->deadline);
        self->caller = job->caller;
        w->busy++;
        pthread_mutex_unlock(&w->lock);
        (late ? job->late : job->run)(job);
        pthread_mutex_lock(&w->lock);
        self->caller = 0;
        w->busy--;
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

fh_err web_workers_start(unsigned threads, struct web_workers **out, struct fh_error *e)
{
    struct web_workers *w = fh_xcalloc(1, sizeof *w + threads * sizeof *w->workers);
    w->tail = &w->head;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    pthread_mutex_lock(&w->lock); /* they wait for their number to be known */
    int failed = 0;
    while (!failed && w->nthreads < threads) {
        struct worker *self = &w->workers[w->nthreads];
        self->of = w;
        failed = pthread_create(&self->thread, NULL, work, self);
        w->nthreads += !failed;
    }
    pthread_mutex_unlock(&w->lock);
    if (failed) {
        fh_err rc = FH_FAIL(e, FH_UNAVAILABLE, "Only %zu of %u worker threads could be started.", w->nthreads,
                            threads);
        web_workers_stop(w);
        web_workers_free(w);
        return rc;
    }
    *out = w;
    return FH_OK;
}

bool web_workers_push(struct web_workers *w, struct web_job *job, int64_t wait_ms, bool must)
{
    job->next = NULL;
    job->deadline = fh_ticks_ms() + wait_ms;
    pthread_mutex_lock(&w->lock);
    bool ok = !w->stopping && (must || w->queued < FH_MAX_QUEUE);
    if (ok) {
        *w->tail = job;
        w->tail = &job->next;
        w->queued++;
        pthread_cond_signal(&w->more);
    }
    pthread_mutex_unlock(&w->lock);
    return ok;
}

void web_workers_expire(struct web_workers *w)
{
    int64_t now = fh_ticks_ms();
    struct web_job *late = NULL;
    pthread_mutex_lock(&w->lock);
    for (struct web_job **p = &w->head; *p;) {
        struct web_job *job = *p;
        if (!job->late || now <= job->deadline) {
            p = &job->next;
            continue;
        }
        *p = job->next;
        if (!*p)
            w->tail = p;
        w->queued--;
        job->next = late;
        late = job;
    }
    pthread_mutex_unlock(&w->lock);
    while (late) {
        struct web_job *job = late;
        late = job->next;
        job->late(job);
    }
}

void web_workers_stop(struct web_workers *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->nthreads; i++)
        pthread_join(w->workers[i].thread, NULL);
}

void web_workers_free(struct web_workers *w)
{
    if (!w)
        return;
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void web_workers_look(struct web_workers *w, struct web_workers_state *out)
{
    pthread_mutex_lock(&w->lock);
    *out = (struct web_workers_state){.threads = w->nthreads, .busy = w->busy, .queued = w->queued};
    pthread_mutex_unlock(&w->lock);
}
