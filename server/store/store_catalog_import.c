/* Putting rows into a catalog: from the first row to the last. See catalog_import.h and
 * catalog_import_parts.h. */
#include "server/store/catalog_import_parts.h"

#include "common/digest.h"
#include "common/mem.h"
#include "server/store/catalog.h"
#include "server/store/derivation_name.h"

#include <stdlib.h>
#include <string.h>

enum {
    DERIVATION_SETS = 18, /* a million: two pages of nixpkgs */
    PACKAGE_SETS = 17,    /* half a million */
    CONTENT = 4 * FH_MAX_IMPORT_LINE,
    SLOTS = 4 * FH_MAX_IMPORT_PAGES,
};

/* A base without a page is the row of page 0, of which there is none. */
static const char tables[] =
    "CREATE TEMPORARY TABLE import_ask (n int NOT NULL, key bytea NOT NULL) ON COMMIT DELETE ROWS; "
    "CREATE TEMPORARY TABLE import_attr (n int NOT NULL, attr_path text COLLATE \"C\" NOT NULL) "
    "ON COMMIT DELETE ROWS; "
    "CREATE TEMPORARY TABLE import_stage (page int NOT NULL, system smallint NOT NULL, package_id int NOT "
    "NULL, "
    "derivation_id int NOT NULL, scraped_at bigint NOT NULL, line bigint NOT NULL); "
    "CREATE TEMPORARY TABLE import_deprecation (package_id int NOT NULL, line bigint NOT NULL, "
    "deprecation text); "
    "CREATE TEMPORARY TABLE import_column (package_id int NOT NULL, derivation_id int NOT NULL, "
    "scraped_at bigint NOT NULL, line bigint NOT NULL); "
    "CREATE TEMPORARY TABLE import_change (package_id int NOT NULL, derivation_id int NOT NULL, first int, "
    "past int, was int, line bigint NOT NULL); "
    "CREATE TEMPORARY TABLE import_build (system smallint NOT NULL, package_id int NOT NULL, "
    "derivation_id int NOT NULL, scraped_at bigint NOT NULL, line bigint NOT NULL, base_rev_count bigint, "
    "locked_url text NOT NULL, rev text NOT NULL, rev_count bigint NOT NULL, rev_date bigint NOT NULL); "
    "SELECT pg_advisory_lock_shared(" IMPORT_LOCK_USE ")";
static const char no_tables[] =
    "ROLLBACK; DROP TABLE IF EXISTS import_ask, import_attr, import_stage, import_deprecation, "
    "import_column, import_change, import_build; SELECT pg_advisory_unlock_all()";

static void init_unknown(struct store_import_unknown *u, unsigned sets)
{
    u->ids = store_import_ids_new(sets);
    u->items = fh_xcalloc(IMPORT_BATCH, sizeof *u->items);
    fh_buf_init(&u->content, IMPORT_BATCH_BYTES + CONTENT);
}

static void free_unknown(struct store_import_unknown *u)
{
    store_import_ids_free(u->ids);
    free(u->items);
    fh_buf_free(&u->content);
}

fh_err store_import_begin(struct db_conn *c, const struct store_import_config *config,
                          struct store_import **out, struct fh_error *e)
{
    FH_TRY(db_script(c, tables, e));
    struct store_import *s = fh_xcalloc(1, sizeof *s);
    s->c = c;
    s->config = *config;
    s->pages = fh_xcalloc(FH_MAX_IMPORT_PAGES, sizeof *s->pages);
    s->page_slots = fh_xcalloc(SLOTS, sizeof *s->page_slots);
    s->rows = fh_xcalloc(IMPORT_BATCH, sizeof *s->rows);
    s->which = fh_xcalloc(IMPORT_BATCH, sizeof *s->which);
    s->digest = fh_digest_new(FH_SHA256);
    init_unknown(&s->derivations, DERIVATION_SETS);
    init_unknown(&s->packages, PACKAGE_SETS);
    fh_buf_init(&s->content, CONTENT);
    fh_buf_init(&s->copy, 3 * IMPORT_BATCH_BYTES);
    fh_buf_init(&s->deprecations, IMPORT_BATCH_BYTES + CONTENT);
    fh_buf_init(&s->builds, IMPORT_BATCH_BYTES + CONTENT);
    *out = s;
    return FH_OK;
}

