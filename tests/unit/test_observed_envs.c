/* Environments that the official client left behind: each manifest parses, each lock is what we would write,
 * each pointer and each history is written back byte for byte. Skipped, saying so, where the recordings are
 * absent. */
#include "arenabox.h"
#include "common/envjson.h"
#include "common/lock.h"
#include "common/metadata.h"
#include "envfiles.h"

#include <unistd.h>

#define FOLDERS "../shared/data/observed/dot-flox-folders.tar"
#define BUNDLES "../shared/data/observed/floxmeta-%s.bundle"

static const char *recording(const char *below)
{
    char path[1024];
    source_path(path, below);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not here\n", below);
        skip();
    }
    return fh_strdup(arena, path);
}

static struct fh_buf output(const char *const *words)
{
    struct fh_buf b;
    if (!run_command(&b, words))
        fail_msg("%s failed", words[0]);
    return b;
}

static struct fh_buf folder_file(const char *tar, const char *name)
{
    return output((const char *const[]){"tar", "-xOf", tar, name, NULL});
}

/* Calls check for every line of list that ends so. */
static int each_line(const char *list, const char *ending, void (*check)(const char *from, const char *name),
                     const char *from)
{
    int n = 0;
    while (*list) {
        size_t len = strcspn(list, "\n");
        const char *name = fh_strndup(arena, list, len);
        if (len >= strlen(ending) && strcmp(name + len - strlen(ending), ending) == 0) {
            check(from, name);
            n++;
        }
        list += len + (list[len] == '\n');
    }
    return n;
}

static void assert_lock(const char *what, const struct fh_buf *toml, const struct fh_buf *text)
{
    struct fh_error e = {.msg = ""};
    const struct fh_manifest *m = NULL;
    const struct fh_lock *l = NULL;
    struct fh_buf written = FH_BUF_INIT(16 << 20);
    if (fh_manifest_parse(arena, toml->data, toml->len, what, &m, &e) != FH_OK ||
        fh_lock_parse(arena, text->data, text->len, what, &l, &e) != FH_OK)
        fail_msg("%s: %s", what, e.msg);
    if (!fh_lock_fits(l, m))
        fail_msg("%s: the lock does not fit its manifest", what);
    const struct fh_lock_input input = {.manifest = m,
                                        .includes = l->includes,
                                        .nincludes = l->nincludes,
                                        .previous = l,
                                        .host = "x86_64-linux"};
    const struct fh_manifest *composer;
    if (fh_lock_compose(arena, &input, &written, &composer, &e) != FH_OK)
        fail_msg("%s: %s", what, e.msg);
    assert_int_equal(written.len, text->len);
    assert_memory_equal(written.data, text->data, text->len);
    assert_ptr_equal(composer, m);
    fh_buf_clear(&written);
    assert_int_equal(fh_json_write_pretty(l->json, &written, NULL), FH_OK);
    assert_memory_equal(written.data, text->data, written.len); /* compose and all, newline aside */
    fh_buf_free(&written);
}

static void check_folder_lock(const char *tar, const char *name)
{
    struct fh_buf toml = folder_file(tar, name);
    const char *lock = fh_sprintf(arena, "%.*s.lock", (int)strlen(name) - 5, name);
    struct fh_buf text = folder_file(tar, lock);
    assert_lock(name, &toml, &text);
    fh_buf_free(&toml);
    fh_buf_free(&text);
}

static void check_pointer(const char *tar, const char *name)
{
    struct fh_buf text = folder_file(tar, name), written = FH_BUF_INIT(1 << 16);
    struct fh_envjson env;
    assert_int_equal(fh_envjson_parse(arena, text.data, text.len, name, &env, NULL), FH_OK);
    enum fh_envjson_style style = text.data[1] != '\n'              ? FH_ENVJSON_COMPACT
                                  : text.data[text.len - 1] == '\n' ? FH_ENVJSON_PRETTY_NEWLINE
                                                                    : FH_ENVJSON_PRETTY;
    assert_int_equal(fh_envjson_write(&env, style, &written, NULL), FH_OK);
    assert_string_equal(written.data, text.data);
    fh_buf_free(&text);
    fh_buf_free(&written);
}

static void check_env_lock(const char *tar, const char *name)
{
    struct fh_buf text = folder_file(tar, name), written = FH_BUF_INIT(1 << 16);
    struct fh_envlock lock;
    assert_int_equal(fh_envlock_parse(text.data, text.len, name, &lock, NULL), FH_OK);
    assert_int_equal(fh_envlock_write(&lock, &written, NULL), FH_OK);
    assert_string_equal(written.data, text.data);
    fh_buf_free(&text);
    fh_buf_free(&written);
}

