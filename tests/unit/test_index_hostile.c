/* Indexing what is broken or hostile: it is refused in words, in time, and leaves nothing. */
#include "indexbox.h"

#include "common/clock.h"
#include "server/git/wire_guard.h"

static void assert_index_refuses(struct fh_buf *p, const char *words)
{
    char path[4096];
    uint32_t n;
    struct fh_error e = {0};
    struct wire_scan found;
    int fd = mill_fd(p->data, p->len);
    assert_int_equal(wire_guard_scan(fd, 0, p->len, &found, &e),
                     FH_OK); /* this is what the guard cannot see */
    close(fd);
    fh_err rc = index_bytes(p, path, &n, &e);
    if ((rc != FH_INVALID && rc != FH_TOO_LARGE) || !strstr(e.msg, words))
        fail_msg("got %s: %s", fh_err_name(rc), e.msg);
    box_run("test -z \"$(ls in)\"");
    fh_buf_free(p);
}

static void a_thin_pack_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    box_open();
    box_run("mkdir in");
    struct fh_buf p = mill_start(2), d = mill_copies(4, 8);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_ref_delta(&p, (const uint8_t *)"12345678901234567890", d.data, d.len);
    mill_finish(&p);
    fh_buf_free(&d);
    assert_index_refuses(&p, "base is not in the pack");
    box_close();
}

/* Each is a delta of the one before, named by id: the guard cannot know their depth. */
static struct fh_buf ref_chain(uint32_t deltas, bool backwards)
{
    struct fh_buf p = mill_start(deltas + 1);
    uint8_t(*ids)[20] = fh_xcalloc(deltas + 1, 20);
    char bytes[64];
    for (uint32_t i = 0; i <= deltas; i++) {
        int n = snprintf(bytes, sizeof bytes, "object %08u", i);
        mill_hash("blob", bytes, (size_t)n, ids[i]);
    }
    for (uint32_t at = 0; at <= deltas; at++) {
        uint32_t i = backwards ? deltas - at : at;
        char delta[64] = "\x0f\x0f\x90\x07\x08";
        snprintf(bytes, sizeof bytes, "object %08u", i);
        memcpy(delta + 5, bytes + 7, 8);
        if (i == 0)
            mill_whole(&p, WIRE_BLOB, bytes, 15);
        else
            mill_ref_delta(&p, ids[i - 1], delta, 13);
    }
    mill_finish(&p);
    free(ids);
    return p;
}

/* As long as the ceiling on objects lets it be. */
enum { LONG_CHAIN = FH_MAX_PUSH_OBJECTS - 1 };

static void chains_of_ref_deltas_are_held_to_the_same_depth(void **state)
{
    (void)state;
    char path[4096];
    uint32_t n;
    box_open();
    box_run("mkdir in");
    for (int backwards = 0; backwards < 2; backwards++) {
        struct fh_buf p = ref_chain(64, backwards);
        assert_ok(index_bytes(&p, path, &n, &e));
        assert_int_equal(n, 65);
        box_run("rm -f in/*");
        fh_buf_free(&p);
        p = ref_chain(65, backwards);
        assert_index_refuses(&p, "chain of more than 64 deltas");
    }
    int64_t start = fh_ticks_ms();
    struct fh_buf p = ref_chain(LONG_CHAIN, false);
    assert_index_refuses(&p, "");
    p = ref_chain(LONG_CHAIN, true);
    assert_index_refuses(&p, "");
    print_message("two chains of %d REF_DELTAs: %ld ms\n", LONG_CHAIN, (long)(fh_ticks_ms() - start));
    box_close();
}

static void a_ring_of_ref_deltas_is_refused(void **state)
{
    (void)state;
    box_open();
    box_run("mkdir in");
    struct fh_buf p = mill_start(2), d = mill_copies(4, 4);
    /* Nobody can make two objects that are deltas of each other, so the ids are made up. */
    mill_ref_delta(&p, (const uint8_t *)"aaaaaaaaaaaaaaaaaaaa", d.data, d.len);
    mill_ref_delta(&p, (const uint8_t *)"bbbbbbbbbbbbbbbbbbbb", d.data, d.len);
    mill_finish(&p);
    fh_buf_free(&d);
    assert_index_refuses(&p, "base is not in the pack");
    box_close();
}

