/* What a catalog answers to the question of a lock: reading it ends; a lock that is made of it reads back,
 * fits its manifest and has every package for every system once; a refusal is told harmlessly and makes
 * nothing. */
#include "common/ceilings.h"
#include "common/lock.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char toml[] = "schema-version = \"1.15.0\"\n"
                           "[install]\n"
                           "a.pkg-path = \"a\"\n"
                           "b.pkg-path = \"o/b\"\n"
                           "b.pkg-group = \"b\"\n"
                           "b.systems = [\"x86_64-linux\"]\n"
                           "[options]\n"
                           "systems = [\"aarch64-linux\", \"x86_64-linux\"]\n";

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static void check_lock(struct fh_arena *a, const struct fh_buf *text, const struct fh_manifest *m)
{
    const struct fh_lock *lock;
    struct fh_error e;
    must(fh_lock_parse(a, text->data, text->len, "lock", &lock, &e) == FH_OK);
    must(fh_lock_fits(lock, m) && lock->npackages == 3);
    struct fh_lock_input again = {.manifest = m, .previous = lock, .host = "x86_64-linux"};
    struct fh_locking *l;
    must(fh_locking_begin(a, &again, &l, &e) == FH_OK && fh_locking_question(l) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_LOCK);
    const struct fh_manifest *m, *composer;
    const struct fh_lock_failures *failures;
    struct fh_locking *l;
    json_t *answer = NULL;
    must(fh_manifest_parse(a, toml, sizeof toml - 1, "m", &m, &e) == FH_OK);
    const struct fh_lock_input input = {.manifest = m, .host = "x86_64-linux", .now = "2026-01-01T00:00:00Z"};
    must(fh_locking_begin(a, &input, &l, &e) == FH_OK);
    if (fh_json_parse((const char *)data, size, "answer", &answer, NULL) == FH_OK) {
        fh_json_own(a, answer);
        if (fh_locking_finish(l, answer, &b, &composer, &failures, &e) == FH_OK) {
            must(composer == m && failures == NULL);
            check_lock(a, &b, m);
        } else {
            must(b.len == 0);
        }
        if (failures != NULL)
            must(failures->count > 0 && strchr(fh_lock_failures_text(a, failures), '\033') == NULL);
    }
    fh_buf_free(&b);
    fh_arena_free(a);
    return 0;
}
