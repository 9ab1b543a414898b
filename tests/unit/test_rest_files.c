/* The files and the change of a request that makes a generation; the difference of two. What is tested over
 * the wire (tests/e2e/test_rest_env.py) is not repeated here. */
#include "server/rest/rest_change.h"
#include "server/rest/rest_diff.h"
#include "server/rest/rest_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fh_arena *a;

static int open_arena(void **state)
{
    (void)state;
    a = fh_arena_new();
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    fh_arena_free(a);
    return 0;
}

static const char bare[] = "schema-version = \"1.15.0\"\n";

#define PACKAGE(id, system, version)                                                                         \
    "{\"attr_path\":\"" id "\",\"derivation\":\"/nix/store/x-" version ".drv\",\"install_id\":\"" id         \
    "\",\"locked_url\":\"u\",\"name\":\"" id "\",\"pname\":\"" id "\",\"version\":\"" version                \
    "\",\"outputs\":{},\"system\":\"" system "\",\"group\":\"toplevel\",\"priority\":5}"
#define LOCK(install, packages)                                                                              \
    "{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\",\"install\":{" install              \
    "},\"options\":{}},\"packages\":[" packages "]}"

static struct wire_file file(const char *text)
{
    return (struct wire_file){.bytes = text, .n = text ? strlen(text) : 0};
}

static void assert_refused(const char *manifest, const char *lock, const char *why)
{
    struct wire_files files;
    struct fh_error e = {0};
    assert_int_equal(rest_files_check(a, manifest, lock, NULL, &files, &e), FH_MISMATCH);
    if (!strstr(e.msg, why))
        fail_msg("not \"%s\": %s", why, e.msg);
}

static void files_that_do_not_do_are_refused_with_their_place(void **state)
{
    (void)state;
    assert_refused("", NULL, "manifest.toml");
    assert_refused("schema-version = \"1.15.0\"\n\n[options]\nsystem = []\n", NULL, "manifest.toml:4:1: ");
    assert_refused("schema-version = \"9.0\"\n", NULL, "manifest.toml:1:18: ");
    assert_refused(bare, "{\"lockfile-version\":1}", "manifest.lock");
    assert_refused(bare, "{\"lockfile-version\":2,\"manifest\":{},\"packages\":[]}", "only version 1");
    assert_refused("schema-version = \"1.15.0\"\n[install]\nx.flake = \"github:a/b\"\n", NULL, "'x'");
    assert_refused("schema-version = \"1.15.0\"\n[include]\nenvironments = [{ remote = \"a/b\" }]\n", NULL,
                   "send its manifest.lock");
}

static void a_lock_is_made_where_no_catalog_is_needed(void **state)
{
    (void)state;
    static const char stored[] =
        "schema-version = \"1.15.0\"\n[install]\nx.store-path = \"/nix/store/x-1\"\n";
    struct wire_files files;
    struct fh_error e;
    assert_int_equal(rest_files_check(a, stored, NULL, NULL, &files, &e), FH_OK);
    assert_ptr_equal(files.manifest.bytes, stored);
    assert_int_equal(files.manifest.n, sizeof stored - 1);
    assert_non_null(strstr(files.lock.bytes, "\"store_path\": \"/nix/store/x-1\""));
    assert_int_equal(files.lock.n, strlen(files.lock.bytes));
    struct wire_file previous = files.lock;
    assert_int_equal(rest_files_check(a, stored, NULL, &previous, &files, &e), FH_OK);
    assert_ptr_equal(files.lock.bytes, previous.bytes); /* the very same bytes serve again */
    previous = file("no lock at all");
    assert_int_equal(rest_files_check(a, stored, NULL, &previous, &files, &e), FH_OK);
    assert_non_null(strstr(files.lock.bytes, "lockfile-version"));
}

static fh_err read_change(const char *text, struct fh_change *out)
{
    struct fh_error e;
    json_t *json = NULL;
    if (text)
        assert_int_equal(fh_json_parse(text, strlen(text), "change", &json, &e), FH_OK);
    *out = (struct fh_change){0};
    fh_err rc = rest_change_read(a, json ? fh_json_own(a, json) : NULL, out, &e);
    if (rc != FH_OK)
        assert_non_null(strstr(e.msg, "change"));
    return rc;
}

