/* manifest.toml: reading ends and stays in its memory; what is accepted means the same in the lock's form,
 * its lock is a lock and fits it, and its variables have an order or a cycle. */
#include "common/ceilings.h"
#include "common/lock.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static void check_lock(struct fh_arena *a, const struct fh_manifest *m)
{
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(FH_MAX_LOCK);
    if (fh_lock_make(a, m, NULL, "x86_64-linux", &b, &e) == FH_OK) {
        const struct fh_lock *lock;
        must(fh_lock_parse(a, b.data, b.len, "lock", &lock, &e) == FH_OK);
        must(fh_lock_fits(lock, m));
    }
    fh_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    const struct fh_manifest *m, *again;
    struct fh_manifest_vars ordered = {0};
    if (fh_manifest_parse(a, (const char *)data, size, "m", &m, &e) == FH_OK) {
        must(fh_manifest_from_json(a, m->json, "j", &again, &e) == FH_OK);
        must(fh_manifest_equal(m, again));
        check_lock(a, m);
        if (fh_vars_order(a, &m->vars, &ordered, &e) == FH_OK)
            must(ordered.count == m->vars.count);
    } else {
        must(e.msg[0] != '\0');
    }
    fh_arena_free(a);
    return 0;
}
