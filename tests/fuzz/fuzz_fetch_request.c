/* Requests to git-upload-pack, both versions. */
#include "common/ceilings.h"
#include "server/git/wire_request.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fetch(const struct wire_fetch *f)
{
    if (f->nwants > FH_MAX_WANTS || f->nhaves > FH_MAX_HAVES)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e = {0};
    struct wire_v2 v2;
    struct wire_fetch v0;
    if (wire_request_v2(a, (const char *)data, size, &v2, &e) == FH_OK) {
        check_fetch(&v2.fetch);
        if (v2.ls_refs.nprefixes > FH_MAX_REF_PREFIXES)
            abort();
    }
    if (wire_request_v0(a, (const char *)data, size, &v0, &e) == FH_OK)
        check_fetch(&v0);
    fh_arena_free(a);
    return 0;
}
