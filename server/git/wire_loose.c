/* A foreign repository's objects as packs: its own ones, and its loose objects in new ones. See
 * wire_foreign.h. */
#include "server/git/wire_foreign.h"

#include "common/ceilings.h"
#include "common/digest.h"
#include "server/git/wire_index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

enum {
    HEADER_MAX = 64,                              /* "commit <size>\0" is far below */
    PER_PACK = FH_MAX_PUSH_OBJECTS / 2,           /* what one temporary pack holds */
    FILE_MAX = FH_MAX_OBJECT + FH_MAX_OBJECT / 8, /* deflated: what cannot shrink grows a little */
};

static bool parse_header(const char *text, size_t n, enum wire_type *type, uint64_t *size, size_t *len)
{
    static const struct {
        const char *name;
        enum wire_type type;
    } types[] = {{"commit ", WIRE_COMMIT}, {"tree ", WIRE_TREE}, {"blob ", WIRE_BLOB}, {"tag ", WIRE_TAG}};
    const char *end = memchr(text, '\0', n), *digit = NULL;
    if (!end)
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strncmp(text, types[i].name, strlen(types[i].name)) == 0) {
            *type = types[i].type;
            digit = text + strlen(types[i].name);
        }
    if (!digit || digit == end || end - digit > 18 || (*digit == '0' && digit + 1 != end))
        return false;
    for (*size = 0; digit < end; digit++) {
        if (*digit < '0' || *digit > '9')
            return false;
        *size = *size * 10 + (uint64_t)(*digit - '0');
    }
    *len = (size_t)(end - text) + 1;
    return true;
}

static fh_err inflate_object(z_stream *z, enum wire_type *type, struct fh_buf *out, struct fh_error *e)
{
    char head[HEADER_MAX];
    uint64_t size;
    size_t len;
    z->next_out = (Bytef *)head;
    z->avail_out = sizeof head;
    int rc = inflate(z, Z_SYNC_FLUSH);
    size_t got = sizeof head - z->avail_out;
    if ((rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) ||
        !parse_header(head, got, type, &size, &len))
        return FH_FAIL(e, FH_INVALID, "It is not a loose object.");
    if (size > FH_MAX_OBJECT)
        return FH_FAIL(e, FH_TOO_LARGE, "It is over %d bytes.", FH_MAX_OBJECT);
    if (got - len > size)
        return FH_FAIL(e, FH_INVALID, "It is longer than it says.");
    char *where;
    fh_buf_clear(out);
    FH_TRY(fh_buf_reserve(out, (size_t)size + 1, &where, e));
    memcpy(where, head + len, got - len);
    z->next_out = (Bytef *)where + (got - len);
    /* One byte more than there should be shows what is too long. */
    z->avail_out = (uInt)(size - (got - len)) + 1;
    if (rc != Z_STREAM_END)
        rc = inflate(z, Z_FINISH);
    if (rc != Z_STREAM_END || z->avail_out != 1 || z->avail_in != 0)
        return FH_FAIL(e, FH_INVALID, "It is cut short, or longer than it says.");
    out->len = (size_t)size;
    out->data[size] = '\0';
    return FH_OK;
}

fh_err wire_loose_parse(const void *bytes, size_t n, enum wire_type *type, struct fh_buf *out,
                        struct fh_error *e)
{
    if (n > FILE_MAX)
        return FH_FAIL(e, FH_TOO_LARGE, "It is over %d bytes.", FILE_MAX);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n};
    if (inflateInit(&z) != Z_OK)
        return FH_FAIL(e, FH_INTERNAL, "zlib could not be started.");
    fh_err rc = inflate_object(&z, type, out, e);
    inflateEnd(&z);
    return rc;
}

/* A pack in the making: header, entries, and the checksum at the end, when their number is known. */
struct maker {
    struct fh_arena *a; /* of the results */
    const char *scratch;
    struct wire_foreign_packs *out;
    size_t cap;
    int fd;
    uint32_t objects;
    uint64_t bytes;
    struct fh_buf object, deflated;
};

static void add_path(struct maker *m, const char *path)
{
    if (m->out->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 64;
        const char **paths = fh_alloc(m->a, cap * sizeof *paths);
        if (m->out->n)
            memcpy(paths, m->out->paths, m->out->n * sizeof *paths);
        m->out->paths = paths;
        m->cap = cap;
    }
    m->out->paths[m->out->n++] = path;
}

