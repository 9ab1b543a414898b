/* The last step of an import of pages: what was staged is checked against what is there and put in its place,
 * column by column. See catalog_import_parts.h, and migration 0007 for runs and places.
 *
 *   a new column    most of what goes on with the last column is on this one, too: it gets the next place,
 * runs that are not on it end, others begin. Otherwise it stands apart, and has runs of its own. one that is
 * for each attribute that it says another thing of: the run through its place is cut
 *
 *         before   |-------- A --------->           after   |-- A --|B|--- A --->
 *                          place                                  place
 */
#include "server/store/catalog_import_parts.h"

#include "common/clock.h"

#include <string.h>

enum { MANY = 500 }; /* rows, from which on whole tables are read instead of looking each row up */

struct column {
    struct store_import *s;
    struct store_import_page *page;
    int64_t index, system, place;
    int64_t next; /* the place behind it where there is another column; 0: none */
};

static fh_err one_number(struct db_conn *c, const char *sql, const struct db_param *params, size_t n,
                         int64_t *out, int64_t *second, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(c, a, sql, params, n, &rows, e);
    if (rc == FH_OK) {
        *out = db_count(rows) ? db_get_i64(rows, 0, 0) : 0;
        if (second)
            *second = db_count(rows) ? db_get_i64(rows, 0, 1) : 0;
    }
    fh_arena_free(a);
    return rc;
}

static fh_err tell(struct column *c, const char *sql, const struct db_param *params, size_t n,
                   struct fh_error *e)
{
    char where[96];
    snprintf(where, sizeof where, " on %s of page %lld", fh_system_name((enum fh_system)c->system),
             (long long)c->page->rev_count);
    return store_import_refuse(c->s, sql, params, n, where, e);
}

/* What makes two descriptions those of different things; the rest is replaced. */
#define DIFFERENT "(o.drv_path <> n.drv_path OR o.version <> n.version OR o.outputs <> n.outputs)"
#define WHAT_DIFFERS                                                                                         \
    "concat_ws(' and ', CASE WHEN o.drv_path <> n.drv_path THEN 'derivation ' || n.drv_path || ' instead "   \
    "of ' "                                                                                                  \
    "|| o.drv_path END, CASE WHEN o.version <> n.version THEN 'version ' || n.version || ' instead of ' || " \
    "o.version END, CASE WHEN o.outputs <> n.outputs THEN 'other outputs' END)"

static const char first_sql[] =
    "INSERT INTO import_column SELECT DISTINCT ON (package_id) package_id, derivation_id, scraped_at, line "
    "FROM import_stage WHERE page = $1 AND system = $2 ORDER BY package_id, line";
static const char twice_sql[] =
    "SELECT s.line, p.attr_path, " WHAT_DIFFERS " || ' of an earlier line' "
    "FROM import_stage s JOIN import_column k ON k.package_id = s.package_id "
    "AND s.derivation_id <> k.derivation_id JOIN derivation o ON o.id = k.derivation_id "
    "JOIN derivation n ON n.id = s.derivation_id JOIN package p ON p.id = s.package_id "
    "WHERE s.page = $1 AND s.system = $2 AND " DIFFERENT " ORDER BY s.line";
static const char last_sql[] =
    "UPDATE import_column k SET derivation_id = x.derivation_id, scraped_at = x.scraped_at, line = x.line "
    "FROM (SELECT DISTINCT ON (s.package_id) s.package_id, s.derivation_id, s.scraped_at, s.line "
    "FROM import_stage s JOIN import_column k2 ON k2.package_id = s.package_id "
    "JOIN derivation o ON o.id = k2.derivation_id JOIN derivation n ON n.id = s.derivation_id "
    "WHERE s.page = $1 AND s.system = $2 AND NOT " DIFFERENT " ORDER BY s.package_id, s.line DESC) x "
    "WHERE x.package_id = k.package_id AND x.line <> k.line";

/* One row for each attribute: of several, the last, if they are of one derivation. */
static fh_err gather(struct column *c, struct fh_error *e)
{
    const struct db_param params[] = {DB_I64(c->index), DB_I64(c->system)};
    int64_t rows = c->page->rows[c->system], distinct = 0;
    FH_TRY(db_script(c->s->c, "TRUNCATE import_column, import_change", e));
    FH_TRY(db_exec(c->s->c, first_sql, params, 2, &distinct, e));
    if (distinct < rows) {
        FH_TRY(tell(c, twice_sql, params, 2, e));
        FH_TRY(db_exec(c->s->c, last_sql, params, 2, NULL, e));
    }
    /* What is put in by this transaction has no statistics yet, and looks like one row to the planner. */
    return db_script(c->s->c,
                     distinct > MANY ? "SET LOCAL enable_nestloop = off; ANALYZE import_column"
                                     : "SET LOCAL enable_nestloop = on; ANALYZE import_column",
                     e);
}