static void assert_refused_alone(struct fh_buf *p, const char *words)
{
    char path[4096];
    uint32_t n;
    struct fh_error e = {0};
    fh_err rc = index_bytes(p, path, &n, &e);
    if ((rc != FH_INVALID && rc != FH_TOO_LARGE) || !strstr(e.msg, words))
        fail_msg("wanted \"%s\", got %s: %s", words, fh_err_name(rc), e.msg);
    assert_int_equal(rmdir("in"), 0); /* nothing is left */
    assert_int_equal(mkdir("in", 0700), 0);
    fh_buf_free(p);
}

static void a_pack_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    uint64_t seed = 5;
    box_open();
    box_run("mkdir in");
    struct fh_buf whole = random_pack(6, &seed);
    for (size_t n = 0; n < whole.len; n++) {
        struct fh_buf p = FH_BUF_INIT(1 << 20), sealed = p;
        mill_add(&p, whole.data, n);
        mill_add(&sealed, whole.data, n < whole.len - 20 ? n : whole.len - 21);
        mill_finish(&sealed);
        assert_refused_alone(&p, "");
        assert_refused_alone(&sealed, "");
    }
    fh_buf_free(&whole);
    box_close();
}

static void a_pack_with_a_changed_byte_is_refused_or_indexed_as_by_git(void **state)
{
    (void)state;
    uint64_t seed = 6;
    char path[4096];
    uint32_t n, taken = 0;
    box_open();
    box_run("mkdir in");
    struct fh_buf whole = random_pack(8, &seed);
    for (size_t at = 0; at < whole.len - 20; at++) {
        struct fh_buf p = FH_BUF_INIT(1 << 20);
        struct fh_error e = {0};
        mill_add(&p, whole.data, whole.len - 20);
        p.data[at] ^= (char)(1 + box_next(&seed) % 255);
        mill_finish(&p);
        fh_err rc = index_bytes(&p, path, &n, &e);
        if (rc == FH_OK) {
            assert_same_index(path);
            box_run("rm -f in/*");
            taken++;
        } else {
            assert_true((rc == FH_INVALID || rc == FH_TOO_LARGE) && *e.msg);
        }
        fh_buf_free(&p);
    }
    print_message("%u of %zu changed packs are sound ones\n", taken, whole.len - 20);
    fh_buf_free(&whole);
    box_close();
}

