/* Derivations by what stands in their paths, and who has them. See catalog_derivation.h. */
#include "server/store/catalog_derivation.h"

#include "common/ceilings.h"
#include "server/store/derivation_name.h"
#include "server/store/store_rows.h"

#include <string.h>

enum { DIGEST = 20 };

/* --- by a path */

static struct store_derivation read_derivation(const struct db_rows *rows, size_t i)
{
    return (struct store_derivation){
        .id = db_get_i64(rows, i, 0),
        .row = {.system = (enum fh_system)db_get_i64(rows, i, 1),
                .drv_path = db_get_text(rows, i, 2),
                .name = db_get_text(rows, i, 3),
                .version = db_get_text(rows, i, 4),
                .outputs = db_get_text(rows, i, 5),
                .outputs_to_install = db_get_text(rows, i, 6),
                .description = db_get_text(rows, i, 7),
                .license = db_get_text(rows, i, 8),
                .flags = (int)db_get_i64(rows, i, 9)},
        .is_build = db_get_bool(rows, i, 10),
    };
}

/* Digests from the key on, up to one that is longer than all that begin with it. */
struct bounds {
    uint8_t from[STORE_NAME_KEY], to[DIGEST + 1];
};

static struct bounds bounds_of(const char *name, size_t n)
{
    struct bounds b;
    store_name_key(name, n, b.from);
    memset(b.to, 0xff, sizeof b.to);
    memcpy(b.to, b.from, sizeof b.from);
    return b;
}

#define FIELDS                                                                                               \
    "SELECT id, system, drv_path, name, version, outputs, outputs_to_install, description, license, flags, " \
    "attr_path IS NULL FROM derivation d WHERE digest BETWEEN $1 AND $2 AND (attr_path IS NOT NULL OR "      \
    "EXISTS (SELECT FROM package_build b JOIN package p ON p.id = b.package_id "                             \
    "WHERE b.derivation_id = d.id AND p.catalog_id = ANY ($5::text::bigint[]))) "

fh_err store_derivations_of(struct db_conn *c, struct fh_arena *a, const struct store_derivation_scope *scope,
                            const char *drv_path, struct store_derivation **out, size_t *n,
                            struct fh_error *e)
{
    struct db_rows *rows;
    const char *name;
    size_t len;
    store_drv_name(drv_path, &name, &len);
    const struct bounds b = bounds_of(name, len);
    FH_TRY(db_query(c, a, FIELDS "AND drv_path = $3 ORDER BY id LIMIT $4",
                    DB_PARAMS(DB_BYTES(b.from, sizeof b.from), DB_BYTES(b.to, sizeof b.to), DB_TEXT(drv_path),
                              DB_I64(FH_MAX_DERIVATIONS),
                              DB_TEXT(store_id_list(a, scope->catalog_ids, scope->n))),
                    &rows, e));
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = read_derivation(rows, i);
    return FH_OK;
}

/* Those of one name that have the output, behind what is in out already. */
static fh_err add_named(struct db_conn *c, struct fh_arena *a, const char *catalogs, const char *name,
                        size_t len, const char *quoted, struct store_derivation *out, size_t *n,
                        struct fh_error *e)
{
    struct db_rows *rows;
    const struct bounds b = bounds_of(name, len);
    FH_TRY(db_query(c, a, FIELDS "AND position($3 in outputs) > 0 ORDER BY id LIMIT $4",
                    DB_PARAMS(DB_BYTES(b.from, sizeof b.from), DB_BYTES(b.to, sizeof b.to), DB_TEXT(quoted),
                              DB_I64((int64_t)(FH_MAX_DERIVATIONS - *n)), DB_TEXT(catalogs)),
                    &rows, e));
    for (size_t i = 0; i < db_count(rows); i++)
        out[(*n)++] = read_derivation(rows, i);
    return FH_OK;
}

fh_err store_derivations_with(struct db_conn *c, struct fh_arena *a,
                              const struct store_derivation_scope *scope, const char *store_path,
                              struct store_derivation **out, size_t *n, struct fh_error *e)
{
    const char *catalogs = store_id_list(a, scope->catalog_ids, scope->n);
    const char *name, *quoted = fh_sprintf(a, "\"%s\"", store_path); /* as a value of the JSON is */
    size_t len;
    store_drv_name(store_path, &name, &len);
    *n = 0;
    *out = fh_alloc(a, FH_MAX_DERIVATIONS * sizeof **out);
    FH_TRY(add_named(c, a, catalogs, name, strlen(name), quoted, *out, n, e));
    for (size_t i = strlen(name); i-- > 0 && *n < FH_MAX_DERIVATIONS;)
        if (name[i] == '-') /* what follows may be the output's name */
            FH_TRY(add_named(c, a, catalogs, name, i, quoted, *out, n, e));
    return FH_OK;
}

