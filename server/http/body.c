/* A request's body on its way in. See body.h. */
#include "server/http/body.h"

#include "common/ceilings.h"
#include "common/mem.h"
#include "server/http/unlinked.h"

#include <unistd.h>

enum {
    FIRST_CHUNK = 2048,
    INFLATE_STEP = 16 * 1024,
    LIGHT_GZIP = 4096, /* inflates to at most FH_MAX_GUNZIP_RATIO times as much: a millisecond */
};

void web_body_begin(struct web_intake *in, size_t limit, bool gzip, const char *spool_dir)
{
    *in = (struct web_intake){.limit = limit, .gzip = gzip, .spool_dir = spool_dir, .fd = -1};
    fh_buf_init(&in->small, FH_MAX_BODY_SMALL);
}

void web_body_end(struct web_intake *in)
{
    if (in->inflating)
        inflateEnd(&in->z);
    in->inflating = false;
    free(in->chunk);
    in->chunk = NULL;
    in->chunk_len = in->chunk_cap = 0;
    fh_buf_free(&in->small);
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
}

size_t web_body_add(struct web_intake *in, const void *bytes, size_t n)
{
    size_t room = FH_SPOOL_CHUNK - in->chunk_len;
    if (n > room)
        n = room;
    if (in->chunk_len + n > in->chunk_cap) {
        size_t cap = in->chunk_cap ? in->chunk_cap : FIRST_CHUNK;
        while (cap < in->chunk_len + n)
            cap *= 2;
        in->chunk = fh_xrealloc(in->chunk, cap + 1); /* and a NUL, for when it becomes the body */
        in->chunk_cap = cap;
    }
    if (n)
        memcpy(in->chunk + in->chunk_len, bytes, n);
    in->chunk_len += n;
    in->received += n;
    return n;
}

/* Bodies that are still coming belong to nothing yet. */
static fh_err write_file(struct web_intake *in, const char *bytes, size_t n, struct fh_error *e)
{
    fh_err rc = web_unlinked_write(in->fd, bytes, n, &in->disk_full, e);
    return in->disk_full
               ? FH_FAIL(e, FH_UNAVAILABLE, "The hub's disk is full; this request could not be received.")
               : rc;
}

/* Decoded bytes go to memory as long as all of them fit there. */
static fh_err put(struct web_intake *in, const char *bytes, size_t n, struct fh_error *e)
{
    if (n > in->limit - in->size)
        return FH_FAIL(e, FH_TOO_LARGE, "The request's body is larger than the limit of %zu bytes.",
                       in->limit);
    in->size += n;
    if (in->fd < 0 && in->size <= FH_MAX_BODY_SMALL)
        return fh_buf_add(&in->small, bytes, n, e);
    if (in->fd < 0) {
        FH_TRY(web_unlinked_open(in->spool_dir, &in->fd, &in->disk_full, e));
        FH_TRY(write_file(in, in->small.data, in->small.len, e));
        fh_buf_free(&in->small);
    }
    return write_file(in, bytes, n, e);
}

static fh_err open_inflate(struct web_intake *in, struct fh_error *e)
{
    if (inflateInit2(&in->z, 16 + MAX_WBITS) != Z_OK)
        return FH_FAIL(e, FH_UNAVAILABLE, "There is no memory to decompress this request.");
    in->inflating = true;
    return FH_OK;
}

static fh_err inflate_chunk(struct web_intake *in, struct fh_error *e)
{
    char out[INFLATE_STEP];
    if (!in->inflating)
        FH_TRY(open_inflate(in, e));
    in->z.next_in = (Bytef *)in->chunk;
    in->z.avail_in = (uInt)in->chunk_len;
    while (in->z.avail_in > 0 || !in->inflated) {
        if (in->inflated) { /* RFC 1952 §2.2: a file may have several members */
            inflateReset(&in->z);
            in->inflated = false;
        }
        in->z.next_out = (Bytef *)out;
        in->z.avail_out = sizeof out;
        int rc = inflate(&in->z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return FH_FAIL(e, FH_INVALID,
                           "The request's body is marked as gzip but is not well-formed gzip.");
        size_t n = sizeof out - in->z.avail_out;
        FH_TRY(put(in, out, n, e));
        if (in->size > FH_MAX_BODY_SMALL && in->size / FH_MAX_GUNZIP_RATIO > in->received)
            return FH_FAIL(e, FH_TOO_LARGE, "The request's body grows to more than %d times its size.",
                           FH_MAX_GUNZIP_RATIO);
        in->inflated = rc == Z_STREAM_END;
        if (!in->inflated && n == 0)
            break; /* it wants more input */
    }
    return FH_OK;
}

fh_err web_body_flush(struct web_intake *in, struct fh_error *e)
{
    if (in->chunk_len == 0)
        return FH_OK;
    FH_TRY(in->gzip ? inflate_chunk(in, e) : put(in, in->chunk, in->chunk_len, e));
    in->chunk_len = 0;
    return FH_OK;
}

bool web_body_is_light(const struct web_intake *in)
{
    return in->fd < 0 && !in->inflating && (!in->gzip || in->chunk_len <= LIGHT_GZIP);
}

fh_err web_body_finish(struct web_intake *in, struct fh_arena *a, struct web_body *out, struct fh_error *e)
{
    bool as_it_came = !in->gzip && in->fd < 0 && in->size == 0;
    if (as_it_came && in->chunk_len > in->limit)
        return FH_FAIL(e, FH_TOO_LARGE, "The request's body is larger than the limit of %zu bytes.",
                       in->limit);
    if (!as_it_came)
        FH_TRY(web_body_flush(in, e));
    if (in->gzip && in->received > 0 && !in->inflated)
        return FH_FAIL(e, FH_INVALID, "The request's gzip body ends too early.");
    *out = (struct web_body){.fd = -1, .data = "", .size = 0};
    if (in->fd >= 0) {
        *out = (struct web_body){.fd = in->fd, .size = in->size};
        fh_defer_close(a, in->fd);
        in->fd = -1;
    } else if (as_it_came && in->chunk_len > 0) {
        in->chunk[in->chunk_len] = '\0';
        *out = (struct web_body){.fd = -1, .data = in->chunk, .size = in->chunk_len};
        fh_defer(a, free, in->chunk);
        in->chunk = NULL;
    } else if (in->small.len > 0) {
        *out = (struct web_body){.fd = -1, .size = in->small.len};
        out->data = fh_buf_take(&in->small, NULL);
        fh_defer(a, free, (void *)(uintptr_t)out->data);
    }
    web_body_end(in);
    return FH_OK;
}
