/* manifest.lock: reading ends; what is read is written and read again as the same, and a lock made from it,
 * with what it includes, fits. */
#include "common/ceilings.h"
#include "common/lock.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_LOCK);
    const struct fh_lock *lock, *again;
    if (fh_lock_parse(a, (const char *)data, size, "lock", &lock, &e) == FH_OK) {
        must(fh_json_write_pretty(lock->json, &b, &e) == FH_OK);
        must(fh_lock_parse(a, b.data, b.len, "lock", &again, &e) == FH_OK);
        must(json_equal(lock->json, again->json));
        fh_buf_clear(&b);
        const struct fh_manifest *composer;
        const struct fh_lock_input input = {.manifest = lock->user,
                                            .includes = lock->includes,
                                            .nincludes = lock->nincludes,
                                            .previous = lock,
                                            .host = "x86_64-linux"};
        if (fh_lock_compose(a, &input, &b, &composer, &e) == FH_OK) {
            must(fh_lock_parse(a, b.data, b.len, "lock", &again, &e) == FH_OK);
            must(fh_lock_fits(again, composer) && again->nincludes == lock->nincludes);
        }
    }
    fh_buf_free(&b);
    fh_arena_free(a);
    return 0;
}
