/* Generation metadata as rows. See env.h. */
#include "server/store/store_rows.h"

#include "common/digest.h"

#include <endian.h>

/* How many of the stored entries, from the first on, are the ones given: those are not written again. */
static fh_err count_unchanged(struct db_conn *c, struct fh_arena *a, int64_t env_id,
                              const struct store_generations *g, size_t *same, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT seq, sha256(convert_to(raw, 'UTF8')) FROM generation_change WHERE env_id = $1 "
                    "ORDER BY seq",
                    DB_PARAMS(DB_I64(env_id)), &rows, e));
    size_t i = 0;
    for (; i < db_count(rows) && i < g->nchanges; i++) {
        uint8_t hash[FH_SHA256_SIZE];
        size_t len;
        const void *stored = db_get_bytes(rows, i, 1, &len);
        fh_sha256(g->changes[i].raw, strlen(g->changes[i].raw), hash);
        if (db_get_i64(rows, i, 0) != (int64_t)i || len != sizeof hash || memcmp(stored, hash, len) != 0)
            break;
    }
    *same = i;
    return FH_OK;
}

static fh_err add_change(struct db_conn *c, int64_t env_id, size_t seq, const struct store_change *change,
                         struct fh_error *e)
{
    return db_later(
        c,
        "INSERT INTO generation_change (env_id, seq, kind, summary, author, hostname, command, at, "
        "current, previous, raw) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        DB_PARAMS(DB_I64(env_id), DB_I64((int64_t)seq), DB_TEXT(change->kind ? change->kind : ""),
                  DB_TEXT(change->summary), DB_TEXT(change->author), DB_TEXT(change->hostname),
                  DB_TEXT(change->command), DB_I64(change->at),
                  DB_TEXT(change->current ? change->current : ""), DB_TEXT(change->previous),
                  DB_TEXT(change->raw)),
        e);
}

/* Of the first n entries of g. */
static void digest_of(const struct store_generations *g, size_t n, uint8_t out[FH_SHA256_SIZE])
{
    struct fh_digest *all = fh_digest_new(FH_SHA256);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(g->changes[i].raw);
        uint64_t prefix = htobe64(len);
        fh_digest_add(all, &prefix, sizeof prefix);
        fh_digest_add(all, g->changes[i].raw, len);
    }
    fh_digest_finish(all, out);
    fh_digest_free(all);
}

/* Writes what is known of the whole, and reads what was: how many entries are stored, and their digest (NULL:
 * not known). */
static fh_err set_whole(struct db_conn *c, struct fh_arena *a, int64_t env_id,
                        const struct store_generations *g, size_t *stored, const void **digest,
                        struct fh_error *e)
{
    struct db_rows *rows;
    uint8_t sum[FH_SHA256_SIZE];
    size_t n = 0;
    const char *broken = g->broken ? (g->reason ? g->reason : STORE_BROKEN) : NULL;
    digest_of(g, g->nchanges, sum);
    FH_TRY(db_query(
        c, a,
        "WITH was AS (SELECT stored, digest FROM generation_metadata WHERE env_id = $1), "
        "whole AS (INSERT INTO generation_metadata "
        "(env_id, tip, broken, version, total, live, stored, digest) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (env_id) DO UPDATE SET tip = excluded.tip, "
        "broken = excluded.broken, version = excluded.version, total = excluded.total, "
        "live = excluded.live, stored = excluded.stored, digest = excluded.digest) "
        "SELECT stored, digest FROM was",
        DB_PARAMS(DB_I64(env_id), STORE_OID(&g->tip), DB_TEXT(broken), DB_I64(g->version), DB_I64(g->total),
                  DB_I64(g->live), DB_I64((int64_t)g->nchanges), DB_BYTES(sum, sizeof sum)),
        &rows, e));
    *stored = db_count(rows) ? (size_t)db_get_i64(rows, 0, 0) : 0;
    *digest = db_count(rows) ? db_get_bytes(rows, 0, 1, &n) : NULL;
    if (n != FH_SHA256_SIZE)
        *digest = NULL;
    return FH_OK;
}

static bool begins_with(const struct store_generations *g, size_t n, const void *digest)
{
    uint8_t sum[FH_SHA256_SIZE];
    if (!digest || n > g->nchanges)
        return false;
    digest_of(g, n, sum);
    return memcmp(sum, digest, sizeof sum) == 0;
}

static fh_err set(struct db_conn *c, struct fh_arena *a, int64_t env_id, const struct store_generations *g,
                  struct fh_error *e)
{
    size_t same;
    const void *digest;
    FH_TRY(set_whole(c, a, env_id, g, &same, &digest, e));
    if (!begins_with(g, same, digest)) {
        FH_TRY(count_unchanged(c, a, env_id, g, &same, e));
        FH_TRY(db_exec(c, "DELETE FROM generation_change WHERE env_id = $1 AND seq >= $2",
                       DB_PARAMS(DB_I64(env_id), DB_I64((int64_t)same)), NULL, e));
    }
    for (size_t i = same; i < g->nchanges; i++)
        FH_TRY(add_change(c, env_id, i, &g->changes[i], e));
    return FH_OK;
}

fh_err store_generations_set(struct db_conn *c, int64_t env_id, const struct store_generations *g,
                             struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    fh_err rc = set(c, a, env_id, g, e);
    fh_arena_free(a);
    return rc;
}

static struct store_change *read_changes(struct fh_arena *a, const struct db_rows *rows)
{
    struct store_change *changes = fh_alloc(a, db_count(rows) * sizeof *changes);
    for (size_t i = 0; i < db_count(rows); i++)
        changes[i] = (struct store_change){
            .kind = db_get_text(rows, i, 0),
            .summary = db_get_text(rows, i, 1),
            .author = db_get_text(rows, i, 2),
            .hostname = db_get_text(rows, i, 3),
            .command = db_get_text(rows, i, 4),
            .at = db_get_i64(rows, i, 5),
            .current = db_get_text(rows, i, 6),
            .previous = db_get_text(rows, i, 7),
            .raw = db_get_text(rows, i, 8),
        };
    return changes;
}

fh_err store_generations_get(struct db_conn *c, struct fh_arena *a, int64_t env_id,
                             struct store_generations *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a,
                    "SELECT tip, broken, version, total, live FROM generation_metadata WHERE env_id = $1",
                    DB_PARAMS(DB_I64(env_id)), &rows, e));
    if (db_count(rows) == 0)
        return FH_FAIL(e, FH_NOT_FOUND, "Nothing is known of this environment's generations.");
    *out = (struct store_generations){
        .tip = store_oid(rows, 0, 0),
        .broken = !db_is_null(rows, 0, 1),
        .reason = db_get_text(rows, 0, 1),
        .version = (int)db_get_i64(rows, 0, 2),
        .total = db_get_i64(rows, 0, 3),
        .live = db_get_i64(rows, 0, 4),
    };
    FH_TRY(db_query(c, a,
                    "SELECT kind, summary, author, hostname, command, at, current, previous, raw "
                    "FROM generation_change WHERE env_id = $1 ORDER BY seq",
                    DB_PARAMS(DB_I64(env_id)), &rows, e));
    out->nchanges = db_count(rows);
    out->changes = read_changes(a, rows);
    return FH_OK;
}
