/* The cache of built answers. */
#include "common/buf.h"
#include "common/mem.h"
#include "server/git/wire_packcache.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIZE = 1000 };

struct fixture {
    char data[64];
    struct wire_packcache *cache;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    memcpy(f->data, "/tmp/floe-cache-XXXXXX", 23);
    if (!mkdtemp(f->data) || wire_packcache_open(f->data, 3 * SIZE, &f->cache, NULL) != FH_OK)
        return -1;
    *state = f;
    return 0;
}

static void remove_files(const char *folder)
{
    DIR *d = opendir(folder);
    const struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        (void)unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(folder);
}

static void remove_folder(const struct fixture *f)
{
    char path[128];
    snprintf(path, sizeof path, "%s/cache/packs", f->data);
    remove_files(path);
    snprintf(path, sizeof path, "%s/cache", f->data);
    rmdir(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    wire_packcache_close(f->cache);
    remove_folder(f);
    rmdir(f->data);
    free(f);
    return 0;
}

static size_t count_files(const struct fixture *f)
{
    char path[128];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/cache/packs", f->data);
    DIR *d = opendir(path);
    const struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL)
        n += entry->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

struct recipe {
    char fill;
    atomic_int built;
    int delay_us;
    atomic_bool fail;
};

static fh_err build(void *arg, wire_sink *write, void *write_arg, struct fh_error *e)
{
    struct recipe *r = arg;
    char bytes[SIZE];
    memset(bytes, r->fill, sizeof bytes);
    atomic_fetch_add(&r->built, 1);
    if (r->delay_us)
        usleep((useconds_t)r->delay_us);
    FH_TRY(write(write_arg, bytes, SIZE / 2, e));
    if (atomic_exchange(&r->fail, false))
        return FH_FAIL(e, FH_INTERNAL, "This build fails.");
    return write(write_arg, bytes, SIZE - SIZE / 2, e);
}

static struct wire_cache_key key_of(char c)
{
    struct wire_cache_key key;
    memset(key.id, c, sizeof key.id);
    return key;
}

static void assert_is(struct wire_cached *got, char fill)
{
    char bytes[SIZE];
    assert_int_equal(got->size, SIZE);
    if (got->fd >= 0) {
        assert_int_equal(pread(got->fd, bytes, SIZE, 0), SIZE);
        close(got->fd);
    } else
        memcpy(bytes, got->bytes, SIZE);
    free(got->bytes);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(bytes[i], fill);
}

static void ask(const struct fixture *f, char c, struct recipe *r)
{
    struct wire_cache_key key = key_of(c);
    struct wire_cached got;
    r->fill = c;
    assert_int_equal(wire_packcache_get(f->cache, &key, build, r, &got, NULL), FH_OK);
    assert_is(&got, c);
}

static void what_was_built_once_is_read_afterwards(void **state)
{
    struct fixture *f = *state;
    struct recipe r = {0};
    struct wire_cache_key key = key_of('a'), other = key_of('b');
    struct wire_cached got;
    assert_false(wire_packcache_find(f->cache, &key, &got));
    ask(f, 'a', &r);
    ask(f, 'a', &r);
    assert_int_equal(r.built, 1);
    assert_true(wire_packcache_find(f->cache, &key, &got));
    assert_is(&got, 'a');
    assert_false(wire_packcache_find(f->cache, &other, &got));
}

static void the_least_lately_used_goes_when_there_is_no_room(void **state)
{
    struct fixture *f = *state;
    struct recipe r = {0};
    ask(f, 'a', &r);
    ask(f, 'b', &r);
    ask(f, 'c', &r);
    ask(f, 'a', &r);
    assert_int_equal(r.built, 3);
    ask(f, 'd', &r); /* b goes */
    assert_int_equal(count_files(f), 3);
    ask(f, 'a', &r);
    ask(f, 'c', &r);
    assert_int_equal(r.built, 4);
    ask(f, 'b', &r);
    assert_int_equal(r.built, 5);
}

static void a_failed_build_is_no_entry_and_leaves_no_file(void **state)
{
    struct fixture *f = *state;
    struct recipe r = {.fail = true};
    struct wire_cache_key key = key_of('a');
    struct wire_cached got;
    struct fh_error e;
    assert_int_equal(wire_packcache_get(f->cache, &key, build, &r, &got, &e), FH_INTERNAL);
    assert_string_equal(e.msg, "This build fails.");
    assert_int_equal(count_files(f), 0);
    ask(f, 'a', &r);
    assert_int_equal(r.built, 2);
}

static void a_folder_that_somebody_removed_is_made_again(void **state)
{
    struct fixture *f = *state;
    struct recipe r = {0};
    ask(f, 'a', &r);
    remove_folder(f);
    ask(f, 'a', &r);
    assert_int_equal(r.built, 2);
    assert_int_equal(count_files(f), 1);
}

static void without_a_folder_answers_are_built_in_memory(void **state)
{
    struct fixture *f = *state;
    struct recipe r = {0};
    char path[128];
    snprintf(path, sizeof path, "%s/cache", f->data);
    FILE *file = fopen(path, "w"); /* in the folder's place */
    assert_non_null(file);
    fclose(file);
    ask(f, 'a', &r);
    ask(f, 'a', &r);
    assert_int_equal(r.built, 2);
    unlink(path);
}

static void a_folder_left_by_another_process_is_emptied(void **state)
{
    struct fixture *f = *state;
    struct recipe r = {0};
    ask(f, 'a', &r);
    wire_packcache_close(f->cache);
    assert_int_equal(wire_packcache_open(f->data, 3 * SIZE, &f->cache, NULL), FH_OK);
    assert_int_equal(count_files(f), 1);
    ask(f, 'b', &r);
    assert_int_equal(count_files(f), 1);
}

static void a_request_is_recalled_until_another_takes_its_place(void **state)
{
    struct fixture *f = *state;
    struct wire_cache_key request = key_of('r'), key = key_of('k'), got;
    assert_false(wire_packcache_recall(f->cache, &request, &got));
    wire_packcache_remember(f->cache, &request, &key);
    assert_true(wire_packcache_recall(f->cache, &request, &got));
    assert_memory_equal(&got, &key, sizeof key);
    struct wire_cache_key rival = request;
    rival.id[31] ^= 1;
    assert_false(wire_packcache_recall(f->cache, &rival, &got));
    wire_packcache_remember(f->cache, &rival, &key);
    assert_false(wire_packcache_recall(f->cache, &request, &got));
}

struct asker {
    const struct fixture *f;
    struct recipe *recipe;
    fh_err rc;
};

static void *ask_slowly(void *arg)
{
    struct asker *a = arg;
    struct wire_cache_key key = key_of('s');
    struct wire_cached got;
    a->rc = wire_packcache_get(a->f->cache, &key, build, a->recipe, &got, NULL);
    if (a->rc == FH_OK)
        assert_is(&got, 's');
    return NULL;
}

static void those_who_ask_at_once(void **state, bool first_fails, int builds, int failures)
{
    struct recipe r = {.fill = 's', .delay_us = 50000, .fail = first_fails};
    struct asker askers[6];
    pthread_t threads[6];
    int failed = 0;
    for (size_t i = 0; i < 6; i++) {
        askers[i] = (struct asker){.f = *state, .recipe = &r};
        pthread_create(&threads[i], NULL, ask_slowly, &askers[i]);
    }
    for (size_t i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        failed += askers[i].rc != FH_OK;
    }
    assert_int_equal(r.built, builds);
    assert_int_equal(failed, failures);
}

static void those_who_ask_at_once_share_one_build(void **state)
{
    those_who_ask_at_once(state, false, 1, 0);
}

static void when_a_build_fails_one_who_waited_builds(void **state)
{
    those_who_ask_at_once(state, true, 2, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_was_built_once_is_read_afterwards),
        CASE(the_least_lately_used_goes_when_there_is_no_room),
        CASE(a_failed_build_is_no_entry_and_leaves_no_file),
        CASE(a_folder_that_somebody_removed_is_made_again),
        CASE(without_a_folder_answers_are_built_in_memory),
        CASE(a_folder_left_by_another_process_is_emptied),
        CASE(a_request_is_recalled_until_another_takes_its_place),
        CASE(those_who_ask_at_once_share_one_build),
        CASE(when_a_build_fails_one_who_waited_builds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
