/* manifest.lock: reading ends; what is read is written and read again as the same, and a lock made from it
 * fits. */
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
        if (fh_lock_make(a, lock->manifest, lock, "x86_64-linux", &b, &e) == FH_OK) {
            must(fh_lock_parse(a, b.data, b.len, "lock", &again, &e) == FH_OK);
            must(fh_lock_fits(again, lock->manifest));
        }
    }
    fh_buf_free(&b);
    fh_arena_free(a);
    return 0;
}
