/* The commands of a push. */
#include "common/ceilings.h"
#include "server/git/wire_request.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e = {0};
    struct wire_push p;
    if (wire_request_push(a, (const char *)data, size, &p, &e) == FH_OK &&
        (p.nupdates > FH_MAX_PUSH_COMMANDS || p.pack_offset > size))
        abort();
    fh_arena_free(a);
    return 0;
}
