/* Locks that the catalog answers for: what is asked, what becomes of the answer, what is told of a refusal.
 */
#include "arenabox.h"

#include "common/clock.h"
#include "common/json_model.h"
#include "common/lock.h"
#include "envfiles.h"

#include <unistd.h>

#define HOST   "x86_64-linux"
#define NEWEST "schema-version = \"1.15.0\"\n"
#define TWO    NEWEST "options.systems = [\"aarch64-linux\", \"x86_64-linux\"]\n"
#define NOW    "2026-11-23T00:54:12.496005356Z"

static json_t *json(const char *text)
{
    json_t *value = NULL;
    struct fh_error e;
    if (fh_json_parse(text, strlen(text), "json", &value, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return fh_json_own(arena, value);
}

static const char *compact(const json_t *value)
{
    struct fh_buf b = FH_BUF_INIT(1 << 24);
    assert_int_equal(fh_json_write_compact(value, &b, NULL), FH_OK);
    const char *text = fh_strndup(arena, b.data, b.len);
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

/* One attempt to lock. */
struct attempt {
    const struct fh_manifest *manifest, *composer;
    struct fh_lock_input input;
    struct fh_locking *locking;
    const struct fh_lock_failures *failures;
    const char *text; /* of the lock */
    struct fh_error e;
};

static struct attempt begin(const char *toml, const struct fh_lock *previous)
{
    struct attempt t = {.e = {.msg = ""}};
    if (fh_manifest_parse(arena, toml, strlen(toml), "manifest.toml", &t.manifest, &t.e) != FH_OK)
        fail_msg("%s", t.e.msg);
    t.input = (struct fh_lock_input){.manifest = t.manifest, .previous = previous, .host = HOST, .now = NOW};
    return t;
}

static const json_t *question(struct attempt *t)
{
    if (fh_locking_begin(arena, &t->input, &t->locking, &t->e) != FH_OK)
        fail_msg("%s", t->e.msg);
    return fh_locking_question(t->locking);
}

static fh_err finish(struct attempt *t, const json_t *answer)
{
    struct fh_buf b = FH_BUF_INIT(1 << 24);
    fh_err rc = fh_locking_finish(t->locking, answer, &b, &t->composer, &t->failures, &t->e);
    if (rc == FH_OK)
        t->text = fh_strndup(arena, b.data, b.len);
    else
        assert_int_equal(b.len, 0);
    fh_buf_free(&b);
    return rc;
}

static const char *asked(const char *toml, const struct fh_lock *previous)
{
    struct attempt t = begin(toml, previous);
    const json_t *q = question(&t);
    return q ? compact(q) : NULL;
}

#define ROW(id, system, more)                                                                                \
    "{\"attr_path\":\"" id "\",\"broken\":false,\"cache_uri\":null,\"catalog\":\"nixpkgs\",\"derivation\":"  \
    "\"/nix/store/" id "-" system ".drv\",\"description\":\"d\",\"insecure\":false,\"install_id\":\"" id     \
    "\",\"license\":\"MIT\",\"locked_url\":\"u\",\"missing_builds\":false,\"name\":\"" id                    \
    "-1\",\"outputs\":[{\"name\":\"out\",\"store_path\":\"/nix/store/o\"},{\"name\":\"man\",\"store_path\":" \
    "\"/nix/store/m\"}],\"outputs_to_install\":[\"out\",\"out\"],\"pkg_path\":\"" id "\",\"pname\":\"" id    \
    "\",\"rev\":\"r\",\"rev_count\":7,\"rev_date\":\"2026-08-10T17:52:38Z\",\"scrape_date\":"                \
    "\"2026-08-12T05:00:42.752526Z\",\"stabilities\":[\"unstable\"],\"system\":\"" system                    \
    "\",\"unfree\":false," more "\"version\":\"1\"}"
#define PAGE(name, rows)                                                                                     \
    "{\"name\":\"" name "\",\"page\":{\"page\":7,\"url\":\"\",\"packages\":[" rows                           \
    "],\"messages\":[],\"complete\":true},\"candidate_pages\":null,\"messages\":[]}"
#define ERROR(type, message, context)                                                                        \
    "{\"level\":\"error\",\"type\":\"" type "\",\"message\":\"" message "\",\"context\":{" context "}}"
#define NO_PAGE(name, messages)                                                                              \
    "{\"name\":\"" name "\",\"page\":null,\"candidate_pages\":null,\"messages\":[" messages "]}"
#define ANSWER(items) "{\"items\":[" items "]}"
#define A_TWO         ROW("a", "aarch64-linux", "") "," ROW("a", "x86_64-linux", "")
#define B_TWO         ROW("b", "aarch64-linux", "") "," ROW("b", "x86_64-linux", "")

static const struct fh_lock *locked(const char *toml, const char *answer)
{
    struct attempt t = begin(toml, NULL);
    question(&t);
    if (finish(&t, json(answer)) != FH_OK)
        fail_msg("%s", t.e.msg);
    return lock(t.text);
}

#define DESCRIPTOR(id, system, more)                                                                         \
    "{\"allow_broken\":null,\"allow_insecure\":null,\"allow_pre_releases\":null,\"allow_unfree\":null,"      \
    "\"attr_path\":\"" id "\"," more "\"install_id\":\"" id "\",\"systems\":[\"" system "\"]}"

static void the_catalog_is_asked_for_each_package_and_system_in_sorted_groups(void **state)
{
    (void)state;
    assert_string_equal(
        asked(NEWEST "[install]\nb.pkg-path = 'b'\nb.pkg-group = 'a-group'\na.pkg-path = 'a'\n"
                     "a.systems = ['x86_64-linux', 'aarch64-darwin']\n",
              NULL),
        "{\"items\":[{\"name\":\"a-group\",\"descriptors\":[" DESCRIPTOR(
            "b", "aarch64-darwin",
            "") "," DESCRIPTOR("b", "aarch64-linux",
                               "") "," DESCRIPTOR("b", "x86_64-linux",
                                                  "") "]},{\"name\":\"toplevel\",\"descriptors\":"
                                                      "[" DESCRIPTOR("a", "aarch64-darwin",
                                                                     "") "," DESCRIPTOR("a", "x86_64-linux",
                                                                                        "") "]}]}");
    assert_string_equal(
        asked(NEWEST "[install]\nx.pkg-path = 'acme/p.q'\nx.version = '^1'\nx.systems = ['x86_64-linux']\n"
                     "[options]\nallow.unfree = false\nallow.broken = true\nallow.licenses = ['MIT', 'X']\n"
                     "semver.allow-pre-releases = true\n",
              NULL),
        "{\"items\":[{\"name\":\"toplevel\",\"descriptors\":[{\"allow_broken\":true,\"allow_insecure\":null,"
        "\"allow_pre_releases\":true,\"allow_unfree\":false,\"allowed_licenses\":[\"MIT\",\"X\"],"
        "\"attr_path\":\"acme/"
        "p.q\",\"install_id\":\"x\",\"systems\":[\"x86_64-linux\"],\"version\":\"^1\"}]}]}");
    assert_null(
        strstr(asked(TWO "install.a.pkg-path = 'a'\noptions.allow.licenses = []\n", NULL), "licenses"));
    assert_null(asked(TWO "install.p.store-path = '/nix/store/x'\n", NULL));
    struct attempt t = begin(NEWEST "options.systems = ['riscv64-linux']\ninstall.a.pkg-path = 'a'\n", NULL);
    assert_int_equal(fh_locking_begin(arena, &t.input, &t.locking, &t.e), FH_MISMATCH);
    assert_string_equal(t.e.msg, "unrecognized system type: riscv64-linux");
}

static void only_a_changed_path_group_or_version_and_new_systems_are_asked_for(void **state)
{
    (void)state;
    const char *both = TWO "[install]\na.pkg-path = 'a'\nb.pkg-path = 'b'\nb.pkg-group = 'g'\n";
    const struct fh_lock *old = locked(both, ANSWER(PAGE("g", B_TWO) "," PAGE("toplevel", A_TWO)));
    assert_null(asked(both, old));
    assert_null(asked(
        fh_sprintf(arena, "%sa.priority = 3\na.outputs = ['man']\nb.systems = ['x86_64-linux']\n", both),
        old));
    assert_null(asked(TWO "install.a.pkg-path = 'a'\n", old));
    assert_string_equal(
        asked(fh_sprintf(arena, "%sb.version = '2'\n", both), old),
        "{\"items\":[{\"name\":\"g\",\"descriptors\":[{\"allow_broken\":null,\"allow_insecure\":"
        "null,\"allow_pre_releases\":null,\"allow_unfree\":null,\"attr_path\":\"b\","
        "\"install_id\":\"b\",\"systems\":[\"aarch64-linux\"],\"version\":\"2\"},"
        "{\"allow_broken\":null,\"allow_insecure\":null,\"allow_pre_releases\":null,"
        "\"allow_unfree\":null,\"attr_path\":\"b\",\"install_id\":\"b\",\"systems\":"
        "[\"x86_64-linux\"],\"version\":\"2\"}]}]}");
    /* b comes into the group of a, which is pinned to what it was */
    assert_string_equal(
        asked(TWO "[install]\na.pkg-path = 'a'\nb.pkg-path = 'b'\n", old),
        "{\"items\":[{\"name\":\"toplevel\",\"descriptors\":[" DESCRIPTOR("a", "aarch64-linux", "\"derivation\":\"/nix/store/a-aarch64-linux.drv\",") "," DESCRIPTOR(
            "a", "x86_64-linux",
            "\"derivation\":\"/nix/store/"
            "a-x86_64-linux.drv\",") "," DESCRIPTOR("b", "aarch64-linux",
                                                    "") "," DESCRIPTOR("b", "x86_64-linux", "") "]}]}");
    const char *more = asked(NEWEST "[install]\na.pkg-path = 'a'\n[options]\nsystems = ['x86_64-linux', "
                                    "'x86_64-darwin']\n",
                             old);
    assert_non_null(strstr(more, "\"derivation\":\"/nix/store/a-x86_64-linux.drv\""));
    assert_non_null(strstr(more, "\"systems\":[\"x86_64-darwin\"]"));
    assert_null(strstr(more, "aarch64-linux"));
}

static void an_upgrade_pins_only_what_it_does_not_upgrade(void **state)
{
    (void)state;
    const char *both = TWO "[install]\na.pkg-path = 'a'\nb.pkg-path = 'b'\nb.pkg-group = 'g'\n";
    const struct fh_lock *old = locked(both, ANSWER(PAGE("g", B_TWO) "," PAGE("toplevel", A_TWO)));
    struct attempt t = begin(both, old);
    t.input.unlocks_all = true;
    const char *all = compact(question(&t));
    assert_non_null(strstr(all, "\"g\""));
    assert_non_null(strstr(all, "\"toplevel\""));
    assert_null(strstr(all, "derivation"));
    static const char *const names[] = {"g", "a", "none"};
    for (size_t i = 0; i < 3; i++) {
        t = begin(both, old);
        t.input.unlocked = (struct fh_strings){.count = 1, .items = &names[i]};
        const json_t *q = question(&t);
        assert_int_equal(q ? json_array_size(json_object_get(q, "items")) : 0, i < 2 ? 1 : 0);
        if (q)
            assert_string_equal(fh_json_string(json_array_get(json_object_get(q, "items"), 0), "name"),
                                i == 0 ? "g" : "toplevel");
    }
}

static void the_entries_of_a_lock_are_the_answers_rows_in_the_formats_order(void **state)
{
    (void)state;
    struct attempt t = begin(NEWEST "options.systems = ['x86_64-linux']\n[install]\na.pkg-path = 'a'\n"
                                    "a.priority = 4\n",
                             NULL);
    question(&t);
    assert_int_equal(finish(&t, json(ANSWER(PAGE("toplevel", ROW("stray", "x86_64-linux",
                                                                 "") "," ROW("a", "x86_64-linux", ""))))),
                     FH_OK);
    assert_string_equal(
        compact(json_object_get(json(t.text), "packages")),
        "[{\"attr_path\":\"a\",\"broken\":false,\"derivation\":\"/nix/store/a-x86_64-linux.drv\","
        "\"description\":\"d\",\"install_id\":\"a\",\"license\":\"MIT\",\"locked_url\":\"u\",\"name\":\"a-"
        "1\","
        "\"pname\":\"a\",\"rev\":\"r\",\"rev_count\":7,\"rev_date\":\"2026-08-10T17:52:38Z\",\"scrape_date\":"
        "\"2026-08-12T05:00:42.752526Z\",\"stabilities\":[\"unstable\"],\"unfree\":false,\"version\":\"1\","
        "\"outputs_to_install\":[\"out\",\"out\"],\"outputs\":{\"man\":\"/nix/store/m\",\"out\":"
        "\"/nix/store/o\"},\"system\":\"x86_64-linux\",\"group\":\"toplevel\",\"priority\":4}]");
    t = begin(NEWEST "options.systems = ['x86_64-linux']\ninstall.a.pkg-path = 'o/a'\n", NULL);
    question(&t);
    json_t *answer = json(ANSWER(PAGE("toplevel", ROW("a", "x86_64-linux", ""))));
    json_t *row = json_array_get(
        json_object_get(json_object_get(json_array_get(json_object_get(answer, "items"), 0), "page"),
                        "packages"),
        0);
    static const char *const nothing[] = {"broken",      "description", "license",           "scrape_date",
                                          "stabilities", "unfree",      "outputs_to_install"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        fh_json_set(row, nothing[i], json_null());
    assert_int_equal(finish(&t, answer), FH_OK);
    const char *text = compact(json_object_get(json(t.text), "packages"));
    assert_null(strstr(text, "null"));
    assert_non_null(strstr(text, "\"scrape_date\":\"" NOW "\",\"version\""));
}

static void an_answer_that_is_none_to_the_question_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *part;
    } cases[] = {
        {"{}", "asked for 1 groups and answered 0"},
        {"[]", "asked for 1 groups and answered 0"},
        {ANSWER(PAGE("toplevel", A_TWO) "," PAGE("x", "")), "answered 2"},
        {ANSWER(PAGE("toplevel", ROW("a", "x86_64-linux", ""))), "does not have 'a' for aarch64-linux"},
        {ANSWER(PAGE("toplevel", "1,null,{}")), "does not have 'a' for aarch64-linux"},
        {ANSWER(PAGE("toplevel", "{\"install_id\":\"a\",\"system\":\"x86_64-linux\"}")),
         "about 'a' has no usable 'attr_path'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct attempt t = begin(TWO "install.a.pkg-path = 'a'\n", NULL);
        question(&t);
        assert_int_equal(finish(&t, json(cases[i].answer)), FH_UNAVAILABLE);
        if (!strstr(t.e.msg, cases[i].part))
            fail_msg("%zu: %s", i, t.e.msg);
    }
    /* each field on its own */
    static const char *const keys[] = {"derivation", "rev_count",   "rev_date", "scrape_date",
                                       "outputs",    "stabilities", "broken"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *answer = json(ANSWER(PAGE("toplevel", A_TWO)));
        json_t *page = json_object_get(json_array_get(json_object_get(answer, "items"), 0), "page");
        fh_json_set(json_array_get(json_object_get(page, "packages"), 0), keys[i], json_string("x"));
        struct attempt t = begin(TWO "install.a.pkg-path = 'a'\n", NULL);
        question(&t);
        assert_int_equal(finish(&t, answer), FH_UNAVAILABLE);
        assert_non_null(strstr(t.e.msg, fh_sprintf(arena, "no usable '%s'", keys[i])));
    }
}

static void what_is_no_path_of_the_store_or_no_word_gets_into_no_lock(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
    } cases[] = {
        {"attr_path", "\"a\\nb\""},
        {"attr_path", "\"a b\""},
        {"attr_path", "\"a\\u001b[2J\""},
        {"locked_url", "\"u\\r\\nx\""},
        {"locked_url", "\"u\\u202e\""},
        {"derivation", "\"/tmp/x.drv\""},
        {"derivation", "\"/nix/store/x\\n.drv\""},
        {"derivation", "\"/nix/store/a/../../x.drv\""},
        {"outputs", "[{\"name\":\"out\",\"store_path\":\"/etc\"}]"},
        {"outputs", "[{\"name\":\"out\",\"store_path\":\"/nix/store/\"}]"},
        {"outputs", "[{\"name\":\"out\",\"store_path\":\"/nix/store/a:/tmp\"}]"},
        {"outputs", "[{\"name\":\"o\\nt\",\"store_path\":\"/nix/store/o\"}]"},
        {"outputs", "[{\"name\":\"o\",\"store_path\":\"/nix/store/a\"},{\"name\":\"o\",\"store_path\":\"/nix/"
                    "store/b\"}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *answer = json(ANSWER(PAGE("toplevel", A_TWO)));
        json_t *page = json_object_get(json_array_get(json_object_get(answer, "items"), 0), "page");
        fh_json_set(json_array_get(json_object_get(page, "packages"), 1), cases[i].key,
                    json_incref(json(cases[i].value)));
        struct attempt t = begin(TWO "install.a.pkg-path = 'a'\n", NULL);
        question(&t);
        if (finish(&t, answer) != FH_UNAVAILABLE ||
            !strstr(t.e.msg, fh_sprintf(arena, "no usable '%s'", cases[i].key)))
            fail_msg("%s = %s: %s", cases[i].key, cases[i].value, t.e.msg);
    }
}

static const char *failure_text(const char *toml, const char *answer)
{
    struct attempt t = begin(toml, NULL);
    question(&t);
    assert_int_equal(finish(&t, json(answer)), FH_CONFLICT);
    assert_non_null(t.failures);
    return fh_lock_failures_text(arena, t.failures);
}

#define NOT_THERE(id)                                                                                        \
    ERROR("attr_path_not_found.not_in_catalog", "The package '" id "' is not found in the catalog.",         \
          "\"attr_path\":\"" id "\",\"install_id\":\"" id "\"")
#define SOME(id, valid)                                                                                      \
    ERROR("attr_path_not_found.not_found_for_all_systems", "m",                                              \
          "\"attr_path\":\"" id "\",\"install_id\":\"" id "\",\"valid_systems\":\"" valid "\"")

static void refusals_are_told_in_the_official_clients_words(void **state)
{
    (void)state;
    const char *a = NEWEST "install.a.pkg-path = 'a'\n";
    assert_string_equal(failure_text(a, ANSWER(NO_PAGE("toplevel", NOT_THERE("a")))),
                        "resolution failed: could not find package 'a'.");
    assert_string_equal(
        failure_text(a, ANSWER(NO_PAGE("toplevel", SOME("a", "x86_64-linux,")))),
        "resolution failed: package 'a' not available for\n    - aarch64-darwin\n    - aarch64-linux\n"
        "  but it is available for\n    - x86_64-linux\n\n"
        "For more on managing system-specific packages, visit the documentation:\n"
        "https://flox.dev/docs/tutorials/multi-arch-environments/#handling-unsupported-packages");
    assert_string_equal(failure_text(a, ANSWER(NO_PAGE("toplevel", ERROR("constraints_too_tight", "m", "")))),
                        "resolution failed: constraints for group 'toplevel' are too tight\n\n"
                        "   Use 'floe edit' to adjust version constraints in the [install] section,\n"
                        "   or isolate dependencies in a new group with '<pkg>.pkg-group = \"newgroup\"'");
    assert_string_equal(
        failure_text(a,
                     ANSWER(NO_PAGE("toplevel", "{\"level\":\"trace\",\"type\":\"x\",\"message\":\"t\","
                                                "\"context\":{}}," ERROR("version_not_found",
                                                                         "No\\n\\u001b[31mversion.", "")))),
        "resolution failed: \nNo version.");
    assert_string_equal(
        failure_text(NEWEST "[install]\na.pkg-path = 'a'\nb.pkg-path = 'b'\nb.pkg-group = 'g'\n",
                     ANSWER(NO_PAGE("g", SOME("b", "aarch64-linux")) "," NO_PAGE(
                         "toplevel", NOT_THERE("a") "," ERROR("version_not_found", "No version.", "")))),
        "resolution failed: multiple resolution failures:\n"
        "- package 'b' not available for\n      - aarch64-darwin\n      - x86_64-linux\n"
        "    but it is available for\n      - aarch64-linux\n\n"
        "  For more on managing system-specific packages, visit the documentation:\n"
        "  https://flox.dev/docs/tutorials/multi-arch-environments/#handling-unsupported-packages\n"
        "- could not find package 'a'.\n"
        "- No version.");
    assert_string_equal(
        failure_text(a,
                     ANSWER(NO_PAGE("toplevel", NOT_THERE("a") ",{\"level\":\"trace\",\"type\":\"general\","
                                                               "\"message\":\"Empty.\",\"context\":{}}"))),
        "resolution failed: could not find package 'a'.\n\nEmpty.");
    assert_string_equal(
        failure_text(a, ANSWER(NO_PAGE("toplevel", "{\"level\":\"warning\",\"type\":\"general\","
                                                   "\"message\":\"w\",\"context\":{}}," NOT_THERE("a")))),
        "resolution failed: could not find package 'a'.");
    /* one bad group spoils all; a group that fails silently is told of, too */
    assert_string_equal(
        failure_text(a, ANSWER(NO_PAGE("toplevel", ""))),
        "resolution failed: \nThe catalog could not resolve the group 'toplevel', and does not "
        "say why.");
    assert_non_null(strstr(failure_text(a, "{\"items\":[{\"name\":\"toplevel\",\"page\":{\"complete\":false,"
                                           "\"packages\":[],\"messages\":[]},\"messages\":[]}]}"),
                           "does not say why"));
}

static void what_the_options_forbid_is_refused_after_resolving(void **state)
{
    (void)state;
    struct attempt t = begin(NEWEST "options.systems = ['x86_64-linux']\noptions.allow.licenses = ['X']\n"
                                    "install.a.pkg-path = 'a'\n",
                             NULL);
    question(&t);
    assert_int_equal(finish(&t, json(ANSWER(PAGE("toplevel", ROW("a", "x86_64-linux", ""))))), FH_MISMATCH);
    assert_non_null(strstr(t.e.msg, "has license 'MIT' which is not in the list of allowed licenses."));
    static const char *const flags[] = {"broken", "unfree"};
    for (size_t i = 0; i < 2; i++) {
        json_t *answer = json(ANSWER(PAGE("toplevel", ROW("a", "x86_64-linux", ""))));
        json_t *page = json_object_get(json_array_get(json_object_get(answer, "items"), 0), "page");
        fh_json_set(json_array_get(json_object_get(page, "packages"), 0), flags[i], json_true());
        t = begin(NEWEST "options.systems = ['x86_64-linux']\noptions.allow.unfree = false\n"
                         "install.a.pkg-path = 'a'\n",
                  NULL);
        question(&t);
        assert_int_equal(finish(&t, answer), FH_MISMATCH);
        assert_non_null(strstr(t.e.msg, i == 0 ? "is marked as broken" : "has an unfree license"));
    }
}

static void a_fresh_package_with_more_outputs_takes_a_version_1_manifest_to_the_newest(void **state)
{
    (void)state;
    static const char *const fresh[] = {"b"};
    const char *one = "version = 1\noptions.systems = ['aarch64-linux', 'x86_64-linux']\n[install]\n"
                      "a.pkg-path = 'a'\n";
    const struct fh_lock *old = locked(one, ANSWER(PAGE("toplevel", A_TWO)));
    assert_int_equal(old->manifest->schema, FH_SCHEMA_V1);
    struct attempt t = begin(fh_sprintf(arena, "%sb.pkg-path = 'b'\n", one), old);
    t.input.may_move = true;
    t.input.fresh = (struct fh_strings){.count = 1, .items = fresh};
    question(&t);
    assert_int_equal(finish(&t, json(ANSWER(PAGE("toplevel", A_TWO "," B_TWO)))), FH_OK);
    assert_int_equal(t.composer->schema, FH_SCHEMA_NEWEST);
    assert_int_equal(t.composer->packages[0].outputs, FH_OUTPUTS_ALL); /* a's man was linked until now */
    assert_int_equal(t.composer->packages[1].outputs, FH_OUTPUTS_DEFAULT);
    assert_true(fh_lock_fits(lock(t.text), t.composer));
    /* where the default outputs are all there are, version 1 says the same */
    static const char *const a[] = {"a"};
    json_t *answer = json(ANSWER(PAGE("toplevel", A_TWO)));
    json_t *rows = json_object_get(
        json_object_get(json_array_get(json_object_get(answer, "items"), 0), "page"), "packages");
    for (size_t i = 0; i < 2; i++)
        fh_json_set(json_array_get(rows, i), "outputs_to_install", json_pack("[ss]", "man", "out"));
    t = begin(one, NULL);
    t.input.may_move = true;
    t.input.fresh = (struct fh_strings){.count = 1, .items = a};
    question(&t);
    assert_int_equal(finish(&t, answer), FH_OK);
    assert_ptr_equal(t.composer, t.manifest);
    assert_int_equal(lock(t.text)->manifest->schema, FH_SCHEMA_V1);
}

/* by hand, not by an install: all outputs are meant, and only a newer schema can say that of what was not
 * locked when it was read */
static void a_version_1_manifest_goes_to_the_newest_with_packages_that_are_not_locked(void **state)
{
    (void)state;
    const char *one =
        "version = 1\noptions.systems = ['aarch64-linux', 'x86_64-linux']\ninstall.a.pkg-path = 'a'\n";
    struct attempt t = begin(one, NULL);
    t.input.may_move = true;
    question(&t);
    assert_int_equal(finish(&t, json(ANSWER(PAGE("toplevel", A_TWO)))), FH_OK);
    assert_int_equal(t.composer->schema, FH_SCHEMA_NEWEST);
    assert_int_equal(t.composer->packages[0].outputs, FH_OUTPUTS_ALL);
    assert_true(fh_lock_fits(lock(t.text), t.composer));
    t = begin(one, NULL);
    question(&t);
    assert_int_equal(finish(&t, json(ANSWER(PAGE("toplevel", A_TWO)))), FH_OK);
    assert_ptr_equal(t.composer, t.manifest);
}

static void times_are_written_in_utc_as_the_official_client_writes_them(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"2026-08-10T17:52:38Z", "2026-08-10T17:52:38Z"},
        {"2026-08-10T17:52:38+00:00", "2026-08-10T17:52:38Z"},
        {"2026-08-10t17:52:38.752526z", "2026-08-10T17:52:38.752526Z"},
        {"2026-08-10T17:52:38.5Z", "2026-08-10T17:52:38.500Z"},
        {"2026-08-10T17:52:38.1234Z", "2026-08-10T17:52:38.123400Z"},
        {"2026-08-10T17:52:38.1234567891Z", "2026-08-10T17:52:38.123456789Z"},
        {"2026-08-10T17:52:38.000Z", "2026-08-10T17:52:38Z"},
        {"2026-12-31T23:30:00.25-01:00", "2027-01-01T00:30:00.250Z"},
    };
    static const char *const wrong[] = {"",
                                        "2026-08-10",
                                        "2026-08-10T17:52:38",
                                        "2026-08-10T17:52:38.Z",
                                        "2026-13-10T17:52:38Z",
                                        "2026-08-10T17:52:38Zx",
                                        "now",
                                        "2026-08-10T17:52:38+0000"};
    char out[FH_RFC3339_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(fh_time_to_utc(cases[i][0], out));
        assert_string_equal(out, cases[i][1]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(fh_time_to_utc(wrong[i], out));
}

/* -- recordings */

#define EXCHANGES "../shared/data/recorded/exchanges.jsonl"
#define COMMANDS  "../shared/data/observed/commands.jsonl"
#define FOLDERS   "../shared/data/observed/dot-flox-folders.tar"

/* The lines of a recording as JSON; the test is skipped where it is absent. */
static json_t *recording(const char *below)
{
    char path[1024];
    struct fh_buf text;
    source_path(path, below);
    if (access(path, R_OK) != 0 || !read_file(path, &text)) {
        print_message("skipped: %s is not here\n", below);
        skip();
    }
    json_t *all = fh_json_own(arena, json_array());
    for (char *at = text.data; at < text.data + text.len;) {
        char *end = strchr(at, '\n');
        if (end)
            *end = '\0';
        fh_json_push(all, json_incref(json(at)));
        at = end ? end + 1 : text.data + text.len;
    }
    fh_buf_free(&text);
    return all;
}

static void put_json_list(struct fh_buf *b, const json_t *list)
{
    assert_int_equal(fh_buf_add_str(b, compact(list), NULL), FH_OK);
}

/* Does the client that locks send such a descriptor? Others come from other commands of it. */
static bool is_of_locking(const json_t *request)
{
    size_t i, k;
    json_t *group, *d;
    json_array_foreach(json_object_get(request, "items"), i, group)
    {
        if (json_array_size(json_object_get(group, "descriptors")) == 0)
            return false;
        json_array_foreach(json_object_get(group, "descriptors"), k,
                           d) if (json_array_size(json_object_get(d, "systems")) != 1) return false;
    }
    return true;
}

struct rebuilt {
    struct fh_buf toml;
    json_t *install, *packages; /* of a previous lock with the pins */
    json_t *systems;            /* id -> list */
};

static void take_descriptor(struct rebuilt *r, const char *group, const json_t *d)
{
    const char *id = fh_json_string(d, "install_id"), *pin = fh_json_string(d, "derivation");
    json_t *systems = json_object_get(r->systems, id);
    if (!systems) {
        fh_json_set(r->systems, id, systems = json_array());
        json_t *entry = json_object();
        fh_json_set(entry, "pkg-path", json_incref(json_object_get(d, "attr_path")));
        if (strcmp(group, "toplevel") != 0)
            fh_json_set(entry, "pkg-group", json_string(group));
        if (json_object_get(d, "version"))
            fh_json_set(entry, "version", json_incref(json_object_get(d, "version")));
        fh_json_set(r->install, id, entry);
    }
    json_array_extend(systems, json_object_get(d, "systems"));
    if (!pin)
        return;
    json_t *p = json(ROW("a", "x86_64-linux", "\"group\":\"g\","));
    fh_json_set(p, "install_id", json_string(id));
    fh_json_set(p, "derivation", json_string(pin));
    fh_json_set(p, "group", json_string(group));
    fh_json_set(p, "system", json_incref(json_array_get(json_object_get(d, "systems"), 0)));
    fh_json_set(p, "outputs", json_object());
    fh_json_push(r->packages, json_incref(p));
}

static void write_rebuilt(struct rebuilt *r, const json_t *first)
{
    const char *id, *key;
    json_t *entry, *value;
    fh_buf_init(&r->toml, 1 << 20);
    assert_int_equal(fh_buf_add_str(&r->toml,
                                    NEWEST "options.systems = ['aarch64-darwin','aarch64-linux',"
                                           "'x86_64-darwin','x86_64-linux']\n",
                                    NULL),
                     FH_OK);
    static const char *const options[][2] = {{"allow_broken", "allow.broken"},
                                             {"allow_unfree", "allow.unfree"},
                                             {"allow_pre_releases", "semver.allow-pre-releases"}};
    for (size_t i = 0; i < 3; i++) {
        value = json_object_get(first, options[i][0]);
        if (json_is_boolean(value))
            assert_int_equal(fh_buf_addf(&r->toml, NULL, "options.%s = %s\n", options[i][1],
                                         json_is_true(value) ? "true" : "false"),
                             FH_OK);
    }
    if (json_object_get(first, "allowed_licenses")) {
        assert_int_equal(fh_buf_add_str(&r->toml, "options.allow.licenses = ", NULL), FH_OK);
        put_json_list(&r->toml, json_object_get(first, "allowed_licenses"));
        assert_int_equal(fh_buf_add_str(&r->toml, "\n", NULL), FH_OK);
    }
    json_object_foreach(r->install, id, entry)
    {
        json_object_foreach(entry, key, value) assert_int_equal(
            fh_buf_addf(&r->toml, NULL, "install.\"%s\".%s = %s\n", id, key, compact(value)), FH_OK);
        assert_int_equal(fh_buf_addf(&r->toml, NULL, "install.\"%s\".systems = ", id), FH_OK);
        put_json_list(&r->toml, json_object_get(r->systems, id));
        assert_int_equal(fh_buf_add_str(&r->toml, "\n", NULL), FH_OK);
    }
}

/* The manifest and the previous lock that lead to a recorded request. */
static struct attempt rebuild(const json_t *request)
{
    struct rebuilt r = {.install = fh_json_own(arena, json_object()),
                        .packages = fh_json_own(arena, json_array()),
                        .systems = fh_json_own(arena, json_object())};
    const json_t *groups = json_object_get(request, "items"), *first = NULL;
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *group = json_array_get(groups, i), *list = json_object_get(group, "descriptors");
        for (size_t k = 0; k < json_array_size(list); k++) {
            first = first ? first : json_array_get(list, k);
            take_descriptor(&r, fh_json_string(group, "name"), json_array_get(list, k));
        }
    }
    write_rebuilt(&r, first);
    json_t *old =
        json("{\"lockfile-version\":1,\"manifest\":{\"schema-version\":\"1.15.0\",\"options\":{}}}");
    fh_json_set(json_object_get(old, "manifest"), "install", json_incref(r.install));
    fh_json_set(old, "packages", json_incref(r.packages));
    struct attempt t = begin(r.toml.data, lock(compact(old)));
    fh_buf_free(&r.toml);
    return t;
}

static size_t rows_of(const json_t *response)
{
    size_t n = 0, i;
    json_t *item;
    json_array_foreach(json_object_get(response, "items"), i, item) n +=
        json_array_size(json_object_get(json_object_get(item, "page"), "packages"));
    return n;
}

static bool all_good(const json_t *response)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(response, "items"), i,
                       item) if (!json_is_object(json_object_get(item, "page"))) return false;
    return true;
}

