/* env.json and env.lock: reading ends, and what is read is written and read again as the same. */
#include "common/envjson.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static bool same(const char *x, const char *y)
{
    return x == y || (x && y && strcmp(x, y) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(1 << 20);
    struct fh_envjson env, again;
    struct fh_envlock lock, lock_again;
    if (fh_envjson_parse(a, (const char *)data, size, "f", &env, &e) == FH_OK) {
        must(fh_envjson_write(&env, FH_ENVJSON_PRETTY, &b, &e) == FH_OK);
        must(fh_envjson_parse(a, b.data, b.len, "f", &again, &e) == FH_OK);
        must(same(env.name, again.name) && same(env.owner, again.owner) &&
             same(env.floxhub_url, again.floxhub_url) && same(env.git_url_override, again.git_url_override));
    }
    fh_buf_clear(&b);
    if (fh_envlock_parse((const char *)data, size, "f", &lock, &e) == FH_OK) {
        must(fh_envlock_write(&lock, &b, &e) == FH_OK);
        must(fh_envlock_parse(b.data, b.len, "f", &lock_again, &e) == FH_OK);
        must(same(lock.rev, lock_again.rev) && same(lock.local_rev, lock_again.local_rev));
    }
    fh_buf_free(&b);
    fh_arena_free(a);
    return 0;
}
