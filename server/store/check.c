/* What fsck asks of the rows. See check.h. A check is a statement whose every row is a fault, its first
 * column the name of what is at fault. */
#include "server/store/check.h"

struct check {
    const char *kind, *text, *sql;
};

static const struct check owner_checks[] = {
    {"ref-log", "the newest entry of its ref log is not its tip",
     "SELECT o.handle || '/' || e.name FROM environment e JOIN owner o ON o.id = e.owner_id "
     "LEFT JOIN LATERAL (SELECT new_tip FROM ref_log r WHERE r.env_id = e.id ORDER BY r.id DESC LIMIT 1) l "
     "ON true "
     "WHERE e.owner_id = $1 AND CASE WHEN e.deleted_at IS NULL THEN l.new_tip IS DISTINCT FROM e.tip "
     "ELSE l.new_tip IS NOT NULL END ORDER BY 1"},
    {"ref-log", "its ref log has an entry whose old tip is not what the entry before it left",
     "SELECT DISTINCT o.handle || '/' || e.name FROM (SELECT env_id, old_tip, lag(new_tip) OVER log AS was, "
     "row_number() OVER log AS n FROM ref_log WHERE owner_id = $1 "
     "WINDOW log AS (PARTITION BY env_id ORDER BY id)) r JOIN environment e ON e.id = r.env_id "
     "JOIN owner o ON o.id = e.owner_id WHERE r.n > 1 AND r.old_tip IS DISTINCT FROM r.was ORDER BY 1"},
    {"ref-log", "its ref log stands under another owner",
     "SELECT DISTINCT o.handle || '/' || e.name FROM environment e JOIN owner o ON o.id = e.owner_id "
     "JOIN ref_log r ON r.env_id = e.id WHERE e.owner_id = $1 AND r.owner_id <> e.owner_id ORDER BY 1"},
    {"generations", "its generations are not on record",
     "SELECT o.handle || '/' || e.name FROM environment e JOIN owner o ON o.id = e.owner_id "
     "LEFT JOIN generation_metadata g ON g.env_id = e.id "
     "WHERE e.owner_id = $1 AND e.deleted_at IS NULL AND g.env_id IS NULL ORDER BY 1"},
    {"generations", "its generations on record are those of another commit than its tip",
     "SELECT o.handle || '/' || e.name FROM environment e JOIN owner o ON o.id = e.owner_id "
     "JOIN generation_metadata g ON g.env_id = e.id "
     "WHERE e.owner_id = $1 AND e.deleted_at IS NULL AND g.tip <> e.tip ORDER BY 1"},
    {"generations", "its generations on record have gaps",
     "SELECT o.handle || '/' || e.name FROM environment e JOIN owner o ON o.id = e.owner_id "
     "JOIN generation_change g ON g.env_id = e.id WHERE e.owner_id = $1 "
     "GROUP BY o.handle, e.name, e.id HAVING count(*) <> max(g.seq) + 1 OR min(g.seq) <> 0 ORDER BY 1"},
};