static void every_recorded_folder_is_read_and_written_back(void **state)
{
    (void)state;
    const char *tar = recording(FOLDERS);
    struct fh_buf list = output((const char *const[]){"tar", "-tf", tar, NULL});
    assert_int_equal(each_line(list.data, "/manifest.toml", check_folder_lock, tar), 7);
    assert_int_equal(each_line(list.data, "/env.json", check_pointer, tar), 7);
    assert_int_equal(each_line(list.data, "/env.lock", check_env_lock, tar), 4);
    fh_buf_free(&list);
}

static struct fh_buf branch_file(const char *repository, const char *name)
{
    return output((const char *const[]){"git", "-C", repository, "cat-file", "blob", name, NULL});
}

static void check_generation(const char *repository, const char *name)
{
    struct fh_buf toml = branch_file(repository, name);
    const char *lock = fh_sprintf(arena, "%.*s.lock", (int)strlen(name) - 5, name);
    struct fh_buf text = branch_file(repository, lock);
    assert_lock(name, &toml, &text);
    fh_buf_free(&toml);
    fh_buf_free(&text);
}

/* Takes the history apart and adds each change again: the same bytes must come out. */
static void check_metadata(const char *repository, const char *name)
{
    struct fh_buf text = branch_file(repository, name), written = FH_BUF_INIT(4 << 20);
    const struct fh_metadata *read, *made = fh_metadata_new(arena);
    assert_int_equal(fh_metadata_parse(arena, text.data, text.len, &read, NULL), FH_OK);
    assert_int_equal(fh_metadata_check(read, NULL), FH_OK);
    for (size_t i = 0; i < read->nchanges; i++)
        assert_int_equal(fh_metadata_append(arena, made, &read->changes[i], &made, NULL), FH_OK);
    assert_int_equal(fh_metadata_write(made, &written, NULL), FH_OK);
    assert_string_equal(written.data, text.data);
    fh_buf_free(&text);
    fh_buf_free(&written);
}

static void check_message(const char *repository, const char *commit)
{
    const char *hash = fh_strndup(arena, commit, 40);
    struct fh_buf body =
        output((const char *const[]){"git", "-C", repository, "log", "-1", "--format=%B", hash, NULL});
    struct fh_buf text = branch_file(repository, fh_sprintf(arena, "%s:metadata.json", hash));
    const struct fh_metadata *m;
    assert_int_equal(fh_metadata_parse(arena, text.data, text.len, &m, NULL), FH_OK);
    body.data[strcspn(body.data, "\n") == body.len ? body.len : body.len - 2] =
        '\0'; /* %B ends in two newlines */
    if (m->nchanges == 0)
        assert_non_null(strstr(body.data, "Initialize generations branch for environment '"));
    else
        assert_string_equal(body.data, fh_change_message(arena, &m->changes[m->nchanges - 1]));
    fh_buf_free(&body);
    fh_buf_free(&text);
}

static void check_repository(const char *owner, int generations, int branches, int commits)
{
    const char *bundle = recording(fh_sprintf(arena, BUNDLES, owner));
    char folder[] = "/tmp/floe-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct fh_buf none = output((const char *const[]){"git", "-c", "init.defaultBranch=main", "clone", "-q",
                                                      "--mirror", bundle, folder, NULL});
    fh_buf_free(&none);
    struct fh_buf refs =
        output((const char *const[]){"git", "-C", folder, "for-each-ref", "--format=%(refname)", NULL});
    int manifests = 0, histories = 0;
    for (const char *at = refs.data; *at; at += strcspn(at, "\n") + 1) {
        const char *ref = fh_strndup(arena, at, strcspn(at, "\n"));
        struct fh_buf list = output((const char *const[]){
            "git", "-C", folder, "ls-tree", "-r", fh_sprintf(arena, "--format=%s:%%(path)", ref), ref, NULL});
        manifests += each_line(list.data, "/manifest.toml", check_generation, folder);
        histories += each_line(list.data, "metadata.json", check_metadata, folder);
        fh_buf_free(&list);
    }
    struct fh_buf log =
        output((const char *const[]){"git", "-C", folder, "log", "--all", "--format=%H", NULL});
    assert_int_equal(each_line(log.data, "", check_message, folder), commits);
    assert_int_equal(manifests, generations);
    assert_int_equal(histories, branches);
    fh_buf_free(&log);
    fh_buf_free(&refs);
    none = output((const char *const[]){"rm", "-rf", folder, NULL});
    fh_buf_free(&none);
}

static void every_recorded_generation_of_alice_is_read_and_written_back(void **state)
{
    (void)state;
    check_repository("alice", 8, 3, 13);
}

static void every_recorded_generation_of_acme_is_read_and_written_back(void **state)
{
    (void)state;
    check_repository("acme", 1, 1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_recorded_folder_is_read_and_written_back),
        CASE(every_recorded_generation_of_alice_is_read_and_written_back),
        CASE(every_recorded_generation_of_acme_is_read_and_written_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
