/* The pre-scan against sound and hostile packs: each is refused in words, at once, in little memory. */
#include "packmill.h"

#include "common/ceilings.h"
#include "common/clock.h"
#include "server/git/wire_guard.h"
#include "server/git/wire_pack.h"

#include <sys/resource.h>

enum { MAX_MS = 2000, MAX_RSS_KIB = 8 * 1024 };

static long rss_kib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

static fh_err scan(const struct fh_buf *pack, struct wire_scan *out, struct fh_error *e)
{
    int fd = mill_fd("junk before", 11);
    assert_int_equal(write(fd, pack->data, pack->len), pack->len);
    fh_err rc = wire_guard_scan(fd, 11, pack->len, out, e);
    close(fd);
    return rc;
}

static void assert_refused(struct fh_buf *pack, fh_err code, const char *words)
{
    struct wire_scan found;
    struct fh_error e = {0};
    int64_t start = fh_ticks_ms();
    long before = rss_kib();
    fh_err rc = scan(pack, &found, &e);
    if (rc != code || !strstr(e.msg, words))
        fail_msg("wanted %s and \"%s\", got %s: %s", fh_err_name(code), words, fh_err_name(rc), e.msg);
    assert_true(fh_ticks_ms() - start < MAX_MS);
#ifndef FLOE_SANITIZED
    /* The pack itself is in memory once more, for the scan to read. */
    assert_true(rss_kib() - before < MAX_RSS_KIB + (long)(pack->len / 1024));
#else
    (void)before;
#endif
    fh_buf_free(pack);
}

static void a_sound_pack_is_let_through_with_its_counts(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(3);
    struct wire_scan found;
    struct fh_error e;
    uint8_t base[20];
    mill_hash("blob", "hello world, hello", 18, base);
    size_t at = p.len;
    mill_whole(&p, WIRE_BLOB, "hello world, hello", 18);
    struct fh_buf d = mill_copies(18, 30);
    mill_ofs_delta(&p, at, d.data, d.len);
    mill_ref_delta(&p, base, d.data, d.len);
    mill_finish(&p);
    if (scan(&p, &found, &e) != FH_OK)
        fail_msg("%s", e.msg);
    assert_int_equal(found.objects, 3);
    assert_int_equal(found.bytes, p.len);
    assert_int_equal(found.inflated, 18 + 2 * (30 + d.len));
    assert_memory_equal(found.checksum, p.data + p.len - 20, 20);
    fh_buf_free(&p);
    fh_buf_free(&d);
}

static void a_pack_of_nothing_is_sound(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(0);
    struct wire_scan found;
    struct fh_error e;
    mill_finish(&p);
    assert_int_equal(scan(&p, &found, &e), FH_OK);
    assert_int_equal(found.objects, 0);
    fh_buf_free(&p);
}

static void a_ref_delta_may_come_before_its_base(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(2), d = mill_copies(4, 8);
    struct wire_scan found;
    struct fh_error e;
    uint8_t base[20];
    mill_hash("blob", "abcd", 4, base);
    mill_ref_delta(&p, base, d.data, d.len);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_finish(&p);
    assert_int_equal(scan(&p, &found, &e), FH_OK);
    fh_buf_free(&p);
    fh_buf_free(&d);
}

static void four_billion_claimed_objects_are_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(UINT32_MAX);
    mill_finish(&p);
    assert_refused(&p, FH_INVALID, "more objects than can be in it");
}

static void more_objects_than_the_ceiling_are_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(FH_MAX_PUSH_OBJECTS + 1);
    for (int i = 0; i <= FH_MAX_PUSH_OBJECTS; i++)
        mill_whole(&p, WIRE_BLOB, &i, sizeof i);
    mill_finish(&p);
    assert_refused(&p, FH_TOO_LARGE, "objects; at most");
}

/* 2 GiB of zeros in 2 MB: a block of them, closed by a full flush, again and again. */
static void add_two_gib_of_zeros(struct fh_buf *p)
{
    enum { BLOCK = 16 * 1024 * 1024 };
    uint8_t *zeros = fh_xcalloc(1, BLOCK), *out = fh_xmalloc(BLOCK / 64);
    z_stream z = {0};
    assert_int_equal(deflateInit(&z, 9), Z_OK);
    z.next_in = zeros;
    z.avail_in = BLOCK;
    z.next_out = out;
    z.avail_out = BLOCK / 64;
    assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
    mill_add(p, out, z.total_out);
    for (int i = 1; i < 128; i++)
        mill_add(p, out + 2, z.total_out - 2);
    deflateEnd(&z);
    free(zeros);
    free(out);
    assert_true(p->len > 2000000 && p->len < 3000000);
}

