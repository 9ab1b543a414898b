/* env.json, env.lock, names, and the hash that names a checkout's branch. */
#include "common/blake3.h"
#include "common/envjson.h"
#include "envfiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void blake3_agrees_with_the_reference_implementation(void **state)
{
    (void)state;
    char path[1024], line[256];
    uint8_t *input = malloc(102400);
    for (size_t i = 0; i < 102400; i++)
        input[i] = (uint8_t)(i % 251);
    source_path(path, "tests/golden/blake3.txt");
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    int checked = 0;
    while (fgets(line, sizeof line, f)) {
        unsigned n;
        char expected[65], got[65];
        uint8_t digest[FH_BLAKE3_SIZE];
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%u %64s", &n, expected), 2);
        fh_blake3(input, n, digest);
        fh_hex_encode(digest, sizeof digest, got);
        assert_string_equal(got, expected);
        checked++;
    }
    assert_int_equal(checked, 35);
    fclose(f);
    free(input);
}

static void a_pointer_is_written_back_byte_for_byte_in_its_own_style(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum fh_envjson_style style;
    } files[] = {
        {"{\n  \"name\": \"web\",\n  \"version\": 1\n}\n", FH_ENVJSON_PRETTY_NEWLINE},
        {"{\"name\":\"web\",\"version\":1}", FH_ENVJSON_COMPACT},
        {"{\"owner\":\"alice\",\"name\":\"web\",\"floxhub_url\":\"https://hub.example/\",\"version\":1}",
         FH_ENVJSON_COMPACT},
        {"{\n  \"owner\": \"alice\",\n  \"name\": \"web\",\n  \"floxhub_url\": \"https://hub.example/\",\n"
         "  \"floxhub_git_url_override\": \"file:///srv/git\",\n  \"version\": 1\n}",
         FH_ENVJSON_PRETTY},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct fh_arena *a = fh_arena_new();
        struct fh_envjson env;
        struct fh_buf out = FH_BUF_INIT(4096);
        assert_int_equal(fh_envjson_parse(a, files[i].text, strlen(files[i].text), "env.json", &env, NULL),
                         FH_OK);
        assert_int_equal(fh_envjson_write(&env, files[i].style, &out, NULL), FH_OK);
        assert_string_equal(out.data, files[i].text);
        fh_buf_free(&out);
        fh_arena_free(a);
    }
}

static fh_err parse_pointer(const char *text, struct fh_envjson *env, struct fh_error *e)
{
    static struct fh_arena *kept; /* the strings of the last pointer */
    fh_arena_free(kept);
    kept = fh_arena_new();
    fh_err rc = fh_envjson_parse(kept, text, strlen(text), "env.json", env, e);
    if (rc != FH_OK) {
        fh_arena_free(kept);
        kept = NULL;
    }
    return rc;
}

static void a_pointer_without_owner_or_address_is_a_local_environment(void **state)
{
    (void)state;
    struct fh_envjson env;
    assert_int_equal(
        parse_pointer("{\"owner\":\"alice\",\"name\":\"web\",\"version\":1,\"x\":2}", &env, NULL), FH_OK);
    assert_null(env.owner);
    assert_null(env.floxhub_url);
    assert_string_equal(env.name, "web");
    parse_pointer("{", &env, NULL);
}

static void a_pointer_that_is_not_one_is_refused_with_the_file_in_the_sentence(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{\"version\":1}",
        "{\"name\":\"web\"}",
        "{\"name\":\"web\",\"version\":\"1\"}",
        "{\"name\":\"web\",\"version\":2}",
        "{\"name\":5,\"version\":1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fh_envjson env;
        struct fh_error e;
        assert_int_equal(parse_pointer(bad[i], &env, &e), FH_INVALID);
        assert_non_null(strstr(e.msg, "env.json"));
    }
    struct fh_envjson env;
    assert_int_equal(parse_pointer("{\"name\":\"a/b\",\"version\":1}", &env, NULL), FH_INVALID);
    assert_int_equal(parse_pointer("{\"name\":\"..\",\"version\":1}", &env, NULL), FH_INVALID);
}

#define REV   "36e190fffff99fe21c726495cfc477cdbe5dc139"
#define OTHER "faf3c4a86bd05a7641e9230054a5fed09b6c62ed"

