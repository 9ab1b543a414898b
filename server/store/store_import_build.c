/* The last step of an import of builds into an owner's catalog. A build is its attribute, system and .drv;
 * what describes it is replaced. See catalog_import_parts.h. */
#include "server/store/catalog_import_parts.h"

/* Of several lines about one build the last counts. */
static const char twice_sql[] =
    "DELETE FROM import_build b USING derivation d, import_build x, derivation xd WHERE d.id = "
    "b.derivation_id "
    "AND xd.id = x.derivation_id AND x.package_id = b.package_id AND x.system = b.system "
    "AND xd.drv_path = d.drv_path AND x.line > b.line";
static const char conflict_sql[] =
    "WITH gone AS (DELETE FROM import_build b USING package_build p, derivation o, derivation n "
    "WHERE p.package_id = b.package_id AND p.system = b.system AND o.id = p.derivation_id "
    "AND n.id = b.derivation_id AND n.drv_path = o.drv_path "
    "AND (o.version <> n.version OR o.outputs <> n.outputs) RETURNING b.line, b.package_id, "
    "CASE WHEN o.version <> n.version THEN 'version ' || n.version || ' instead of ' || o.version "
    "ELSE 'other outputs' END AS what) "
    "SELECT g.line, p.attr_path, g.what || ', which the catalog has of that derivation' "
    "FROM gone g JOIN package p ON p.id = g.package_id ORDER BY g.line";
static const char same_sql[] =
    "DELETE FROM import_build b USING package_build p WHERE p.package_id = b.package_id "
    "AND p.system = b.system AND p.derivation_id = b.derivation_id AND p.scraped_at = b.scraped_at "
    "AND p.locked_url = b.locked_url AND p.rev = b.rev AND p.rev_count = b.rev_count "
    "AND p.rev_date = to_timestamp(b.rev_date / 1000000.0) "
    "AND p.base_rev_count IS NOT DISTINCT FROM b.base_rev_count";
static const char change_sql[] =
    "WITH changed AS (UPDATE package_build p SET derivation_id = b.derivation_id, scraped_at = b.scraped_at, "
    "locked_url = b.locked_url, rev = b.rev, rev_count = b.rev_count, "
    "rev_date = to_timestamp(b.rev_date / 1000000.0), base_rev_count = b.base_rev_count "
    "FROM import_build b, derivation o, derivation n WHERE p.package_id = b.package_id AND p.system = "
    "b.system "
    "AND o.id = p.derivation_id AND n.id = b.derivation_id AND n.drv_path = o.drv_path "
    "RETURNING b.line) DELETE FROM import_build b USING changed c WHERE c.line = b.line";
static const char add_sql[] =
    "INSERT INTO package_build (package_id, derivation_id, system, base_rev_count, locked_url, rev, "
    "rev_count, "
    "rev_date, scraped_at) SELECT package_id, derivation_id, system, base_rev_count, locked_url, rev, "
    "rev_count, "
    "to_timestamp(rev_date / 1000000.0), scraped_at FROM import_build ORDER BY line";

fh_err store_import_place_builds(struct store_import *s, struct fh_error *e)
{
    struct store_import_result *r = &s->result;
    FH_TRY(db_script(s->c, "ANALYZE import_build", e));
    FH_TRY(db_exec(s->c, twice_sql, NULL, 0, NULL, e));
    FH_TRY(store_import_refuse(s, conflict_sql, NULL, 0, "", e));
    FH_TRY(db_exec(s->c, same_sql, NULL, 0, &r->unchanged, e));
    FH_TRY(db_exec(s->c, change_sql, NULL, 0, &r->changed, e));
    FH_TRY(db_exec(s->c, add_sql, NULL, 0, &r->added, e));
    s->changes += r->added + r->changed;
    return FH_OK;
}