/* Does the new column go on with the last one? It does when half of what that has is on it: of so many runs
 * the greater part would otherwise be ended, and begun again with the next column. */
static const char goes_on_sql[] =
    "SELECT count(*), count(k.package_id) FROM page_run r LEFT JOIN import_column k "
    "ON k.package_id = r.package_id WHERE r.system = $1 AND r.past = 2147483647";
static const char apart_sql[] = "INSERT INTO page_run (package_id, system, first, past, derivation_id) "
                                "SELECT package_id, $1, $2, $2 + 1, derivation_id FROM import_column "
                                "ORDER BY package_id";
static const char close_sql[] =
    "UPDATE page_run r SET past = $2 WHERE r.system = $1 AND r.past = 2147483647 AND NOT EXISTS "
    "(SELECT 1 FROM import_column k WHERE k.package_id = r.package_id AND k.derivation_id = r.derivation_id)";
static const char open_sql[] =
    "INSERT INTO page_run (package_id, system, first, past, derivation_id) "
    "SELECT k.package_id, $1, $2, 2147483647, k.derivation_id FROM import_column k "
    "WHERE NOT EXISTS (SELECT 1 FROM page_run r WHERE r.package_id = k.package_id AND r.system = $1 "
    "AND r.past = 2147483647) ORDER BY k.package_id";
static const char column_sql[] =
    "INSERT INTO catalog_page_system (page_id, system, place, scraped_at) VALUES ($1, $2, $3, $4)";

static fh_err place_new(struct column *c, struct fh_error *e)
{
    struct db_conn *db = c->s->c;
    int64_t going, kept, added;
    const struct db_param system[] = {DB_I64(c->system)};
    FH_TRY(one_number(db, "SELECT nextval('catalog_place')", NULL, 0, &c->place, NULL, e));
    FH_TRY(one_number(db, goes_on_sql, system, 1, &going, &kept, e));
    if (2 * kept < going)
        c->place = -c->place;
    const struct db_param at[] = {DB_I64(c->system), DB_I64(c->place)};
    if (c->place > 0) {
        FH_TRY(db_exec(db, close_sql, at, 2, NULL, e));
        FH_TRY(db_exec(db, open_sql, at, 2, NULL, e));
    } else {
        FH_TRY(db_exec(db, apart_sql, at, 2, NULL, e));
    }
    int64_t scraped = c->page->scraped_at[c->system];
    if (scraped == STORE_SCRAPED_NOW)
        scraped = fh_now_ms() * 1000;
    FH_TRY(db_exec(db, column_sql,
                   DB_PARAMS(DB_I64(c->page->id), DB_I64(c->system), DB_I64(c->place), DB_I64(scraped)), NULL,
                   e));
    FH_TRY(one_number(db, "SELECT count(*) FROM import_column", NULL, 0, &added, NULL, e));
    c->s->result.added += added;
    c->s->changes += added;
    return FH_OK;
}

static const char change_sql[] =
    "INSERT INTO import_change SELECT k.package_id, k.derivation_id, r.first, r.past, r.derivation_id, "
    "k.line "
    "FROM import_column k LEFT JOIN page_run r ON r.package_id = k.package_id AND r.system = $1 "
    "AND r.first <= $2 AND r.past > $2 WHERE r.derivation_id IS DISTINCT FROM k.derivation_id";
static const char conflict_sql[] =
    "WITH gone AS (DELETE FROM import_change h USING derivation o, derivation n "
    "WHERE o.id = h.was AND n.id = h.derivation_id AND " DIFFERENT
    " RETURNING h.line, h.package_id, " WHAT_DIFFERS " AS what) "
    "SELECT g.line, p.attr_path, g.what || ', which the catalog has there' "
    "FROM gone g JOIN package p ON p.id = g.package_id ORDER BY g.line";
static const char cut_whole_sql[] = "DELETE FROM page_run r USING import_change h WHERE r.system = $1 AND "
                                    "r.package_id = h.package_id AND r.first = h.first AND h.first = $2";
static const char cut_sql[] = "UPDATE page_run r SET past = $2 FROM import_change h WHERE r.system = $1 AND "
                              "r.package_id = h.package_id AND r.first = h.first AND h.first < $2";
