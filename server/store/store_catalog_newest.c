/* What search shows of an attribute: package.newest. See catalog_import_parts.h.
 *
 * The newest page with a tag has nearly all attributes, so that pages are gone through from the newest on, a
 * few of them; whatever is on none of these is looked up run by run. */
#include "server/store/catalog_import_parts.h"

#include "server/store/catalog.h"
#include "server/store/store_rows.h"

enum { PAGES = 4 };

static const char begin_sql[] =
    "CREATE TEMPORARY TABLE catalog_newest (package_id int PRIMARY KEY, derivation_id int NOT NULL) "
    "ON COMMIT DROP";
/* Of a page's systems the first by name. */
static const char page_sql[] =
    "INSERT INTO catalog_newest SELECT DISTINCT ON (r.package_id) r.package_id, r.derivation_id "
    "FROM page_run r JOIN catalog_page_system s ON s.page_id = $1 AND s.system = r.system "
    "AND s.place >= r.first AND s.place < r.past "
    "WHERE NOT EXISTS (SELECT 1 FROM catalog_newest n WHERE n.package_id = r.package_id) "
    "ORDER BY r.package_id, r.system";
static const char rest_sql[] =
    "INSERT INTO catalog_newest SELECT DISTINCT ON (p.id) p.id, r.derivation_id FROM package p "
    "JOIN page_run r ON r.package_id = p.id JOIN catalog_page_system s ON s.system = r.system "
    "AND s.place >= r.first AND s.place < r.past JOIN catalog_page g ON g.id = s.page_id "
    "WHERE NOT EXISTS (SELECT 1 FROM catalog_newest n WHERE n.package_id = p.id) "
    "AND g.complete_at IS NOT NULL AND EXISTS (SELECT 1 FROM catalog_page_tag t WHERE t.page_id = g.id) "
    "ORDER BY p.id, g.rev_count DESC, r.system";
static const char set_sql[] =
    "UPDATE package p SET newest = n.derivation_id FROM catalog_newest n WHERE n.package_id = p.id "
    "AND p.newest IS DISTINCT FROM n.derivation_id";
static const char unset_sql[] =
    "UPDATE package p SET newest = NULL FROM catalog c WHERE c.owner_id IS NULL AND p.catalog_id = c.id "
    "AND p.newest IS NOT NULL AND NOT EXISTS (SELECT 1 FROM catalog_newest n WHERE n.package_id = p.id)";

static fh_err renew(struct db_conn *c, struct fh_arena *a, int64_t *changed, struct fh_error *e)
{
    struct store_catalog_pages pages;
    int64_t set, unset;
    FH_TRY(db_script(c, begin_sql, e));
    FH_TRY(store_catalog_pages(c, a, &pages, e));
    for (size_t i = 0, n = 0; i < pages.n && n < PAGES; i++) {
        if (pages.items[i].ntags == 0)
            continue;
        FH_TRY(db_exec(c, page_sql, DB_PARAMS(DB_I64(pages.items[i].id)), NULL, e));
        n++;
    }
    FH_TRY(db_script(c, "ANALYZE catalog_newest", e));
    FH_TRY(db_exec(c, rest_sql, NULL, 0, NULL, e));
    FH_TRY(db_exec(c, set_sql, NULL, 0, &set, e));
    FH_TRY(db_exec(c, unset_sql, NULL, 0, &unset, e));
    *changed = set + unset;
    return db_script(c, "DROP TABLE catalog_newest", e);
}

fh_err store_catalog_renew(struct db_conn *c, int64_t *changed, struct fh_error *e)
{
    FH_ASSERT(e, db_in_transaction(c));
    struct fh_arena *a = fh_arena_new();
    fh_err rc = renew(c, a, changed, e);
    fh_arena_free(a);
    return rc;
}

fh_err store_catalog_renew_builds(struct db_conn *c, int64_t catalog_id, int64_t *changed, struct fh_error *e)
{
    return db_exec(c,
                   "UPDATE package p SET newest = n.derivation_id FROM (SELECT DISTINCT ON (b.package_id) "
                   "b.package_id, b.derivation_id FROM package_build b JOIN package q ON q.id = b.package_id "
                   "JOIN derivation d ON d.id = b.derivation_id WHERE q.catalog_id = $1 ORDER BY "
                   "b.package_id, b.yanked_at IS NOT NULL, " STORE_NEWEST_BUILD
                   ", b.system, d.drv_path DESC) n "
                   "WHERE n.package_id = p.id AND p.newest IS DISTINCT FROM n.derivation_id",
                   DB_PARAMS(DB_I64(catalog_id)), changed, e);
}
