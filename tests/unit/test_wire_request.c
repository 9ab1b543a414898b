/* Requests as git clients send them, and what a hostile one might. The transcripts are those of git 2.39 and
 * 2.53 (docs: git-environments §6), written as text: one line per pkt-line, "." a flush, ":" a delimiter. */
#include "common/ceilings.h"
#include "common/pkt.h"
#include "server/git/wire_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define OID_A "36e190fffff99fe21c726495cfc477cdbe5dc139"
#define OID_B "685a3d2891950c2db2e095177bb73d2ecc4b8435"
#define ZERO  "0000000000000000000000000000000000000000"

struct fixture {
    struct fh_arena *arena;
    struct fh_buf bytes;
    struct fh_error e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = fh_arena_new();
    fh_buf_init(&f->bytes, 8 * 1024 * 1024);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fh_arena_free(f->arena);
    fh_buf_free(&f->bytes);
    free(f);
    return 0;
}

static void add_line(struct fixture *f, const char *line, size_t n)
{
    fh_err rc;
    if (n == 1 && *line == '.')
        rc = fh_pkt_add_flush(&f->bytes, NULL);
    else if (n == 1 && *line == ':')
        rc = fh_pkt_add_delim(&f->bytes, NULL);
    else
        rc = fh_pkt_addf(&f->bytes, NULL, "%.*s\n", (int)n, line);
    assert_int_equal(rc, FH_OK);
}

static void say(struct fixture *f, const char *lines)
{
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        add_line(f, lines, n);
        lines += n;
        lines += *lines == '\n';
    }
}

static fh_err v2(struct fixture *f, const char *lines, struct wire_v2 *out)
{
    fh_buf_clear(&f->bytes);
    say(f, lines);
    return wire_request_v2(f->arena, f->bytes.data, f->bytes.len, out, &f->e);
}

static fh_err v0(struct fixture *f, const char *lines, struct wire_fetch *out)
{
    fh_buf_clear(&f->bytes);
    say(f, lines);
    return wire_request_v0(f->arena, f->bytes.data, f->bytes.len, out, &f->e);
}

static void assert_oid(const struct fh_oid *oid, const char *want)
{
    char hex[FH_OID_HEX + 1];
    fh_oid_format(oid, hex);
    assert_string_equal(hex, want);
}

static void the_version_is_found_among_other_keys(void **state)
{
    (void)state;
    assert_int_equal(wire_request_version(NULL), 0);
    assert_int_equal(wire_request_version(""), 0);
    assert_int_equal(wire_request_version("version=1"), 0);
    assert_int_equal(wire_request_version("version=2"), 2);
    assert_int_equal(wire_request_version("object-format=sha1:version=2"), 2);
    assert_int_equal(wire_request_version("version=2:x"), 2);
    assert_int_equal(wire_request_version("version=20"), 0);
}

static void the_listing_of_a_clone_is_understood(void **state)
{
    struct wire_v2 r;
    assert_int_equal(v2(*state,
                        "command=ls-refs\nagent=git/2.53.0-Linux\nobject-format=sha1\n:\npeel\nsymrefs\n"
                        "unborn\nref-prefix refs/heads/\nref-prefix refs/tags/\nref-prefix web\n"
                        "ref-prefix refs/web\nref-prefix refs/tags/web\nref-prefix refs/heads/web\n"
                        "ref-prefix refs/remotes/web\nref-prefix refs/remotes/web/HEAD\n.",
                        &r),
                     FH_OK);
    assert_int_equal(r.command, WIRE_LS_REFS);
    assert_true(r.ls_refs.peel && r.ls_refs.symrefs && r.ls_refs.unborn && !r.ls_refs.too_many);
    assert_int_equal(r.ls_refs.nprefixes, 8);
    assert_string_equal(r.ls_refs.prefixes[5], "refs/heads/web");
}

static void a_listing_without_arguments_needs_no_delimiter(void **state)
{
    struct wire_v2 r;
    assert_int_equal(v2(*state, "command=ls-refs\n.", &r), FH_OK);
    assert_int_equal(r.command, WIRE_LS_REFS);
    assert_int_equal(r.ls_refs.nprefixes, 0);
}

static void prefixes_over_the_ceiling_are_told(void **state)
{
    struct fixture *f = *state;
    say(f, "command=ls-refs\n:");
    for (int i = 0; i <= FH_MAX_REF_PREFIXES; i++)
        say(f, "ref-prefix refs/heads/x");
    say(f, ".");
    struct wire_v2 r;
    assert_int_equal(wire_request_v2(f->arena, f->bytes.data, f->bytes.len, &r, &f->e), FH_OK);
    assert_true(r.ls_refs.too_many);
    assert_int_equal(r.ls_refs.nprefixes, FH_MAX_REF_PREFIXES);
}

