/* A batch of an import: what it does not know the ids of is asked for, what is new is put in, and its rows go
 * into the stage. See catalog_import_parts.h. */
#include "server/store/catalog_import_parts.h"

#include "server/store/catalog.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 8 };

/* Some thousand look-ups by key each: never a walk through the whole table. */
static const char narrow_sql[] = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
                                 "SET LOCAL enable_seqscan = off";

/* How derivations, or attributes, are asked for and put in. */
struct kind {
    const char *ask_copy, *ask_sql, *table, *put_copy;
    int put_fields;
};
static const struct kind derivation_kind = {
    "COPY import_ask (n, key) FROM STDIN (FORMAT binary)",
    "SELECT i.n, d.id FROM import_ask i JOIN derivation d ON d.digest = i.key",
    "derivation",
    "COPY derivation (id, digest, drv_path, system, name, version, outputs, outputs_to_install, description, "
    "license, flags, cache_uri, attr_path) FROM STDIN (FORMAT binary)",
    13,
};
static const struct kind package_kind = {
    "COPY import_attr (n, attr_path) FROM STDIN (FORMAT binary)",
    "SELECT i.n, p.id FROM import_attr i JOIN package p ON p.catalog_id = $1 AND p.attr_path = i.attr_path",
    "package",
    "COPY package (id, catalog_id, attr_path) FROM STDIN (FORMAT binary)",
    3,
};

static const char stage_copy[] = "COPY import_stage (page, system, package_id, derivation_id, scraped_at, "
                                 "line) FROM STDIN (FORMAT binary)";
static const char deprecation_copy[] =
    "COPY import_deprecation (package_id, line, deprecation) FROM STDIN (FORMAT binary)";
static const char build_copy[] = "COPY import_build (system, package_id, derivation_id, scraped_at, line, "
                                 "base_rev_count, locked_url, rev, "
                                 "rev_count, rev_date) FROM STDIN (FORMAT binary)";

static fh_err copy_out(struct store_import *s, const char *sql, struct fh_error *e)
{
    fh_err rc = s->copy.len ? db_copy(s->c, sql, s->copy.data, s->copy.len, NULL, e) : FH_OK;
    fh_buf_clear(&s->copy);
    return rc;
}

static int by_key(const void *a, const void *b, void *arg)
{
    const struct store_import_unknown *u = arg;
    return memcmp(u->items[*(const uint32_t *)a].key, u->items[*(const uint32_t *)b].key, IMPORT_KEY);
}

/* Those of the unknown that have no id yet, in the order of their keys; how many. Of a key that the cache
 * could not hold there may be several. */
static size_t still_unknown(const struct store_import_unknown *u, uint32_t *which)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n; i++)
        if (u->items[i].id == 0)
            which[n++] = (uint32_t)i;
    qsort_r(which, n, sizeof *which, by_key, (void *)(uintptr_t)u);
    return n;
}

static void learnt(struct store_import_unknown *u, size_t i, int64_t id)
{
    u->items[i].id = (int32_t)id;
    store_import_ids_put(u->ids, u->items[i].key, u->items[i].id);
}

static fh_err put_content(struct store_import *s, const struct store_import_unknown *u, size_t i,
                          struct fh_error *e)
{
    return fh_buf_add(&s->copy, u->content.data + u->items[i].at, u->items[i].len, e);
}

static fh_err ask(struct store_import *s, const struct kind *kind, struct store_import_unknown *u, size_t n,
                  struct fh_error *e)
{
    bool derivations = kind == &derivation_kind;
    const struct db_param catalog = DB_I64(s->catalog_id);
    for (size_t i = 0; i < n; i++) {
        FH_TRY(db_copy_row(&s->copy, 2, e));
        FH_TRY(db_copy_i32(&s->copy, (int32_t)s->which[i], e));
        if (derivations)
            FH_TRY(db_copy_bytes(&s->copy, u->items[s->which[i]].key, IMPORT_KEY, e));
        else
            FH_TRY(put_content(s, u, s->which[i], e));
    }
    FH_TRY(copy_out(s, kind->ask_copy, e));
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(s->c, a, kind->ask_sql, &catalog, derivations ? 0 : 1, &rows, e);
    for (size_t i = 0; rc == FH_OK && i < db_count(rows); i++)
        learnt(u, (size_t)db_get_i64(rows, i, 0), db_get_i64(rows, i, 1));
    fh_arena_free(a);
    return rc;
}

static bool same_key(const struct store_import_unknown *u, size_t a, size_t b)
{
    return memcmp(u->items[a].key, u->items[b].key, IMPORT_KEY) == 0;
}

/* Puts the n of `which` in, with ids of the table's sequence, in the order of their keys: so two imports at
 * once do not wait for each other in a circle. FH_CONFLICT: another import was faster with one of them. */
static fh_err put(struct store_import *s, const struct kind *kind, struct store_import_unknown *u, size_t n,
                  struct fh_arena *a, struct fh_error *e)
{
    struct db_rows *ids;
    const uint32_t *which = s->which;
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++)
        distinct += i == 0 || !same_key(u, which[i], which[i - 1]);
    FH_TRY(db_query(
        s->c, a,
        "SELECT nextval(s.s) FROM (SELECT pg_get_serial_sequence($1, 'id')::regclass AS s OFFSET 0) s, "
        "generate_series(1, $2)",
        DB_PARAMS(DB_TEXT(kind->table), DB_I64((int64_t)distinct)), &ids, e));
    distinct = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && same_key(u, which[i], which[i - 1]))
            continue;
        FH_TRY(db_copy_row(&s->copy, kind->put_fields, e));
        FH_TRY(db_copy_i32(&s->copy, (int32_t)db_get_i64(ids, distinct++, 0), e));
        if (kind == &derivation_kind)
            FH_TRY(db_copy_bytes(&s->copy, u->items[which[i]].key, IMPORT_KEY, e));
        else
            FH_TRY(db_copy_i64(&s->copy, s->catalog_id, e));
        FH_TRY(put_content(s, u, which[i], e));
    }
    FH_TRY(copy_out(s, kind->put_copy, e));
    distinct = 0;
    for (size_t i = 0; i < n; i++)
        learnt(u, which[i],
               i > 0 && same_key(u, which[i], which[i - 1]) ? u->items[which[i - 1]].id
                                                            : db_get_i64(ids, distinct++, 0));
    return FH_OK;
}

