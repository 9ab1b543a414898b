/* Locks: written as the official client writes them, read back, and used again. */
#include "common/lock.h"
#include "manifestbox.h"

#include <stdio.h>

#define HOST "x86_64-linux"

static const struct fh_lock *lock(const char *text)
{
    struct fh_error e;
    const struct fh_lock *l = NULL;
    if (fh_lock_parse(arena, text, strlen(text), "manifest.lock", &l, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return l;
}

static const char *made(const char *toml, const struct fh_lock *previous)
{
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    if (fh_lock_make(arena, manifest(toml), previous, HOST, &b, &e) != FH_OK)
        fail_msg("%s", e.msg);
    const char *text = fh_strdup(arena, b.data);
    fh_buf_free(&b);
    return text;
}

static const char *refusal(const char *toml, const struct fh_lock *previous, fh_err expected)
{
    struct fh_error e = {.msg = ""};
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    assert_int_equal(fh_lock_make(arena, manifest(toml), previous, HOST, &b, &e), expected);
    assert_int_equal(b.len, 0);
    fh_buf_free(&b);
    return fh_strdup(arena, e.msg);
}

static void locks_of_empty_environments_are_as_the_official_client_writes_them(void **state)
{
    (void)state;
    assert_string_equal(
        made(NEWEST "[install]\n[vars]\n[hook]\n[profile]\n[options]\n", NULL),
        "{\n  \"lockfile-version\": 1,\n  \"manifest\": {\n    \"schema-version\": \"1.15.0\",\n"
        "    \"hook\": {},\n    \"profile\": {},\n    \"options\": {}\n  },\n  \"packages\": []\n}\n");
    assert_string_equal(
        made(NEWEST, NULL),
        "{\n  \"lockfile-version\": 1,\n  \"manifest\": {\n    \"schema-version\": \"1.15.0\",\n"
        "    \"options\": {}\n  },\n  \"packages\": []\n}\n");
    assert_string_equal(made("version = 1\n", NULL), "{\n  \"lockfile-version\": 1,\n  \"manifest\": {\n"
                                                     "    \"version\": 1,\n    \"options\": {}\n  },\n"
                                                     "  \"packages\": []\n}\n");
}

/* One package locked for one system, as an entry of a lock. */
#define ENTRY(id, group, system, more)                                                                       \
    "{\"attr_path\":\"" id "\",\"derivation\":\"/nix/store/d-" id "-" system ".drv\",\"install_id\":\"" id   \
    "\",\"locked_url\":\"u\",\"name\":\"" id "-1\",\"pname\":\"" id                                          \
    "\",\"rev\":\"r\",\"rev_count\":1,\"rev_date\":\"t\",\"scrape_date\":\"t\",\"version\":\"1\"," more      \
    "\"outputs_to_install\":[\"out\"],\"outputs\":{\"out\":\"/nix/store/o-" id "\",\"man\":\"/nix/store/m\"" \
    "},\"system\":\"" system "\",\"group\":\"" group "\",\"priority\":5}"
#define LOCK(install, packages)                                                                              \
    "{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\",\"install\":{" install              \
    "},\"options\":{\"systems\":[\"aarch64-linux\",\"x86_64-linux\"]}},\"packages\":[" packages "]}"
#define TWO_SYSTEMS NEWEST "options.systems = [\"aarch64-linux\", \"x86_64-linux\"]\n"

static const struct fh_lock *two_locked(void)
{
    return lock(LOCK("\"a\":{\"pkg-path\":\"a\"},\"b\":{\"pkg-path\":\"b\",\"pkg-group\":\"g\"}",
                     ENTRY("a", "toplevel", "aarch64-linux", "") "," ENTRY(
                         "a", "toplevel", "x86_64-linux",
                         "\"license\":\"MIT\",") "," ENTRY("b", "g", "aarch64-linux",
                                                           "") "," ENTRY("b", "g", "x86_64-linux",
                                                                         "\"unfree\":true,\"x\":[1],")));
}

static void a_lock_is_read_with_its_packages(void **state)
{
    (void)state;
    const struct fh_lock *l = two_locked();
    assert_int_equal(l->npackages, 4);
    const struct fh_lock_package *p = &l->packages[3];
    assert_int_equal(p->kind, FH_PACKAGE_CATALOG);
    assert_string_equal(p->install_id, "b");
    assert_string_equal(p->group, "g");
    assert_string_equal(p->system, "x86_64-linux");
    assert_int_equal(p->unfree, 1);
    assert_int_equal(p->broken, -1);
    assert_int_equal(p->noutputs, 2);
    assert_string_equal(p->outputs[0].name, "man");
    assert_string_equal(p->outputs_to_install.items[0], "out");
    assert_false(l->composed);
    assert_true(fh_lock_fits(l, manifest(TWO_SYSTEMS "[install]\na.pkg-path = 'a'\nb.pkg-path = 'b'\n"
                                                     "b.pkg-group = 'g'\n")));
    assert_false(fh_lock_fits(l, manifest(TWO_SYSTEMS "[install]\na.pkg-path = 'a'\nb.pkg-path = 'b'\n")));
}

static void packages_are_used_again_while_path_group_and_version_stay(void **state)
{
    (void)state;
    const struct fh_lock *old = two_locked();
    const struct fh_lock *l =
        lock(made(TWO_SYSTEMS "vars.A = '1'\n[install]\nb.pkg-path = 'b'\nb.pkg-group = 'g'\nb.priority = 3\n"
                              "a.pkg-path = 'a'\na.outputs = 'all'\n",
                  old));
    assert_int_equal(l->npackages, 4);
    assert_string_equal(l->packages[0].install_id, "b"); /* groups are sorted: g, toplevel */
    assert_int_equal(l->packages[0].priority, 3);
    assert_int_equal(l->packages[2].priority, 5);
    assert_non_null(json_object_get(l->packages[1].json, "x"));
    l = lock(made(NEWEST "options.systems = ['x86_64-linux']\ninstall.a.pkg-path = 'a'", old));
    assert_int_equal(l->npackages, 1);
    assert_string_equal(l->packages[0].derivation, "/nix/store/d-a-x86_64-linux.drv");
}

static void what_only_a_catalog_can_lock_is_refused_and_named(void **state)
{
    (void)state;
    const struct fh_lock *old = two_locked();
    const char *a = TWO_SYSTEMS "install.a.pkg-path = 'a'\n";
    assert_non_null(
        strstr(refusal(fh_sprintf(arena, "%sinstall.c.pkg-path = 'c'\n", a), old, FH_UNAVAILABLE), "'c'"));
    assert_non_null(
        strstr(refusal(fh_sprintf(arena, "%sinstall.a.version = '2'\n", a), old, FH_UNAVAILABLE), "'a'"));
    assert_non_null(strstr(
        refusal(fh_sprintf(arena, "%sinstall.a.pkg-group = 'toplevel'\n", a), old, FH_UNAVAILABLE), "'a'"));
    assert_non_null(strstr(refusal(NEWEST "install.a.pkg-path = 'a'", old, FH_UNAVAILABLE), "'a'"));
    assert_non_null(strstr(refusal(NEWEST "install.a.flake = 'github:a/b'", NULL, FH_UNAVAILABLE), "'a'"));
    assert_non_null(strstr(refusal(NEWEST "include.environments = [{ dir = '../x' }]", NULL, FH_INVALID),
                           "includes 1 others"));
}

static void what_the_options_forbid_is_refused_also_when_it_was_locked(void **state)
{
    (void)state;
    const struct fh_lock *old = two_locked();
    const char *both =
        TWO_SYSTEMS "install.a.pkg-path = 'a'\ninstall.b = { pkg-path = 'b', pkg-group = 'g' }\n";
    assert_string_equal(
        refusal(fh_sprintf(arena, "%soptions.allow.unfree = false\n", both), old, FH_MISMATCH),
        "The package 'b' has an unfree license.\n\nAllow unfree packages by setting "
        "'options.allow.unfree = true' in manifest.toml");
    assert_non_null(
        strstr(refusal(fh_sprintf(arena, "%soptions.allow.licenses = ['X']\n", both), old, FH_MISMATCH),
               "has license 'MIT' which is not in the list"));
    made(fh_sprintf(arena, "%soptions.allow.licenses = []\n", both), old);
    assert_non_null(strstr(refusal(fh_sprintf(arena, "%sinstall.b.systems = ['x86_64-darwin']\n",
                                              TWO_SYSTEMS "install.b.pkg-path = 'b'\n"),
                                   old, FH_MISMATCH),
                           "'b' specifies disabled or unknown system 'x86_64-darwin' (enabled systems: "
                           "aarch64-linux, x86_64-linux).\n\nAdd 'x86_64-darwin' to 'options.systems'"));
}

static void a_store_path_is_locked_for_each_of_its_systems(void **state)
{
    (void)state;
    const struct fh_lock *l = lock(made(TWO_SYSTEMS "install.p.store-path = '/nix/store/x'\n", NULL));
    assert_int_equal(l->npackages, 2);
    assert_int_equal(l->packages[0].kind, FH_PACKAGE_STORE_PATH);
    assert_string_equal(l->packages[1].store_path, "/nix/store/x");
    assert_string_equal(l->packages[1].system, "x86_64-linux");
    assert_int_equal(l->packages[1].priority, 5);
}

static void a_composed_lock_fits_the_manifest_that_composes(void **state)
{
    (void)state;
    const struct fh_lock *l =
        lock("{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\",\"vars\":{\"A\":\"1\"},"
             "\"options\":"
             "{}},\"packages\":[],\"compose\":{\"composer\":{\"schema-version\":\"1.15.0\",\"options\":{},"
             "\"include\":"
             "{\"environments\":[{\"remote\":\"a/b\"}]}},\"include\":[],\"warnings\":[]}}");
    assert_true(l->composed);
    assert_int_equal(l->manifest->vars.count, 1);
    assert_int_equal(l->user->nincludes, 1);
    assert_true(fh_lock_fits(l, manifest(NEWEST "include.environments = [{ remote = 'a/b' }]")));
    assert_false(fh_lock_fits(l, manifest(NEWEST "vars.A = '1'")));
}

static void nulls_are_read_as_absent(void **state)
{
    (void)state;
    const struct fh_lock *l =
        lock("{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\",\"hook\":null,"
             "\"options\":{\"systems\":null}},\"packages\":[],\"compose\":null}");
    assert_true(fh_lock_fits(l, manifest(NEWEST)));
}

static void refused(const char *text, const char *part)
{
    struct fh_error e = {.msg = ""};
    const struct fh_lock *l;
    assert_int_equal(fh_lock_parse(arena, text, strlen(text), "manifest.lock", &l, &e), FH_INVALID);
    if (!strstr(e.msg, part))
        fail_msg("'%s' does not mention '%s'", e.msg, part);
}

static void what_is_not_a_lock_is_refused_with_a_reason(void **state)
{
    (void)state;
    refused("x", "manifest.lock:1:1");
    refused("[]", "lockfile-version");
    refused("{\"lockfile-version\":2}", "lockfile-version 2");
    refused("{\"lockfile-version\":1}", "not a JSON object");
    refused("{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\",\"x\":1},\"packages\":[]}",
            "unknown field `x`");
    refused("{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\"}}", "'packages'");
    refused("{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\"},\"packages\":[5]}",
            "entry 0");
    refused("{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\"},\"packages\":[],"
            "\"compose\":{}}",
            "not a JSON object");
    refused(LOCK("", "{\"install_id\":\"a\",\"store_path\":5,\"system\":\"s\"}"),
            "neither a catalog package");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(locks_of_empty_environments_are_as_the_official_client_writes_them),
        CASE(a_lock_is_read_with_its_packages),
        CASE(packages_are_used_again_while_path_group_and_version_stay),
        CASE(what_only_a_catalog_can_lock_is_refused_and_named),
        CASE(what_the_options_forbid_is_refused_also_when_it_was_locked),
        CASE(a_store_path_is_locked_for_each_of_its_systems),
        CASE(a_composed_lock_fits_the_manifest_that_composes),
        CASE(nulls_are_read_as_absent),
        CASE(what_is_not_a_lock_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
