/* Where an import reads from. See import_source.h.
 *
 *     fd --> raw[at..len) --> inflate (by kind) --> window[at..len) --> lines
 */
#include "server/catalog/import_source.h"

#include "common/ceilings.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { RAW = 256 * 1024, WINDOW = 2 * FH_MAX_IMPORT_LINE, MAGIC = 6, ZSTD_WINDOW_LOG = 26 };
enum kind { PLAIN, GZIP, XZ, ZSTD };

struct catalog_source {
    char *name;
    int fd;
    bool close_fd;
    enum kind kind;
    bool ended;   /* fd has no more */
    bool between; /* at the end of a compressed stream: the end, or another one, may follow */
    int64_t done, total;
    uint8_t *raw;
    size_t raw_at, raw_len;
    char *window;
    size_t at, len;
    z_stream gzip;
    lzma_stream xz;
    ZSTD_DStream *zstd;
};

static fh_err fill_raw(struct catalog_source *s, struct fh_error *e)
{
    while (!s->ended && s->raw_at == s->raw_len) {
        ssize_t n = read(s->fd, s->raw, RAW);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FH_FAIL_ERRNO(e, FH_INTERNAL, "%s cannot be read", s->name);
        s->ended = n == 0;
        s->raw_at = 0;
        s->raw_len = (size_t)n;
        s->done += n;
    }
    return FH_OK;
}

/* The first bytes, of which a pipe may give one at a time. */
static fh_err fill_magic(struct catalog_source *s, struct fh_error *e)
{
    while (!s->ended && s->raw_len < MAGIC) {
        ssize_t n = read(s->fd, s->raw + s->raw_len, RAW - s->raw_len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FH_FAIL_ERRNO(e, FH_INTERNAL, "%s cannot be read", s->name);
        s->ended = n == 0;
        s->raw_len += (size_t)n;
        s->done += n;
    }
    return FH_OK;
}

static bool begins(const struct catalog_source *s, const char *magic, size_t n)
{
    return s->raw_len >= n && memcmp(s->raw, magic, n) == 0;
}

static fh_err recognise(struct catalog_source *s, struct fh_error *e)
{
    FH_TRY(fill_magic(s, e));
    if (begins(s, "\x1f\x8b", 2)) {
        s->kind = GZIP;
        if (inflateInit2(&s->gzip, 15 + 16) != Z_OK)
            abort();
    } else if (begins(s,
                      "\xfd"
                      "7zXZ\0",
                      6)) {
        s->kind = XZ;
        s->xz = (lzma_stream)LZMA_STREAM_INIT;
        if (lzma_stream_decoder(&s->xz, FH_MAX_IMPORT_MEMORY, LZMA_CONCATENATED) != LZMA_OK)
            abort();
    } else if (begins(s, "\x28\xb5\x2f\xfd", 4)) {
        s->kind = ZSTD;
        s->zstd = ZSTD_createDStream();
        if (!s->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
            abort();
    }
    return FH_OK;
}

fh_err catalog_source_open(const char *path, struct catalog_source **out, struct fh_error *e)
{
    struct catalog_source *s = fh_xcalloc(1, sizeof *s);
    struct stat st;
    bool is_stdin = strcmp(path, "-") == 0;
    s->name = fh_xstrdup(is_stdin ? "standard input" : path);
    s->raw = fh_xmalloc(RAW);
    s->window = fh_xmalloc(WINDOW);
    s->close_fd = !is_stdin;
    s->fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    fh_err rc = FH_OK;
    if (s->fd < 0)
        rc = FH_FAIL_ERRNO(e, errno == ENOENT ? FH_NOT_FOUND : FH_DENIED, "%s cannot be opened", path);
    else if (fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode))
        s->total = st.st_size;
    if (rc == FH_OK)
        rc = recognise(s, e);
    if (rc != FH_OK) {
        catalog_source_close(s);
        return rc;
    }
    *out = s;
    return FH_OK;
}

void catalog_source_close(struct catalog_source *s)
{
    if (!s)
        return;
    if (s->kind == GZIP)
        inflateEnd(&s->gzip);
    else if (s->kind == XZ)
        lzma_end(&s->xz);
    else if (s->kind == ZSTD)
        ZSTD_freeDStream(s->zstd);
    if (s->close_fd && s->fd >= 0)
        close(s->fd);
    free(s->window);
    free(s->raw);
    free(s->name);
    free(s);
}

static fh_err damaged(const struct catalog_source *s, struct fh_error *e)
{
    if (s->ended && s->raw_at == s->raw_len)
        return FH_FAIL(e, FH_INVALID, "%s ends in the middle of what is compressed.", s->name);
    return FH_FAIL(e, FH_INVALID, "%s is damaged: it cannot be decompressed.", s->name);
}

static fh_err inflate_gzip(struct catalog_source *s, struct fh_error *e)
{
    if (s->between && s->raw_at < s->raw_len && inflateReset(&s->gzip) != Z_OK)
        abort();
    s->between = false;
    s->gzip.next_in = s->raw + s->raw_at;
    s->gzip.avail_in = (unsigned)(s->raw_len - s->raw_at);
    s->gzip.next_out = (Bytef *)s->window + s->len;
    s->gzip.avail_out = (unsigned)(WINDOW - s->len);
    int rc = inflate(&s->gzip, Z_NO_FLUSH);
    s->raw_at = s->raw_len - s->gzip.avail_in;
    s->len = WINDOW - s->gzip.avail_out;
    s->between = rc == Z_STREAM_END;
    return rc == Z_OK || rc == Z_STREAM_END ? FH_OK : damaged(s, e);
}

static fh_err inflate_xz(struct catalog_source *s, struct fh_error *e)
{
    s->xz.next_in = s->raw + s->raw_at;
    s->xz.avail_in = s->raw_len - s->raw_at;
    s->xz.next_out = (uint8_t *)s->window + s->len;
    s->xz.avail_out = WINDOW - s->len;
    lzma_ret rc = lzma_code(&s->xz, s->ended ? LZMA_FINISH : LZMA_RUN);
    s->raw_at = s->raw_len - s->xz.avail_in;
    s->len = WINDOW - s->xz.avail_out;
    s->between = rc == LZMA_STREAM_END;
    if (rc == LZMA_MEMLIMIT_ERROR)
        return FH_FAIL(e, FH_TOO_LARGE,
                       "%s takes over %d MB to decompress; compress it with \"xz -9\" at most.", s->name,
                       FH_MAX_IMPORT_MEMORY >> 20);
    return rc == LZMA_OK || rc == LZMA_STREAM_END ? FH_OK : damaged(s, e);
}

static fh_err inflate_zstd(struct catalog_source *s, struct fh_error *e)
{
    ZSTD_inBuffer in = {s->raw, s->raw_len, s->raw_at};
    ZSTD_outBuffer out = {s->window, WINDOW, s->len};
    size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);
    s->raw_at = in.pos;
    s->len = out.pos;
    s->between = rc == 0;
    if (ZSTD_isError(rc) && ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge)
        return FH_FAIL(e, FH_TOO_LARGE, "%s takes over %d MB to decompress; compress it without \"--long\".",
                       s->name, 1 << (ZSTD_WINDOW_LOG - 20));
    return ZSTD_isError(rc) ? damaged(s, e) : FH_OK;
}

