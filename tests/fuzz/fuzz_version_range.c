/* Version constraints: constraint, a newline, version. Whatever the bytes are, what must hold of every
 * answer. */
#include "common/version_range.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    size_t n = line ? (size_t)(line - data) : size;
    struct fh_arena *a = fh_arena_new();
    const char *constraint = fh_strndup(a, (const char *)data, n);
    const char *version = line ? fh_strndup(a, (const char *)line + 1, size - n - 1) : "";
    struct fh_version_range *r, *inverse;
    struct fh_error e = {0};
    if (fh_version_range_parse(a, constraint, &r, &e) != FH_OK) {
        must(e.code == FH_INVALID && strncmp(e.msg, "Invalid simple ", 15) == 0 ? strlen(e.msg) < 200 : true);
        must(*constraint && strchr(" <=>!^~", *constraint));
    } else {
        bool fits = fh_version_range_fits(r, version, true);
        must(fh_version_range_fits(r, constraint, false));
        must(fits || !fh_version_range_fits(r, version, false));
        must(!*constraint || strcmp(constraint, version) == 0 || !fh_version_range_is_literal(r) || !fits);
        /* What is not below is not excluded by "not below". */
        if (constraint[0] == '<' && constraint[1] != '=' && !strchr(constraint, ',') && fits &&
            !strchr(constraint, '-') && !fh_version_range_is_literal(r)) {
            must(fh_version_range_parse(a, fh_sprintf(a, ">=%s", constraint + 1), &inverse, &e) == FH_OK);
            must(!fh_version_range_fits(inverse, version, true));
        }
    }
    fh_arena_free(a);
    return 0;
}
