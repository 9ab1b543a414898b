/* A batch of an import: what it does not know the ids of is asked for, what is new is put in, and its rows go
 * into the stage. See catalog_import_parts.h. */
#include "server/store/catalog_import_parts.h"

#include "server/store/catalog.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* Some thousand look-ups by key each: never a walk through the whole table. */
static const char narrow_sql[] = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
                                 "SET LOCAL enable_seqscan = off";

static const char ask_copy[] = "COPY import_ask (n, key) FROM STDIN (FORMAT binary)";
static const char ask_sql[] = "SELECT i.n, d.id FROM import_ask i JOIN derivation d ON d.digest = i.key";
static const char new_copy[] =
    "COPY import_new (n, digest, drv_path, system, name, version, outputs, outputs_to_install, description, "
    "license, flags, cache_uri) FROM STDIN (FORMAT binary)";
/* They stand there in the order of the digest, so that two imports at once do not wait for each other in a
 * circle. */
static const char put_sql[] =
    "INSERT INTO derivation (digest, drv_path, system, name, version, outputs, outputs_to_install, "
    "description, "
    "license, flags, cache_uri) SELECT digest, drv_path, system, name, version, outputs, outputs_to_install, "
    "description, license, flags, cache_uri FROM import_new ON CONFLICT (digest) DO NOTHING RETURNING "
    "digest, id";
static const char got_sql[] = "SELECT i.n, d.id FROM import_new i JOIN derivation d ON d.digest = i.digest";

static const char attr_copy[] = "COPY import_attr (n, attr_path) FROM STDIN (FORMAT binary)";
static const char attr_put_sql[] =
    "INSERT INTO package (catalog_id, attr_path) SELECT DISTINCT ON (attr_path) $1, attr_path FROM "
    "import_attr i "
    "WHERE NOT EXISTS (SELECT 1 FROM package p WHERE p.catalog_id = $1 AND p.attr_path = i.attr_path) "
    "ORDER BY attr_path ON CONFLICT (catalog_id, attr_path) DO NOTHING";
static const char attr_got_sql[] = "SELECT i.n, p.id FROM import_attr i JOIN package p "
                                   "ON p.catalog_id = $1 AND p.attr_path = i.attr_path";

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

/* Rows (n, id): the n-th unknown has this id. */
static fh_err take_ids(struct store_import *s, struct store_import_unknown *u, const char *sql,
                       const struct db_param *params, size_t nparams, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(s->c, a, sql, params, nparams, &rows, e);
    for (size_t i = 0; rc == FH_OK && i < db_count(rows); i++) {
        size_t n = (size_t)db_get_i64(rows, i, 0);
        u->items[n].id = (int32_t)db_get_i64(rows, i, 1);
        store_import_ids_put(u->ids, u->items[n].key, u->items[n].id);
    }
    fh_arena_free(a);
    return rc;
}

static fh_err check_known(const struct store_import_unknown *u, struct fh_error *e)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->items[i].id == 0)
            return FH_FAIL(e, FH_UNAVAILABLE,
                           "Something removed what the import had just stored; run it again.");
    return FH_OK;
}

/* Rows (digest, id) of what was put in. */
static fh_err put_new(struct store_import *s, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(s->c, a, put_sql, NULL, 0, &rows, e);
    for (size_t i = 0; rc == FH_OK && i < db_count(rows); i++) {
        size_t n;
        const void *digest = db_get_bytes(rows, i, 0, &n);
        store_import_ids_put(s->derivations.ids, digest, (int32_t)db_get_i64(rows, i, 1));
    }
    fh_arena_free(a);
    return rc;
}

static int by_key(const void *a, const void *b, void *arg)
{
    const struct store_import_unknown *u = arg;
    return memcmp(u->items[*(const uint32_t *)a].key, u->items[*(const uint32_t *)b].key, IMPORT_KEY);
}

/* Those of the unknown that have no id yet, in the order of their keys; how many. */
static size_t still_unknown(const struct store_import_unknown *u, uint32_t *which)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n; i++)
        if (u->items[i].id == 0)
            which[n++] = (uint32_t)i;
    qsort_r(which, n, sizeof *which, by_key, (void *)(uintptr_t)u);
    return n;
}

static fh_err ask_derivations(struct store_import *s, struct fh_error *e)
{
    struct store_import_unknown *u = &s->derivations;
    size_t n = still_unknown(u, s->which);
    for (size_t i = 0; i < n; i++) {
        FH_TRY(db_copy_row(&s->copy, 2, e));
        FH_TRY(db_copy_i32(&s->copy, (int32_t)s->which[i], e));
        FH_TRY(db_copy_bytes(&s->copy, u->items[s->which[i]].key, IMPORT_KEY, e));
    }
    if (n == 0)
        return FH_OK;
    FH_TRY(copy_out(s, ask_copy, e));
    FH_TRY(take_ids(s, u, ask_sql, NULL, 0, e));
    n = still_unknown(u, s->which);
    for (size_t i = 0; i < n; i++) {
        FH_TRY(db_copy_row(&s->copy, 12, e));
        FH_TRY(db_copy_i32(&s->copy, (int32_t)s->which[i], e));
        FH_TRY(db_copy_bytes(&s->copy, u->items[s->which[i]].key, IMPORT_KEY, e));
        FH_TRY(
            fh_buf_add(&s->copy, u->content.data + u->items[s->which[i]].at, u->items[s->which[i]].len, e));
    }
    if (n == 0)
        return FH_OK;
    FH_TRY(copy_out(s, new_copy, e));
    FH_TRY(put_new(s, e));
    store_import_take_known(u);
    /* What another import put in at the same moment, or what the cache could not hold. */
    return still_unknown(u, s->which) ? take_ids(s, u, got_sql, NULL, 0, e) : FH_OK;
}

static fh_err ask_packages(struct store_import *s, struct fh_error *e)
{
    struct store_import_unknown *u = &s->packages;
    const struct db_param catalog = DB_I64(s->catalog_id);
    for (size_t i = 0; i < u->n; i++) {
        if (u->items[i].id)
            continue;
        FH_TRY(db_copy_row(&s->copy, 2, e));
        FH_TRY(db_copy_i32(&s->copy, (int32_t)i, e));
        FH_TRY(db_copy_bytes(&s->copy, u->content.data + u->items[i].at, u->items[i].len, e));
    }
    if (s->copy.len == 0)
        return FH_OK;
    FH_TRY(copy_out(s, attr_copy, e));
    FH_TRY(db_exec(s->c, attr_put_sql, &catalog, 1, NULL, e));
    return take_ids(s, u, attr_got_sql, &catalog, 1, e);
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
    FH_TRY(ask_derivations(s, e));
    FH_TRY(ask_packages(s, e));
    FH_TRY(check_known(&s->derivations, e));
    FH_TRY(check_known(&s->packages, e));
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
