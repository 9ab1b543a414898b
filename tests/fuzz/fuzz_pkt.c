/* pkt-lines: reading ends, stays in the bytes, and what was read writes back the same. */
#include "common/ceilings.h"
#include "common/pkt.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_when_written(const struct fh_pkt *p, const char *began, size_t n)
{
    struct fh_buf b = FH_BUF_INIT(FH_MAX_PKT);
    bool same = p->kind != FH_PKT_DATA ||
                (fh_pkt_add(&b, p->data, p->len, NULL) == FH_OK && b.len == n &&
                 memcmp(b.data + 4, began + 4, n - 4) == 0 && strncasecmp(b.data, began, 4) == 0);
    fh_buf_free(&b);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct fh_pkt_reader r = {bytes, bytes + size};
    struct fh_pkt p;
    do {
        const char *began = r.at;
        if (fh_pkt_next(&r, &p, NULL) != FH_OK)
            return 0;
        if (r.at > r.end || (p.kind != FH_PKT_EOF && r.at == began))
            abort();
        size_t rest;
        if (fh_pkt_text_len(&p) > p.len || (fh_pkt_after(&p, "want ", &rest) && rest > p.len - 5))
            abort();
        if (!same_when_written(&p, began, (size_t)(r.at - began)))
            abort();
    } while (p.kind != FH_PKT_EOF);
    return 0;
}