static fh_err copy_plain(struct catalog_source *s)
{
    size_t n = s->raw_len - s->raw_at, room = WINDOW - s->len;
    n = n < room ? n : room;
    memcpy(s->window + s->len, s->raw + s->raw_at, n);
    s->raw_at += n;
    s->len += n;
    s->between = true;
    return FH_OK;
}

/* More bytes behind the window's len, if there are any: at least one, or *ended. */
static fh_err fill(struct catalog_source *s, bool *ended, struct fh_error *e)
{
    if (s->at > 0) {
        memmove(s->window, s->window + s->at, s->len - s->at);
        s->len -= s->at;
        s->at = 0;
    }
    for (size_t before = s->len; s->len == before;) {
        FH_TRY(fill_raw(s, e));
        bool dry = s->ended && s->raw_at == s->raw_len;
        if (dry && (s->between || s->kind == PLAIN)) {
            *ended = true;
            return FH_OK;
        }
        bool could_finish =
            s->kind == XZ; /* which says that it is at its end only when told that there is no more */
        switch (s->kind) {
        case PLAIN:
            FH_TRY(copy_plain(s));
            break;
        case GZIP:
            FH_TRY(inflate_gzip(s, e));
            break;
        case XZ:
            FH_TRY(inflate_xz(s, e));
            break;
        case ZSTD:
            FH_TRY(inflate_zstd(s, e));
            break;
        }
        if (dry && s->len == before && !s->between && !could_finish)
            return damaged(s, e);
    }
    *ended = false;
    return FH_OK;
}

fh_err catalog_source_bytes(struct catalog_source *s, const char **bytes, size_t *n, struct fh_error *e)
{
    bool ended;
    s->at = s->len;
    FH_TRY(fill(s, &ended, e));
    *bytes = s->window;
    *n = ended ? 0 : s->len;
    return FH_OK;
}

/* Passes over the rest of a line whose first part is too long already. */
static fh_err pass_over(struct catalog_source *s, struct fh_error *e)
{
    for (;;) {
        bool ended;
        const char *stop = memchr(s->window + s->at, '\n', s->len - s->at);
        s->at = stop ? (size_t)(stop - s->window) + 1 : s->len;
        if (stop)
            return FH_OK;
        FH_TRY(fill(s, &ended, e));
        if (ended)
            return FH_OK;
    }
}

fh_err catalog_source_line(struct catalog_source *s, const char **line, size_t *n, bool *is_whole,
                           struct fh_error *e)
{
    size_t seen = 0;
    *is_whole = true;
    for (;;) {
        bool ended;
        const char *from = s->window + s->at, *stop = memchr(from + seen, '\n', s->len - s->at - seen);
        if (stop) {
            *line = from;
            *n = (size_t)(stop - from);
            s->at += *n + 1;
            break;
        }
        seen = s->len - s->at;
        if (seen > FH_MAX_IMPORT_LINE) {
            *is_whole = false;
            *n = 0;
            *line = "";
            return pass_over(s, e);
        }
        FH_TRY(fill(s, &ended, e));
        if (ended) {
            *line = seen ? s->window : NULL;
            *n = seen;
            s->at = s->len;
            return FH_OK;
        }
    }
    if (*n > FH_MAX_IMPORT_LINE)
        *is_whole = false;
    if (*n > 0 && (*line)[*n - 1] == '\r')
        --*n;
    return FH_OK;
}

void catalog_source_progress(const struct catalog_source *s, int64_t *done, int64_t *total)
{
    *done = s->done - (int64_t)(s->raw_len - s->raw_at);
    *total = s->total;
}

const char *catalog_source_name(const struct catalog_source *s)
{
    return s->name;
}
