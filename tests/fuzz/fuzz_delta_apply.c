/* Deltas: two bytes give the length of the base, then come the base and the delta. What can be applied is
 * also made anew, and must come out the same. */
#include "server/git/wire_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_again(const uint8_t *base, size_t nbase, const struct fh_buf *target)
{
    struct fh_buf delta = FH_BUF_INIT(1 << 20), out = FH_BUF_INIT(1 << 20);
    struct fh_error e;
    if (wire_delta_make(base, nbase, target->data, target->len, 1 << 20, &delta, &e) != FH_OK ||
        wire_delta_apply(base, nbase, delta.data, delta.len, &out, &e) != FH_OK || out.len != target->len ||
        memcmp(out.data, target->data, out.len) != 0)
        abort();
    fh_buf_free(&delta);
    fh_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t nbase = (size_t)data[0] << 8 | data[1];
    data += 2;
    size -= 2;
    if (nbase > size)
        nbase = size;
    struct fh_buf out = FH_BUF_INIT(1 << 18);
    struct fh_error e = {0};
    fh_err rc = wire_delta_apply(data, nbase, data + nbase, size - nbase, &out, &e);
    if (rc == FH_OK)
        make_again(data, nbase, &out);
    else if (!e.msg[0])
        abort();
    fh_buf_free(&out);
    return 0;
}