void store_import_end(struct store_import *s)
{
    if (!s)
        return;
    (void)!db_script(s->c, no_tables, NULL);
    for (size_t i = 0; i < s->npages; i++) {
        free(s->pages[i].why);
        free(s->pages[i].tags);
    }
    free(s->pages);
    free(s->page_slots);
    free(s->rows);
    free(s->which);
    fh_digest_free(s->digest);
    free_unknown(&s->derivations);
    free_unknown(&s->packages);
    fh_buf_free(&s->content);
    fh_buf_free(&s->copy);
    fh_buf_free(&s->deprecations);
    fh_buf_free(&s->builds);
    free(s);
}

struct db_conn *store_import_conn(const struct store_import *s)
{
    return s->c;
}

void store_import_key(struct store_import *s, const void *bytes, size_t n, uint8_t key[IMPORT_KEY])
{
    uint8_t full[FH_SHA256_SIZE];
    fh_digest_add(s->digest, bytes, n);
    fh_digest_finish(s->digest, full);
    memcpy(key, full, IMPORT_KEY);
}

/* The id of what has this key, or the number (below zero) under which its content waits to be asked for. */
static fh_err id_of(struct store_import_unknown *u, const uint8_t key[IMPORT_KEY], const void *content,
                    size_t n, int32_t *id, struct fh_error *e)
{
    *id = store_import_ids_get(u->ids, key);
    if (*id)
        return FH_OK;
    memcpy(u->items[u->n].key, key, IMPORT_KEY);
    u->items[u->n].at = u->content.len;
    u->items[u->n].len = n;
    u->items[u->n].id = 0;
    FH_TRY(fh_buf_add(&u->content, content, n, e));
    *id = -(int32_t)++u->n;
    store_import_ids_put(u->ids, key, *id);
    return FH_OK;
}

/* A derivation's key begins with that of its name, and ends with a bit that tells an owner's build
 * (catalog_derivation.h). */
static void derivation_key(struct store_import *s, const char *drv_path, const struct fh_buf *content,
                           uint8_t key[IMPORT_KEY])
{
    uint8_t digest[IMPORT_KEY];
    const char *name;
    size_t n;
    store_drv_name(drv_path, &name, &n);
    store_name_key(name, n, key);
    store_import_key(s, content->data, content->len, digest);
    memcpy(key + STORE_NAME_KEY, digest, IMPORT_KEY - STORE_NAME_KEY);
    key[IMPORT_KEY - 1] = (uint8_t)((key[IMPORT_KEY - 1] & ~1u) | (s->config.owner_id != 0));
}

/* The fields of a derivation as COPY has them, which also is what its digest is taken of; and the attribute.
 */
static fh_err derivation_id(struct store_import *s, const struct store_import_row *r, int32_t *id,
                            struct fh_error *e)
{
    struct fh_buf *b = &s->content;
    uint8_t key[IMPORT_KEY];
    fh_buf_clear(b);
    FH_TRY(db_copy_text(b, r->drv_path, e));
    FH_TRY(db_copy_i16(b, (int16_t)r->system, e));
    FH_TRY(db_copy_text(b, r->name, e));
    FH_TRY(db_copy_text(b, r->version, e));
    FH_TRY(db_copy_text(b, r->outputs, e));
    FH_TRY(db_copy_text(b, r->outputs_to_install, e));
    FH_TRY(db_copy_text(b, r->description, e));
    FH_TRY(db_copy_text(b, r->license, e));
    FH_TRY(db_copy_i16(b, (int16_t)r->flags, e));
    FH_TRY(db_copy_text(b, r->cache_uri, e));
    derivation_key(s, r->drv_path, b, key);
    FH_TRY(db_copy_text(b, s->config.owner_id ? NULL : r->attr_path, e)); /* no part of the digest */
    return id_of(&s->derivations, key, b->data, b->len, id, e);
}

static fh_err package_id(struct store_import *s, const char *attr_path, int32_t *id, struct fh_error *e)
{
    size_t n = strlen(attr_path);
    if (n == 0 || n > FH_MAX_ATTR_PATH)
        return FH_FAIL(e, FH_MISMATCH, "its attr_path is empty or too long");
    if (memcmp(s->last_attr, attr_path, n + 1) != 0) {
        memcpy(s->last_attr, attr_path, n + 1);
        store_import_key(s, attr_path, n, s->last_attr_key);
    }
    fh_buf_clear(&s->content);
    FH_TRY(db_copy_text(&s->content, attr_path, e));
    return id_of(&s->packages, s->last_attr_key, s->content.data, s->content.len, id, e);
}