static void a_change_is_one_of_the_known_kinds_in_lines_of_text(void **state)
{
    (void)state;
    struct fh_change c;
    assert_int_equal(read_change(NULL, &c), FH_OK);
    assert_int_equal(c.kind, FH_CHANGE_EDIT);
    assert_int_equal(read_change("{\"kind\":\"install\",\"targets\":[\"a (a)\",\"b (b@1)\"]}", &c), FH_OK);
    assert_string_equal(fh_change_text(a, &c), "installed packages 'a (a)', 'b (b@1)'");
    assert_int_equal(read_change("{\"kind\":\"upgrade\"}", &c), FH_OK);
    assert_string_equal(fh_change_text(a, &c), "upgraded all packages");
    assert_int_equal(read_change("{\"kind\":\"other\",\"summary\":\"héllo ✓\"}", &c), FH_OK);
    assert_string_equal(fh_change_text(a, &c), "héllo ✓");
    static const char *const wrong[] = {
        "{}",
        "{\"kind\":\"import\"}",
        "{\"kind\":\"initialize\"}",
        "{\"kind\":\"switch_generation\"}",
        "{\"kind\":\"edit\",\"summary\":\"x\"}",
        "{\"kind\":\"edit\",\"author\":\"root\"}",
        "{\"kind\":\"install\",\"targets\":[]}",
        "{\"kind\":\"install\",\"targets\":[\"\"]}",
        "{\"kind\":\"install\",\"targets\":{\"a\":1}}",
        "{\"kind\":\"other\",\"summary\":\"\"}",
        "{\"kind\":\"other\",\"summary\":\"a\\u0007\"}",
        "{\"kind\":\"other\",\"summary\":\"a\\u009b\"}",
        "{\"kind\":\"other\",\"summary\":\"a\\u007f\"}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (read_change(wrong[i], &c) != FH_INVALID)
            fail_msg("taken: %s", wrong[i]);
}

static json_t *diff_of(const char *from, const char *to)
{
    struct wire_files old = {.manifest = file(bare), .lock = file(from)},
                      new = {.manifest = file(bare), .lock = file(to)};
    struct fh_error e;
    json_t *out = NULL;
    assert_int_equal(rest_diff_json(a, &old, &new, &out, &e), FH_OK);
    return fh_json_own(a, out);
}

static void packages_are_compared_by_id_and_system(void **state)
{
    (void)state;
    json_t *d = json_object_get(
        diff_of(LOCK("", PACKAGE("a", "s1", "1") "," PACKAGE("a", "s2", "1") "," PACKAGE("b", "s1", "1")),
                LOCK("", PACKAGE("c", "s1", "1") "," PACKAGE("b", "s1", "2") "," PACKAGE("a", "s2", "1"))),
        "packages");
    char *text = json_dumps(d, JSON_COMPACT);
    json_t *added = json_object_get(d, "added"), *removed = json_object_get(d, "removed"),
           *changed = json_object_get(d, "changed");
    if (json_array_size(added) != 1 || json_array_size(removed) != 1 || json_array_size(changed) != 1)
        fail_msg("%s", text);
    assert_string_equal(fh_json_string(json_array_get(added, 0), "id"), "c");
    assert_string_equal(fh_json_string(json_array_get(removed, 0), "system"), "s1");
    assert_string_equal(fh_json_string(json_object_get(json_array_get(changed, 0), "to"), "version"), "2");
    free(text);
    assert_true(json_is_null(json_object_get(diff_of(NULL, LOCK("", "")), "packages")));
    assert_true(json_is_null(json_object_get(diff_of("{}", LOCK("", "")), "packages")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_that_do_not_do_are_refused_with_their_place, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(a_lock_is_made_where_no_catalog_is_needed, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_change_is_one_of_the_known_kinds_in_lines_of_text, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(packages_are_compared_by_id_and_system, open_arena, close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
