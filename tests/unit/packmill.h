/* For tests: makes packs byte by byte, sound ones and hostile ones. */
#ifndef TEST_PACKMILL_H
#define TEST_PACKMILL_H

#include "common/buf.h"
#include "common/digest.h"
#include "common/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static inline void mill_add(struct fh_buf *b, const void *bytes, size_t n)
{
    struct fh_error e;
    assert_int_equal(fh_buf_add(b, bytes, n, &e), FH_OK);
}

static inline struct fh_buf mill_start(uint32_t objects)
{
    struct fh_buf b = FH_BUF_INIT((size_t)1 << 30);
    uint8_t n[4] = {(uint8_t)(objects >> 24), (uint8_t)(objects >> 16), (uint8_t)(objects >> 8),
                    (uint8_t)objects};
    mill_add(&b, "PACK\0\0\0\2", 8);
    mill_add(&b, n, 4);
    return b;
}

static inline void mill_header(struct fh_buf *b, unsigned type, uint64_t size)
{
    uint8_t byte = (uint8_t)(type << 4 | (size & 15));
    for (size >>= 4; size; size >>= 7) {
        uint8_t more = byte | 0x80;
        mill_add(b, &more, 1);
        byte = size & 0x7f;
    }
    mill_add(b, &byte, 1);
}

static inline void mill_deflate(struct fh_buf *b, const void *bytes, size_t n)
{
    uLongf len = compressBound((uLong)n);
    uint8_t *out = fh_xmalloc(len);
    assert_int_equal(compress2(out, &len, bytes, (uLong)n, 6), Z_OK);
    mill_add(b, out, len);
    free(out);
}

static inline void mill_whole(struct fh_buf *b, unsigned type, const void *bytes, size_t n)
{
    mill_header(b, type, n);
    mill_deflate(b, bytes, n);
}

static inline void mill_ofs_delta(struct fh_buf *b, size_t base_offset, const void *delta, size_t n)
{
    uint64_t back = b->len - base_offset;
    uint8_t reversed[10], byte;
    size_t len = 0;
    mill_header(b, 6, n);
    reversed[len++] = back & 0x7f;
    while (back >>= 7)
        reversed[len++] = 0x80 | (--back & 0x7f);
    while (len) {
        byte = reversed[--len];
        mill_add(b, &byte, 1);
    }
    mill_deflate(b, delta, n);
}

static inline void mill_ref_delta(struct fh_buf *b, const uint8_t base[20], const void *delta, size_t n)
{
    mill_header(b, 7, n);
    mill_add(b, base, 20);
    mill_deflate(b, delta, n);
}

static inline void mill_finish(struct fh_buf *b)
{
    uint8_t sum[20];
    fh_sha1(b->data, b->len, sum);
    mill_add(b, sum, 20);
}

static inline size_t mill_size(uint8_t *out, uint64_t n)
{
    size_t len = 0;
    do {
        out[len++] = (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        n >>= 7;
    } while (n);
    return len;
}

/* A delta from base bytes to result bytes, of copies of up to 64 KiB from the base's start. */
static inline struct fh_buf mill_copies(uint64_t base, uint64_t result)
{
    struct fh_buf d = FH_BUF_INIT((size_t)1 << 26);
    uint8_t head[20];
    size_t n = mill_size(head, base);
    n += mill_size(head + n, result);
    mill_add(&d, head, n);
    while (result) {
        uint64_t part = result < 0x10000 ? result : 0x10000;
        if (part > base)
            part = base;
        uint8_t op[4] = {0xb0, (uint8_t)part, (uint8_t)(part >> 8), 0};
        if (part == 0x10000)
            mill_add(&d, "\x80", 1);
        else
            mill_add(&d, op, 3);
        result -= part;
    }
    return d;
}

static inline void mill_hash(const char *type, const void *bytes, size_t n, uint8_t out[20])
{
    struct fh_digest *d = fh_digest_new(FH_SHA1);
    char head[64];
    int len = snprintf(head, sizeof head, "%s %zu", type, n);
    fh_digest_add(d, head, (size_t)len + 1);
    fh_digest_add(d, bytes, n);
    fh_digest_finish(d, out);
    fh_digest_free(d);
}

/* A descriptor of a file in memory that holds the bytes. */
static inline int mill_fd(const void *bytes, size_t n)
{
    int fd = memfd_create("pack", MFD_CLOEXEC);
    assert_true(fd >= 0);
    for (const char *p = bytes; n;) {
        ssize_t put = write(fd, p, n);
        assert_true(put > 0);
        p += put;
        n -= (size_t)put;
    }
    return fd;
}

#endif
