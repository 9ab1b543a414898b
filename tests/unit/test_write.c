/* Written packs against git: sound, complete, and nearly as small as git's own. */
#include "gitbox.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "server/git/wire_list.h"

static struct fh_buf write_list(struct wire_reader *r, const struct wire_list *list, bool ofs,
                                struct wire_deltas *deltas)
{
    struct fh_buf out = FH_BUF_INIT((size_t)1 << 30);
    struct wire_write_options options = {.ofs_delta = ofs, .deltas = deltas};
    uint8_t checksum[20];
    assert_ok(wire_write_pack(r, list, &options, box_sink, &out, checksum, &e));
    assert_memory_equal(checksum, out.data + out.len - 20, 20);
    return out;
}

/* The pack holds what git says the range holds, under git's strictest eyes, by itself. */
static void assert_pack_is(const struct fh_buf *pack, const char *tip, size_t objects)
{
    box_save("out.pack", pack);
    box_run("rm -rf check.git && git init -q -b x --bare check.git && git -C check.git index-pack --strict "
            "--stdin <out.pack >/dev/null && git -C check.git update-ref refs/heads/x $(git rev-parse %s) && "
            "git -C check.git fsck --strict --full --no-dangling 2>fsck.log && ! test -s fsck.log",
            tip);
    char *n = box_text("git -C check.git cat-file --batch-all-objects --batch-check | wc -l");
    assert_int_equal(strtoul(n, NULL, 10), objects);
    free(n);
}

static void a_clone_of_100_generations_is_small_and_sound(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 100, 7);
    box_push_packs("web");
    struct wire_packs *packs = box_packs("pushed/*.pack", NULL);
    struct wire_reader *r = wire_reader_new(packs);
    struct wire_deltas *deltas = wire_deltas_new(16 << 20);
    struct wire_list list;
    struct fh_oid tip = box_oid("web");
    assert_ok(wire_walk_list(r, &tip, 1, NULL, 0, 1000, &list, &e));
    struct fh_buf first = write_list(r, &list, true, deltas);
    assert_pack_is(&first, "web", list.n);

    int64_t start = fh_ticks_us();
    struct fh_buf again = write_list(r, &list, true, deltas);
    int64_t warm = fh_ticks_us() - start;
    assert_int_equal(first.len, again.len);
    assert_memory_equal(first.data, again.data, first.len);

    box_run("git repack -adq");
    char *size = box_text("cat .git/objects/pack/*.pack | wc -c");
    double ratio = (double)first.len / strtod(size, NULL);
    print_message("100 generations, %zu objects: %zu bytes, git repack -ad %s: %.2f x; %.1f ms when warm\n",
                  list.n, first.len, size, ratio, (double)warm / 1000);
    assert_true(ratio <= 1.5);
    struct fh_buf ref = write_list(r, &list, false, deltas);
    assert_pack_is(&ref, "web", list.n);

    free(size);
    fh_buf_free(&first);
    fh_buf_free(&again);
    fh_buf_free(&ref);
    wire_list_free(&list);
    wire_deltas_free(deltas);
    wire_reader_free(r);
    wire_packs_drop(packs);
    box_close();
}

static void stored_deltas_are_copied_and_never_lose_their_base(void **state)
{
    (void)state;
    box_open();
    box_generations("web", 30, 11);
    box_run("git repack -adq --depth=50 --window=20");
    struct wire_packs *packs = box_packs(".git/objects/pack/*.pack", NULL);
    struct wire_reader *r = wire_reader_new(packs);
    for (int back = 0; back < 30; back += 7) {
        char name[32];
        snprintf(name, sizeof name, "web~%d", back);
        struct fh_oid tip = box_oid(name);
        struct wire_list list;
        assert_ok(wire_walk_list(r, &tip, 1, NULL, 0, 1000, &list, &e));
        for (int ofs = 0; ofs < 2; ofs++) {
            struct fh_buf pack = write_list(r, &list, ofs, NULL);
            assert_pack_is(&pack, name, list.n);
            fh_buf_free(&pack);
        }
        wire_list_free(&list);
    }
    wire_reader_free(r);
    wire_packs_drop(packs);
    box_close();
}

/* One pack has a as a delta of b, the other b as a delta of a; what stands between them in the list is in the
 * second alone, so that a is taken from the first and b from the second. */