static void two_gib_of_zeros_are_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(1);
    mill_header(&p, WIRE_BLOB, (uint64_t)2 << 30);
    add_two_gib_of_zeros(&p);
    mill_finish(&p);
    assert_refused(&p, FH_TOO_LARGE, "an object of more than 16 MiB");
}

static void two_gib_that_declare_five_bytes_are_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(1);
    mill_header(&p, WIRE_BLOB, 5);
    add_two_gib_of_zeros(&p);
    mill_finish(&p);
    assert_refused(&p, FH_INVALID, "size is not what it declares");
}

static void an_entry_shorter_than_it_declares_is_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(1);
    mill_header(&p, WIRE_BLOB, 6);
    mill_deflate(&p, "five!", 5);
    mill_finish(&p);
    assert_refused(&p, FH_INVALID, "size is not what it declares");
}

static void a_delta_to_one_gib_is_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(2), d = mill_copies(65536, (uint64_t)1 << 30);
    size_t at = p.len;
    uint8_t *block = fh_xcalloc(1, 65536);
    mill_whole(&p, WIRE_BLOB, block, 65536);
    mill_ofs_delta(&p, at, d.data, d.len);
    mill_finish(&p);
    free(block);
    fh_buf_free(&d);
    assert_refused(&p, FH_TOO_LARGE, "an object of more than 16 MiB");
}

static void deltas_over_the_whole_packs_ceiling_are_refused(void **state)
{
    (void)state;
    enum { N = 20, EACH = 16 * 1024 * 1024 };
    struct fh_buf p = mill_start(N + 1), d = mill_copies(65536, EACH);
    size_t at = p.len;
    uint8_t *block = fh_xcalloc(1, 65536);
    mill_whole(&p, WIRE_BLOB, block, 65536);
    for (int i = 0; i < N; i++)
        mill_ofs_delta(&p, at, d.data, d.len);
    mill_finish(&p);
    free(block);
    fh_buf_free(&d);
    assert_refused(&p, FH_TOO_LARGE, "more than 256 MiB of objects");
}

static void twenty_deltas_to_64_mib_are_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(21), d = mill_copies(65536, 64 << 20);
    size_t at = p.len;
    uint8_t *block = fh_xcalloc(1, 65536);
    mill_whole(&p, WIRE_BLOB, block, 65536);
    for (int i = 0; i < 20; i++)
        mill_ofs_delta(&p, at, d.data, d.len);
    mill_finish(&p);
    free(block);
    fh_buf_free(&d);
    assert_refused(&p, FH_TOO_LARGE, "an object of more than 16 MiB");
}

static void bytes_behind_the_last_object_are_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(1);
    mill_whole(&p, WIRE_BLOB, "x", 1);
    mill_add(&p, "garbage", 7);
    mill_finish(&p);
    assert_refused(&p, FH_INVALID, "bytes behind its last object");
}

static void a_wrong_checksum_is_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(1);
    mill_whole(&p, WIRE_BLOB, "x", 1);
    mill_finish(&p);
    p.data[p.len - 1] ^= 1;
    assert_refused(&p, FH_INVALID, "checksum is wrong");
}

static void a_pack_that_was_cut_is_refused_at_every_length(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(2), d = mill_copies(300, 500);
    uint8_t bytes[300];
    fh_random(bytes, sizeof bytes);
    size_t at = p.len;
    mill_whole(&p, WIRE_BLOB, bytes, sizeof bytes);
    mill_ofs_delta(&p, at, d.data, d.len);
    mill_finish(&p);
    for (size_t n = 0; n < p.len; n++) {
        struct fh_buf cut = p;
        struct wire_scan found;
        struct fh_error e;
        cut.len = n;
        assert_int_equal(scan(&cut, &found, &e), FH_INVALID);
    }
    fh_buf_free(&p);
    fh_buf_free(&d);
}

