/* Packs as rows of chunks. See env.h. */
#include "server/store/store_rows.h"

#include "common/ceilings.h"
#include "common/mem.h"

#include <errno.h>
#include <unistd.h>

enum { SMALL_FILE = 64 * 1024 }; /* what is held twice for a moment */

static fh_err read_chunk(int fd, char *bytes, size_t n, off_t at, struct fh_error *e)
{
    while (n > 0) {
        ssize_t got = pread(fd, bytes, n, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FH_FAIL_ERRNO(e, FH_UNAVAILABLE, "A pack's temporary file cannot be read");
        if (got == 0)
            return FH_FAIL(e, FH_INTERNAL, "A pack's temporary file is shorter than it should be.");
        bytes += got;
        n -= (size_t)got;
        at += got;
    }
    return FH_OK;
}

static fh_err write_chunks(struct db_conn *c, int64_t pack_id, bool idx, int fd, int64_t size,
                           struct fh_error *e)
{
    char *bytes = fh_xmalloc(size < FH_PACK_CHUNK ? (size_t)size + 1 : FH_PACK_CHUNK);
    fh_err rc = FH_OK;
    for (int64_t at = 0, seq = 0; rc == FH_OK && at < size; seq++) {
        size_t n = size - at < FH_PACK_CHUNK ? (size_t)(size - at) : FH_PACK_CHUNK;
        rc = read_chunk(fd, bytes, n, (off_t)at, e);
        if (rc == FH_OK)
            rc = db_exec(c, "INSERT INTO git_pack_chunk (pack_id, idx, seq, data) VALUES ($1, $2, $3, $4)",
                         DB_PARAMS(DB_I64(pack_id), DB_BOOL(idx), DB_I64(seq), DB_BYTES(bytes, n)), NULL, e);
        at += (int64_t)n;
    }
    free(bytes);
    return rc;
}

/* Most packs are two chunks: one statement, which need not be waited for. */
static fh_err write_small(struct db_conn *c, struct fh_arena *a, int64_t owner_id,
                          const struct store_pack_files *files, struct fh_error *e)
{
    size_t npack = (size_t)files->pack_bytes, nidx = (size_t)files->idx_bytes;
    char *pack = fh_alloc(a, npack + 1), *idx = fh_alloc(a, nidx + 1);
    FH_TRY(read_chunk(files->pack_fd, pack, npack, 0, e));
    FH_TRY(read_chunk(files->idx_fd, idx, nidx, 0, e));
    return db_later(c,
                    "WITH pack AS (INSERT INTO git_pack (owner_id, checksum, objects, bytes, idx_bytes) "
                    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id) "
                    "INSERT INTO git_pack_chunk (pack_id, idx, seq, data) "
                    "SELECT id, false, 0, $6 FROM pack UNION ALL SELECT id, true, 0, $7 FROM pack",
                    DB_PARAMS(DB_I64(owner_id), DB_BYTES(files->checksum, FH_OID_RAW), DB_I64(files->objects),
                              DB_I64(files->pack_bytes), DB_I64(files->idx_bytes), DB_BYTES(pack, npack),
                              DB_BYTES(idx, nidx)),
                    e);
}

static fh_err write_large(struct db_conn *c, struct fh_arena *a, int64_t owner_id,
                          const struct store_pack_files *files, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "INSERT INTO git_pack (owner_id, checksum, objects, bytes, idx_bytes) "
                    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
                    DB_PARAMS(DB_I64(owner_id), DB_BYTES(files->checksum, FH_OID_RAW), DB_I64(files->objects),
                              DB_I64(files->pack_bytes), DB_I64(files->idx_bytes)),
                    &rows, e));
    if (db_count(rows) == 0)
        return FH_OK;
    int64_t id = db_get_i64(rows, 0, 0);
    FH_TRY(write_chunks(c, id, false, files->pack_fd, files->pack_bytes, e));
    return write_chunks(c, id, true, files->idx_fd, files->idx_bytes, e);
}

bool store_pack_is_small(const struct store_pack_files *files)
{
    return files->pack_bytes <= SMALL_FILE && files->idx_bytes <= SMALL_FILE;
}

fh_err store_pack_write(struct db_conn *c, struct fh_arena *a, int64_t owner_id,
                        const struct store_pack_files *files, struct fh_error *e)
{
    return (store_pack_is_small(files) ? write_small : write_large)(c, a, owner_id, files, e);
}

/* One chunk at a time: memory does not follow the size of a pack. */
fh_err store_pack_read(struct db_conn *c, int64_t pack_id, bool idx, store_pack_sink *write, void *arg,
                       struct fh_error *e)
{
    fh_err rc = FH_OK;
    for (int64_t seq = 0; rc == FH_OK; seq++) {
        struct fh_arena *a = fh_arena_new();
        struct db_rows *rows;
        rc = db_query(c, a, "SELECT data FROM git_pack_chunk WHERE pack_id = $1 AND idx = $2 AND seq = $3",
                      DB_PARAMS(DB_I64(pack_id), DB_BOOL(idx), DB_I64(seq)), &rows, e);
        bool end = rc == FH_OK && db_count(rows) == 0;
        if (end && seq == 0)
            rc = FH_FAIL(e, FH_NOT_FOUND, "The pack %lld is not in the database any more.",
                         (long long)pack_id);
        if (rc == FH_OK && !end) {
            size_t n;
            const void *bytes = db_get_bytes(rows, 0, 0, &n);
            rc = write(arg, bytes, n, e);
        }
        fh_arena_free(a);
        if (end)
            break;
    }
    return rc;
}

static fh_err swap(struct db_conn *c, struct fh_arena *a, const struct store_swap *s, struct fh_error *e)
{
    int64_t removed = 0;
    struct store_lock lock;
    /* Before the lock, as a push does it: two that bring the same pack then wait for each other one way only.
     */
    if (s->pack_fd >= 0) {
        struct store_pack_files files = {.pack_fd = s->pack_fd,
                                         .idx_fd = s->idx_fd,
                                         .objects = s->objects,
                                         .pack_bytes = s->pack_bytes,
                                         .idx_bytes = s->idx_bytes,
                                         .checksum = s->checksum};
        FH_TRY(store_pack_write(c, a, s->owner_id, &files, e));
    }
    FH_TRY(store_owner_lock(c, a, s->owner_id, &lock, e));
    if (lock.epoch != s->epoch)
        return FH_FAIL(e, FH_AGAIN, "The packs were changed by somebody else meanwhile.");
    FH_TRY(db_exec(c, "DELETE FROM git_pack WHERE owner_id = $1 AND id = ANY ($2::text::bigint[])",
                   DB_PARAMS(DB_I64(s->owner_id), DB_TEXT(store_id_list(a, s->remove, s->nremove))), &removed,
                   e));
    if (removed != (int64_t)s->nremove)
        return FH_FAIL(e, FH_AGAIN, "A pack that was to be removed is gone already.");
    return db_exec(
        c,
        "WITH changed AS (UPDATE owner SET git_epoch = git_epoch + 1 WHERE id = $1 RETURNING handle) "
        "SELECT pg_notify('floe_owner', handle) FROM changed",
        DB_PARAMS(DB_I64(s->owner_id)), NULL, e);
}

fh_err store_pack_swap(struct db_conn *c, const struct store_swap *s, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = swap(c, a, s, e);
    fh_arena_free(a);
    return rc;
}
