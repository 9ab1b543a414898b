/* Reading what stands in a git repository that is not ours. */
#include "common/ceilings.h"
#include "server/git/wire_foreign.h"
#include "server/git/wire_import.h"
#include "server/git/wire_scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define OID_A "36e190fffff99fe21c726495cfc477cdbe5dc139"
#define OID_B "685a3d2891950c2db2e095177bb73d2ecc4b8435"

struct fixture {
    struct fh_arena *arena;
    struct fh_buf out;
    struct fh_error e;
    char dir[64];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->arena = fh_arena_new();
    fh_buf_init(&f->out, FH_MAX_OBJECT + 1);
    snprintf(f->dir, sizeof f->dir, "/tmp/floe-foreign-XXXXXX");
    *state = f;
    return mkdtemp(f->dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int rc = wire_remove_tree(f->dir, NULL) ? 0 : -1;
    fh_arena_free(f->arena);
    fh_buf_free(&f->out);
    free(f);
    return rc;
}

static void put(const struct fixture *f, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    for (char *slash = path + strlen(f->dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0700);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static fh_err open_it(struct fixture *f, struct wire_foreign *out)
{
    return wire_foreign_open(f->arena, f->dir, out, &f->e);
}

static void bare(const struct fixture *f)
{
    put(f, "HEAD", "ref: refs/heads/main\n");
    put(f, "objects/info/packs", "");
}

static void a_loose_ref_counts_more_than_a_packed_one(void **state)
{
    struct fixture *f = *state;
    struct wire_foreign r;
    char hex[FH_OID_HEX + 1];
    bare(f);
    put(f, "packed-refs",
        "# pack-refs with: peeled fully-peeled sorted \n" OID_A " refs/heads/web\n" OID_A
        " refs/heads/api\n" OID_A " refs/tags/v1\n^" OID_B "\n");
    put(f, "refs/heads/web", OID_B "\n");
    assert_int_equal(open_it(f, &r), FH_OK);
    assert_int_equal(r.branches.n, 2);
    assert_string_equal(r.branches.items[0].name, "api");
    assert_string_equal(r.branches.items[1].name, "web");
    fh_oid_format(&r.branches.items[1].tip, hex);
    assert_string_equal(hex, OID_B);
}

static void a_symbolic_branch_has_the_tip_of_its_target(void **state)
{
    struct fixture *f = *state;
    struct wire_foreign r;
    bare(f);
    put(f, "refs/heads/a", "ref: refs/heads/b\n");
    put(f, "refs/heads/b", OID_A "\n");
    assert_int_equal(open_it(f, &r), FH_OK);
    assert_true(fh_oid_equal(&r.branches.items[0].tip, &r.branches.items[1].tip));
    put(f, "refs/heads/b", "ref: refs/heads/a\n");
    assert_int_equal(open_it(f, &r), FH_INVALID);
    assert_non_null(strstr(f->e.msg, "points to no branch"));
}

static void a_work_tree_and_a_linked_one_lead_to_the_same_repository(void **state)
{
    struct fixture *f = *state;
    struct wire_foreign r;
    put(f, "main/.git/HEAD", "ref: refs/heads/web\n");
    put(f, "main/.git/objects/info/packs", "");
    put(f, "main/.git/refs/heads/web", OID_A "\n");
    put(f, "main/.git/worktrees/two/HEAD", "ref: refs/heads/web\n");
    put(f, "main/.git/worktrees/two/commondir", "../..\n");
    put(f, "two/.git", fh_sprintf(f->arena, "gitdir: %s/main/.git/worktrees/two\n", f->dir));
    const char *const dirs[] = {"main", "two"};
    for (size_t i = 0; i < 2; i++) {
        const char *dir = fh_sprintf(f->arena, "%s/%s", f->dir, dirs[i]);
        assert_int_equal(wire_foreign_open(f->arena, dir, &r, &f->e), FH_OK);
        assert_int_equal(r.branches.n, 1);
    }
}

static void alternates_are_followed_and_never_in_a_circle(void **state)
{
    struct fixture *f = *state;
    struct wire_foreign r;
    bare(f);
    put(f, "objects/info/alternates", fh_sprintf(f->arena, "# one\n%s/other/objects\n", f->dir));
    put(f, "other/objects/info/alternates", fh_sprintf(f->arena, "%s/objects\n", f->dir));
    assert_int_equal(open_it(f, &r), FH_OK);
    assert_int_equal(r.nfolders, 2);
}

static void what_is_not_read_is_refused_with_what_to_do(void **state)
{
    struct fixture *f = *state;
    struct wire_foreign r;
    assert_int_equal(open_it(f, &r), FH_NOT_FOUND);
    bare(f);
    put(f, "packed-refs",
        "0000000000000000000000000000000000000000000000000000000000000001 refs/heads/web\n");
    assert_int_equal(open_it(f, &r), FH_INVALID);
    assert_non_null(strstr(f->e.msg, "SHA-256"));
    put(f, "shallow", OID_A "\n");
    assert_int_equal(open_it(f, &r), FH_INVALID);
    assert_non_null(strstr(f->e.msg, "--unshallow"));
    unlink(fh_sprintf(f->arena, "%s/shallow", f->dir));
    put(f, "reftable/tables.list", "");
    assert_int_equal(open_it(f, &r), FH_INVALID);
    assert_non_null(strstr(f->e.msg, "reftable"));
}

static void a_branch_that_holds_no_id_is_named(void **state)
{
    struct fixture *f = *state;
    struct wire_foreign r;
    bare(f);
    put(f, "refs/heads/web", "rubbish\n");
    assert_int_equal(open_it(f, &r), FH_INVALID);
    assert_non_null(strstr(f->e.msg, "branch web"));
}

static fh_err parse_loose(struct fixture *f, const char *text, size_t n, enum wire_type *type)
{
    uLongf size = compressBound(n);
    uint8_t *bytes = fh_alloc(f->arena, size);
    assert_int_equal(compress(bytes, &size, (const Bytef *)text, n), Z_OK);
    return wire_loose_parse(bytes, size, type, &f->out, &f->e);
}

static void a_loose_object_gives_its_type_and_bytes(void **state)
{
    struct fixture *f = *state;
    enum wire_type type;
    char *large = fh_alloc(f->arena, 100000);
    assert_int_equal(parse_loose(f, "tree 5\0hello", 12, &type), FH_OK);
    assert_int_equal(type, WIRE_TREE);
    assert_string_equal(f->out.data, "hello");
    assert_int_equal(parse_loose(f, "blob 0", 7, &type), FH_OK);
    assert_int_equal(f->out.len, 0);
    int head = snprintf(large, 100000, "blob 90000");
    assert_int_equal(parse_loose(f, large, (size_t)head + 1 + 90000, &type), FH_OK);
    assert_int_equal(f->out.len, 90000);
}

static void a_loose_object_that_lies_about_itself_is_refused(void **state)
{
    struct fixture *f = *state;
    enum wire_type type;
    assert_int_equal(parse_loose(f, "blob 4\0hello", 12, &type), FH_INVALID);
    assert_int_equal(parse_loose(f, "blob 6\0hello", 12, &type), FH_INVALID);
    assert_int_equal(parse_loose(f, "blob 05\0hello", 13, &type), FH_INVALID);
    assert_int_equal(parse_loose(f, "blub 5\0hello", 12, &type), FH_INVALID);
    assert_int_equal(parse_loose(f, "blob 5", 6, &type), FH_INVALID);
    assert_int_equal(parse_loose(f, "blob 99999999\0hello", 19, &type), FH_TOO_LARGE);
    assert_int_equal(wire_loose_parse("rubbish", 7, &type, &f->out, &f->e), FH_INVALID);
}

static void export_notes_are_taken_where_they_make_sense(void **state)
{
    struct fixture *f = *state;
    struct wire_export_note *notes;
    size_t n;
    static const char text[] =
        "{\"environments\": [{\"name\": \"web\", \"visibility\": \"private\", \"created_at\": "
        "\"2026-01-02T03:04:05Z\"}, {\"name\": \"api\", \"visibility\": \"secret\", \"created_at\": "
        "\"yesterday\"}, {\"visibility\": \"public\"}, 7]}";
    assert_int_equal(wire_export_parse(f->arena, text, sizeof text - 1, &notes, &n, &f->e), FH_OK);
    assert_int_equal(n, 2);
    assert_int_equal(notes[0].visibility, STORE_PRIVATE);
    assert_int_equal(notes[0].created_at, 1767323045);
    assert_int_equal(notes[1].visibility, 0);
    assert_int_equal(notes[1].created_at, 0);
    assert_int_equal(wire_export_parse(f->arena, "{}", 2, &notes, &n, &f->e), FH_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_loose_ref_counts_more_than_a_packed_one),
        TEST(a_symbolic_branch_has_the_tip_of_its_target),
        TEST(a_work_tree_and_a_linked_one_lead_to_the_same_repository),
        TEST(alternates_are_followed_and_never_in_a_circle),
        TEST(what_is_not_read_is_refused_with_what_to_do),
        TEST(a_branch_that_holds_no_id_is_named),
        TEST(a_loose_object_gives_its_type_and_bytes),
        TEST(a_loose_object_that_lies_about_itself_is_refused),
        TEST(export_notes_are_taken_where_they_make_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
