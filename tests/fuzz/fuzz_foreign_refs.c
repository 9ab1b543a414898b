/* The ref files of a repository that an operator imports. */
#include "server/git/wire_foreign.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e = {0};
    struct wire_branches packed = {0};
    struct wire_branch loose = {0};
    if (wire_foreign_parse_packed(a, (const char *)data, size, &packed, &e) == FH_OK)
        for (size_t i = 0; i < packed.n; i++)
            if (!packed.items[i].name || !*packed.items[i].name)
                abort();
    if (wire_foreign_parse_ref(a, (const char *)data, size, &loose, &e) == FH_OK && loose.target &&
        !*loose.target)
        abort();
    fh_arena_free(a);
    return 0;
}