/* Ids for all of the unknown: those that are there are asked for, the others put in. What another import puts
 * in between the two ends this one's COPY (after it waited for the other's commit), and is found when asked
 * for again. */
static fh_err learn(struct store_import *s, const struct kind *kind, struct store_import_unknown *u,
                    struct fh_error *e)
{
    for (int i = 0; i < TRIES; i++) {
        size_t n = still_unknown(u, s->which);
        if (n == 0)
            return FH_OK;
        FH_TRY(ask(s, kind, u, n, e));
        if ((n = still_unknown(u, s->which)) == 0)
            return FH_OK;
        struct fh_arena *a = fh_arena_new();
        FH_TRY(db_script(s->c, "SAVEPOINT put", e));
        fh_err rc = put(s, kind, u, n, a, e);
        fh_arena_free(a);
        if (rc == FH_OK)
            return db_script(s->c, "RELEASE put", e);
        if (rc != FH_CONFLICT)
            return rc;
        FH_TRY(db_script(s->c, "ROLLBACK TO put; RELEASE put; TRUNCATE import_ask, import_attr", e));
    }
    return FH_FAIL(e, FH_UNAVAILABLE, "Other imports put the same rows in all the time; run it again.");
}

/* The catalog is made when it has its first row. */
static fh_err find_catalog(struct store_import *s, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct store_catalog base;
    fh_err rc;
    if (s->config.owner_id)
        rc = store_catalog_ensure(s->c, a, s->config.owner_id, (enum store_visibility)s->config.visibility,
                                  &s->catalog_id, NULL, e);
    else if ((rc = store_catalog_find(s->c, a, NULL, &base, e)) == FH_OK)
        s->catalog_id = base.id;
    fh_arena_free(a);
    return rc;
}

static int32_t known(const struct store_import_unknown *u, int32_t id)
{
    return id < 0 ? u->items[-id - 1].id : id;
}

static fh_err stage_rows(struct store_import *s, struct fh_error *e)
{
    bool builds = s->config.owner_id != 0;
    for (size_t i = 0; i < s->nrows; i++) {
        const struct store_import_noted *r = &s->rows[i];
        FH_TRY(db_copy_row(&s->copy, builds ? 10 : 6, e));
        if (!builds)
            FH_TRY(db_copy_i32(&s->copy, r->page, e));
        FH_TRY(db_copy_i16(&s->copy, r->system, e));
        FH_TRY(db_copy_i32(&s->copy, known(&s->packages, r->package), e));
        FH_TRY(db_copy_i32(&s->copy, known(&s->derivations, r->derivation), e));
        FH_TRY(db_copy_i64(&s->copy, r->scraped_at, e));
        FH_TRY(db_copy_i64(&s->copy, r->line, e));
        if (builds)
            FH_TRY(fh_buf_add(&s->copy, s->builds.data + r->build_at, r->build_len, e));
    }
    return copy_out(s, builds ? build_copy : stage_copy, e);
}

/* fields(2) length(4) package(4) length(4) line(8) length(4) text…: numbers become ids where they stand. */
static fh_err stage_deprecations(struct store_import *s, struct fh_error *e)
{
    enum { PACKAGE_AT = 6, LENGTH_AT = 22, TEXT_AT = 26 };
    char *row = s->deprecations.data;
    for (size_t at = 0; at < s->deprecations.len;) {
        uint32_t id, length;
        memcpy(&id, row + at + PACKAGE_AT, sizeof id);
        memcpy(&length, row + at + LENGTH_AT, sizeof length);
        id = htobe32((uint32_t)known(&s->packages, (int32_t)be32toh(id)));
        memcpy(row + at + PACKAGE_AT, &id, sizeof id);
        length = be32toh(length);
        at += TEXT_AT + (length == UINT32_MAX ? 0 : length);
    }
    return s->deprecations.len ? db_copy(s->c, deprecation_copy, row, s->deprecations.len, NULL, e) : FH_OK;
}

fh_err store_import_flush(struct store_import *s, struct fh_error *e)
{
    if (s->nrows == 0)
        return FH_OK;
    FH_TRY(db_script(s->c, "BEGIN", e));
    if (s->catalog_id == 0)
        FH_TRY(find_catalog(s, e));
    if (!s->knows && s->nrows > IMPORT_BATCH / 2)
        FH_TRY(store_import_know(s, e));
    FH_TRY(db_script(s->c, narrow_sql, e));
    FH_TRY(learn(s, &derivation_kind, &s->derivations, e));
    FH_TRY(learn(s, &package_kind, &s->packages, e));
    FH_TRY(db_script(s->c, "COMMIT", e));
    FH_TRY(stage_rows(s, e));
    FH_TRY(stage_deprecations(s, e));
    fh_buf_clear(&s->derivations.content);
    fh_buf_clear(&s->packages.content);
    fh_buf_clear(&s->deprecations);
    fh_buf_clear(&s->builds);
    s->derivations.n = s->packages.n = s->nrows = 0;
    return FH_OK;
}
