/* metadata.json: reading ends; what is read writes back to the same, can be looked at in every way, and keeps
 * the rules when a change is added to a history that keeps them. */
#include "common/ceilings.h"
#include "common/metadata.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_fact)
{
    if (!true_fact)
        abort();
}

static void check_append(struct fh_arena *a, const struct fh_metadata *m)
{
    struct fh_error e;
    const struct fh_metadata *more;
    struct fh_change edit = {.kind = FH_CHANGE_EDIT, .author = "a", .hostname = "h", .timestamp = 1};
    must(fh_metadata_append(a, m, &edit, &more, &e) == FH_OK);
    must(more->total == m->total + 1 && more->live == more->total);
    if (fh_metadata_check(m, &e) == FH_OK)
        must(fh_metadata_check(more, &e) == FH_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e;
    struct fh_buf b = FH_BUF_INIT(2 * FH_MAX_METADATA);
    const struct fh_metadata *m, *again;
    int64_t target;
    if (fh_metadata_parse(a, (const char *)data, size, &m, &e) == FH_OK) {
        must(fh_metadata_write(m, &b, &e) == FH_OK);
        must(fh_metadata_parse(a, b.data, b.len, &again, &e) == FH_OK);
        must(json_equal(m->json, again->json) && again->live == m->live);
        size_t n;
        fh_metadata_generations(a, m, &n);
        must(n <= m->nchanges);
        for (size_t i = 0; i < m->nchanges; i++)
            fh_change_message(a, &m->changes[i]);
        if (fh_metadata_rollback(a, m, &target, &e) == FH_OK)
            must(target != m->live);
        check_append(a, m);
    }
    fh_buf_free(&b);
    fh_arena_free(a);
    return 0;
}