static fh_err write_at(int fd, const void *bytes, size_t n, uint64_t at, struct fh_error *e)
{
    for (const char *p = bytes; n;) {
        ssize_t put = pwrite(fd, p, n, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A temporary pack cannot be written");
        p += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return FH_OK;
}

static fh_err start_pack(struct maker *m, struct fh_error *e)
{
    m->fd = open(m->scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (m->fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "No temporary file can be made in %s", m->scratch);
    m->objects = 0;
    m->bytes = 12;
    return FH_OK;
}

static fh_err finish_pack(struct maker *m, struct fh_error *e)
{
    uint8_t header[12] = {'P', 'A', 'C', 'K', 0, 0, 0, 2}, sum[FH_SHA1_SIZE], block[16384];
    char path[4096];
    uint32_t objects;
    for (int i = 0; i < 4; i++)
        header[8 + i] = (uint8_t)(m->objects >> (24 - 8 * i));
    FH_TRY(write_at(m->fd, header, sizeof header, 0, e));
    struct fh_digest *d = fh_digest_new(FH_SHA1);
    fh_err rc = FH_OK;
    for (uint64_t at = 0; at < m->bytes;) {
        ssize_t got = pread(m->fd, block, sizeof block, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A temporary pack cannot be read");
            break;
        }
        fh_digest_add(d, block, (size_t)got);
        at += (uint64_t)got;
    }
    fh_digest_finish(d, sum);
    fh_digest_free(d);
    if (rc == FH_OK)
        rc = write_at(m->fd, sum, sizeof sum, m->bytes, e);
    if (rc == FH_OK)
        rc = wire_index_pack(m->fd, 0, m->bytes + sizeof sum, m->scratch, path, sum, &objects, e);
    if (rc == FH_OK)
        add_path(m, fh_strdup(m->a, path));
    close(m->fd);
    m->fd = -1;
    return rc;
}

static size_t entry_header(enum wire_type type, size_t size, uint8_t out[10])
{
    size_t n = 0;
    out[n] = (uint8_t)((unsigned)type << 4 | (size & 15));
    for (size >>= 4; size; size >>= 7) {
        out[n++] |= 0x80;
        out[n] = size & 0x7f;
    }
    return n + 1;
}

static fh_err add_object(struct maker *m, enum wire_type type, struct fh_error *e)
{
    uint8_t header[10];
    char *where;
    uLongf n = compressBound(m->object.len);
    fh_buf_clear(&m->deflated);
    FH_TRY(fh_buf_reserve(&m->deflated, n, &where, e));
    if (compress2((Bytef *)where, &n, (const Bytef *)m->object.data, m->object.len, Z_DEFAULT_COMPRESSION) !=
        Z_OK)
        return FH_FAIL(e, FH_INTERNAL, "zlib could not deflate an object.");
    if (m->fd < 0)
        FH_TRY(start_pack(m, e));
    size_t head = entry_header(type, m->object.len, header);
    FH_TRY(write_at(m->fd, header, head, m->bytes, e));
    FH_TRY(write_at(m->fd, where, n, m->bytes + head, e));
    m->bytes += head + n;
    m->objects++;
    return m->objects == PER_PACK ? finish_pack(m, e) : FH_OK;
}

static fh_err add_loose(struct maker *m, const char *path, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new(); /* a file's bytes live no longer than its turn */
    struct fh_error why = {0};
    enum wire_type type;
    char *text;
    size_t n;
    fh_err rc = wire_foreign_slurp(a, path, FILE_MAX, &text, &n, &why);
    if (rc == FH_OK)
        rc = wire_loose_parse(text, n, &type, &m->object, &why);
    fh_arena_free(a);
    if (rc == FH_OK)
        return add_object(m, type, e);
    if (!m->out->skipped)
        m->out->skipped = fh_sprintf(m->a, "%s: %s", path, why.msg);
    return FH_OK;
}

static bool is_hex(const char *s, size_t n)
{
    return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

static fh_err add_loose_folder(struct maker *m, const char *folder, struct fh_error *e)
{
    DIR *d = opendir(folder);
    if (!d)
        return errno == ENOENT ? FH_OK : FH_FAIL_ERRNO(e, FH_INVALID, "%s cannot be read", folder);
    fh_err rc = FH_OK;
    struct dirent *item;
    char path[4096];
    while (rc == FH_OK && (item = readdir(d)))
        if (is_hex(item->d_name, FH_OID_HEX - 2) &&
            snprintf(path, sizeof path, "%s/%s", folder, item->d_name) < (int)sizeof path)
            rc = add_loose(m, path, e);
    closedir(d);
    return rc;
}

static fh_err add_packs(struct maker *m, const char *folder, struct fh_error *e)
{
    const char *dir = fh_sprintf(m->a, "%s/pack", folder);
    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT ? FH_OK : FH_FAIL_ERRNO(e, FH_INVALID, "%s cannot be read", dir);
    struct dirent *item;
    while ((item = readdir(d))) {
        size_t n = strlen(item->d_name);
        /* By the index, as git does: a pack without one is still being written. */
        if (n > 4 && *item->d_name != '.' && strcmp(item->d_name + n - 4, ".idx") == 0)
            add_path(m, fh_sprintf(m->a, "%s/%.*s", dir, (int)n - 4, item->d_name));
    }
    closedir(d);
    return FH_OK;
}

static fh_err add_folder(struct maker *m, const char *folder, struct fh_error *e)
{
    FH_TRY(add_packs(m, folder, e));
    DIR *d = opendir(folder);
    if (!d)
        return FH_FAIL_ERRNO(e, FH_INVALID, "%s cannot be read", folder);
    fh_err rc = FH_OK;
    struct dirent *item;
    while (rc == FH_OK && (item = readdir(d)))
        if (is_hex(item->d_name, 2))
            rc = add_loose_folder(m, fh_sprintf(m->a, "%s/%s", folder, item->d_name), e);
    closedir(d);
    return rc;
}

fh_err wire_foreign_packs(struct fh_arena *a, const struct wire_foreign *f, const char *scratch,
                          struct wire_foreign_packs *out, struct fh_error *e)
{
    *out = (struct wire_foreign_packs){0};
    struct maker m = {.a = a, .scratch = scratch, .out = out, .fd = -1};
    fh_buf_init(&m.object, FH_MAX_OBJECT + 1);
    fh_buf_init(&m.deflated, FILE_MAX + HEADER_MAX);
    fh_err rc = FH_OK;
    for (size_t i = 0; rc == FH_OK && i < f->nfolders; i++)
        rc = add_folder(&m, f->folders[i], e);
    if (rc == FH_OK && m.fd >= 0 && m.objects)
        rc = finish_pack(&m, e);
    if (m.fd >= 0)
        close(m.fd);
    fh_buf_free(&m.object);
    fh_buf_free(&m.deflated);
    return rc;
}
