/* The names nearest to a misspelt one: the first line is what was written, the others are names. */
#include "server/catalog/near.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    char *rest = fh_strndup(a, (const char *)data, size), *wanted = strsep(&rest, "\n");
    struct catalog_near near;
    catalog_near_start(&near, wanted);
    for (char *name; (name = strsep(&rest, "\n"));)
        catalog_near_try(&near, a, name);
    must(near.n <= CATALOG_NEAR_MOST);
    for (size_t i = 0; i < near.n; i++) {
        const char *name = near.found[i].name;
        size_t n = strlen(name);
        must(near.found[i].apart <= near.apart && (i == 0 || near.found[i].apart >= near.found[i - 1].apart));
        if (n <= CATALOG_NEAR_LONGEST)
            must(catalog_edits(wanted, near.length, name, n, CATALOG_NEAR_APART) ==
                 catalog_edits(name, n, wanted, near.length, CATALOG_NEAR_APART));
    }
    fh_arena_free(a);
    return 0;
}