static void what_does_not_fit_the_format_is_refused_in_words(void **state)
{
    (void)state;
    struct fh_buf p, d = mill_copies(4, 8);
    box_open();
    box_run("mkdir in");
    p = mill_start(1); /* a stream with something behind it */
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_add(&p, "junk", 4);
    mill_finish(&p);
    assert_refused_alone(&p, "bytes behind its last object");
    for (unsigned size = 3; size <= 5; size += 2) { /* one that is longer, or shorter, than it says */
        p = mill_start(1);
        mill_header(&p, WIRE_BLOB, size);
        mill_deflate(&p, "abcd", 4);
        mill_finish(&p);
        assert_refused_alone(&p, "compressed data are broken");
    }
    p = mill_start(1);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_finish(&p);
    p.data[p.len - 1] ^= 1;
    assert_refused_alone(&p, "checksum is wrong");
    p = mill_start(1000);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_finish(&p);
    assert_refused_alone(&p, "more objects than can be in it");
    for (size_t base = 11; base <= 14; base++) { /* before the first entry, in it, and the delta itself */
        p = mill_start(2);
        mill_whole(&p, WIRE_BLOB, "abcd", 4);
        mill_ofs_delta(&p, base == 14 ? p.len : base == 12 ? 1 : base, d.data, d.len);
        mill_finish(&p);
        assert_refused_alone(&p, "base is not in the pack");
    }
    p = mill_start(1);
    mill_header(&p, WIRE_BLOB, (uint64_t)FH_MAX_OBJECT + 1);
    mill_deflate(&p, "abcd", 4);
    mill_finish(&p);
    assert_refused_alone(&p, "more than 16 MiB");
    p = mill_start(1);
    mill_add(&p, "\xb0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12);
    mill_deflate(&p, "", 0);
    mill_finish(&p);
    assert_refused_alone(&p, "malformed header");
    fh_buf_free(&d);
    box_close();
}

static void a_file_that_is_shorter_than_said_or_over_two_gibibytes_is_not_mapped(void **state)
{
    (void)state;
    char path[4096];
    uint8_t checksum[20];
    uint32_t n;
    struct fh_error e = {0};
    struct fh_buf p = mill_start(0);
    box_open();
    mill_finish(&p);
    int fd = mill_fd(p.data, p.len);
    assert_int_equal(wire_index_pack(fd, 0, p.len + 1, ".", path, checksum, &n, &e), FH_INVALID);
    assert_int_equal(wire_index_pack(fd, 8192, p.len, ".", path, checksum, &n, &e), FH_INVALID);
    assert_int_equal(wire_index_pack(fd, 0, 0, ".", path, checksum, &n, &e), FH_INVALID);
    assert_int_equal(ftruncate(fd, (off_t)3 << 30), 0);
    assert_int_equal(wire_index_pack(fd, 0, (uint64_t)3 << 30, ".", path, checksum, &n, &e), FH_TOO_LARGE);
    assert_non_null(strstr(e.msg, "2 GiB"));
    close(fd);
    fh_buf_free(&p);
    box_close();
}

static void where_nothing_can_be_written_it_is_said_and_nothing_is_left(void **state)
{
    (void)state;
    char path[4096], hex[41];
    uint32_t n;
    struct fh_error e = {0};
    box_open();
    struct fh_buf p = mill_start(1);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_finish(&p);
    assert_int_equal(index_bytes(&p, path, &n, &e), FH_UNAVAILABLE); /* there is no folder */
    assert_non_null(strstr(e.msg, "cannot be stored"));
    fh_hex_encode(p.data + p.len - 20, 20, hex);
    box_run("mkdir -p in/pack-%s.idx/x", hex);
    assert_int_equal(index_bytes(&p, path, &n, &e), FH_UNAVAILABLE);
    box_run("test \"$(ls in)\" = pack-%s.idx", hex);
    fh_buf_free(&p);
    box_close();
}

static void a_pack_that_holds_an_object_twice_is_refused(void **state)
{
    (void)state;
    uint8_t id[20];
    size_t at;
    struct fh_buf same = mill_copies(4, 4);
    box_open();
    box_run("mkdir in");
    mill_hash("blob", "abcd", 4, id);
    struct fh_buf p = mill_start(2);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_finish(&p);
    assert_index_refuses(&p, "an object twice");
    for (int by_id = 0; by_id < 2; by_id++) { /* whole, and as a delta on itself */
        p = mill_start(2);
        at = p.len;
        mill_whole(&p, WIRE_BLOB, "abcd", 4);
        if (by_id)
            mill_ref_delta(&p, id, same.data, same.len);
        else
            mill_ofs_delta(&p, at, same.data, same.len);
        mill_finish(&p);
        assert_index_refuses(&p, "an object twice");
    }
    fh_buf_free(&same);
    box_close();
}

static void many_doubles_below_many_deltas_take_no_time(void **state)
{
    (void)state;
    enum { HALF = FH_MAX_PUSH_OBJECTS / 2 };
    uint8_t id[20];
    box_open();
    box_run("mkdir in");
    struct fh_buf p = mill_start(2 * HALF);
    mill_hash("blob", "abcd", 4, id);
    for (int i = 0; i < HALF; i++)
        mill_whole(&p, WIRE_BLOB, "abcd", 4);
    for (unsigned i = 0; i < HALF; i++) {
        uint8_t delta[6] = {4, 2, 2, (uint8_t)i, (uint8_t)(i >> 8)};
        mill_ref_delta(&p, id, delta, 5);
    }
    mill_finish(&p);
    int64_t start = fh_ticks_ms();
    assert_index_refuses(&p, "an object twice");
    print_message("%d doubles and %d deltas: %ld ms\n", HALF, HALF, (long)(fh_ticks_ms() - start));
    box_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thin_pack_is_refused_and_leaves_nothing),
        cmocka_unit_test(chains_of_ref_deltas_are_held_to_the_same_depth),
        cmocka_unit_test(a_ring_of_ref_deltas_is_refused),
        cmocka_unit_test(a_pack_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(a_pack_with_a_changed_byte_is_refused_or_indexed_as_by_git),
        cmocka_unit_test(what_does_not_fit_the_format_is_refused_in_words),
        cmocka_unit_test(a_file_that_is_shorter_than_said_or_over_two_gibibytes_is_not_mapped),
        cmocka_unit_test(where_nothing_can_be_written_it_is_said_and_nothing_is_left),
        cmocka_unit_test(a_pack_that_holds_an_object_twice_is_refused),
        cmocka_unit_test(many_doubles_below_many_deltas_take_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