/* Each row's fields are in the entry: those of the same name as they are. */
static void assert_entry(const json_t *row, const json_t *entry)
{
    static const char *const same[] = {
        "attr_path", "broken", "derivation", "description", "install_id",        "license",
        "name",      "pname",  "rev",        "rev_count",   "rev_date",          "version",
        "system",    "unfree", "locked_url", "stabilities", "outputs_to_install"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        json_t *value = json_object_get(row, same[i]);
        if (json_is_null(value))
            assert_null(json_object_get(entry, same[i]));
        else if (!json_equal(value, json_object_get(entry, same[i])))
            fail_msg("%s: %s", same[i], compact(entry));
    }
    assert_int_equal(json_array_size(json_object_get(row, "outputs")),
                     json_object_size(json_object_get(entry, "outputs")));
}

static void every_recorded_question_is_asked_and_its_answer_locked(void **state)
{
    (void)state;
    json_t *all = recording(EXCHANGES), *exchange;
    size_t i, good = 0, failed = 0;
    json_array_foreach(all, i, exchange)
    {
        const json_t *request = json_object_get(exchange, "request");
        json_t *response = json_object_get(exchange, "response");
        if (!strstr(fh_json_string(exchange, "path"), "/catalog/resolve") || !is_of_locking(request))
            continue;
        struct attempt t = rebuild(request);
        const json_t *q = question(&t);
        if (!q || !json_equal(q, request))
            fail_msg("%s\n%s\n%s", fh_json_string(exchange, "file"), q ? compact(q) : "nothing asked",
                     compact(request));
        fh_err rc = finish(&t, response);
        if (!all_good(response)) {
            failed++;
            assert_int_equal(rc, FH_CONFLICT);
            assert_true(t.failures->count > 0);
            continue;
        }
        if (rc == FH_MISMATCH && strstr(fh_json_string(exchange, "file"), "buggy"))
            continue;
        if (rc != FH_OK)
            fail_msg("%s: %s", fh_json_string(exchange, "file"), t.e.msg);
        good++;
        const struct fh_lock *l = lock(t.text);
        assert_int_equal(l->npackages, rows_of(response));
        size_t n = 0, g, k;
        json_t *item, *row;
        json_array_foreach(json_object_get(response, "items"), g, item)
            json_array_foreach(json_object_get(json_object_get(item, "page"), "packages"), k, row)
                assert_entry(row, l->packages[n++].json);
        struct attempt again = begin("schema-version = '1.15.0'\n", l);
        again.input.manifest = t.manifest;
        assert_null(question(&again));
        assert_int_equal(finish(&again, NULL), FH_OK);
        assert_string_equal(again.text, t.text);
    }
    assert_true(good > 80 && failed > 15);
}

