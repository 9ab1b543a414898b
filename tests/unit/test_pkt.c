/* pkt-lines and side-bands. */
#include "common/ceilings.h"
#include "common/mem.h"
#include "common/pkt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fh_pkt_reader reader(const char *text)
{
    return (struct fh_pkt_reader){text, text + strlen(text)};
}

static void a_line_is_read_with_and_without_its_newline(void **state)
{
    (void)state;
    struct fh_pkt_reader r = reader("0008done0009peel\n0000");
    struct fh_pkt p;
    assert_int_equal(fh_pkt_next(&r, &p, NULL), FH_OK);
    assert_true(fh_pkt_is(&p, "done"));
    assert_int_equal(p.len, 4);
    assert_int_equal(fh_pkt_next(&r, &p, NULL), FH_OK);
    assert_true(fh_pkt_is(&p, "peel"));
    assert_int_equal(p.len, 5);
    assert_int_equal(fh_pkt_text_len(&p), 4);
    assert_int_equal(fh_pkt_next(&r, &p, NULL), FH_OK);
    assert_int_equal(p.kind, FH_PKT_FLUSH);
    assert_int_equal(fh_pkt_next(&r, &p, NULL), FH_OK);
    assert_int_equal(p.kind, FH_PKT_EOF);
}

static void the_special_lengths_are_told_apart(void **state)
{
    (void)state;
    struct fh_pkt_reader r = reader("0000000100020004");
    enum fh_pkt_kind want[] = {FH_PKT_FLUSH, FH_PKT_DELIM, FH_PKT_END, FH_PKT_DATA, FH_PKT_EOF};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct fh_pkt p;
        assert_int_equal(fh_pkt_next(&r, &p, NULL), FH_OK);
        assert_int_equal(p.kind, want[i]);
        assert_int_equal(p.len, 0);
    }
}

static void a_malformed_or_cut_line_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"0", "000", "0003", "00zz", "-004", "0x04", "0009done", "fff1", "ffff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fh_pkt_reader r = reader(bad[i]);
        struct fh_pkt p;
        struct fh_error e = {0};
        assert_int_equal(fh_pkt_next(&r, &p, &e), FH_INVALID);
        assert_true(strlen(e.msg) > 0);
    }
}

static void the_rest_behind_a_prefix_leaves_the_newline_out(void **state)
{
    (void)state;
    struct fh_pkt p = {FH_PKT_DATA, "want abc\n", 9};
    size_t n = 0;
    const char *rest = fh_pkt_after(&p, "want ", &n);
    assert_non_null(rest);
    assert_int_equal(n, 3);
    assert_memory_equal(rest, "abc", 3);
    assert_null(fh_pkt_after(&p, "have ", &n));
    p.kind = FH_PKT_FLUSH;
    assert_null(fh_pkt_after(&p, "want ", &n));
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct fh_buf b = FH_BUF_INIT(4096);
    assert_int_equal(fh_pkt_addf(&b, NULL, "want %s\n", "abc"), FH_OK);
    assert_int_equal(fh_pkt_add_delim(&b, NULL), FH_OK);
    assert_int_equal(fh_pkt_add(&b, "a\0b", 3, NULL), FH_OK);
    assert_int_equal(fh_pkt_add_flush(&b, NULL), FH_OK);
    assert_memory_equal(b.data,
                        "000dwant abc\n0001"
                        "0007a\0b"
                        "0000",
                        b.len);
    assert_int_equal(b.len, 13 + 4 + 7 + 4);
    fh_buf_free(&b);
}

static void a_band_is_cut_into_lines_that_git_takes(void **state)
{
    (void)state;
    size_t n = FH_MAX_SIDEBAND * 2 + 1;
    char *bytes = fh_xcalloc(1, n);
    struct fh_buf b = FH_BUF_INIT(n + 100);
    assert_int_equal(fh_pkt_add_band(&b, 1, bytes, n, NULL), FH_OK);
    struct fh_pkt_reader r = {b.data, b.data + b.len};
    size_t want[] = {FH_MAX_SIDEBAND + 1, FH_MAX_SIDEBAND + 1, 2};
    for (size_t i = 0; i < 3; i++) {
        struct fh_pkt p;
        assert_int_equal(fh_pkt_next(&r, &p, NULL), FH_OK);
        assert_int_equal(p.len, want[i]);
        assert_int_equal(p.data[0], 1);
    }
    assert_ptr_equal(r.at, r.end);
    fh_buf_free(&b);
    free(bytes);
}

static void a_line_over_the_protocols_limit_is_not_written(void **state)
{
    (void)state;
    char *bytes = fh_xcalloc(1, FH_MAX_PKT);
    struct fh_buf b = FH_BUF_INIT(4 * FH_MAX_PKT);
    assert_int_equal(fh_pkt_add(&b, bytes, FH_MAX_PKT - 3, NULL), FH_TOO_LARGE);
    assert_int_equal(b.len, 0);
    assert_int_equal(fh_pkt_add(&b, bytes, FH_MAX_PKT - 4, NULL), FH_OK);
    assert_memory_equal(b.data, "fff0", 4);
    fh_buf_free(&b);
    free(bytes);
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    (void)state;
    struct fh_buf b = FH_BUF_INIT(10);
    assert_int_equal(fh_pkt_addf(&b, NULL, "%s", "four"), FH_OK);
    assert_int_equal(fh_pkt_addf(&b, NULL, "%s", "four"), FH_TOO_LARGE);
    assert_int_equal(b.len, 8);
    fh_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_read_with_and_without_its_newline),
        cmocka_unit_test(the_special_lengths_are_told_apart),
        cmocka_unit_test(a_malformed_or_cut_line_is_refused),
        cmocka_unit_test(the_rest_behind_a_prefix_leaves_the_newline_out),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_band_is_cut_into_lines_that_git_takes),
        cmocka_unit_test(a_line_over_the_protocols_limit_is_not_written),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
