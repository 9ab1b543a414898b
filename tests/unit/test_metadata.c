/* metadata.json: the worked example of the protocol, byte for byte; both versions; the rules. */
#include "arenabox.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/metadata.h"

#include <stdio.h>

static const char *written(const struct fh_metadata *m)
{
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    assert_int_equal(fh_metadata_write(m, &b, NULL), FH_OK);
    const char *text = fh_strdup(arena, b.data);
    fh_buf_free(&b);
    return text;
}

/* The id git gives to a file of these bytes. */
static const char *blob_id(const char *text)
{
    char *hex = fh_alloc(arena, FH_OID_HEX + 1);
    uint8_t id[FH_SHA1_SIZE];
    char head[40];
    int n = snprintf(head, sizeof head, "blob %zu", strlen(text));
    struct fh_digest *d = fh_digest_new(FH_SHA1);
    fh_digest_add(d, head, (size_t)n + 1);
    fh_digest_add(d, text, strlen(text));
    fh_digest_finish(d, id);
    fh_digest_free(d);
    fh_hex_encode(id, sizeof id, hex);
    return hex;
}

static const struct fh_metadata *parsed(const char *text)
{
    struct fh_error e;
    const struct fh_metadata *m = NULL;
    if (fh_metadata_parse(arena, text, strlen(text), &m, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return m;
}

static void refused(const char *text, const char *part)
{
    struct fh_error e = {.msg = ""};
    const struct fh_metadata *m;
    assert_int_equal(fh_metadata_parse(arena, text, strlen(text), &m, &e), FH_INVALID);
    if (!strstr(e.msg, part))
        fail_msg("'%s' does not mention '%s'", e.msg, part);
}

static const struct fh_metadata *added(const struct fh_metadata *m, const struct fh_change *c)
{
    struct fh_error e;
    const struct fh_metadata *out = NULL;
    if (fh_metadata_append(arena, m, c, &out, &e) != FH_OK)
        fail_msg("%s", e.msg);
    return out;
}

#define WORDS(...)                                                                                           \
    .has_command = true, .command = (const char *const[])                                                    \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define PERSON .author = "alice", .hostname = "laptop"

static void the_worked_example_has_the_blob_ids_that_the_protocol_states(void **state)
{
    (void)state;
    const struct fh_metadata *m = fh_metadata_new(arena);
    assert_string_equal(blob_id(written(m)), "17d7ec1684527a2fa29aeb8e6e08d0f45bf3adaf");
    struct fh_change push = {.kind = FH_CHANGE_IMPORT,
                             PERSON,
                             WORDS("/usr/bin/floe", "push"),
                             .ncommand = 2,
                             .timestamp = 1760000000};
    m = added(m, &push);
    assert_string_equal(blob_id(written(m)), "61f2cc8282be7b4955fb58fa5cc6681aea156586");
    assert_string_equal(fh_change_message(arena, &m->changes[0]),
                        "Create generation 1\n\nimported environment");
    struct fh_change install = {.kind = FH_CHANGE_INSTALL,
                                .targets = (const char *const[]){"hello (hello)"},
                                .ntargets = 1,
                                PERSON,
                                WORDS("floe", "install", "hello"),
                                .ncommand = 3,
                                .timestamp = 1760003600};
    m = added(m, &install);
    assert_string_equal(blob_id(written(m)), "037d6cdc78d4cf635bdfc88da3e8e840ee57d0b7");
    assert_string_equal(fh_change_message(arena, &m->changes[1]),
                        "Create generation 2\n\ninstalled package 'hello (hello)'");
    int64_t target = 0;
    assert_int_equal(fh_metadata_rollback(arena, m, &target, NULL), FH_OK);
    assert_int_equal(target, 1);
    struct fh_change back = {.kind = FH_CHANGE_SWITCH,
                             PERSON,
                             WORDS("floe", "generations", "rollback"),
                             .ncommand = 3,
                             .timestamp = 1760007200,
                             .current = target};
    m = added(m, &back);
    assert_string_equal(blob_id(written(m)), "2afa6afe40814b0edc9ffe79717557f6cee9f0c4");
    assert_string_equal(fh_change_message(arena, &m->changes[2]), "changed current generation 2 -> 1");
    assert_int_equal(m->total, 2);
    assert_int_equal(m->live, 1);
    assert_int_equal(fh_metadata_check(m, NULL), FH_OK);
    struct fh_change edit = {.kind = FH_CHANGE_EDIT, PERSON, .timestamp = 1760007300};
    m = added(m, &edit);
    assert_int_equal(m->live, 3);
    assert_int_equal(m->changes[3].previous, 1);
    assert_string_equal(fh_metadata_root_message(arena, "web"),
                        "Initialize generations branch for environment 'web'");
}

#define WHO "\"author\":\"a\",\"hostname\":\"h\",\"timestamp\":"
#define ENTRY(kind, time, current, previous)                                                                 \
    "{\"kind\":\"" kind "\"," WHO #time ",\"current_generation\":\"" #current                                \
    "\",\"previous_generation\":" previous "}"
#define HISTORY(entries, total) "{\"version\":2,\"history\":[" entries "],\"total_generations\":" #total "}"

static void unknown_keys_and_kinds_survive_being_written_and_added_to(void **state)
{
    (void)state;
    const char *text = "{\"version\":2,\"history\":[{\"kind\":\"fork\",\"from\":{\"b\":1,\"a\":[2.5]}," WHO
                       "5,\"current_generation\":\"1\",\"note\":\"é\"}],\"total_generations\":1,\"zeta\":{},"
                       "\"alpha\":null}";
    const struct fh_metadata *m = parsed(text);
    assert_string_equal(written(m), text);
    assert_int_equal(m->changes[0].kind, FH_CHANGE_UNKNOWN);
    assert_string_equal(fh_change_text(arena, &m->changes[0]), "performed unknown fork operation");
    assert_true(fh_change_creates(&m->changes[0]));
    struct fh_change edit = {.kind = FH_CHANGE_EDIT, .author = "a", .hostname = "h", .timestamp = 6};
    assert_string_equal(
        written(added(m, &edit)),
        "{\"version\":2,\"history\":[{\"kind\":\"fork\",\"from\":{\"b\":1,\"a\":[2.5]}," WHO
        "5,\"current_generation\":\"1\",\"note\":\"é\"},{\"kind\":\"edit\",\"author\":\"a\","
        "\"hostname\":\"h\",\"command\":null,\"timestamp\":6,\"current_generation\":\"2\","
        "\"previous_generation\":\"1\"}],\"total_generations\":2,\"zeta\":{},\"alpha\":null}");
}

static void a_known_kind_with_fields_of_a_wrong_type_counts_as_unknown(void **state)
{
    (void)state;
    const struct fh_metadata *m =
        parsed(HISTORY("{\"kind\":\"install\",\"targets\":[1]," WHO
                       "1,\"current_generation\":\"1\"},{\"kind\":\"other\"," WHO
                       "2,\"current_generation\":\"2\",\"previous_generation\":\"1\"}",
                       2));
    assert_int_equal(m->changes[0].kind, FH_CHANGE_UNKNOWN);
    assert_int_equal(m->changes[1].kind, FH_CHANGE_UNKNOWN);
    assert_string_equal(fh_change_text(arena, &m->changes[0]), "performed unknown install operation");
}

static void every_kind_has_its_text(void **state)
{
    (void)state;
    const char *two[] = {"a", "b"};
    const struct {
        struct fh_change change;
        const char *text;
    } cases[] = {
        {{.kind = FH_CHANGE_IMPORT}, "imported environment"},
        {{.kind = FH_CHANGE_INITIALIZE}, "initialized new environment"},
        {{.kind = FH_CHANGE_EDIT}, "manually edited the manifest"},
        {{.kind = FH_CHANGE_MIGRATE_V1, .text = "old"}, "old [metadata migrated]"},
        {{.kind = FH_CHANGE_OTHER, .text = "did it"}, "did it"},
        {{.kind = FH_CHANGE_INSTALL, .targets = two, .ntargets = 2}, "installed packages 'a', 'b'"},
        {{.kind = FH_CHANGE_UNINSTALL, .targets = two, .ntargets = 1}, "uninstalled package 'a'"},
        {{.kind = FH_CHANGE_UPGRADE, .targets = two, .ntargets = 1}, "upgraded package 'a'"},
        {{.kind = FH_CHANGE_UPGRADE}, "upgraded all packages"},
        {{.kind = FH_CHANGE_INCLUDE_UPGRADE, .targets = two, .ntargets = 2},
         "upgraded included environments 'a', 'b'"},
        {{.kind = FH_CHANGE_INCLUDE_UPGRADE}, "upgraded all included environments"},
        {{.kind = FH_CHANGE_SWITCH, .current = 1, .previous = 2}, "changed current generation 2 -> 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(fh_change_text(arena, &cases[i].change), cases[i].text);
}

static void what_is_not_metadata_is_refused_with_a_reason(void **state)
{
    (void)state;
    refused("", "metadata.json:1:");
    refused("[]", "not a JSON object");
    refused("{}", "no 'version'");
    refused("{\"version\":3,\"history\":[],\"total_generations\":0}", "newer program");
    refused("{\"version\":\"2\",\"history\":[],\"total_generations\":0}", "no 'version' number");
    refused("{\"version\":1,\"history\":[]}", "version 1");
    refused("{\"version\":2,\"history\":{},\"total_generations\":0}", "'history'");
    refused("{\"version\":2,\"history\":[],\"total_generations\":-1}", "'total_generations'");
    refused("{\"version\":2,\"history\":[],\"total_generations\":\"0\"}", "'total_generations'");
    refused(HISTORY("{\"kind\":1," WHO "1,\"current_generation\":\"1\"}", 1), "'kind' of history entry 0");
    refused(HISTORY("{\"kind\":\"edit\"," WHO "1,\"current_generation\":1}", 1), "'current_generation'");
    refused(HISTORY("{\"kind\":\"edit\"," WHO "\"1\",\"current_generation\":\"1\"}", 1), "'timestamp'");
    refused(HISTORY("{\"kind\":\"edit\",\"hostname\":\"h\",\"timestamp\":1,\"current_generation\":\"1\"}", 1),
            "'author'");
    refused(HISTORY("{\"kind\":\"edit\",\"command\":[1]," WHO "1,\"current_generation\":\"1\"}", 1),
            "'command'");
    refused(HISTORY("5", 1), "'kind'");
}

static void breaks_rule(const char *text, const char *part)
{
    struct fh_error e = {.msg = ""};
    assert_int_equal(fh_metadata_check(parsed(text), &e), FH_INVALID);
    if (!strstr(e.msg, part))
        fail_msg("'%s' does not mention '%s'", e.msg, part);
}

static void a_history_that_breaks_a_rule_reads_and_fails_the_check(void **state)
{
    (void)state;
    assert_int_equal(fh_metadata_check(parsed(HISTORY(ENTRY("import", 1, 1, "null"), 1)), NULL), FH_OK);
    breaks_rule(HISTORY(ENTRY("import", 1, 1, "null"), 2), "2 generations are counted");
    breaks_rule(HISTORY(ENTRY("import", 1, 2, "null"), 1), "creates generation 2 of 1");
    breaks_rule(HISTORY(ENTRY("import", 1, 1, "null") "," ENTRY("edit", 2, 1, "\"1\""), 1), "created twice");
    breaks_rule(HISTORY(ENTRY("import", 1, 1, "null") "," ENTRY("edit", 2, 2, "null"), 2),
                "follows generation 1");
    breaks_rule(HISTORY(ENTRY("switch_generation", 1, 1, "null"), 0), "no previous generation");
    breaks_rule(HISTORY(ENTRY("import", 1, 1, "null") "," ENTRY("switch_generation", 2, 7, "\"1\""), 1),
                "was not created before");
    breaks_rule(HISTORY(ENTRY("import", 1, 1, "null") "," ENTRY("switch_generation", 2, 1, "\"1\""), 2),
                "2 generations are counted, and 1 were created");
}

static void generations_are_listed_with_their_times_and_parents(void **state)
{
    (void)state;
    const struct fh_metadata *m =
        parsed(HISTORY(ENTRY("import", 10, 1, "null") "," ENTRY("edit", 20, 2, "\"1\"") "," ENTRY(
                           "switch_generation", 30, 1, "\"2\"") "," ENTRY("edit", 40, 3, "\"1\""),
                       3));
    size_t n;
    const struct fh_generation *g = fh_metadata_generations(arena, m, &n);
    assert_int_equal(n, 3);
    assert_int_equal(g[0].number, 3);
    assert_true(g[0].is_live);
    assert_int_equal(g[0].parent, 1);
    assert_int_equal(g[0].created, 40);
    assert_int_equal(g[0].last_live, 0);
    assert_int_equal(g[1].number, 2);
    assert_int_equal(g[1].last_live, 30);
    assert_int_equal(g[2].number, 1);
    assert_int_equal(g[2].last_live, 40);
    assert_int_equal(g[2].parent, 0);
    assert_string_equal(g[2].description, "imported environment");
    int64_t target;
    assert_int_equal(fh_metadata_rollback(arena, m, &target, NULL), FH_OK);
    assert_int_equal(target, 1);
    assert_int_equal(
        fh_metadata_rollback(arena, parsed(HISTORY(ENTRY("import", 1, 1, "null"), 1)), &target, NULL),
        FH_NOT_FOUND);
}

static void a_switch_to_the_live_or_to_no_generation_is_refused(void **state)
{
    (void)state;
    const struct fh_metadata *m = parsed(HISTORY(ENTRY("import", 1, 1, "null"), 1)), *out;
    struct fh_change c = {.kind = FH_CHANGE_SWITCH, .author = "a", .hostname = "h", .current = 1};
    assert_int_equal(fh_metadata_append(arena, m, &c, &out, NULL), FH_INVALID);
    c.current = 2;
    assert_int_equal(fh_metadata_append(arena, m, &c, &out, NULL), FH_INVALID);
    c.current = 0;
    assert_int_equal(fh_metadata_append(arena, m, &c, &out, NULL), FH_INVALID);
    assert_int_equal(fh_metadata_append(arena, fh_metadata_new(arena), &c, &out, NULL), FH_INVALID);
}

static void version_1_becomes_a_history_of_migrated_generations(void **state)
{
    (void)state;
    const struct fh_metadata *m =
        parsed("{\"currentGen\":\"2\",\"generations\":{\"10\":{\"created\":10,\"lastActive\":null,"
               "\"description\":\"ten\"},\"1\":{\"created\":1,\"lastActive\":2,\"description\":\"one\"},"
               "\"2\":{\"created\":2,\"lastActive\":77,\"description\":\"two\"},"
               "\"3\":{\"created\":3,\"description\":\"\"},\"4\":{\"created\":4,\"description\":\"\"},"
               "\"5\":{\"created\":5,\"description\":\"\"},\"6\":{\"created\":6,\"description\":\"\"},"
               "\"7\":{\"created\":7,\"description\":\"\"},\"8\":{\"created\":8,\"description\":\"\"},"
               "\"9\":{\"created\":9,\"description\":\"\"}},\"version\":1}");
    assert_int_equal(m->version, 1);
    assert_int_equal(m->nchanges, 11);
    assert_int_equal(m->total, 10);
    assert_int_equal(m->live, 2);
    assert_int_equal(m->changes[10].kind, FH_CHANGE_SWITCH);
    assert_int_equal(m->changes[10].timestamp, 77);
    assert_string_equal(fh_change_text(arena, &m->changes[9]), "ten [metadata migrated]");
    assert_int_equal(fh_metadata_check(m, NULL), FH_OK);
    assert_string_equal(written(parsed("{\"currentGen\":\"1\",\"generations\":{\"1\":{\"created\":1,"
                                       "\"lastActive\":null,\"description\":\"one\"}}}")),
                        HISTORY("{\"kind\":\"migrate_v1\",\"description\":\"one\",\"author\":\"unknown\","
                                "\"hostname\":\"unknown\",\"command\":null,\"timestamp\":1,"
                                "\"current_generation\":\"1\",\"previous_generation\":null}",
                                1));
    refused("{\"currentGen\":\"1\",\"generations\":{\"2\":{\"created\":1,\"description\":\"\"}}}", "gap");
    refused("{\"currentGen\":null,\"generations\":{}}", "no current generation");
    refused("{\"currentGen\":\"3\",\"generations\":{\"1\":{\"created\":1,\"description\":\"\"}}}", "missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_worked_example_has_the_blob_ids_that_the_protocol_states),
        CASE(unknown_keys_and_kinds_survive_being_written_and_added_to),
        CASE(a_known_kind_with_fields_of_a_wrong_type_counts_as_unknown),
        CASE(every_kind_has_its_text),
        CASE(what_is_not_metadata_is_refused_with_a_reason),
        CASE(a_history_that_breaks_a_rule_reads_and_fails_the_check),
        CASE(generations_are_listed_with_their_times_and_parents),
        CASE(a_switch_to_the_live_or_to_no_generation_is_refused),
        CASE(version_1_becomes_a_history_of_migrated_generations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
