/* The queue before the workers: fair between callers, and never one caller's alone. */
#include "server/http/workers.h"

#include "common/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { THREADS = 4, MANY = 64 };

struct piece {
    struct web_job job; /* first */
    struct room *room;
};

struct room {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int running[3], ran[3]; /* by caller */
    int order[MANY * 2], nordered;
    struct web_workers *workers;
};

static void run(struct web_job *job)
{
    struct room *room = ((struct piece *)(void *)job)->room;
    int caller = (int)job->caller;
    pthread_mutex_lock(&room->lock);
    room->running[caller]++;
    room->order[room->nordered++] = caller;
    pthread_cond_broadcast(&room->changed);
    while (!room->open)
        pthread_cond_wait(&room->changed, &room->lock);
    room->running[caller]--;
    room->ran[caller]++;
    pthread_cond_broadcast(&room->changed);
    pthread_mutex_unlock(&room->lock);
    free(job);
}

static void push(struct room *room, uint64_t caller)
{
    struct piece *p = fh_xcalloc(1, sizeof *p);
    p->room = room;
    p->job = (struct web_job){.run = run, .caller = caller};
    assert_true(web_workers_push(room->workers, &p->job, 60000, false));
}

static void enter(struct room *room)
{
    *room = (struct room){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    assert_int_equal(web_workers_start(THREADS, &room->workers, NULL), FH_OK);
}

/* Opens the room, lets everything run and ends the workers. */
static void leave(struct room *room)
{
    pthread_mutex_lock(&room->lock);
    room->open = true;
    pthread_cond_broadcast(&room->changed);
    pthread_mutex_unlock(&room->lock);
    web_workers_stop(room->workers);
    web_workers_free(room->workers);
}

/* Waits until as many of the caller's jobs run; then a moment, in which no more may begin. */
static void await_running(struct room *room, int caller, int n)
{
    pthread_mutex_lock(&room->lock);
    while (room->running[caller] < n)
        pthread_cond_wait(&room->changed, &room->lock);
    pthread_mutex_unlock(&room->lock);
    nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
    pthread_mutex_lock(&room->lock);
    assert_int_equal(room->running[caller], n);
    pthread_mutex_unlock(&room->lock);
}

static void a_caller_alone_leaves_a_thread_to_whoever_comes_next(void **state)
{
    (void)state;
    struct room room;
    enter(&room);
    for (int i = 0; i < MANY; i++)
        push(&room, 1);
    await_running(&room, 1, 3);
    push(&room, 2);
    await_running(&room, 2, 1);
    leave(&room);
    assert_int_equal(room.ran[1], MANY);
    assert_int_equal(room.ran[2], 1);
}

static void work_of_our_own_is_never_held_back(void **state)
{
    (void)state;
    struct room room;
    enter(&room);
    for (int i = 0; i < THREADS; i++)
        push(&room, 0);
    await_running(&room, 0, THREADS);
    leave(&room);
    assert_int_equal(room.ran[0], THREADS);
}

static void who_has_fewer_running_goes_first(void **state)
{
    (void)state;
    struct room room;
    enter(&room);
    for (int i = 0; i < 3; i++)
        push(&room, 1);
    await_running(&room, 1, 3);
    push(&room, 0); /* the last thread */
    await_running(&room, 0, 1);
    for (int i = 0; i < MANY; i++)
        push(&room, 1);
    push(&room, 2);
    leave(&room);
    /* Four had begun; whichever thread comes free first takes 2 before any of the many. */
    assert_int_equal(room.order[4], 2);
    assert_int_equal(room.ran[1], MANY + 3);
}

static void a_share_is_three_of_four_and_at_least_one(void **state)
{
    (void)state;
    assert_int_equal(web_workers_share(1), 1);
    assert_int_equal(web_workers_share(2), 1);
    assert_int_equal(web_workers_share(4), 3);
    assert_int_equal(web_workers_share(8), 6);
    assert_int_equal(web_workers_share(9), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caller_alone_leaves_a_thread_to_whoever_comes_next),
        cmocka_unit_test(work_of_our_own_is_never_held_back),
        cmocka_unit_test(who_has_fewer_running_goes_first),
        cmocka_unit_test(a_share_is_three_of_four_and_at_least_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