/* --- who has them */

/* The ids as a list for a statement. Of nothing there is one that is not: it is asked for all the same. */
static const char *ids_of(struct fh_arena *a, const struct store_derivation *of, size_t n)
{
    int64_t *ids = fh_alloc(a, (n + 1) * sizeof *ids);
    ids[0] = -1;
    for (size_t i = 0; i < n; i++)
        ids[i] = of[i].id;
    return store_id_list(a, ids, n ? n : 1);
}

static void read_uses(struct fh_arena *a, const struct db_rows *rows, bool builds,
                      struct store_derivation_use **out, size_t *n)
{
    *n = db_count(rows);
    *out = fh_alloc(a, (*n + 1) * sizeof **out);
    for (size_t i = 0; i < *n; i++) {
        struct store_derivation_use *use = &(*out)[i];
        *use = (struct store_derivation_use){.derivation_id = db_get_i64(rows, i, 0),
                                             .package_id = db_get_i64(rows, i, 1),
                                             .catalog_id = db_get_i64(rows, i, 2),
                                             .attr_path = db_get_text(rows, i, 3),
                                             .system = (enum fh_system)db_get_i64(rows, i, 4)};
        if (!builds) {
            use->first = (int)db_get_i64(rows, i, 5);
            use->past = (int)db_get_i64(rows, i, 6);
            continue;
        }
        use->locked_url = db_get_text(rows, i, 5);
        use->rev = db_get_text(rows, i, 6);
        use->rev_count = db_get_i64(rows, i, 7);
        use->rev_date = db_get_i64(rows, i, 8);
        use->scraped_at = db_get_i64(rows, i, 9);
    }
}

/* sql asks for what read_uses reads; its parameter is a list of ids. */
static fh_err find_uses(struct db_conn *c, struct fh_arena *a, const struct store_derivation *of, size_t n,
                        bool builds, const char *sql, struct store_derivation_use **out, size_t *nout,
                        struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, sql, DB_PARAMS(DB_TEXT(ids_of(a, of, n))), &rows, e));
    read_uses(a, rows, builds, out, nout);
    return FH_OK;
}

fh_err store_derivation_builds(struct db_conn *c, struct fh_arena *a, const struct store_derivation *of,
                               size_t n, struct store_derivation_use **out, size_t *nout, struct fh_error *e)
{
    return find_uses(
        c, a, of, n, true,
        "SELECT b.derivation_id, b.package_id, p.catalog_id, p.attr_path, b.system, b.locked_url, "
        "b.rev, b.rev_count, " STORE_SECONDS(
            "b.rev_date") ", b.scraped_at FROM package_build b JOIN package p ON p.id = b.package_id "
                          "WHERE b.derivation_id = ANY ($1::text::int[]) ORDER BY b.id",
        out, nout, e);
}

fh_err store_derivation_runs(struct db_conn *c, struct fh_arena *a, const struct store_derivation *of,
                             size_t n, struct store_derivation_use **out, size_t *nout, struct fh_error *e)
{
    return find_uses(
        c, a, of, n, false,
        "SELECT d.id, p.id, p.catalog_id, p.attr_path, r.system, r.first, r.past FROM derivation d "
        "JOIN package p ON p.catalog_id = (SELECT id FROM catalog WHERE owner_id IS NULL) "
        "AND p.attr_path = d.attr_path JOIN page_run r ON r.package_id = p.id AND r.derivation_id = d.id "
        "WHERE d.id = ANY ($1::text::int[])",
        out, nout, e);
}

fh_err store_derivation_all_runs(struct db_conn *c, struct fh_arena *a, const struct store_derivation *of,
                                 size_t n, struct store_derivation_use **out, size_t *nout,
                                 struct fh_error *e)
{
    return find_uses(c, a, of, n, false,
                     "SELECT r.derivation_id, p.id, p.catalog_id, p.attr_path, r.system, r.first, r.past "
                     "FROM page_run r JOIN package p ON p.id = r.package_id "
                     "WHERE r.derivation_id = ANY ($1::text::int[])",
                     out, nout, e);
}