static void the_fetch_of_a_clone_is_understood(void **state)
{
    struct wire_v2 r;
    assert_int_equal(v2(*state,
                        "command=fetch\nagent=git/2.39.5\nobject-format=sha1\n:\nthin-pack\nno-progress\n"
                        "include-tag\nofs-delta\nwant " OID_A "\nwant " OID_A "\ndone\n.",
                        &r),
                     FH_OK);
    assert_int_equal(r.command, WIRE_FETCH);
    assert_int_equal(r.fetch.nwants, 1);
    assert_oid(&r.fetch.wants[0], OID_A);
    assert_true(r.fetch.done && r.fetch.ofs_delta);
    assert_int_equal(r.fetch.nhaves, 0);
}

static void haves_keep_their_order(void **state)
{
    struct wire_v2 r;
    assert_int_equal(v2(*state, "command=fetch\n:\nwant " OID_A "\nhave " OID_B "\nhave " OID_A "\n.", &r),
                     FH_OK);
    assert_false(r.fetch.done || r.fetch.ofs_delta);
    assert_int_equal(r.fetch.nhaves, 2);
    assert_oid(&r.fetch.haves[0], OID_B);
    assert_oid(&r.fetch.haves[1], OID_A);
}

static void a_lone_flush_asks_nothing(void **state)
{
    struct wire_v2 r;
    struct wire_fetch fetch;
    assert_int_equal(v2(*state, ".", &r), FH_OK);
    assert_int_equal(r.command, WIRE_NO_COMMAND);
    assert_int_equal(v0(*state, ".", &fetch), FH_OK);
    assert_int_equal(fetch.nwants, 0);
}

