/* Indexing: the same bytes as git's index, for packs of git's and of every other shape. */
#include "indexbox.h"

#include "common/clock.h"
#include "server/git/wire_guard.h"
#include "server/git/wire_walk.h"

#include <sys/resource.h>

static void a_pushed_pack_is_indexed_under_its_checksum(void **state)
{
    (void)state;
    char path[4096];
    uint32_t n;
    box_open();
    box_generations("web", 5, 5);
    struct fh_buf pack = FH_BUF_INIT((size_t)1 << 30);
    assert_int_equal(box_try(&pack, "git rev-list --objects web | git pack-objects -q --stdout; mkdir in"),
                     0);
    assert_ok(index_bytes(&pack, path, &n, &e));
    char hex[41];
    fh_hex_encode(pack.data + pack.len - 20, 20, hex);
    assert_non_null(strstr(path, hex));
    box_run("git verify-pack %s.pack && test $(stat -c %%a %s.pack) = 400 && test $(ls in | wc -l) = 2", path,
            path);
    assert_same_index(path);
    fh_buf_free(&pack);
    box_close();
}

static void a_pack_of_nothing_can_be_indexed(void **state)
{
    (void)state;
    char path[4096];
    uint32_t n = 7;
    struct fh_error e = {0};
    struct fh_buf p = mill_start(0);
    box_open();
    box_run("mkdir in");
    mill_finish(&p);
    fh_err rc = index_bytes(&p, path, &n, &e);
    if (rc != FH_OK)
        fail_msg("%s", e.msg);
    assert_int_equal(n, 0);
    fh_buf_free(&p);
    box_close();
}

static void indexing_a_small_push_is_quick(void **state)
{
    (void)state;
    enum { ROUNDS = 200 };
    char path[4096];
    uint32_t n;
    box_open();
    box_generations("web", 20, 5);
    struct fh_buf pack = FH_BUF_INIT((size_t)1 << 30);
    box_run("mkdir in");
    assert_int_equal(
        box_try(&pack,
                "printf '%%s\\n' web ^web~1 | git pack-objects -q --revs --stdout --delta-base-offset"),
        0);
    int64_t scan = 0, each = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct wire_scan found;
        int fd = mill_fd(pack.data, pack.len);
        int64_t at = fh_ticks_us();
        assert_ok(wire_guard_scan(fd, 0, pack.len, &found, &e));
        scan += fh_ticks_us() - at;
        close(fd);
        at = fh_ticks_us();
        assert_ok(index_bytes(&pack, path, &n, &e));
        each += fh_ticks_us() - at;
        /* A push is always new: to replace a file makes some file systems wait for the disk. */
        char name[4200];
        snprintf(name, sizeof name, "%s.pack", path);
        assert_int_equal(unlink(name), 0);
        snprintf(name, sizeof name, "%s.idx", path);
        assert_int_equal(unlink(name), 0);
    }
    scan /= ROUNDS;
    each /= ROUNDS;
    print_message("%u objects, %zu bytes: scanned in %ld us, indexed in %ld us\n", n, pack.len, (long)scan,
                  (long)each);
    fh_buf_free(&pack);
    box_close();
}

static void assert_indexed_as_by_git(const char *repack)
{
    char path[4096];
    uint32_t n;
    struct fh_buf pack = FH_BUF_INIT((size_t)1 << 30);
    box_run("rm -rf in && mkdir in && %s", repack);
    char *list = box_text("ls .git/objects/pack/*.pack"), *save = NULL;
    for (char *p = strtok_r(list, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
        fh_buf_clear(&pack);
        assert_int_equal(box_try(&pack, "cat %s", p), 0);
        assert_ok(index_bytes(&pack, path, &n, &e));
        assert_same_index(path);
    }
    free(list);
    fh_buf_free(&pack);
}

static void packs_made_by_git_get_the_index_that_git_gives_them(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 40, 5);
    box_generations("api", 20, 6);
    box_run("git tag -a -m note v1 web");
    assert_indexed_as_by_git("git repack -adfq --depth=64 --window=30");
    assert_indexed_as_by_git("git -c repack.useDeltaBaseOffset=false repack -adfq --depth=50 --window=10");
    assert_indexed_as_by_git("git repack -adfq --depth=1");
    assert_indexed_as_by_git("git repack -adfq --window=0");
    assert_indexed_as_by_git("git -c pack.compression=0 repack -adFq --max-pack-size=1m");
    box_close();
}