static void stored_deltas_in_a_ring_over_two_packs_are_broken_up(void **state)
{
    (void)state;
    char a[4000], b[4001];
    struct fh_oid ids[3];
    box_open();
    memset(a, 'a', sizeof a);
    memcpy(b, a, sizeof a);
    b[4000] = 'b';
    mill_hash("blob", a, sizeof a, ids[0].id);
    mill_hash("blob", "x", 1, ids[1].id);
    mill_hash("blob", b, sizeof b, ids[2].id);
    struct fh_buf delta = FH_BUF_INIT(65536);
    for (int i = 0; i < 2; i++) {
        struct fh_buf p = mill_start(i ? 3 : 2);
        const char *base = i ? a : b, *target = i ? b : a;
        size_t nbase = i ? sizeof a : sizeof b, ntarget = i ? sizeof b : sizeof a;
        assert_ok(wire_delta_make(base, nbase, target, ntarget, 1000, &delta, &e));
        mill_whole(&p, WIRE_BLOB, base, nbase);
        mill_ref_delta(&p, ids[i ? 0 : 2].id, delta.data, delta.len);
        if (i)
            mill_whole(&p, WIRE_BLOB, "x", 1);
        mill_finish(&p);
        box_save("one.pack", &p);
        box_run(
            "mkdir -p ring && git index-pack --stdin <one.pack >/dev/null && mv .git/objects/pack/* ring/ "
            "&& cd ring && for f in pack-*; do mv $f %d-$f; done",
            i);
        fh_buf_free(&p);
    }
    fh_buf_free(&delta);
    struct wire_packs *packs = box_packs("ring/*.pack", NULL);
    struct wire_reader *r = wire_reader_new(packs);
    struct wire_list list;
    wire_list_init(&list);
    for (int i = 0; i < 3; i++)
        wire_list_add(&list, &ids[i], WIRE_BLOB, (uint32_t)i);
    struct fh_buf pack = write_list(r, &list, true, NULL);
    box_save("out.pack", &pack);
    box_run(
        "git init -q ringed && git -C ringed index-pack --stdin <out.pack >/dev/null && git -C ringed fsck "
        "--full --no-dangling");
    fh_buf_free(&pack);
    wire_list_free(&list);
    wire_reader_free(r);
    wire_packs_drop(packs);
    box_close();
}

static void assert_delta_round_trip(const struct fh_buf *base, const struct fh_buf *target, size_t max)
{
    struct fh_buf delta = FH_BUF_INIT(FH_MAX_OBJECT), made = FH_BUF_INIT(FH_MAX_OBJECT);
    fh_err rc = wire_delta_make(base->data, base->len, target->data, target->len, max, &delta, NULL);
    if (rc == FH_OK) {
        assert_true(delta.len <= max);
        assert_ok(wire_delta_apply(base->data, base->len, delta.data, delta.len, &made, &e));
        assert_int_equal(made.len, target->len);
        assert_memory_equal(made.data, target->data, made.len);
    } else {
        assert_int_equal(rc, FH_TOO_LARGE);
    }
    fh_buf_free(&delta);
    fh_buf_free(&made);
}

static void every_delta_that_is_made_applies_to_the_target(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int round = 0; round < 2000; round++) {
        struct fh_buf base = FH_BUF_INIT(1 << 20), target = FH_BUF_INIT(1 << 20);
        size_t n = box_next(&seed) % 3000;
        unsigned letters = 1 + (unsigned)(box_next(&seed) % 60);
        for (size_t i = 0; i < n; i++) {
            char c = (char)('A' + box_next(&seed) % letters);
            mill_add(&base, &c, 1);
        }
        mill_add(&target, "", 0);
        mill_add(&base, "", 0);
        for (int piece = (int)(box_next(&seed) % 12); piece > 0; piece--) {
            size_t from = n ? box_next(&seed) % n : 0, len = n ? box_next(&seed) % (n - from) : 0;
            mill_add(&target, base.data + from, len);
            uint64_t noise = box_next(&seed);
            mill_add(&target, &noise, noise % 8);
        }
        assert_delta_round_trip(&base, &target, round % 3 ? 1 << 20 : target.len / 2);
        fh_buf_free(&base);
        fh_buf_free(&target);
    }
}

static void large_and_dull_objects_are_deltified_in_linear_time(void **state)
{
    (void)state;
    enum { N = 8 * 1024 * 1024 };
    struct fh_buf base = FH_BUF_INIT(N), target = FH_BUF_INIT(N);
    char *bytes = fh_xcalloc(1, N);
    int64_t start = fh_ticks_ms();
    mill_add(&base, bytes, N); /* all the same block */
    for (size_t i = 0; i < N; i += 40)
        bytes[i] = 1; /* short matches everywhere */
    mill_add(&target, bytes, N);
    assert_delta_round_trip(&base, &target, N);
    assert_delta_round_trip(&target, &base, N);
    assert_delta_round_trip(&target, &target, N);
    assert_true(fh_ticks_ms() - start < 10000);
    fh_buf_free(&base);
    fh_buf_free(&target);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clone_of_100_generations_is_small_and_sound),
        cmocka_unit_test(stored_deltas_are_copied_and_never_lose_their_base),
        cmocka_unit_test(stored_deltas_in_a_ring_over_two_packs_are_broken_up),
        cmocka_unit_test(every_delta_that_is_made_applies_to_the_target),
        cmocka_unit_test(large_and_dull_objects_are_deltified_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