static void an_env_lock_is_written_back_byte_for_byte_with_and_without_a_local_commit(void **state)
{
    (void)state;
    static const char *const files[] = {
        "{\n  \"version\": 1,\n  \"rev\": \"" REV "\",\n  \"local_rev\": null\n}",
        "{\n  \"version\": 1,\n  \"rev\": \"" REV "\",\n  \"local_rev\": \"" OTHER "\"\n}",
    };
    for (size_t i = 0; i < 2; i++) {
        struct fh_envlock lock;
        struct fh_buf out = FH_BUF_INIT(4096);
        assert_int_equal(fh_envlock_parse(files[i], strlen(files[i]), "env.lock", &lock, NULL), FH_OK);
        assert_string_equal(lock.local_rev, i == 0 ? "" : OTHER);
        assert_int_equal(fh_envlock_write(&lock, &out, NULL), FH_OK);
        assert_string_equal(out.data, files[i]);
        fh_buf_free(&out);
    }
}

static void an_env_lock_needs_whole_commit_ids(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"version\":1}",
        "{\"version\":1,\"rev\":null}",
        "{\"version\":1,\"rev\":\"36e190f\"}",
        "{\"version\":1,\"rev\":\"36E190FFFFF99FE21C726495CFC477CDBE5DC139\"}",
        "{\"version\":1,\"rev\":\"" REV "\",\"local_rev\":\"x\"}",
        "{\"version\":3,\"rev\":\"" REV "\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fh_envlock lock;
        assert_int_equal(fh_envlock_parse(bad[i], strlen(bad[i]), "env.lock", &lock, NULL), FH_INVALID);
    }
    struct fh_envlock lock;
    const char *short_one = "{\"version\":1,\"rev\":\"" REV "\"}";
    assert_int_equal(fh_envlock_parse(short_one, strlen(short_one), "env.lock", &lock, NULL), FH_OK);
    assert_string_equal(lock.local_rev, "");
}

static void a_reference_is_split_at_its_first_slash(void **state)
{
    (void)state;
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    const char *owner, *name;
    assert_int_equal(fh_envref_parse(a, "alice/web", &owner, &name, &e), FH_OK);
    assert_string_equal(owner, "alice");
    assert_string_equal(name, "web");
    assert_int_equal(fh_envref_parse(a, "alice", &owner, &name, &e), FH_INVALID);
    assert_int_equal(fh_envref_parse(a, "a/b/c", &owner, &name, &e), FH_INVALID);
    assert_int_equal(fh_envref_parse(a, "/b", &owner, &name, &e), FH_INVALID);
    assert_int_equal(fh_envref_parse(a, "a/", &owner, &name, &e), FH_INVALID);
    assert_int_equal(fh_envref_parse(a, "x y/z", &owner, &name, &e), FH_INVALID);
    assert_string_equal(e.msg, "Name 'x y' is invalid.\nEnvironment names may only contain alphanumeric "
                               "characters, '.', '_', and '-'.");
    fh_arena_free(a);
}

static void a_directory_name_becomes_a_slug(void **state)
{
    (void)state;
    struct fh_arena *a = fh_arena_new();
    assert_string_equal(fh_envname_slug(a, "My Project_2"), "my-project-2");
    assert_string_equal(fh_envname_slug(a, "--web--"), "web");
    assert_string_equal(fh_envname_slug(a, "…"), "environment");
    assert_string_equal(fh_envname_slug(a, "a.b"), "a-b");
    fh_arena_free(a);
}

static void a_checkouts_branch_ends_in_eight_digits_of_its_path(void **state)
{
    (void)state;
    struct fh_arena *a = fh_arena_new();
    const char *one = fh_project_branch(a, "web", "/home/user/web/.flox");
    assert_string_equal(one, "web.d80542ae");
    fh_arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blake3_agrees_with_the_reference_implementation),
        cmocka_unit_test(a_pointer_is_written_back_byte_for_byte_in_its_own_style),
        cmocka_unit_test(a_pointer_without_owner_or_address_is_a_local_environment),
        cmocka_unit_test(a_pointer_that_is_not_one_is_refused_with_the_file_in_the_sentence),
        cmocka_unit_test(an_env_lock_is_written_back_byte_for_byte_with_and_without_a_local_commit),
        cmocka_unit_test(an_env_lock_needs_whole_commit_ids),
        cmocka_unit_test(a_reference_is_split_at_its_first_slash),
        cmocka_unit_test(a_directory_name_becomes_a_slug),
        cmocka_unit_test(a_checkouts_branch_ends_in_eight_digits_of_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
