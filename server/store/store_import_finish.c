/* The end of an import: one transaction that puts what was staged in its place and shows it. See
 * catalog_import.h. */
#include "server/store/catalog_import_parts.h"

#include "server/store/catalog.h"

#include <stdio.h>

enum { MANY = 1000 };

fh_err store_import_refuse(struct store_import *s, const char *sql, const struct db_param *params, size_t n,
                           const char *where, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(s->c, a, sql, params, n, &rows, e);
    for (size_t i = 0; rc == FH_OK && i < db_count(rows); i++) {
        s->config.refused(
            s->config.arg, db_get_i64(rows, i, 0),
            fh_sprintf(a, "%s%s has %s", db_get_text(rows, i, 1), where, db_get_text(rows, i, 2)));
        s->result.refused++;
    }
    if (rc == FH_OK && db_count(rows) > 0 && s->config.strict)
        rc = FH_FAIL(e, FH_MISMATCH, "Not every row can be taken, so none was.");
    fh_arena_free(a);
    return rc;
}

/* The lock under which imports put their rows in place, which another one may have. */
static fh_err take_turn(struct store_import *s, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc =
        db_query(s->c, a, "SELECT pg_try_advisory_xact_lock(" IMPORT_LOCK_PLACE ")", NULL, 0, &rows, e);
    if (rc == FH_OK && !db_get_bool(rows, 0, 0)) {
        s->result.waited = true;
        rc = db_exec(s->c, "SELECT pg_advisory_xact_lock(" IMPORT_LOCK_PLACE ")", NULL, 0, NULL, e);
    }
    fh_arena_free(a);
    return rc;
}

static fh_err place(struct store_import *s, struct fh_error *e)
{
    int64_t renewed = 0;
    FH_TRY(take_turn(s, e));
    if (s->config.owner_id) {
        FH_TRY(store_import_place_builds(s, e));
        FH_TRY(store_catalog_renew_builds(s->c, s->catalog_id, &renewed, e));
    } else {
        FH_TRY(store_import_place_pages(s, e));
        if (s->changes > 0)
            FH_TRY(store_catalog_renew(s->c, &renewed, e));
    }
    return s->changes + renewed > 0 ? store_catalog_changed(s->c, e) : FH_OK;
}

fh_err store_import_finish(struct store_import *s, struct store_import_result *out, struct fh_error *e)
{
    FH_TRY(store_import_flush(s, e));
    FH_TRY(db_script(s->c, "BEGIN", e));
    fh_err rc = s->catalog_id ? place(s, e) : FH_OK; /* 0: there was no row */
    if (rc == FH_OK)
        rc = db_script(s->c, "COMMIT", e);
    /* So that readers' statements are planned by what is there now. */
    if (rc == FH_OK && s->result.added + s->result.changed > MANY)
        rc =
            db_script(s->c,
                      "SET default_statistics_target = 20; "
                      "ANALYZE page_run, derivation, package, package_build; RESET default_statistics_target",
                      e);
    *out = s->result;
    return rc;
}
