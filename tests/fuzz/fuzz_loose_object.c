/* A loose object of a repository that an operator imports. */
#include "common/ceilings.h"
#include "server/git/wire_foreign.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fh_buf out = FH_BUF_INIT(FH_MAX_OBJECT + 1);
    struct fh_error e = {0};
    enum wire_type type;
    if (wire_loose_parse(data, size, &type, &out, &e) == FH_OK &&
        (type < WIRE_COMMIT || type > WIRE_TAG || out.len > FH_MAX_OBJECT))
        abort();
    fh_buf_free(&out);
    return 0;
}