static void what_is_not_offered_is_refused_by_name(void **state)
{
    static const struct {
        const char *request, *said;
    } cases[] = {
        {"command=object-info\n.", "object-info"},
        {"command=fetch\nserver-option=x\n.", "server-option=x"},
        {"command=fetch\nobject-format=sha256\n.", "sha256"},
        {"command=fetch\n:\nwant " OID_A "\ndeepen 1\ndone\n.", "shallow clones (deepen)"},
        {"command=fetch\n:\nshallow " OID_A "\n.", "shallow clones (shallow)"},
        {"command=fetch\n:\nwant " OID_A "\nfilter blob:none\ndone\n.", "filter"},
        {"command=fetch\n:\nwant-ref refs/heads/web\n.", "want-ref"},
        {"command=fetch\n:\nsideband-all\n.", "sideband-all"},
        {"command=fetch\n:\nwait-for-done\n.", "wait-for-done"},
        {"command=ls-refs\n:\nwant " OID_A "\n.", "want"},
        {"command=fetch\ncommand=ls-refs\n.", "two commands"},
        {"agent=x\n.", "no command"},
        {"command=fetch\n.", "wants nothing"},
        {"command=fetch\n:\nwant " OID_A "0\n.", "no object id"},
        {"command=fetch\n:\nwant web\n.", "no object id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *f = *state;
        struct wire_v2 r;
        assert_int_equal(v2(f, cases[i].request, &r), FH_INVALID);
        assert_non_null(strstr(f->e.msg, cases[i].said));
    }
}

static void what_is_cut_is_refused(void **state)
{
    struct fixture *f = *state;
    struct wire_v2 r;
    struct wire_fetch fetch;
    assert_int_equal(v2(f, "command=fetch\n:\nwant " OID_A "\ndone", &r), FH_INVALID);
    assert_int_equal(v2(f, "command=fetch", &r), FH_INVALID);
    assert_int_equal(v2(f, "command=fetch\n:\n:\n.", &r), FH_INVALID);
    assert_int_equal(v0(f, "want " OID_A, &fetch), FH_INVALID);
    assert_int_equal(v0(f, "want " OID_A "\n.\nhave " OID_B, &fetch), FH_INVALID);
}

static void text_that_is_quoted_is_made_printable(void **state)
{
    struct fixture *f = *state;
    struct wire_v2 r;
    assert_int_equal(v2(f, "command=\033[31mx\x80\n.", &r), FH_INVALID);
    assert_non_null(strstr(f->e.msg, "\"?[31mx?\""));
}

static void more_wants_than_the_ceiling_are_refused_and_more_haves_left_out(void **state)
{
    struct fixture *f = *state;
    say(f, "command=fetch\n:");
    for (int i = 0; i <= FH_MAX_WANTS; i++)
        assert_int_equal(fh_pkt_addf(&f->bytes, NULL, "want %040x\n", (unsigned)i), FH_OK);
    say(f, ".");
    struct wire_v2 r;
    assert_int_equal(wire_request_v2(f->arena, f->bytes.data, f->bytes.len, &r, &f->e), FH_TOO_LARGE);

    fh_buf_clear(&f->bytes);
    say(f, "command=fetch\n:\nwant " OID_A);
    for (int i = 0; i <= FH_MAX_HAVES; i++)
        assert_int_equal(fh_pkt_addf(&f->bytes, NULL, "have %040x\n", (unsigned)i), FH_OK);
    say(f, ".");
    assert_int_equal(wire_request_v2(f->arena, f->bytes.data, f->bytes.len, &r, &f->e), FH_OK);
    assert_int_equal(r.fetch.nhaves, FH_MAX_HAVES);
}

static void version_0_takes_capabilities_from_the_first_want(void **state)
{
    struct wire_fetch r;
    assert_int_equal(v0(*state,
                        "want " OID_A " multi_ack_detailed no-done side-band-64k thin-pack ofs-delta "
                        "agent=git/2.39.5\nwant " OID_B "\n.\ndone",
                        &r),
                     FH_OK);
    assert_true(r.multi_ack_detailed && r.no_done && r.side_band_64k && r.ofs_delta && r.done);
    assert_int_equal(r.nwants, 2);

    assert_int_equal(v0(*state, "want " OID_A "\n.\nhave " OID_B "\n.", &r), FH_OK);
    assert_false(r.multi_ack_detailed || r.no_done || r.side_band_64k || r.ofs_delta || r.done);
    assert_int_equal(r.nhaves, 1);
    assert_int_equal(v0(*state, "want " OID_A "\ndeepen 1\n.", &r), FH_INVALID);
    assert_int_equal(v0(*state, "want " OID_A "\nwant " OID_B " ofs-delta\n.\ndone", &r), FH_INVALID);
}

static fh_err push(struct fixture *f, const char *command, size_t n, const char *behind,
                   struct wire_push *out)
{
    fh_buf_clear(&f->bytes);
    assert_int_equal(fh_pkt_add(&f->bytes, command, n, NULL), FH_OK);
    assert_int_equal(fh_buf_add_str(&f->bytes, behind, NULL), FH_OK);
    return wire_request_push(f->arena, f->bytes.data, f->bytes.len, out, &f->e);
}

static void a_push_is_understood(void **state)
{
    static const char line[] = ZERO " " OID_A " refs/heads/web\0 report-status-v2 side-band-64k quiet "
                                    "object-format=sha1 agent=git/2.39.5";
    struct fixture *f = *state;
    struct wire_push p;
    assert_int_equal(push(f, line, sizeof line - 1, "0000PACK", &p), FH_OK);
    assert_int_equal(p.nupdates, 1);
    assert_true(fh_oid_is_zero(&p.updates[0].old_tip));
    assert_oid(&p.updates[0].new_tip, OID_A);
    assert_string_equal(p.updates[0].ref, "refs/heads/web");
    assert_true(p.report_status && p.side_band_64k);
    assert_memory_equal(f->bytes.data + p.pack_offset, "PACK", 4);
    assert_int_equal(p.pack_offset, f->bytes.len - 4);
}

static void the_probe_of_a_large_push_holds_no_update(void **state)
{
    struct fixture *f = *state;
    struct wire_push p;
    assert_int_equal(wire_request_push(f->arena, "0000", 4, &p, &f->e), FH_OK);
    assert_int_equal(p.nupdates, 0);
}

static void several_updates_are_all_told(void **state)
{
    static const char line[] = ZERO " " OID_A " refs/heads/web\0report-status";
    struct fixture *f = *state;
    assert_int_equal(fh_pkt_add(&f->bytes, line, sizeof line - 1, NULL), FH_OK);
    say(f, OID_A " " ZERO " refs/heads/x\n.");
    struct wire_push p;
    assert_int_equal(wire_request_push(f->arena, f->bytes.data, f->bytes.len, &p, &f->e), FH_OK);
    assert_int_equal(p.nupdates, 2);
    assert_true(fh_oid_is_zero(&p.updates[1].new_tip));
    assert_string_equal(p.updates[1].ref, "refs/heads/x");
    assert_false(p.side_band_64k);
}

static void a_line_that_is_no_update_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "shallow " OID_A,
        ZERO " " OID_A,
        ZERO " " OID_A " ",
        ZERO "-" OID_A " refs/heads/x",
        ZERO " " OID_A "x refs/heads/x",
        ZERO " " OID_A " refs/heads/\033[2J",
        "push-cert\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wire_push p;
        assert_int_equal(push(*state, bad[i], strlen(bad[i]), "0000", &p), FH_INVALID);
    }
    static const char atomic[] = ZERO " " OID_A " refs/heads/x\0 report-status atomic";
    struct wire_push p;
    assert_int_equal(push(*state, atomic, sizeof atomic - 1, "0000", &p), FH_INVALID);
    assert_int_equal(push(*state, ZERO " " OID_A " refs/heads/x", 94, "", &p), FH_INVALID);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_version_is_found_among_other_keys),
        CASE(the_listing_of_a_clone_is_understood),
        CASE(a_listing_without_arguments_needs_no_delimiter),
        CASE(prefixes_over_the_ceiling_are_told),
        CASE(the_fetch_of_a_clone_is_understood),
        CASE(haves_keep_their_order),
        CASE(a_lone_flush_asks_nothing),
        CASE(what_is_not_offered_is_refused_by_name),
        CASE(what_is_cut_is_refused),
        CASE(text_that_is_quoted_is_made_printable),
        CASE(more_wants_than_the_ceiling_are_refused_and_more_haves_left_out),
        CASE(version_0_takes_capabilities_from_the_first_want),
        CASE(a_push_is_understood),
        CASE(the_probe_of_a_large_push_holds_no_update),
        CASE(several_updates_are_all_told),
        CASE(a_line_that_is_no_update_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
