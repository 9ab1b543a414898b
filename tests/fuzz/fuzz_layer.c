/* What is read from _FLOE_LAYERS: any program may have set it. What can be read reads the same once it has
 * been written again, and leads to values. */
#include "client/activate_layer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    const char *text = fh_strndup(a, (const char *)data, size), *rest;
    struct layer first, again;
    while (layer_decode(a, text, &first, &rest, NULL) == FH_OK) {
        const char *written = layer_encode(a, &first), *none;
        if (layer_decode(a, written, &again, &none, NULL) != FH_OK || *none != '\0' || again.n != first.n ||
            strcmp(layer_encode(a, &again), written) != 0)
            abort();
        for (size_t i = 0; i < first.n; i++) {
            (void)layer_restored(a, &first.changes[i], first.changes[i].after);
            (void)layer_restored(a, &first.changes[i], "/a::/b");
        }
        text = rest;
    }
    fh_arena_free(a);
    return 0;
}