static void packs_of_any_shape_get_the_index_that_git_gives_them(void **state)
{
    (void)state;
    uint64_t seed = 7;
    char path[4096];
    uint32_t n;
    box_open();
    box_run("mkdir in");
    for (uint32_t round = 0; round < 150; round++) {
        struct wire_scan found;
        struct fh_buf p = random_pack(1 + (uint32_t)(box_next(&seed) % MAX_RANDOM), &seed);
        int fd = mill_fd(p.data, p.len);
        assert_ok(wire_guard_scan(fd, 0, p.len, &found, &e));
        close(fd);
        assert_ok(index_bytes(&p, path, &n, &e));
        assert_int_equal(n, found.objects);
        assert_same_index(path);
        fh_buf_free(&p);
    }
    box_close();
}

/* What is let go has to be made again, and rightly. */
static void chains_of_large_objects_are_resolved_in_bounded_memory(void **state)
{
    (void)state;
    struct rusage before, after;
    char path[4096];
    uint32_t n;
    box_open();
    box_run("mkdir in");
    struct fh_buf p = large_chain();
    getrusage(RUSAGE_SELF, &before);
    int64_t start = fh_ticks_ms();
    assert_ok(index_bytes(&p, path, &n, &e));
    getrusage(RUSAGE_SELF, &after);
    long more = (after.ru_maxrss - before.ru_maxrss) / 1024;
    print_message("%u objects on a chain of %d x 16 MiB: %ld ms, %ld MiB\n", n, LARGE_LEVELS,
                  (long)(fh_ticks_ms() - start), more);
#ifndef FLOE_SANITIZED
    assert_true(more < 80);
#endif
    assert_same_index(path);
    fh_buf_free(&p);
    box_close();
}

/* The most that was resident since it was last set back, in KiB. */
static long resident_peak(bool set_back)
{
    char line[256];
    long kib = 0;
    FILE *f = set_back ? fopen("/proc/self/clear_refs", "we") : NULL;
    if (f) {
        fputs("5", f);
        fclose(f);
    }
    f = fopen("/proc/self/status", "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        (void)sscanf(line, "VmHWM: %ld", &kib);
    fclose(f);
    return kib;
}

/* As large a push as is taken, of what does not compress, and the same once more under another name. */
static void large_blobs_are_indexed_and_compared_without_being_held(void **state)
{
    (void)state;
    enum { BLOBS = 4, SIZE = 15500000 };
    char path[4096];
    uint32_t n;
    struct fh_oid tip;
    box_open();
    box_run("mkdir in stored && for i in 1 2 3 4; do head -c %d /dev/urandom >f$i; done && git add f? && "
            "git commit -qm large && git branch web",
            SIZE);
    struct fh_buf pack = FH_BUF_INIT((size_t)1 << 30);
    assert_int_equal(
        box_try(&pack, "git rev-list --objects --no-object-names web | git pack-objects -q --stdout"), 0);
    box_run("(cat f1; echo) >f5 && git add f5 && git rev-list --objects --no-object-names web >list && "
            "git hash-object f5 >>list && git pack-objects -q --window=0 stored/pack <list >/dev/null");
    tip = box_oid("web");
    struct wire_packs *server = box_packs("stored/*.pack", NULL);
    long before = resident_peak(true);
    assert_ok(index_bytes(&pack, path, &n, &e));
    assert_int_equal(n, BLOBS + 2);
    struct wire_packs *both = box_packs("in/*.pack", server);
    struct wire_reader *r = wire_reader_new(both);
    assert_ok(wire_walk_check_push(r, &tip, NULL, 0, &e));
    long more = (resident_peak(false) - before) / 1024;
    print_message("%zu bytes indexed and compared: %ld MiB\n", pack.len, more);
#ifndef FLOE_SANITIZED
    assert_true(more < 24);
#endif
    wire_reader_free(r);
    wire_packs_drop(both);
    wire_packs_drop(server);
    fh_buf_free(&pack);
    box_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_blobs_are_indexed_and_compared_without_being_held),
        cmocka_unit_test(a_pushed_pack_is_indexed_under_its_checksum),
        cmocka_unit_test(a_pack_of_nothing_can_be_indexed),
        cmocka_unit_test(indexing_a_small_push_is_quick),
        cmocka_unit_test(packs_made_by_git_get_the_index_that_git_gives_them),
        cmocka_unit_test(packs_of_any_shape_get_the_index_that_git_gives_them),
        cmocka_unit_test(chains_of_large_objects_are_resolved_in_bounded_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
