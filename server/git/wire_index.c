/* Indexing what was pushed. See wire_index.h: two passes over the mapped pack find each object's id
 * (wire_incoming.c, wire_resolve.c); here the two files are written. */
#include "server/git/wire_index.h"

#include "common/digest.h"
#include "common/mem.h"
#include "server/git/wire_incoming.h"
#include "server/git/wire_packset.h"
#include "server/git/wire_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static fh_err write_all(int fd, const void *bytes, size_t n, struct fh_error *e)
{
    for (const char *p = bytes; n;) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack cannot be stored");
        p += put;
        n -= (size_t)put;
    }
    return FH_OK;
}

static fh_err write_pack(int fd, const struct wire_incoming *in, struct fh_error *e)
{
    for (size_t n, at = 0; at < in->npack; at += n) {
        n = in->npack - at < WIRE_PAGES_STEP ? in->npack - at : WIRE_PAGES_STEP;
        FH_TRY(write_all(fd, in->pack + at, n, e));
        if (n == WIRE_PAGES_STEP)
            wire_pages_drop(in->pack + at, in->pack + at + n);
    }
    return FH_OK;
}

/* The pack, or these bytes. Under another name first, so that what has the right name is whole. */
static fh_err write_file(const char *path, const char *ending, const struct wire_incoming *pack,
                         const void *bytes, size_t n, struct fh_error *e)
{
    char temporary[4200], name[4200];
    snprintf(name, sizeof name, "%s%s", path, ending);
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack cannot be stored");
    fh_err rc = pack ? write_pack(fd, pack, e) : write_all(fd, bytes, n, e);
    if (rc == FH_OK && fchmod(fd, 0400) != 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack cannot be stored");
    if (close(fd) != 0 && rc == FH_OK)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack cannot be stored");
    if (rc == FH_OK && rename(temporary, name) != 0)
        rc = FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "Cannot name %s", name);
    if (rc != FH_OK)
        unlink(temporary);
    return rc;
}

static int by_oid(const void *a, const void *b, void *arg)
{
    const struct wire_coming *entries = arg;
    return fh_oid_compare(&entries[*(const uint32_t *)a].oid, &entries[*(const uint32_t *)b].oid);
}

static uint8_t *put_be32(uint8_t *p, uint32_t n)
{
    for (unsigned i = 0; i < 4; i++)
        *p++ = (uint8_t)(n >> (24 - 8 * i));
    return p;
}

/* Version 2, see wire_packset.h; offsets are below 2 GiB, as a push is. */
static uint8_t *make_index(const struct wire_incoming *in, const uint32_t *order, size_t *n)
{
    *n = 8 + 256 * 4 + (size_t)in->n * 28 + 2 * WIRE_PACK_TRAILER;
    uint8_t *bytes = fh_xmalloc(*n), *p = bytes;
    memcpy(p, "\377tOc\0\0\0\2", 8);
    p += 8;
    for (uint32_t first = 0, upto = 0; first < 256; first++) {
        while (upto < in->n && in->entries[order[upto]].oid.id[0] <= first)
            upto++;
        p = put_be32(p, upto);
    }
    for (uint32_t i = 0; i < in->n; i++, p += FH_OID_RAW)
        memcpy(p, in->entries[order[i]].oid.id, FH_OID_RAW);
    for (uint32_t i = 0; i < in->n; i++)
        p = put_be32(p, in->entries[order[i]].crc);
    for (uint32_t i = 0; i < in->n; i++)
        p = put_be32(p, (uint32_t)in->entries[order[i]].offset);
    memcpy(p, in->pack + in->npack - WIRE_PACK_TRAILER, WIRE_PACK_TRAILER);
    p += WIRE_PACK_TRAILER;
    fh_sha1(bytes, (size_t)(p - bytes), p);
    return bytes;
}

/* Whichever of two was read, the other would be hidden: git makes no such packs. */
static fh_err check_doubles(const struct wire_incoming *in, const uint32_t *order, struct fh_error *e)
{
    for (uint32_t i = 1; i < in->n; i++)
        if (fh_oid_equal(&in->entries[order[i]].oid, &in->entries[order[i - 1]].oid))
            return wire_incoming_twice(e);
    return FH_OK;
}

static fh_err sort_and_make(const struct wire_incoming *in, uint8_t **index, size_t *n, struct fh_error *e)
{
    uint32_t *order = fh_xcalloc(in->n, sizeof *order);
    for (uint32_t i = 0; i < in->n; i++)
        order[i] = i;
    qsort_r(order, in->n, sizeof *order, by_oid, in->entries);
    fh_err rc = check_doubles(in, order, e);
    if (rc == FH_OK)
        *index = make_index(in, order, n);
    free(order);
    return rc;
}