static const char rest_sql[] =
    "INSERT INTO page_run (package_id, system, first, past, derivation_id) "
    "SELECT package_id, $1, $2, past, was FROM import_change WHERE first IS NOT NULL AND past > $2";
static const char put_sql[] =
    "INSERT INTO page_run (package_id, system, first, past, derivation_id) "
    "SELECT package_id, $1, $2, CASE WHEN $3 THEN $2 + 1 ELSE coalesce(past, 2147483647) END, derivation_id "
    "FROM import_change";
static const char counts_sql[] =
    "SELECT count(*) FILTER (WHERE first IS NULL), count(first) FROM import_change";

static fh_err place_changes(struct column *c, struct fh_error *e)
{
    struct db_conn *db = c->s->c;
    const struct db_param at[] = {DB_I64(c->system), DB_I64(c->place), DB_BOOL(c->next || c->place < 0)};
    int64_t distinct, found, added, changed, refused = c->s->result.refused;
    FH_TRY(one_number(db, "SELECT count(*) FROM import_column", NULL, 0, &distinct, NULL, e));
    FH_TRY(db_exec(db, change_sql, at, 2, &found, e));
    if (found > 0)
        FH_TRY(tell(c, conflict_sql, NULL, 0, e));
    FH_TRY(one_number(db, counts_sql, NULL, 0, &added, &changed, e));
    if (added + changed > 0) {
        FH_TRY(db_exec(db, cut_whole_sql, at, 2, NULL, e));
        FH_TRY(db_exec(db, cut_sql, at, 2, NULL, e));
        if (c->next)
            FH_TRY(db_exec(db, rest_sql, DB_PARAMS(DB_I64(c->system), DB_I64(c->next)), NULL, e));
        FH_TRY(db_exec(db, put_sql, at, 3, NULL, e));
    }
    c->s->result.added += added;
    c->s->result.changed += changed;
    c->s->result.unchanged += distinct - added - changed - (c->s->result.refused - refused);
    c->s->changes += added + changed;
    return FH_OK;
}

static const char scrape_sql[] =
    "INSERT INTO page_scrape (package_id, system, page_id, scraped_at) "
    "SELECT k.package_id, $1, $2, k.scraped_at FROM import_column k JOIN catalog_page_system s "
    "ON s.page_id = $2 AND s.system = $1 WHERE k.scraped_at <> s.scraped_at AND k.scraped_at >= 0 "
    "ON CONFLICT (package_id, system, page_id) DO UPDATE SET scraped_at = excluded.scraped_at "
    "WHERE page_scrape.scraped_at <> excluded.scraped_at";
static const char no_scrape_sql[] =
    "DELETE FROM page_scrape x USING import_column k, catalog_page_system s WHERE s.page_id = $2 "
    "AND s.system = $1 AND x.page_id = $2 AND x.system = $1 AND x.package_id = k.package_id "
    "AND k.scraped_at = s.scraped_at";

static fh_err place_scrapes(struct column *c, bool is_new, struct fh_error *e)
{
    const struct db_param at[] = {DB_I64(c->system), DB_I64(c->page->id)};
    int64_t put, gone = 0;
    FH_TRY(db_exec(c->s->c, scrape_sql, at, 2, &put, e));
    if (!is_new)
        FH_TRY(db_exec(c->s->c, no_scrape_sql, at, 2, &gone, e));
    c->s->changes += put + gone;
    return FH_OK;
}

static const char place_sql[] =
    "SELECT c.place, coalesce((SELECT min(n.place) FROM catalog_page_system n WHERE n.system = c.system "
    "AND n.place > c.place AND c.place > 0), 0) FROM catalog_page_system c WHERE c.page_id = $1 AND c.system "
    "= $2";

static fh_err place_column(struct column *c, struct fh_error *e)
{
    FH_TRY(gather(c, e));
    FH_TRY(one_number(c->s->c, place_sql, DB_PARAMS(DB_I64(c->page->id), DB_I64(c->system)), &c->place,
                      &c->next, e));
    bool is_new = c->place == 0;
    FH_TRY(is_new ? place_new(c, e) : place_changes(c, e));
    return place_scrapes(c, is_new, e);
}

