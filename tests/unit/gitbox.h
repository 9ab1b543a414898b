/* For tests: a folder with real git in it, as the oracle. Every test that includes this is skipped, saying
 * so, where there is no git. */
#ifndef TEST_GITBOX_H
#define TEST_GITBOX_H

#include "common/mem.h"
#include "packmill.h"
#include "server/git/wire_index.h"
#include "server/git/wire_pack.h"
#include "server/git/wire_walk.h"
#include "server/git/wire_write.h"

#include <errno.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

/* Runs a shell line in the present folder; out (may be NULL) gets its standard output. */
static inline int box_try(struct fh_buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline int box_try(struct fh_buf *out, const char *fmt, ...)
{
    char line[8192], chunk[65536];
    va_list ap;
    int fds[2], status;
    pid_t pid;
    ssize_t got;
    struct fh_error e;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < sizeof line);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    char *argv[] = {(char[]){"sh"}, (char[]){"-ec"}, line, NULL};
    assert_int_equal(posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    while ((got = read(fds[0], chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        assert_true(got > 0);
        if (out)
            assert_int_equal(fh_buf_add(out, chunk, (size_t)got, &e), FH_OK);
    }
    close(fds[0]);
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define box_run(...)                                                                                         \
    do {                                                                                                     \
        int box_rc_ = box_try(NULL, __VA_ARGS__);                                                            \
        if (box_rc_ != 0)                                                                                    \
            fail_msg("a command ended with %d: %s", box_rc_, #__VA_ARGS__);                                  \
    } while (0)

/* Output as text without its last line end; freed by the caller. */
static inline char *box_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline char *box_text(const char *fmt, ...)
{
    char line[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    struct fh_buf out = FH_BUF_INIT((size_t)1 << 30);
    int rc = box_try(&out, "%s", line);
    if (rc != 0)
        fail_msg("a command ended with %d: %s", rc, line);
    size_t n;
    char *text = fh_buf_take(&out, &n);
    if (n && text[n - 1] == '\n')
        text[n - 1] = '\0';
    return text;
}

static inline struct fh_oid box_oid(const char *what)
{
    struct fh_oid oid;
    char *text = box_text("git rev-parse '%s'", what);
    assert_true(fh_oid_parse(text, strlen(text), &oid));
    free(text);
    return oid;
}

static char box_home[4096];

/* An empty repository in a new folder, which becomes the present one. */
static inline void box_open(void)
{
    static const char *const names[] = {"GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL",
                                        "GIT_COMMITTER_EMAIL"};
    if (box_try(NULL, "command -v git >/dev/null") != 0) {
        puts("skipped: there is no git here");
        exit(77);
    }
    const char *where = getenv("TMPDIR");
    snprintf(box_home, sizeof box_home, "%s/floe-box-XXXXXX", where && *where ? where : "/tmp");
    assert_non_null(mkdtemp(box_home));
    assert_int_equal(chdir(box_home), 0);
    for (size_t i = 0; i < 4; i++)
        setenv(names[i], "box", 1);
    setenv("GIT_AUTHOR_DATE", "1760000000 +0000", 1);
    setenv("GIT_COMMITTER_DATE", "1760000000 +0000", 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("HOME", box_home, 1);
    unsetenv("GIT_DIR");
    box_run("git init -q -b main . && git config gc.auto 0 && git config core.looseCompression 1");
}

static inline void box_close(void)
{
    assert_int_equal(chdir("/"), 0);
    box_run("rm -rf '%s'", box_home);
}

/* All packs of the repository, and those of extra (a list of paths without ending, ended by NULL) on top. */
static inline struct wire_packs *box_packs(const char *glob, struct wire_packs *base)
{
    char *list = box_text("ls %s | sed 's/\\.pack$//'", glob), *save = NULL;
    const char *paths[1024];
    size_t n = 0;
    struct wire_packs *packs;
    struct fh_error e;
    for (char *p = strtok_r(list, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
        paths[n++] = p;
    if (wire_packs_open(paths, n, base, &packs, &e) != FH_OK)
        fail_msg("%s", e.msg);
    free(list);
    return packs;
}

/* --- an environment branch, as flox writes it: a new folder with a manifest and a lock a generation, and a
 * metadata.json that grows --- */

static inline uint64_t box_next(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15u;
    uint64_t z = (*seed ^ *seed >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

enum { BOX_PACKAGES = 110 }; /* a lock of some 75 KB */

static inline void box_add_lock(struct fh_buf *out, const uint64_t *seeds)
{
    struct fh_error e;
    assert_int_equal(fh_buf_add_str(out, "{\n  \"lockfile-version\": 1,\n  \"packages\": [\n", &e), FH_OK);
    for (size_t i = 0; i < BOX_PACKAGES; i++) {
        uint64_t s = seeds[i], a = box_next(&s), b = box_next(&s), c = box_next(&s), d = box_next(&s);
        assert_int_equal(
            fh_buf_addf(
                out, &e,
                "    {\n      \"attr_path\": \"package-%zu\",\n      \"broken\": false,\n      "
                "\"derivation\": "
                "\"/nix/store/%016lx%016lx-package-%zu-1.%lu.drv\",\n      \"description\": \"What the "
                "package %zu is for, in a line\",\n      \"install_id\": \"package-%zu\",\n      "
                "\"license\": \"MIT\",\n      \"locked_url\": "
                "\"https://github.com/flox/nixpkgs?rev=%016lx%016lx\",\n      \"name\": "
                "\"package-%zu-1.%lu\",\n      \"outputs_to_install\": [\n        \"out\"\n      ],\n      "
                "\"outputs\": {\n        \"out\": \"/nix/store/%016lx%016lx-package-%zu\"\n      },\n      "
                "\"system\": \"x86_64-linux\",\n      \"group\": \"toplevel\",\n      \"priority\": 5\n    "
                "},\n",
                i, a, b, i, a % 100, i, i, c, d, i, a % 100, b ^ c, a ^ d, i),
            FH_OK);
    }
    assert_int_equal(fh_buf_add_str(out, "  ]\n}\n", &e), FH_OK);
}

static inline void box_add_file(struct fh_buf *s, const char *path, const struct fh_buf *bytes)
{
    struct fh_error e;
    assert_int_equal(fh_buf_addf(s, &e, "M 100644 inline %s\ndata %zu\n", path, bytes->len), FH_OK);
    mill_add(s, bytes->data, bytes->len);
    mill_add(s, "\n", 1);
}

/* Writes n generations to refs/heads/<branch> of the present repository. */
static inline void box_generations(const char *branch, int n, uint64_t seed)
{
    struct fh_buf s = FH_BUF_INIT((size_t)1 << 30), lock = s, toml = s, meta = s, full = s;
    struct fh_error e;
    uint64_t seeds[BOX_PACKAGES];
    for (size_t i = 0; i < BOX_PACKAGES; i++)
        seeds[i] = box_next(&seed);
    for (int g = 1; g <= n; g++) {
        char path[64];
        for (int k = 0; k < 3; k++)
            seeds[box_next(&seed) % BOX_PACKAGES] = box_next(&seed);
        fh_buf_clear(&lock);
        fh_buf_clear(&toml);
        fh_buf_clear(&full);
        box_add_lock(&lock, seeds);
        assert_int_equal(
            fh_buf_addf(&toml, &e, "schema-version = \"1.15.0\"\n[install]\nx%d.pkg-path = \"x\"\n", g),
            FH_OK);
        assert_int_equal(
            fh_buf_addf(&meta, &e,
                        "%s{\"kind\":\"install\",\"targets\":[\"x%d\"],\"author\":\"alice\",\"hostname\":"
                        "\"laptop\",\"command\":[\"flox\",\"install\",\"x%d\"],\"timestamp\":%d,"
                        "\"current_generation\":\"%d\",\"previous_generation\":\"%d\"}",
                        g > 1 ? "," : "", g, g, 1760000000 + g * 60, g, g - 1),
            FH_OK);
        assert_int_equal(
            fh_buf_addf(&full, &e, "{\"version\":2,\"history\":[%s],\"total_generations\":%d}", meta.data, g),
            FH_OK);
        assert_int_equal(
            fh_buf_addf(&s, &e, "commit refs/heads/%s\ncommitter box <box> %d +0000\ndata 10\ngeneration\n",
                        branch, 1760000000 + g * 60),
            FH_OK);
        snprintf(path, sizeof path, "%d/env/manifest.lock", g);
        box_add_file(&s, path, &lock);
        snprintf(path, sizeof path, "%d/env/manifest.toml", g);
        box_add_file(&s, path, &toml);
        box_add_file(&s, "metadata.json", &full);
    }
    FILE *f = fopen("stream", "w");
    assert_non_null(f);
    assert_int_equal(fwrite(s.data, 1, s.len, f), s.len);
    assert_int_equal(fclose(f), 0);
    box_run("git -c fastimport.unpackLimit=100000 fast-import --quiet <stream");
    fh_buf_free(&s);
    fh_buf_free(&lock);
    fh_buf_free(&toml);
    fh_buf_free(&meta);
    fh_buf_free(&full);
}

/* Each commit of the branch as the pack that pushing it would have sent, made and indexed by git, in
 * pushed/. */
static inline void box_push_packs(const char *branch)
{
    box_run("mkdir -p pushed && for c in $(git rev-list --reverse %s); do "
            "if p=$(git rev-parse -q --verify $c^); then x=^$p; else x=; fi; "
            "printf '%%s\\n' $c $x | git pack-objects -q --revs pushed/pack >/dev/null; done",
            branch);
}

/* Text of an open descriptor or sink for wire_write_pack. */
static inline fh_err box_sink(void *arg, const void *bytes, size_t n, struct fh_error *e)
{
    return fh_buf_add(arg, bytes, n, e);
}

static inline void box_save(const char *path, const struct fh_buf *bytes)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes->data, 1, bytes->len, f), bytes->len);
    assert_int_equal(fclose(f), 0);
}

#define assert_ok(call)                                                                                      \
    do {                                                                                                     \
        struct fh_error e = {0};                                                                             \
        fh_err ok_rc_ = (call);                                                                              \
        if (ok_rc_ != FH_OK)                                                                                 \
            fail_msg("%s: %s", fh_err_name(ok_rc_), e.msg);                                                  \
    } while (0)

#endif