static fh_err write_both(const struct wire_incoming *in, const char *path, const uint8_t *index, size_t n,
                         struct fh_error *e)
{
    char name[4200];
    FH_TRY(write_file(path, ".pack", in, NULL, 0, e));
    fh_err rc = write_file(path, ".idx", NULL, index, n, e);
    if (rc != FH_OK) {
        snprintf(name, sizeof name, "%s.pack", path);
        unlink(name);
    }
    return rc;
}

static fh_err index_mapped(struct wire_incoming *in, uint8_t **index, size_t *n, struct fh_error *e)
{
    if (inflateInit(&in->z) != Z_OK)
        return FH_FAIL(e, FH_INTERNAL, "The inflater could not be started.");
    in->sha = fh_digest_new(FH_SHA1);
    fh_err rc = wire_incoming_scan(in, e);
    if (rc == FH_OK)
        rc = wire_incoming_resolve(in, e);
    inflateEnd(&in->z);
    fh_digest_free(in->sha);
    return rc == FH_OK ? sort_and_make(in, index, n, e) : rc;
}

static fh_err name_pack(const struct wire_incoming *in, const char *dir, char path[4096], struct fh_error *e)
{
    char hex[2 * WIRE_PACK_TRAILER + 1];
    fh_hex_encode(in->pack + in->npack - WIRE_PACK_TRAILER, WIRE_PACK_TRAILER, hex);
    int len = snprintf(path, 4096, "%s/pack-%s", dir, hex);
    if (len < 0 || len >= 4096)
        return FH_FAIL(e, FH_INTERNAL, "The path of a pack is too long.");
    return FH_OK;
}

/* Mapped bytes behind a file's end are a signal, not an error. */
static fh_err check_size(int fd, off_t offset, uint64_t size, struct fh_error *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "A pack cannot be read back");
    if (st.st_size < offset || (uint64_t)(st.st_size - offset) < size || size == 0)
        return FH_FAIL(e, FH_INVALID, "The pack is cut short.");
    if (size > INT32_MAX)
        return FH_FAIL(e, FH_TOO_LARGE, "A pack of over 2 GiB cannot be indexed.");
    return FH_OK;
}

/* With path the two files are written there, otherwise the index is handed out. */
static fh_err index_pack(int fd, off_t offset, uint64_t size, const char *dir, char *path,
                         struct wire_indexed *out, struct fh_error *e)
{
    struct wire_incoming in = {.npack = (size_t)size};
    off_t lead = offset % sysconf(_SC_PAGESIZE);
    *out = (struct wire_indexed){0};
    FH_TRY(check_size(fd, offset, size, e));
    void *map = mmap(NULL, in.npack + (size_t)lead, PROT_READ, MAP_PRIVATE, fd, offset - lead);
    if (map == MAP_FAILED)
        return FH_FAIL_ERRNO(e, FH_INTERNAL, "A pack cannot be mapped");
    in.pack = (const uint8_t *)map + lead;
    fh_err rc = index_mapped(&in, &out->idx, &out->nidx, e);
    if (rc == FH_OK && path)
        rc = name_pack(&in, dir, path, e);
    if (rc == FH_OK && path)
        rc = write_both(&in, path, out->idx, out->nidx, e);
    if (rc == FH_OK) {
        memcpy(out->checksum, in.pack + in.npack - WIRE_PACK_TRAILER, WIRE_PACK_TRAILER);
        out->objects = in.n;
    }
    if (rc != FH_OK || path) {
        free(out->idx);
        out->idx = NULL;
    }
    free(in.entries);
    free(in.refs);
    munmap(map, in.npack + (size_t)lead);
    return rc;
}

fh_err wire_index_pack(int fd, off_t offset, uint64_t size, const char *dir, char path[4096],
                       uint8_t checksum[20], uint32_t *objects, struct fh_error *e)
{
    struct wire_indexed made;
    FH_TRY(index_pack(fd, offset, size, dir, path, &made, e));
    memcpy(checksum, made.checksum, sizeof made.checksum);
    *objects = made.objects;
    return FH_OK;
}

fh_err wire_index_bytes(int fd, off_t offset, uint64_t size, struct wire_indexed *out, struct fh_error *e)
{
    return index_pack(fd, offset, size, NULL, NULL, out, e);
}
