/* Composed environments: manifests merged, and locks with `compose` as the official client writes them. */
#include "common/lock.h"
#include "common/manifest_migrate.h"
#include "common/toml_write.h"
#include "manifestbox.h"

#include <stdio.h>

#define HOST "x86_64-linux"

enum { MOST = 4 };

/* includes: TOML texts, ended by NULL; they are named dep1, dep2, … */
static struct fh_merged merged(const char *composer, const char *const *includes)
{
    struct fh_included list[MOST] = {{.name = NULL}};
    struct fh_merged out;
    struct fh_error e;
    size_t n = 0;
    for (; includes[n]; n++)
        list[n] = (struct fh_included){.name = fh_sprintf(arena, "dep%zu", n + 1),
                                       .manifest = manifest(includes[n])};
    if (fh_manifest_merge(arena, manifest(composer), list, n, &out, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return out;
}

static const char *overrides(const struct fh_merged *m)
{
    const char *all = "";
    for (size_t i = 0; i < m->noverrides; i++) {
        all = fh_sprintf(arena, "%s%s:", all, m->overrides[i].winner);
        for (size_t k = 0; k < m->overrides[i].path.count; k++)
            all = fh_sprintf(arena, "%s %s", all, m->overrides[i].path.items[k]);
        all = fh_sprintf(arena, "%s\n", all);
    }
    return all;
}

#define ASSERT_MERGED(text, composer, ...)                                                                   \
    do {                                                                                                     \
        struct fh_merged m = merged(NEWEST composer, (const char *const[]){__VA_ARGS__, NULL});              \
        assert_string_equal(compact(m.manifest->json), "{\"schema-version\":\"1.15.0\"," text "}");          \
    } while (0)
#define ASSERT_OVERRIDES(text, composer, ...)                                                                \
    do {                                                                                                     \
        struct fh_merged m = merged(NEWEST composer, (const char *const[]){__VA_ARGS__, NULL});              \
        assert_string_equal(overrides(&m), text);                                                            \
    } while (0)

static void maps_are_united_by_key_and_the_later_value_wins(void **state)
{
    (void)state;
    ASSERT_MERGED("\"install\":{\"a\":{\"pkg-path\":\"new\"},\"b\":{\"pkg-path\":\"b\"}},"
                  "\"vars\":{\"x\":\"3\",\"y\":\"1\",\"z\":\"3\"},\"options\":{}",
                  "[install]\na.pkg-path = 'new'\n[vars]\nz = '3'\nx = '3'",
                  NEWEST "[install]\na = { pkg-path = 'old', version = '1' }\n[vars]\nx = '1'\ny = '1'",
                  NEWEST "[install]\nb.pkg-path = 'b'\n[vars]\nx = '2'");
    ASSERT_OVERRIDES("dep2: vars x\nCurrent manifest: install a\nCurrent manifest: vars x\n",
                     "[install]\na.pkg-path = 'new'\n[vars]\nz = '3'\nx = '3'",
                     NEWEST "[install]\na = { pkg-path = 'old' }\n[vars]\nx = '1'\ny = '1'",
                     NEWEST "[install]\nb.pkg-path = 'b'\n[vars]\nx = '2'");
    ASSERT_MERGED("\"options\":{},\"build\":{\"p\":{\"command\":\"2\"}},"
                  "\"plugins\":{\"q\":{\"new\":1}}",
                  "build.p.command = '2'\nplugins.q.new = 1",
                  NEWEST "build.p = { command = '1', version = '1' }\nplugins.q.old = 1");
    ASSERT_OVERRIDES("Current manifest: build p\nCurrent manifest: plugins q\n",
                     "build.p.command = '2'\nplugins.q.new = 1",
                     NEWEST "build.p = { command = '1', version = '1' }\nplugins.q.old = 1");
}

static void the_same_value_twice_is_an_override_too(void **state)
{
    (void)state;
    ASSERT_OVERRIDES("Current manifest: vars b\nCurrent manifest: options cuda-detection\n",
                     "vars.b = '1'\noptions.cuda-detection = true",
                     NEWEST "vars.b = '1'\noptions.cuda-detection = true");
}

static void services_are_united_and_auto_start_falls_through(void **state)
{
    (void)state;
    ASSERT_MERGED("\"options\":{},\"services\":{\"auto-start\":true,\"a\":{\"command\":\"2\"},"
                  "\"b\":{\"command\":\"1\"}}",
                  "services.a.command = '2'",
                  NEWEST "services.auto-start = true\nservices.a.command = '1'\nservices.b.command = '1'");
    ASSERT_OVERRIDES("Current manifest: services a\n",
                     "services.auto-start = false\nservices.a.command = '2'",
                     NEWEST "services.auto-start = true\nservices.a.command = '1'");
}

static void scripts_are_joined_and_those_that_run_on_leaving_the_other_way_round(void **state)
{
    (void)state;
    ASSERT_MERGED("\"hook\":{\"on-activate\":\"1\\n2\\n3\",\"on-deactivate\":\"3\\n2\\n1\"},\"profile\":{"
                  "\"common\":\"1\\n3\",\"bash\":\"2\",\"deactivate\":{\"common\":\"3\\n1\",\"fish\":\"1\"}},"
                  "\"options\":{}",
                  "hook = { on-activate = '3', on-deactivate = '3' }\n"
                  "profile.common = '3'\nprofile.deactivate.common = '3'",
                  NEWEST "hook = { on-activate = '1', on-deactivate = '1' }\nprofile.common = '1'\n"
                         "profile.deactivate = { common = '1', fish = '1' }",
                  NEWEST "hook = { on-activate = '2', on-deactivate = '2' }\nprofile.bash = '2'");
    ASSERT_MERGED("\"hook\":{},\"profile\":{},\"options\":{}", "[hook]", NEWEST "[profile]\n[hook]");
    ASSERT_OVERRIDES("", "hook.on-activate = '2'", NEWEST "hook.on-activate = '1'\n");
}

static void options_are_replaced_field_by_field(void **state)
{
    (void)state;
    ASSERT_MERGED(
        "\"minimum-cli-version\":\"1.2.3\",\"options\":{\"systems\":[\"x86_64-linux\"],\"allow\":{"
        "\"unfree\":false,\"broken\":true,\"licenses\":[]},\"semver\":{\"allow-pre-releases\":true},"
        "\"cuda-detection\":false,\"activate\":{\"mode\":\"run\"}}",
        "options.systems = ['x86_64-linux']\noptions.allow = { broken = true, licenses = [] }\n"
        "options.activate.mode = 'run'\noptions.cuda-detection = false",
        NEWEST "minimum-cli-version = '1.2.3'\noptions.systems = ['aarch64-linux']\n"
               "options.allow = { unfree = false, broken = false, licenses = ['MIT'] }\n"
               "options.semver.allow-pre-releases = true\noptions.cuda-detection = true\n"
               "options.activate.mode = 'dev'");
    ASSERT_OVERRIDES("Current manifest: minimum-cli-version\nCurrent manifest: options activate mode\n"
                     "Current manifest: options allow unfree\nCurrent manifest: options allow broken\n"
                     "Current manifest: options allow licenses\n"
                     "Current manifest: options semver allow-pre-releases\n"
                     "Current manifest: options cuda-detection\nCurrent manifest: options systems\n",
                     "minimum-cli-version = '2.0.0'\noptions.systems = []\n"
                     "options.allow = { unfree = true, broken = true, licenses = [] }\n"
                     "options.semver.allow-pre-releases = true\noptions.cuda-detection = true\n"
                     "options.activate.mode = 'dev'",
                     NEWEST "minimum-cli-version = '1.2.3'\noptions.systems = []\n"
                            "options.allow = { unfree = true, broken = true, licenses = [] }\n"
                            "options.semver.allow-pre-releases = true\noptions.cuda-detection = true\n"
                            "options.activate.mode = 'dev'");
}

static void containers_are_merged_key_by_key(void **state)
{
    (void)state;
    ASSERT_MERGED(
        "\"options\":{},\"containerize\":{\"config\":{\"user\":\"2\",\"exposed-ports\":[\"1\",\"2\"],"
        "\"cmd\":[\"2\"],\"volumes\":[\"v\"],\"labels\":{\"a\":\"2\",\"b\":\"1\"},"
        "\"stop-signal\":\"S\"}}",
        "[containerize.config]\nuser = '2'\nexposed-ports = ['2', '1']\ncmd = ['2']\n"
        "labels.a = '2'\nvolumes = ['v']",
        NEWEST "[containerize.config]\nuser = '1'\nexposed-ports = ['1']\ncmd = ['1', 'x']\n"
               "labels = { a = '1', b = '1' }\nstop-signal = 'S'");
    ASSERT_OVERRIDES("Current manifest: containerize config user\nCurrent manifest: containerize config cmd\n"
                     "Current manifest: containerize config working-dir\n"
                     "Current manifest: containerize config labels a\n"
                     "Current manifest: containerize config stop-signal\n",
                     "[containerize.config]\nuser = '2'\ncmd = ['2']\nlabels.a = '2'\nvolumes = ['v']\n"
                     "stop-signal = 'S'\nworking-dir = '/'",
                     NEWEST "[containerize.config]\nuser = '1'\ncmd = []\nlabels = { a = '1', b = '1' }\n"
                            "stop-signal = 'S'\nworking-dir = '/'\nvolumes = ['v']");
    ASSERT_MERGED("\"options\":{},\"containerize\":{}", "[containerize]", NEWEST "[containerize]");
}

static void the_includes_do_not_come_along(void **state)
{
    (void)state;
    ASSERT_MERGED("\"options\":{}", "include.environments = [{ dir = 'a' }]", NEWEST);
}

/* -- locks */

struct given {
    const char *name, *toml;
};

static const char *composed(const char *toml, const struct given *includes, const struct fh_lock *previous,
                            const struct fh_manifest **composer)
{
    struct fh_included list[MOST];
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    const struct fh_manifest *m = manifest(toml), *ignored;
    const json_t *entries = json_object_get(json_object_get(m->json, "include"), "environments");
    for (size_t i = 0; i < m->nincludes; i++)
        list[i] = (struct fh_included){.name = includes[i].name,
                                       .manifest = manifest(includes[i].toml),
                                       .entry = m->includes[i],
                                       .descriptor = json_array_get(entries, i)};
    const struct fh_lock_input input = {
        .manifest = m, .includes = list, .nincludes = m->nincludes, .previous = previous, .host = HOST};
    if (fh_lock_compose(arena, &input, &b, composer ? composer : &ignored, &e) != FH_OK)
        return fh_sprintf(arena, "%s: %s", fh_err_name(e.code), e.msg);
    const char *text = fh_strdup(arena, b.data);
    fh_buf_free(&b);
    return text;
}

static const struct fh_lock *lock(const char *text)
{
    struct fh_error e;
    const struct fh_lock *l = NULL;
    if (fh_lock_parse(arena, text, strlen(text), "manifest.lock", &l, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return l;
}

/* The example of manifest-lockfile-client §6, with an override as its warning has it. */
static void a_lock_carries_what_was_composed(void **state)
{
    (void)state;
    static const char expected[] = "{\n"
                                   "  \"lockfile-version\": 1,\n"
                                   "  \"manifest\": {\n"
                                   "    \"schema-version\": \"1.10.0\",\n"
                                   "    \"vars\": {\n"
                                   "      \"foo\": \"composer\"\n"
                                   "    },\n"
                                   "    \"options\": {}\n"
                                   "  },\n"
                                   "  \"packages\": [],\n"
                                   "  \"compose\": {\n"
                                   "    \"composer\": {\n"
                                   "      \"schema-version\": \"1.10.0\",\n"
                                   "      \"vars\": {\n"
                                   "        \"foo\": \"composer\"\n"
                                   "      },\n"
                                   "      \"options\": {},\n"
                                   "      \"include\": {\n"
                                   "        \"environments\": [\n"
                                   "          {\n"
                                   "            \"dir\": \"../included\"\n"
                                   "          }\n"
                                   "        ]\n"
                                   "      }\n"
                                   "    },\n"
                                   "    \"include\": [\n"
                                   "      {\n"
                                   "        \"manifest\": {\n"
                                   "          \"version\": 1,\n"
                                   "          \"vars\": {\n"
                                   "            \"foo\": \"included\"\n"
                                   "          },\n"
                                   "          \"options\": {}\n"
                                   "        },\n"
                                   "        \"name\": \"included\",\n"
                                   "        \"descriptor\": {\n"
                                   "          \"dir\": \"../included\"\n"
                                   "        }\n"
                                   "      }\n"
                                   "    ],\n"
                                   "    \"warnings\": [\n"
                                   "      {\n"
                                   "        \"warning\": {\n"
                                   "          \"Overriding\": [\n"
                                   "            \"vars\",\n"
                                   "            \"foo\"\n"
                                   "          ]\n"
                                   "        },\n"
                                   "        \"higher_priority_name\": \"Current manifest\"\n"
                                   "      }\n"
                                   "    ]\n"
                                   "  }\n"
                                   "}\n";
    const struct given includes[] = {{"included", "version = 1\nvars.foo = 'included'"}};
    const char *toml =
        "schema-version = '1.10.0'\nvars.foo = 'composer'\ninclude.environments = [{ dir = '../included' }]";
    const char *text = composed(toml, includes, NULL, NULL);
    assert_string_equal(text, expected);
    const struct fh_lock *l = lock(text);
    assert_true(l->composed);
    assert_true(fh_lock_fits(l, manifest(toml)));
    assert_int_equal(l->nincludes, 1);
    assert_string_equal(l->includes[0].name, "included");
    assert_string_equal(l->includes[0].entry.dir, "../included");
    assert_string_equal(l->includes[0].manifest->vars.items[0].value, "included");
    assert_int_equal(l->noverrides, 1);
    assert_string_equal(l->overrides[0].path.items[1], "foo");
    assert_string_equal(l->overrides[0].winner, FH_COMPOSER_NAME);
    assert_non_null(fh_lock_find_include(l, l->includes[0].descriptor));
}

static void an_entry_stands_in_a_lock_in_the_formats_order(void **state)
{
    (void)state;
    const struct given includes[] = {{"w", NEWEST}};
    const char *text =
        composed(NEWEST "include.environments = [{ generation = 3, name = 'w', reference = 'a/b' }]",
                 includes, NULL, NULL);
    assert_non_null(strstr(text,
                           "\"descriptor\": {\n          \"remote\": \"a/b\",\n          \"name\": \"w\",\n"
                           "          \"generation\": 3\n        }"));
    assert_int_equal(lock(text)->includes[0].entry.generation, 3);
}

static void the_composing_manifests_schema_version_is_kept_where_it_can_say_the_same(void **state)
{
    (void)state;
    const struct fh_manifest *composer;
    const char *old = "version = 1\ninclude.environments = [{ dir = 'i' }]";
    const struct given plain[] = {{"i", NEWEST "vars.a = '1'"}},
                       hook[] = {{"i", NEWEST "hook.on-deactivate = 'x'"}};
    const struct fh_lock *l = lock(composed(old, plain, NULL, &composer));
    assert_int_equal(l->manifest->schema, FH_SCHEMA_V1);
    assert_int_equal(l->includes[0].manifest->schema, FH_SCHEMA_NEWEST);
    assert_int_equal(composer->schema, FH_SCHEMA_V1);
    l = lock(composed(old, hook, NULL, &composer));
    assert_int_equal(l->manifest->schema, FH_SCHEMA_NEWEST);
    assert_int_equal(composer->schema, FH_SCHEMA_NEWEST);
    assert_true(fh_lock_fits(l, composer));
    assert_false(fh_lock_fits(l, manifest(old)));
}

#define ENTRY(id, system, outputs)                                                                           \
    "{\"attr_path\":\"" id "\",\"derivation\":\"/nix/store/d.drv\",\"install_id\":\"" id                     \
    "\",\"locked_url\":\"u\",\"name\":\"n\",\"pname\":\"n\",\"version\":\"1\",\"outputs_to_install\":["      \
    "\"out\",\"out\"],\"outputs\":{" outputs "},\"system\":\"" system                                        \
    "\",\"group\":\"toplevel\",\"priority\":5}"
#define ONLY_OUT "\"out\":\"/nix/store/o\""
#define OUT_MAN  "\"out\":\"/nix/store/o\",\"man\":\"/nix/store/m\""
#define OLD(outputs, other)                                                                                  \
    "{\"lockfile-version\":1,\"manifest\":{\"version\":1,\"install\":{\"a\":{\"pkg-path\":\"a\"}},"          \
    "\"options\":{\"systems\":[\"aarch64-linux\",\"x86_64-linux\"]}},\"packages\":[" ENTRY(                  \
        "a", "aarch64-linux", other) "," ENTRY("a", "x86_64-linux", outputs) "]}"

static void packages_of_an_old_manifest_keep_all_their_outputs(void **state)
{
    (void)state;
    const struct fh_manifest *composer;
    const char *toml = "version = 1\ninstall.a.pkg-path = 'a'\noptions.systems = ['aarch64-linux', "
                       "'x86_64-linux']\ninclude.environments = [{ dir = 'i' }]";
    const struct given includes[] = {{"i", "version = 1"}};
    const struct fh_lock *l = lock(composed(toml, includes, lock(OLD(ONLY_OUT, ONLY_OUT)), &composer));
    assert_int_equal(l->manifest->schema, FH_SCHEMA_V1);
    assert_int_equal(l->npackages, 2);
    l = lock(composed(toml, includes, lock(OLD(OUT_MAN, ONLY_OUT)), &composer));
    assert_int_equal(l->manifest->schema, FH_SCHEMA_V1); /* man is not there on every system */
    l = lock(composed(toml, includes, lock(OLD(OUT_MAN, OUT_MAN)), &composer));
    assert_int_equal(l->manifest->schema, FH_SCHEMA_NEWEST);
    assert_int_equal(l->manifest->packages[0].outputs, FH_OUTPUTS_ALL);
    assert_int_equal(composer->packages[0].outputs, FH_OUTPUTS_ALL);
}

static void a_package_that_an_include_brings_needs_the_catalog_and_is_named_with_it(void **state)
{
    (void)state;
    const struct given includes[] = {{"tools", NEWEST "install.hello.pkg-path = 'hello'"}};
    const char *said = composed(NEWEST "include.environments = [{ dir = 'i' }]\ninstall.b.pkg-path = 'b'",
                                includes, NULL, NULL);
    assert_non_null(
        strstr(said, "unavailable: 'b', 'hello' (of the included environment 'tools') cannot be locked"));
}

static void a_locked_package_is_used_again_after_an_include_changed(void **state)
{
    (void)state;
    const struct given after[] = {
        {"i", NEWEST "options.systems = ['x86_64-linux']\ninstall.a.pkg-path = 'a'\nvars.n = '1'"}};
    const char *toml = NEWEST "include.environments = [{ dir = 'i' }]";
    const struct fh_lock *l =
        lock(composed(toml, after, lock(OLD(ONLY_OUT, ONLY_OUT)), NULL)); /* locked from whatever it came */
    assert_int_equal(l->npackages, 1);
    assert_string_equal(l->packages[0].system, "x86_64-linux");
}

static void a_composed_lock_that_does_not_say_what_it_includes_is_refused(void **state)
{
    (void)state;
#define COMPOSE(include)                                                                                     \
    "{\"lockfile-version\":1,\"manifest\":{\"version\":1},\"packages\":[],\"compose\":{\"composer\":{"       \
    "\"version\":1},\"include\":" include ",\"warnings\":[]}}"
    static const char *const cases[] = {
        COMPOSE("{}"),
        COMPOSE("[{}]"),
        COMPOSE("[{\"name\":\"n\",\"descriptor\":{},\"manifest\":{\"version\":1}}]"),
        COMPOSE("[{\"name\":\"n\",\"descriptor\":{\"dir\":\"d\"},\"manifest\":{\"version\":2}}]"),
        COMPOSE("[{\"descriptor\":{\"dir\":\"d\"},\"manifest\":{\"version\":1}}]"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct fh_lock *l;
        if (fh_lock_parse(arena, cases[i], strlen(cases[i]), "lock", &l, NULL) != FH_INVALID)
            fail_msg("case %zu", i);
    }
}

/* -- the text of manifests */

static const char *migrated_text(const char *text, const char *packages)
{
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    const struct fh_manifest *from = manifest(text), *to;
    json_t *list = fh_json_own(arena, json_loads(packages, 0, NULL));
    assert_int_equal(fh_manifest_to_newest(arena, from, list, "m", &to, &e), FH_OK);
    if (fh_manifest_migrate_text(text, strlen(text), from, to, &b, &e) != FH_OK)
        return fh_sprintf(arena, "%s", fh_err_name(e.code));
    const char *out = fh_strdup(arena, b.data);
    fh_buf_free(&b);
    return out;
}

static void a_manifest_goes_to_the_newest_schema_with_its_comments(void **state)
{
    (void)state;
    assert_string_equal(migrated_text("# c\r\nversion = 1 # old\r\n[vars]\r\nA = '1' # a\r\n", "[]"),
                        "# c\r\nschema-version = \"1.15.0\" # old\r\n[vars]\r\nA = '1' # a\r\n");
    assert_string_equal(migrated_text("'schema-version'='1.10.0'", "[]"), "'schema-version'=\"1.15.0\"");
    assert_string_equal(
        migrated_text(
            "version = 1\n[install]\na.pkg-path = 'a' # a\nb = { pkg-path = 'b' } # b\n"
            "c.pkg-path = 'c'\n[install.d]\npkg-path = 'd'\n# end\n",
            "[{\"install_id\":\"c\",\"outputs\":{\"out\":\"p\"},\"outputs_to_install\":[\"out\"]}]"),
        "schema-version = \"1.15.0\"\n[install]\na.pkg-path = 'a' # a\na.outputs = \"all\"\n"
        "b = { pkg-path = 'b', outputs = \"all\" } # b\nc.pkg-path = 'c'\n[install.d]\npkg-path = 'd'\n"
        "outputs = \"all\"\n# end\n");
}

static void a_manifest_is_written_as_toml_that_reads_back(void **state)
{
    (void)state;
    const char *text = NEWEST
        "[install]\n\"a b\".pkg-path = 'a'\nc.flake = 'x'\nc.systems = ['s', 't']\n[vars]\nx = \"1\\n\\\\ "
        "\\\"\\\"\\\"\\r\"\n"
        "y = '\\'\n[hook]\n[options]\nallow.unfree = true\n[services.s]\ncommand = 'run'\nvars.\"é.\" = ''\n"
        "[include]\nenvironments = [{ remote = 'a/b', generation = 1 }]\n[plugins]\np = { q = [1.5, {r = "
        "1}], s = {} }\n";
    struct fh_buf b = FH_BUF_INIT(1 << 16);
    assert_int_equal(fh_toml_write_manifest(manifest(text)->json, &b, NULL), FH_OK);
    assert_string_equal(
        b.data,
        NEWEST "\n[install]\n\"a b\".pkg-path = \"a\"\nc.flake = \"x\"\nc.systems = [\"s\", \"t\"]\n"
               "\n[vars]\nx = \"\"\"\n1\n\\\\ \\\"\\\"\"\\u000D\"\"\"\ny = \"\\\\\"\n"
               "\n[options]\nallow.unfree = true\n\n[services]\ns.command = \"run\"\ns.vars.\"é.\" = \"\"\n"
               "\n[include]\nenvironments = [{ remote = \"a/b\", generation = 1 }]\n"
               "\n[plugins]\np.q = [1.5, { r = 1 }]\n");
    const struct fh_manifest *again = manifest(b.data);
    assert_string_equal(again->vars.items[0].value, manifest(text)->vars.items[0].value);
    fh_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_united_by_key_and_the_later_value_wins),
        cmocka_unit_test(the_same_value_twice_is_an_override_too),
        cmocka_unit_test(services_are_united_and_auto_start_falls_through),
        cmocka_unit_test(scripts_are_joined_and_those_that_run_on_leaving_the_other_way_round),
        cmocka_unit_test(options_are_replaced_field_by_field),
        cmocka_unit_test(containers_are_merged_key_by_key),
        cmocka_unit_test(the_includes_do_not_come_along),
        cmocka_unit_test(a_lock_carries_what_was_composed),
        cmocka_unit_test(an_entry_stands_in_a_lock_in_the_formats_order),
        cmocka_unit_test(the_composing_manifests_schema_version_is_kept_where_it_can_say_the_same),
        cmocka_unit_test(packages_of_an_old_manifest_keep_all_their_outputs),
        cmocka_unit_test(a_package_that_an_include_brings_needs_the_catalog_and_is_named_with_it),
        cmocka_unit_test(a_locked_package_is_used_again_after_an_include_changed),
        cmocka_unit_test(a_composed_lock_that_does_not_say_what_it_includes_is_refused),
        cmocka_unit_test(a_manifest_goes_to_the_newest_schema_with_its_comments),
        cmocka_unit_test(a_manifest_is_written_as_toml_that_reads_back),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
