/* Licenses and package URLs as SPDX documents have them, and the names by which derivations are found. */
#include "tests/unit/arenabox.h"

#include "server/catalog/sbom.h"
#include "server/catalog/spdx_license.h"
#include "server/store/derivation_name.h"

/* What a text is as an expression; NULL: none. */
static const struct {
    const char *text, *expression;
} licenses[] = {
    {"MIT", "MIT"},
    {"mit", "MIT"},
    {"  MIT ", "MIT"},
    {"0BSD", "0BSD"},
    {"ZPL-2.1", "ZPL-2.1"},
    {"GPL-2.0", "GPL-2.0"},
    {"gpl-2.0+", "GPL-2.0+"},
    {"GPL-2.0-ONLY", "GPL-2.0-only"},
    {"[ MIT ]", "MIT"},
    {"[MIT OR isc]", "MIT OR ISC"},
    {"(MIT)", "(MIT)"},
    {"MIT OR(ISC AND Zlib)", "MIT OR (ISC AND Zlib)"},
    {"(MIT)AND(ISC)", "(MIT) AND (ISC)"},
    {"Apache-2.0 WITH llvm-exception OR MIT", "Apache-2.0 WITH LLVM-exception OR MIT"},
    {"((((((((((((((((MIT))))))))))))))))", "((((((((((((((((MIT))))))))))))))))"},
    {"(((((((((((((((((MIT)))))))))))))))))", NULL},
    {"", NULL},
    {" ", NULL},
    {"[ ]", NULL},
    {"[", NULL},
    {"[ MIT, ISC ]", NULL},
    {"[ [ MIT ] ]", NULL},
    {"MIT ISC", NULL},
    {"MIT AND", NULL},
    {"AND MIT", NULL},
    {"MIT and ISC", NULL},
    {"MIT OR OR ISC", NULL},
    {"(MIT", NULL},
    {"MIT)", NULL},
    {"()", NULL},
    {"MIT WITH ISC", NULL},
    {"LLVM-exception", NULL},
    {"(MIT) WITH LLVM-exception", NULL},
    {"MIT WITH LLVM-exception WITH LLVM-exception", NULL},
    {"MI", NULL},
    {"MITX", NULL},
    {"MIT+", NULL},
    {"Unfree", NULL},
    {"NONE", NULL},
    {"NOASSERTION", NULL},
    {"LicenseRef-MIT", NULL},
    {"MIT\tOR\tISC", NULL},
    {"MIT ISC-Veillard", NULL},
};

static void test_licenses_are_expressions_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof licenses / sizeof *licenses; i++) {
        const char *got = catalog_spdx_license(arena, licenses[i].text);
        if (!licenses[i].expression && got)
            fail_msg("\"%s\" is \"%s\"", licenses[i].text, got);
        if (licenses[i].expression && (!got || strcmp(got, licenses[i].expression) != 0))
            fail_msg("\"%s\" is \"%s\", not \"%s\"", licenses[i].text, got ? got : "none",
                     licenses[i].expression);
    }
    assert_null(catalog_spdx_license(arena, NULL));
}

static void test_package_urls_encode_what_stands_for_something_else(void **state)
{
    (void)state;
    assert_string_equal(sbom_purl(arena, "hello", "2.12.3", "abc"),
                        "pkg:nix/nixpkgs/hello@2.12.3?commit=abc");
    assert_string_equal(sbom_purl(arena, "a.b", NULL, NULL), "pkg:nix/nixpkgs/a.b");
    assert_string_equal(sbom_purl(arena, "a.\"@b/c\"", "1~2+3 @?", ""),
                        "pkg:nix/nixpkgs/a.%22%40b%2Fc%22@1~2%2B3%20%40%3F");
}

static void test_names_are_behind_the_hash_and_before_the_ending(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
    } table[] = {
        {"/nix/store/6cp643dzvlxxpkgbg5kzmwj47sam9zs2-hello-2.12.drv", "hello-2.12"},
        {"/nix/store/6cp643dzvlxxpkgbg5kzmwj47sam9zs2-hello-2.12-man", "hello-2.12-man"},
        {"6cp643dzvlxxpkgbg5kzmwj47sam9zs2-hello", "hello"},
        {"/nix/store/6cp643dzvlxxpkgbg5kzmwj47sam9zs-hello.drv", "6cp643dzvlxxpkgbg5kzmwj47sam9zs-hello"},
        {"/nix/store/6CP643dzvlxxpkgbg5kzmwj47sam9zs2-hello", "6CP643dzvlxxpkgbg5kzmwj47sam9zs2-hello"},
        {"/nix/store/6cp643dzvlxxpkgbg5kzmwj47sam9zs2-", ""},
        {"/nix/store/6cp643dzvlxxpkgbg5kzmwj47sam9zs2-.drv", ""},
        {"a.drv.drv", "a.drv"},
        {".drv", ""},
        {"", ""},
        {"/", ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *name;
        size_t n;
        store_drv_name(table[i].path, &name, &n);
        assert_int_equal(n, strlen(table[i].name));
        assert_memory_equal(name, table[i].name, n);
    }
}

/* Of the first and of the second test vector of FNV-1a; the database's own is held against it by
 * test_sbom.py. */
static void test_the_key_of_a_name_is_its_hash(void **state)
{
    (void)state;
    uint8_t key[STORE_NAME_KEY];
    store_name_key("", 0, key);
    assert_memory_equal(key, "\x81\x1c\x9d\xc5", sizeof key);
    store_name_key("foobar", 6, key);
    assert_memory_equal(key, "\xbf\x9c\xf9\x68", sizeof key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_licenses_are_expressions_or_none),
        CASE(test_package_urls_encode_what_stands_for_something_else),
        CASE(test_names_are_behind_the_hash_and_before_the_ending),
        CASE(test_the_key_of_a_name_is_its_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