static const struct check hub_checks[] = {
    {"member", "it has no owner",
     "SELECT o.handle FROM owner o WHERE o.kind = 2 AND NOT EXISTS "
     "(SELECT 1 FROM member m WHERE m.org_id = o.id AND m.role = 3) ORDER BY 1"},
    {"member", "it is a membership of something that is no organisation",
     "SELECT 'member ' || m.org_id || ' ' || m.user_id FROM member m "
     "LEFT JOIN owner o ON o.id = m.org_id AND o.kind = 2 WHERE o.id IS NULL ORDER BY 1"},
    {"member", "it is a membership of somebody who is no user",
     "SELECT 'member ' || m.org_id || ' ' || m.user_id FROM member m "
     "LEFT JOIN owner o ON o.id = m.user_id AND o.kind = 1 WHERE o.id IS NULL ORDER BY 1"},
    {"token", "it belongs to nobody",
     "SELECT 'token ' || t.id FROM token t LEFT JOIN owner o ON o.id = t.owner_id WHERE o.id IS NULL ORDER "
     "BY t.id"},
    {"orphan", "it belongs to nobody",
     "SELECT 'environment ' || e.id || ' (' || e.name || ')' FROM environment e "
     "LEFT JOIN owner o ON o.id = e.owner_id WHERE o.id IS NULL ORDER BY e.id"},
    {"orphan", "it belongs to nobody",
     "SELECT 'pack ' || encode(p.checksum, 'hex') FROM git_pack p "
     "LEFT JOIN owner o ON o.id = p.owner_id WHERE o.id IS NULL ORDER BY p.id"},
    {"orphan", "they belong to no pack",
     "SELECT DISTINCT 'chunks of pack ' || c.pack_id FROM git_pack_chunk c "
     "LEFT JOIN git_pack p ON p.id = c.pack_id WHERE p.id IS NULL ORDER BY 1"},
    {"orphan", "it belongs to no environment",
     "SELECT 'ref log entry ' || r.id FROM ref_log r "
     "LEFT JOIN environment e ON e.id = r.env_id WHERE e.id IS NULL ORDER BY r.id LIMIT 1000"},
    {"catalog", "it is on a page as a derivation that is not stored",
     "SELECT DISTINCT 'package ' || coalesce(p.attr_path, r.package_id::text) FROM page_run r "
     "LEFT JOIN derivation d ON d.id = r.derivation_id LEFT JOIN package p ON p.id = r.package_id "
     "WHERE d.id IS NULL ORDER BY 1 LIMIT 1000"},
    {"catalog", "it is on a page and has no name",
     "SELECT DISTINCT 'package ' || r.package_id FROM page_run r LEFT JOIN package p ON p.id = r.package_id "
     "WHERE p.id IS NULL ORDER BY 1 LIMIT 1000"},
    {"catalog", "it is two derivations on one page",
     "SELECT DISTINCT 'package ' || p.attr_path FROM (SELECT package_id, past, lead(first) OVER "
     "(PARTITION BY package_id, system ORDER BY first) AS next FROM page_run) r "
     "JOIN package p ON p.id = r.package_id WHERE r.next < r.past ORDER BY 1 LIMIT 1000"},
    {"catalog", "what search shows of it is on no page",
     "SELECT 'package ' || p.attr_path FROM package p JOIN catalog c ON c.id = p.catalog_id "
     "WHERE c.owner_id IS NULL AND p.newest IS NOT NULL AND NOT EXISTS "
     "(SELECT 1 FROM page_run r WHERE r.package_id = p.id AND r.derivation_id = p.newest) "
     "ORDER BY 1 LIMIT 1000"},
    {"catalog", "it is not found by its name: its digest does not begin with that",
     "SELECT 'derivation ' || d.id FROM derivation d "
     "WHERE substring(d.digest FOR 4) <> catalog_name_key(d.drv_path) ORDER BY d.id LIMIT 1000"},
    {"catalog", "its build is for another system than its derivation",
     "SELECT 'build ' || b.id FROM package_build b JOIN derivation d ON d.id = b.derivation_id "
     "WHERE d.system <> b.system ORDER BY b.id LIMIT 1000"},
    {"catalog", "its derivation is not stored",
     "SELECT 'build ' || b.id FROM package_build b LEFT JOIN derivation d ON d.id = b.derivation_id "
     "WHERE d.id IS NULL ORDER BY b.id LIMIT 1000"},
    {"catalog", "what search shows of it is not stored",
     "SELECT 'package ' || p.attr_path FROM package p LEFT JOIN derivation d ON d.id = p.newest "
     "WHERE p.newest IS NOT NULL AND d.id IS NULL ORDER BY 1 LIMIT 1000"},
};

static void add_fault(struct fh_arena *a, struct store_faults *f, size_t *cap, const struct check *check,
                      const char *object)
{
    if (f->n == *cap) {
        *cap = *cap ? *cap * 2 : 16;
        struct store_fault *items = fh_alloc(a, *cap * sizeof *items);
        if (f->n)
            memcpy(items, f->items, f->n * sizeof *items);
        f->items = items;
    }
    f->items[f->n++] = (struct store_fault){check->kind, object, check->text};
}

static fh_err run_checks(struct db_conn *c, struct fh_arena *a, const struct check *checks, size_t n,
                         const struct db_param *params, size_t nparams, struct store_faults *out,
                         struct fh_error *e)
{
    size_t cap = 0;
    *out = (struct store_faults){0};
    for (size_t i = 0; i < n; i++) {
        struct db_rows *rows;
        FH_TRY(db_query(c, a, checks[i].sql, params, nparams, &rows, e));
        for (size_t row = 0; row < db_count(rows); row++)
            add_fault(a, out, &cap, &checks[i], db_get_text(rows, row, 0));
    }
    return FH_OK;
}

fh_err store_check_owner(struct db_conn *c, struct fh_arena *a, int64_t owner_id, struct store_faults *out,
                         struct fh_error *e)
{
    const struct db_param params[] = {DB_I64(owner_id)};
    return run_checks(c, a, owner_checks, sizeof owner_checks / sizeof *owner_checks, params, 1, out, e);
}

fh_err store_check_hub(struct db_conn *c, struct fh_arena *a, struct store_faults *out, struct fh_error *e)
{
    return run_checks(c, a, hub_checks, sizeof hub_checks / sizeof *hub_checks, NULL, 0, out, e);
}
