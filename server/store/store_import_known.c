/* What an import of a page will mostly meet is what the last page had: the ids of that are read at once,
 * before a batch is asked for, instead of being looked up in ten thousands of places. See
 * catalog_import_parts.h. */
#include "server/store/catalog_import_parts.h"

#include "common/digest.h"

#include <string.h>

enum { AT_ONCE = 100000 }; /* rows of one answer */

static fh_err know_derivations(struct store_import *s, int system, int64_t *after, bool *more,
                               struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(
        s->c, a,
        "SELECT d.digest, d.id, r.package_id FROM (SELECT package_id, derivation_id FROM page_run "
        "WHERE system = $1 AND past = 2147483647 AND package_id > $2 ORDER BY package_id LIMIT $3) r "
        "JOIN derivation d ON d.id = r.derivation_id",
        DB_PARAMS(DB_I64(system), DB_I64(*after), DB_I64(AT_ONCE)), &rows, e);
    for (size_t i = 0; rc == FH_OK && i < db_count(rows); i++) {
        size_t n;
        const void *digest = db_get_bytes(rows, i, 0, &n);
        int64_t package = db_get_i64(rows, i, 2);
        store_import_ids_put(s->derivations.ids, digest, (int32_t)db_get_i64(rows, i, 1));
        *after = package > *after ? package : *after;
    }
    *more = rc == FH_OK && db_count(rows) == AT_ONCE;
    fh_arena_free(a);
    return rc;
}

static fh_err know_packages(struct store_import *s, int64_t *after, bool *more, struct fh_error *e)
{
    struct fh_arena *a = fh_arena_new();
    struct db_rows *rows;
    fh_err rc = db_query(
        s->c, a, "SELECT id, attr_path FROM package WHERE catalog_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        DB_PARAMS(DB_I64(s->catalog_id), DB_I64(*after), DB_I64(AT_ONCE)), &rows, e);
    for (size_t i = 0; rc == FH_OK && i < db_count(rows); i++) {
        uint8_t key[IMPORT_KEY];
        const char *attr = db_get_text(rows, i, 1);
        *after = db_get_i64(rows, i, 0);
        store_import_key(s, attr, strlen(attr), key);
        store_import_ids_put(s->packages.ids, key, (int32_t)*after);
    }
    *more = rc == FH_OK && db_count(rows) == AT_ONCE;
    fh_arena_free(a);
    return rc;
}

/* Gives the unknown the ids that the cache has by now. */
static void take_known(struct store_import_unknown *u)
{
    for (size_t i = 0; i < u->n; i++) {
        int32_t id = u->items[i].id ? 0 : store_import_ids_get(u->ids, u->items[i].key);
        if (id > 0)
            u->items[i].id = id;
    }
}

fh_err store_import_know(struct store_import *s, struct fh_error *e)
{
    bool more = true;
    s->knows = true;
    for (int64_t after = 0; more;)
        FH_TRY(know_packages(s, &after, &more, e));
    for (int system = 1; !s->config.owner_id && system < FH_SYSTEM_END; system++) {
        more = true;
        for (int64_t after = 0; more;)
            FH_TRY(know_derivations(s, system, &after, &more, e));
    }
    take_known(&s->packages);
    take_known(&s->derivations);
    return FH_OK;
}