static void a_delta_whose_base_stands_before_the_pack_is_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(2), d = mill_copies(4, 8);
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_ofs_delta(&p, 13, d.data, d.len); /* in the middle of the first entry */
    mill_finish(&p);
    assert_refused(&p, FH_INVALID, "base is not in the pack");
    p = mill_start(1);
    mill_header(&p, WIRE_OFS_DELTA, d.len);
    mill_add(&p, "\xff\xff\xff\x7f", 4);
    mill_deflate(&p, d.data, d.len);
    mill_finish(&p);
    fh_buf_free(&d);
    assert_refused(&p, FH_INVALID, "base is not in the pack");
}

static struct fh_buf chain_of(uint32_t deltas)
{
    struct fh_buf p = mill_start(deltas + 1), d = mill_copies(4, 4);
    size_t at = p.len, next;
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    for (uint32_t i = 0; i < deltas; i++, at = next) {
        next = p.len;
        mill_ofs_delta(&p, at, d.data, d.len);
    }
    mill_finish(&p);
    fh_buf_free(&d);
    return p;
}

static void a_chain_of_64_deltas_is_taken_and_one_of_65_refused(void **state)
{
    (void)state;
    struct fh_buf p = chain_of(64);
    struct wire_scan found;
    struct fh_error e;
    assert_int_equal(scan(&p, &found, &e), FH_OK);
    fh_buf_free(&p);
    p = chain_of(65);
    assert_refused(&p, FH_INVALID, "chain of more than 64 deltas");
}

static void assert_delta_refused(const char *delta, size_t n)
{
    struct fh_buf p = mill_start(2);
    size_t at = p.len;
    mill_whole(&p, WIRE_BLOB, "abcd", 4);
    mill_ofs_delta(&p, at, delta, n);
    mill_finish(&p);
    assert_refused(&p, FH_INVALID, "do not fit its sizes");
}

static void a_delta_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    assert_delta_refused("\x05\x04\x90\x04", 4);         /* another base's size */
    assert_delta_refused("\x04\x05\x90\x04", 4);         /* makes too little */
    assert_delta_refused("\x04\x03\x90\x04", 4);         /* makes too much */
    assert_delta_refused("\x04\x04\x91\x01\x04", 5);     /* reads past the base */
    assert_delta_refused("\x04\x04\x00", 3);             /* the reserved instruction */
    assert_delta_refused("\x04\x04\x04\x61", 4);         /* literals cut short */
    assert_delta_refused("\x04\x04\x9f\x00\x00\x00", 6); /* arguments cut short */
    assert_delta_refused("\x84\x84", 2);                 /* no sizes */
    assert_delta_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x04", 12);
}

static void what_is_no_pack_of_version_2_is_refused(void **state)
{
    (void)state;
    struct fh_buf p = mill_start(0);
    mill_finish(&p);
    p.data[0] = 'K';
    assert_refused(&p, FH_INVALID, "not a pack");
    p = mill_start(0);
    mill_finish(&p);
    p.data[7] = 3;
    assert_refused(&p, FH_INVALID, "not of version 2");
    p = mill_start(1);
    mill_whole(&p, 5, "x", 1);
    mill_finish(&p);
    assert_refused(&p, FH_INVALID, "unknown type");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_pack_is_let_through_with_its_counts),
        cmocka_unit_test(a_pack_of_nothing_is_sound),
        cmocka_unit_test(a_ref_delta_may_come_before_its_base),
        cmocka_unit_test(four_billion_claimed_objects_are_refused),
        cmocka_unit_test(more_objects_than_the_ceiling_are_refused),
        cmocka_unit_test(two_gib_of_zeros_are_refused),
        cmocka_unit_test(two_gib_that_declare_five_bytes_are_refused),
        cmocka_unit_test(an_entry_shorter_than_it_declares_is_refused),
        cmocka_unit_test(a_delta_to_one_gib_is_refused),
        cmocka_unit_test(deltas_over_the_whole_packs_ceiling_are_refused),
        cmocka_unit_test(twenty_deltas_to_64_mib_are_refused),
        cmocka_unit_test(bytes_behind_the_last_object_are_refused),
        cmocka_unit_test(a_wrong_checksum_is_refused),
        cmocka_unit_test(a_pack_that_was_cut_is_refused_at_every_length),
        cmocka_unit_test(a_delta_whose_base_stands_before_the_pack_is_refused),
        cmocka_unit_test(a_chain_of_64_deltas_is_taken_and_one_of_65_refused),
        cmocka_unit_test(a_delta_that_does_not_fit_is_refused),
        cmocka_unit_test(what_is_no_pack_of_version_2_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
