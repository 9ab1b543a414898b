/* Bodies of build-inputs lookups, and the references in them: what is accepted is within its limits, and a
 * reference taken apart is one that begins with itself. */
#include "common/ceilings.h"
#include "common/mem.h"
#include "server/catalog/lookup_body.h"
#include "server/catalog/lookup_reference.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
    if (!truth)
        abort();
}

static void check_reference(struct fh_arena *a, const char *text)
{
    struct catalog_reference r, path;
    if (catalog_reference_parse(a, text, &r)) {
        must(r.owner && r.owner[0] && (r.n > 0 || r.all) && catalog_reference_compare(&r, &r, SIZE_MAX) == 0);
        for (size_t i = 0; i < r.n; i++)
            must(r.parts[i][0] != '\0' && strlen(r.parts[i]) <= strlen(text));
    }
    if (catalog_attr_parse(a, text, &path))
        must(!path.owner && path.n > 0 && !path.all &&
             catalog_reference_compare(&path, &path, SIZE_MAX) == 0);
    else
        must(path.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_arena *a = fh_arena_new();
    struct fh_error e = {0};
    struct catalog_lookup l;
    fh_err rc = catalog_lookup_parse(a, (const char *)data, size, &l, &e);
    must(rc == FH_OK || (rc == FH_MISMATCH && strlen(e.msg) > 10));
    for (size_t i = 0; rc == FH_OK && i < l.n; i++) {
        must(l.n <= FH_MAX_LOOKUP_GROUPS && l.groups[i].n <= FH_MAX_LOOKUP_REFERENCES);
        for (size_t k = 0; k < l.groups[i].n; k++)
            check_reference(a, l.groups[i].references[k]);
    }
    check_reference(a, fh_strndup(a, (const char *)data, size));
    fh_arena_free(a);
    return 0;
}