/* The answer to the last question of a recorded command. */
static const json_t *last_answer(const json_t *commands, const char *name)
{
    const json_t *answer = NULL, *command, *request;
    size_t i, k;
    json_array_foreach(commands, i, command) if (strcmp(fh_json_string(command, "name"), name) == 0)
        json_array_foreach(json_object_get(command, "hub_requests"), k,
                           request) if (strstr(fh_json_string(request, "path"), "/catalog/resolve")) answer =
            json_object_get(request, "response");
    assert_non_null(answer);
    return answer;
}

static struct fh_buf folder_file(const char *name)
{
    char tar[1024];
    struct fh_buf b;
    source_path(tar, FOLDERS);
    if (!run_command(&b, (const char *const[]){"tar", "-xOf", tar, name, NULL}))
        fail_msg("%s is not in the archive", name);
    return b;
}

static void the_official_clients_locks_are_made_of_the_same_answers_byte_by_byte(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"80-edit-build", "proj"}, {"85-install-published", "cons"}};
    json_t *commands = recording(COMMANDS);
    for (size_t i = 0; i < 2; i++) {
        struct fh_buf toml = folder_file(fh_sprintf(arena, "./%s/.flox/env/manifest.toml", cases[i][1]));
        struct fh_buf expected = folder_file(fh_sprintf(arena, "./%s/.flox/env/manifest.lock", cases[i][1]));
        struct attempt t = begin(toml.data, NULL);
        question(&t);
        assert_int_equal(finish(&t, last_answer(commands, cases[i][0])), FH_OK);
        assert_string_equal(t.text, expected.data);
        fh_buf_free(&toml);
        fh_buf_free(&expected);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_catalog_is_asked_for_each_package_and_system_in_sorted_groups),
        CASE(only_a_changed_path_group_or_version_and_new_systems_are_asked_for),
        CASE(an_upgrade_pins_only_what_it_does_not_upgrade),
        CASE(the_entries_of_a_lock_are_the_answers_rows_in_the_formats_order),
        CASE(an_answer_that_is_none_to_the_question_is_refused),
        CASE(what_is_no_path_of_the_store_or_no_word_gets_into_no_lock),
        CASE(refusals_are_told_in_the_official_clients_words),
        CASE(what_the_options_forbid_is_refused_after_resolving),
        CASE(a_fresh_package_with_more_outputs_takes_a_version_1_manifest_to_the_newest),
        CASE(a_version_1_manifest_goes_to_the_newest_with_packages_that_are_not_locked),
        CASE(times_are_written_in_utc_as_the_official_client_writes_them),
        CASE(every_recorded_question_is_asked_and_its_answer_locked),
        CASE(the_official_clients_locks_are_made_of_the_same_answers_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
