/* floe-export.json of a folder that an operator imports. */
#include "server/git/wire_import.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e = {0};
    struct wire_export_note *notes;
    size_t n;
    if (wire_export_parse(a, (const char *)data, size, &notes, &n, &e) == FH_OK)
        for (size_t i = 0; i < n; i++)
            if (!notes[i].name || notes[i].created_at < 0)
                abort();
    fh_arena_free(a);
    return 0;
}
