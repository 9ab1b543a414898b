/* Packages as they are typed, and as they go into the text of a manifest and out of it: exactly the lines
 * that have to, however the manifest is written. */
#include "arenabox.h"

#include "client/pkgedit.h"
#include "common/toml_json.h"

#include <stdio.h>

static struct pkgspec spec(const char *word)
{
    struct pkgspec s;
    struct fh_error e;
    if (pkgspec_parse(arena, word, &s, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return s;
}

static const char *refusal(const char *word)
{
    struct pkgspec s;
    struct fh_error e = {.msg = ""};
    assert_int_equal(pkgspec_parse(arena, word, &s, &e), FH_INVALID);
    return fh_strdup(arena, e.msg);
}

/* -- words */

static void a_word_names_a_path_a_version_or_outputs(void **state)
{
    (void)state;
    static const struct {
        const char *word, *id, *path, *version;
        bool custom;
    } cases[] = {
        {"hello", "hello", "hello", NULL, false},
        {"foo.bar@=1.2.3", "bar", "foo.bar", "=1.2.3", false},
        {"hello@2.12", "hello", "hello", "2.12", false},
        {"nodejs@>=18 <21", "nodejs", "nodejs", ">=18 <21", false},
        {"rubyPackages.\"http_parser.rb\"", "\"http_parser.rb\"", "rubyPackages.\"http_parser.rb\"", NULL,
         false},
        {"nodePackages.@angular/cli", "cli", "nodePackages.@angular/cli", NULL, false},
        {"nodePackages.@angular@1.2.3", "@angular", "nodePackages.@angular", "1.2.3", false},
        {"@1.2.3", "3", "@1.2.3", NULL, false},
        {"@pkg@version", "@pkg", "@pkg", "version", false},
        {"acme/greeter", "greeter", "acme/greeter", NULL, true},
        {"acme/set.pkg@1", "pkg", "acme/set.pkg", "1", true},
        {"acme/category/pkg", "pkg", "acme/category/pkg", NULL, true},
        {"curl@8^man", "curl", "curl", "8^man", false}, /* with a version, no outputs */
        {"foo.", "foo", "foo.", NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pkgspec s = spec(cases[i].word);
        assert_int_equal(s.kind, FH_PACKAGE_CATALOG);
        assert_string_equal(s.id, cases[i].id);
        assert_string_equal(s.path, cases[i].path);
        assert_string_equal(s.version ? s.version : "-", cases[i].version ? cases[i].version : "-");
        assert_int_equal(s.outputs, FH_OUTPUTS_DEFAULT);
        assert_int_equal(fh_is_custom_path(s.path), cases[i].custom);
    }
    struct pkgspec s = spec("curl^out, man,dev");
    assert_int_equal(s.outputs, FH_OUTPUTS_LIST);
    assert_int_equal(s.output_names.count, 3);
    assert_string_equal(s.output_names.items[1], "man");
    assert_string_equal(s.output_names.items[2], "dev");
    assert_int_equal(spec("curl^..").outputs, FH_OUTPUTS_ALL);
    assert_string_equal(pkgspec_text(arena, &s), "curl (curl)");
    s = spec("foo.bar@1");
    assert_string_equal(pkgspec_text(arena, &s), "bar (foo.bar@1)");
}

static void store_paths_and_flakes_are_told_apart(void **state)
{
    (void)state;
    struct pkgspec s = spec("/nix/store/0wgbcxqvngwz6irw1b5sscw8j7g3zi91-apache-httpd-2.0.48/bin/httpd");
    assert_int_equal(s.kind, FH_PACKAGE_STORE_PATH);
    assert_string_equal(s.id, "apache-httpd");
    assert_string_equal(s.path, "/nix/store/0wgbcxqvngwz6irw1b5sscw8j7g3zi91-apache-httpd-2.0.48");
    assert_string_equal(spec("/nix/store/hash-hello").id, "hello");
    assert_int_equal(spec("github:nixos/nixpkgs#curl").kind, FH_PACKAGE_FLAKE);
    assert_int_equal(spec("git+https://x/y").kind, FH_PACKAGE_FLAKE);
    assert_non_null(strstr(refusal("/nix/store/hash"), "store path must contain a package name"));
    assert_non_null(strstr(refusal("/"), "store path must be in the '/nix/store' directory"));
    assert_non_null(strstr(refusal("./not-there"), "cannot resolve path"));
}

static void what_is_no_package_is_refused_with_a_reason(void **state)
{
    (void)state;
    assert_non_null(strstr(refusal("foo@"),
                           "Expected version requirement after '@'.\nTry adding quotes around "
                           "the argument."));
    assert_non_null(strstr(refusal("foo^"), "expected output specification after '^'"));
    assert_non_null(strstr(refusal("foo.\"bar.baz@1"), "unclosed quote"));
    assert_non_null(strstr(refusal(""), "attribute path is empty"));
    assert_non_null(strstr(refusal("."), "attribute path is empty"));
    assert_string_equal(refusal("."), "couldn't parse descriptor '.': attribute path is empty");
}

/* -- texts */

static const char *added(const char *text, const char *word)
{
    struct pkgedit ed = {.arena = arena, .text = text, .n = strlen(text)};
    struct pkgspec s = spec(word);
    struct fh_error e;
    if (pkgedit_add(&ed, &s, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return fh_strndup(arena, ed.text, ed.n);
}

#define HEAD "schema-version = \"1.15.0\" # s\n\n## packages\n[install] # here\n"
#define TAIL "# gum.pkg-path = \"gum\"\n\n[vars]\na = '1'\n"

static void a_package_is_one_line_behind_the_others(void **state)
{
    (void)state;
    assert_string_equal(added(HEAD TAIL, "hello"), HEAD "hello.pkg-path = \"hello\"\n" TAIL);
    assert_string_equal(added(HEAD "a.pkg-path = 'a'\n" TAIL, "hello@2.12"),
                        HEAD "a.pkg-path = 'a'\nhello.pkg-path = \"hello\"\nhello.version = \"2.12\"\n" TAIL);
    assert_string_equal(added(HEAD TAIL, "curl^out,man"),
                        HEAD "curl.pkg-path = \"curl\"\ncurl.outputs = [\"out\", \"man\"]\n" TAIL);
    assert_string_equal(added(HEAD TAIL, "curl^.."),
                        HEAD "curl.pkg-path = \"curl\"\ncurl.outputs = \"all\"\n" TAIL);
    assert_string_equal(added(HEAD TAIL, "acme/greeter"),
                        HEAD "greeter.pkg-path = \"acme/greeter\"\ngreeter.pkg-group = \"greeter\"\n" TAIL);
    assert_string_equal(added(HEAD TAIL, "rubyPackages.\"http_parser.rb\""),
                        HEAD "'\"http_parser.rb\"'.pkg-path = 'rubyPackages.\"http_parser.rb\"'\n" TAIL);
    assert_string_equal(added(HEAD TAIL, "/nix/store/hash-hello-1"),
                        HEAD "hello.store-path = \"/nix/store/hash-hello-1\"\n" TAIL);
    assert_string_equal(added("schema-version = \"1.15.0\"\n", "hello"),
                        "schema-version = \"1.15.0\"\n\n[install]\nhello.pkg-path = \"hello\"\n");
    struct pkgedit ed = {.arena = arena, .text = HEAD TAIL, .n = strlen(HEAD TAIL)};
    struct pkgspec s = spec("alice/greet");
    static const char *const systems[] = {"aarch64-linux", "x86_64-linux"};
    s.has_systems = true;
    s.systems = (struct fh_strings){.count = 2, .items = systems};
    assert_int_equal(pkgedit_add(&ed, &s, NULL), FH_OK);
    assert_string_equal(ed.text, HEAD "greet.pkg-path = \"alice/greet\"\ngreet.pkg-group = \"greet\"\n"
                                      "greet.systems = [\"aarch64-linux\", \"x86_64-linux\"]\n" TAIL);
}

static void a_removed_packages_comment_is_above_the_next(void **state)
{
    (void)state;
    const char *text =
        HEAD "a.pkg-path = 'a'\n# why b\nb.pkg-path = 'b' # b\nb.version = '1'\nc.pkg-path = 'c'\n" TAIL;
    struct pkgedit ed = {.arena = arena, .text = text, .n = strlen(text)};
    assert_int_equal(pkgedit_remove(&ed, "b", NULL), FH_OK);
    assert_string_equal(ed.text, HEAD "a.pkg-path = 'a'\n# why b\nc.pkg-path = 'c'\n" TAIL);
    struct fh_error e;
    assert_int_equal(pkgedit_remove(&ed, "b", &e), FH_NOT_FOUND);
}

/* -- any text */

struct draft {
    unsigned seed;
    struct fh_buf text;
    const char *nl;
    int packages;
};

static unsigned pick(struct draft *d, unsigned n)
{
    return (unsigned)rand_r(&d->seed) % n;
}

__attribute__((format(printf, 2, 3))) static void put(struct draft *d, const char *fmt, ...)
{
    va_list args;
    char text[256];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (const char *p = text; *p; p++)
        assert_int_equal(fh_buf_add_str(&d->text, *p == '\n' ? d->nl : (const char[]){*p, 0}, NULL), FH_OK);
}

static void put_noise(struct draft *d)
{
    static const char *const noise[] = {"", "", "\n", "# [install]\n", "  # c.pkg-path = 'c'\n"};
    put(d, "%s", noise[pick(d, 5)]);
}

/* One package, as dotted keys, an inline table or under a header of its own; prefix is "" or "install." */
static void put_package(struct draft *d, const char *prefix, bool header)
{
    static const char *const quotes[][2] = {{"p", ""}, {"\"p ", "\""}, {"'p.", "'"}};
    unsigned q = pick(d, 3);
    char id[32];
    snprintf(id, sizeof id, "%s%d%s", quotes[q][0], d->packages++, quotes[q][1]);
    put_noise(d);
    if (header)
        put(d, "[install.%s]%s\npkg-path = \"x.y\"\n%s", id, pick(d, 2) ? " # h" : "",
            pick(d, 2) ? "outputs = [\n  'out', # o\n]\n" : "");
    else if (pick(d, 3) == 0)
        put(d, "%s%s = { pkg-path = \"x\", systems = [ \"x86_64-linux\" ] } # i\n", prefix, id);
    else
        put(d, "%s%s%s.pkg-path='x'\n%s%s%s . version = \"^1\"\n", pick(d, 3) ? "" : "  ", prefix, id,
            pick(d, 2) ? "# between\n" : "", prefix, id);
}

static void draft_manifest(struct draft *d)
{
    unsigned style = pick(d, 6);
    d->nl = pick(d, 4) == 0 ? "\r\n" : "\n";
    put_noise(d);
    put(d, "schema-version = \"1.15.0\"\n");
    put_noise(d);
    if (style == 0)
        put(d, "install = { p0.pkg-path = \"x\", 'p 1' = { pkg-path = 'y' } }\n");
    for (unsigned i = pick(d, 3); style == 1 && i > 0; i--)
        put_package(d, "install.", false);
    if (pick(d, 2))
        put(d, "[vars]\na = \"'[install]'\"\n");
    if (style == 2 || style == 3)
        put(d, "[install]\n");
    for (unsigned i = pick(d, 4); (style == 2 || style == 3) && i > 0; i--)
        put_package(d, "", false);
    for (unsigned i = pick(d, 3); (style == 3 || style == 4) && i > 0; i--)
        put_package(d, "install.", true);
    put_noise(d);
    if (pick(d, 2))
        put(d, "[hook]\non-activate = '''\n[install]\np0.pkg-path = 'no'\n'''\n");
    if (pick(d, 4) == 0) {
        d->text.len -= strlen(d->nl);
        d->text.data[d->text.len] = '\0';
    }
}

static json_t *install_of(const char *text)
{
    const struct fh_toml *root;
    const struct fh_manifest *m;
    struct fh_error e;
    if (fh_manifest_parse(arena, text, strlen(text), "m", &m, &e) != FH_OK ||
        fh_toml_parse(arena, text, strlen(text), "m", &root, &e) != FH_OK)
        fail_msg("%s\n%s", e.msg, text);
    json_t *tree = fh_json_own(arena, fh_json_from_toml(root));
    json_t *install = json_object_get(tree, "install");
    return install ? json_deep_copy(install) : json_object();
}

/* text is old with something inserted at one place, in the line breaks of old. */
static void assert_inserted(const char *old, const char *text, const char *nl)
{
    size_t n = strlen(old), m = strlen(text), same = 0, tail = 0;
    while (same < n && old[same] == text[same])
        same++;
    while (tail < n - same && old[n - 1 - tail] == text[m - 1 - tail])
        tail++;
    if (same + tail != n)
        fail_msg("not the old text with something inserted:\n%s\n-- from\n%s", text, old);
    for (const char *at = text; strcmp(nl, "\r\n") == 0 && (at = strchr(at, '\n')); at++)
        assert_true(at > text && at[-1] == '\r');
}

static void try_draft(unsigned seed)
{
    static const char *const words[] = {"NEW", "set.NEW@^2", "acme/NEW", "a.\"NEW.b\"^out,man", "NEW^.."};
    struct draft d = {.seed = seed};
    struct fh_error e;
    fh_buf_init(&d.text, 1 << 16);
    draft_manifest(&d);
    const char *old = fh_strndup(arena, d.text.data, d.text.len);
    struct pkgspec s = spec(words[seed % 5]);
    struct pkgedit ed = {.arena = arena, .text = old, .n = strlen(old)};
    json_t *before = fh_json_own(arena, install_of(old));
    if (pkgedit_add(&ed, &s, &e) != FH_OK)
        fail_msg("seed %u: %s\n%s", seed, e.msg, old);
    json_t *after = fh_json_own(arena, install_of(ed.text));
    assert_string_equal(fh_json_string(json_object_get(after, s.id), "pkg-path"), s.path);
    json_object_del(after, s.id);
    assert_true(json_equal(before, after));
    assert_inserted(old, ed.text, d.nl);
    /* once more with outputs, then out again: what was is there as it was */
    static const char *const man[] = {"man"};
    const struct fh_strings names = {.count = 1, .items = man};
    assert_int_equal(pkgedit_set_outputs(&ed, s.id, FH_OUTPUTS_LIST, &names, &e), FH_OK);
    assert_inserted(old, ed.text, d.nl);
    assert_int_equal(pkgedit_remove(&ed, s.id, &e), FH_OK);
    const char *header = fh_sprintf(arena, "%s[install]%s", d.nl, d.nl);
    size_t n = strlen(old);
    if (strcmp(ed.text, old) != 0 && !(strncmp(ed.text, old, n) == 0 && strstr(ed.text + n, header)))
        fail_msg("seed %u:\n%s\n-- from\n%s", seed, ed.text, old);
    /* and each package that was there alone */
    const char *id;
    json_t *entry;
    json_object_foreach(before, id, entry)
    {
        struct pkgedit without = {.arena = arena, .text = old, .n = n};
        if (pkgedit_remove(&without, id, &e) != FH_OK)
            fail_msg("seed %u: %s\n%s", seed, e.msg, old);
        json_t *rest = fh_json_own(arena, json_deep_copy(before));
        json_object_del(rest, id);
        json_t *left = fh_json_own(arena, install_of(without.text));
        assert_true(json_equal(rest, left));
    }
    fh_buf_free(&d.text);
}

static void any_manifest_keeps_every_other_byte(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 1000; seed++) {
        fh_arena_free(arena);
        arena = fh_arena_new();
        try_draft(seed);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_word_names_a_path_a_version_or_outputs),     CASE(store_paths_and_flakes_are_told_apart),
        CASE(what_is_no_package_is_refused_with_a_reason),  CASE(a_package_is_one_line_behind_the_others),
        CASE(a_removed_packages_comment_is_above_the_next), CASE(any_manifest_keeps_every_other_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