/* Of the page that a build was made on. */
static fh_err find_base(struct store_import *s, const struct store_import_row *row, int64_t *rev_count,
                        struct fh_error *e)
{
    *rev_count = row->base_rev_count;
    if (!row->base_rev)
        return FH_OK;
    if (strcmp(s->last_base, row->base_rev) != 0) {
        struct fh_arena *a = fh_arena_new();
        struct db_rows *rows;
        fh_err rc = db_query(s->c, a, "SELECT rev_count FROM catalog_page WHERE rev = $1",
                             DB_PARAMS(DB_TEXT(row->base_rev)), &rows, e);
        if (rc == FH_OK)
            s->base_rev_count = db_count(rows) ? db_get_i64(rows, 0, 0) : -1;
        fh_arena_free(a);
        FH_TRY(rc);
        snprintf(s->last_base, sizeof s->last_base, "%s", row->base_rev);
    }
    if (s->base_rev_count < 0)
        return FH_FAIL(e, FH_MISMATCH, "its base revision %s is no page of this hub", row->base_rev);
    if (row->base_rev_count && row->base_rev_count != s->base_rev_count)
        return FH_FAIL(e, FH_MISMATCH, "its base revision %s is page %lld, not %lld", row->base_rev,
                       (long long)s->base_rev_count, (long long)row->base_rev_count);
    *rev_count = s->base_rev_count;
    return FH_OK;
}

/* What a build has besides a row of a page; its first five fields come when the ids are known. */
static fh_err note_build(struct store_import *s, const struct store_import_row *row,
                         struct store_import_noted *noted, struct fh_error *e)
{
    int64_t base;
    FH_TRY(find_base(s, row, &base, e));
    struct fh_buf *b = &s->builds;
    noted->build_at = b->len;
    FH_TRY(base ? db_copy_i64(b, base, e) : db_copy_text(b, NULL, e));
    FH_TRY(db_copy_text(b, row->locked_url ? row->locked_url : "", e));
    FH_TRY(db_copy_text(b, row->rev, e));
    FH_TRY(db_copy_i64(b, row->rev_count, e));
    FH_TRY(db_copy_i64(b, row->rev_date, e));
    noted->build_len = b->len - noted->build_at;
    return FH_OK;
}

/* Its package is the row's, which is behind the number here until it is known. */
static fh_err note_deprecation(struct store_import *s, const struct store_import_row *row, int32_t package,
                               int64_t line, struct fh_error *e)
{
    struct fh_buf *b = &s->deprecations;
    FH_TRY(db_copy_row(b, 3, e));
    FH_TRY(db_copy_i32(b, package, e));
    FH_TRY(db_copy_i64(b, line, e));
    return db_copy_text(b, row->deprecation, e);
}

static bool is_full(const struct store_import *s)
{
    return s->nrows == IMPORT_BATCH || s->derivations.content.len > IMPORT_BATCH_BYTES ||
           s->packages.content.len > IMPORT_BATCH_BYTES || s->deprecations.len > IMPORT_BATCH_BYTES ||
           s->builds.len > IMPORT_BATCH_BYTES;
}

fh_err store_import_add(struct store_import *s, const struct store_import_row *row, int64_t line,
                        struct fh_error *e)
{
    struct store_import_noted *noted = &s->rows[s->nrows];
    size_t page = 0;
    *noted = (struct store_import_noted){
        .system = (int16_t)row->system, .scraped_at = row->scraped_at, .line = line};
    if (s->config.owner_id)
        FH_TRY(note_build(s, row, noted, e));
    else
        FH_TRY(store_import_page_of(s, row, &page, e));
    noted->page = (int32_t)page;
    FH_TRY(package_id(s, row->attr_path, &noted->package, e));
    FH_TRY(derivation_id(s, row, &noted->derivation, e));
    if (row->deprecation_given)
        FH_TRY(note_deprecation(s, row, noted->package, line, e));
    s->nrows++;
    return is_full(s) ? store_import_flush(s, e) : FH_OK;
}
