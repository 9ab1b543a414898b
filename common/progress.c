/* Progress on a terminal: a line that appears once something has taken a second, kept fresh by a thread of
 * its own so that work which blocks shows too. See cli.h. */
#include "common/term.h"

#include "common/clock.h"
#include "common/mem.h"

#include <pthread.h>
#include <unistd.h>

enum { QUIET_MS = 1000, STEP_MS = 200 };

struct fh_progress {
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake;
    char *what;
    int64_t started, done, total, count;
    const char *of; /* what count counts; NULL: nothing */
    bool running, ended, shown;
};

/* " 40 %, 1200000 rows, 85000/s, 14 s left" */
static void tell_rate(const struct fh_progress *p, int64_t ms, char *tail, size_t size)
{
    double done = p->total > 0 ? (double)p->done / (double)p->total : 0,
           seconds = (double)(ms ? ms : 1) / 1000;
    int at = done > 0 ? snprintf(tail, size, " %d %%,", (int)(done * 100)) : 0;
    at += snprintf(tail + at, size - (size_t)at, " %lld %s, %.0f/s", (long long)p->count, p->of,
                   (double)p->count / seconds);
    if (done > 0.01)
        snprintf(tail + at, size - (size_t)at, ", %.0f s left", seconds / done - seconds);
}

static void draw(struct fh_progress *p)
{
    static const char spinner[] = "|/-\\";
    char tail[128] = "";
    int64_t ms = fh_ticks_ms() - p->started;
    if (p->of)
        tell_rate(p, ms, tail, sizeof tail);
    else if (p->total > 0)
        snprintf(tail, sizeof tail, " %d %%", (int)((double)p->done * 100 / (double)p->total));
    else if (p->done > 0)
        snprintf(tail, sizeof tail, " %lld", (long long)p->done);
    size_t room = (size_t)fh_term_width(STDERR_FILENO), need = strlen(tail) + 12;
    size_t n = fh_term_fit(p->what, room > need ? room - need : 0);
    fprintf(stderr, "\r\033[K%c %.*s%s %llds", spinner[(ms / STEP_MS) % 4], (int)n, p->what, tail,
            (long long)(ms / 1000));
    fflush(stderr);
    p->shown = true;
}

static void *run(void *arg)
{
    struct fh_progress *p = arg;
    pthread_mutex_lock(&p->lock);
    int64_t quiet = QUIET_MS - (fh_ticks_ms() - p->started);
    for (int64_t wait = quiet > 0 ? quiet : 0; !p->ended; wait = STEP_MS) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += wait / 1000;
        at.tv_nsec += wait % 1000 * 1000000;
        if (at.tv_nsec >= 1000000000) {
            at.tv_sec++;
            at.tv_nsec -= 1000000000;
        }
        while (!p->ended && pthread_cond_timedwait(&p->wake, &p->lock, &at) == 0)
            ;
        if (!p->ended)
            draw(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct fh_progress *fh_progress_start(const char *what)
{
    return fh_progress_since(what, fh_ticks_ms());
}

struct fh_progress *fh_progress_since(const char *what, int64_t began)
{
    struct fh_progress *p = fh_xcalloc(1, sizeof *p);
    p->what = fh_term_safe(what);
    p->started = began;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &attr);
    pthread_condattr_destroy(&attr);
    const char *term = getenv("TERM");
    if (isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0))
        p->running = pthread_create(&p->thread, NULL, run, p) == 0;
    return p;
}

void fh_progress_set(struct fh_progress *p, int64_t done, int64_t total)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->done = done;
    p->total = total;
    pthread_mutex_unlock(&p->lock);
}

void fh_progress_count(struct fh_progress *p, int64_t count, const char *of)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->count = count;
    p->of = of;
    pthread_mutex_unlock(&p->lock);
}

void fh_progress_end(struct fh_progress *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    if (p->running)
        pthread_join(p->thread, NULL);
    if (p->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->what);
    free(p);
}