static fh_err make_page(struct store_import *s, struct store_import_page *page, struct fh_error *e)
{
    int64_t dated = 0;
    FH_TRY(store_import_page_again(s, page, e));
    if (page->why)
        return FH_FAIL(e, FH_CONFLICT, "Another import was there first: %s.", page->why);
    if (page->id == 0)
        FH_TRY(one_number(s->c,
                          "INSERT INTO catalog_page (rev, rev_count, rev_date) "
                          "VALUES ($1, $2, to_timestamp($3)) RETURNING id",
                          DB_PARAMS(DB_TEXT(page->rev), DB_I64(page->rev_count), DB_I64(page->rev_date)),
                          &page->id, NULL, e));
    else
        FH_TRY(db_exec(s->c,
                       "UPDATE catalog_page SET rev_date = to_timestamp($2) "
                       "WHERE id = $1 AND rev_date <> to_timestamp($2)",
                       DB_PARAMS(DB_I64(page->id), DB_I64(page->rev_date)), &dated, e));
    s->changes += dated;
    return FH_OK;
}

fh_err store_import_set_tags(struct db_conn *c, int64_t page_id, const char *list, int64_t *gone,
                             int64_t *put, struct fh_error *e)
{
    const struct db_param params[] = {DB_I64(page_id), DB_TEXT(list)};
    FH_TRY(db_exec(c,
                   "DELETE FROM catalog_page_tag WHERE page_id = $1 "
                   "AND tag <> ALL (string_to_array($2, ' ') COLLATE \"C\")",
                   params, 2, gone, e));
    return db_exec(c,
                   "INSERT INTO catalog_page_tag (page_id, tag) SELECT $1, unnest(string_to_array($2, ' ')) "
                   "ON CONFLICT DO NOTHING",
                   params, 2, put, e);
}

static fh_err set_tags(struct store_import *s, const struct store_import_page *page, struct fh_error *e)
{
    int64_t gone, put;
    char list[FH_MAX_PAGE_TAGS * (FH_MAX_PAGE_TAG + 1) + 1] = "";
    size_t at = 0;
    for (size_t i = 0; i < page->ntags; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? " " : "", page->tags[i]);
    FH_TRY(store_import_set_tags(s->c, page->id, list, &gone, &put, e));
    s->changes += gone + put;
    return FH_OK;
}

static fh_err place_page(struct store_import *s, size_t index, int64_t *done, int64_t total,
                         struct fh_error *e)
{
    struct store_import_page *page = &s->pages[index];
    int64_t completed = 0;
    FH_TRY(make_page(s, page, e));
    for (int system = 1; system < FH_SYSTEM_END; system++) {
        struct column c = {.s = s, .page = page, .index = (int64_t)index, .system = system};
        if (page->rows[system] == 0)
            continue;
        FH_TRY(place_column(&c, e));
        if (s->config.stage)
            s->config.stage(s->config.arg, ++*done, total);
    }
    if (page->tags_given)
        FH_TRY(set_tags(s, page, e));
    if (!s->config.more)
        FH_TRY(db_exec(s->c,
                       "UPDATE catalog_page SET complete_at = now() WHERE id = $1 AND complete_at IS NULL",
                       DB_PARAMS(DB_I64(page->id)), &completed, e));
    s->changes += completed;
    s->result.pages++;
    return FH_OK;
}

/* Oldest first: what follows goes on with it. */
static void order_pages(const struct store_import *s, size_t *order)
{
    for (size_t i = 0; i < s->npages; i++) {
        size_t at = i;
        for (; at > 0 && s->pages[order[at - 1]].rev_count > s->pages[i].rev_count; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

fh_err store_import_place_pages(struct store_import *s, struct fh_error *e)
{
    size_t order[FH_MAX_IMPORT_PAGES];
    int64_t done = 0, total = 0;
    order_pages(s, order);
    for (size_t i = 0; i < s->npages; i++)
        for (int system = 1; system < FH_SYSTEM_END; system++)
            total += s->pages[i].rows[system] > 0;
    if (s->npages > 1)
        FH_TRY(db_script(s->c, "CREATE INDEX import_stage_column ON import_stage (page, system)", e));
    FH_TRY(db_script(s->c, "SET LOCAL default_statistics_target = 10; ANALYZE import_stage", e));
    for (size_t i = 0; i < s->npages; i++)
        if (!s->pages[order[i]].why)
            FH_TRY(place_page(s, order[i], &done, total, e));
    FH_TRY(db_script(s->c, "SET LOCAL enable_nestloop = on", e));
    FH_TRY(db_exec(s->c,
                   "UPDATE package p SET deprecation = x.deprecation FROM (SELECT DISTINCT ON (package_id) "
                   "package_id, deprecation FROM import_deprecation ORDER BY package_id, line DESC) x "
                   "WHERE p.id = x.package_id AND p.deprecation IS DISTINCT FROM x.deprecation",
                   NULL, 0, &done, e));
    s->changes += done;
    return FH_OK;
}
