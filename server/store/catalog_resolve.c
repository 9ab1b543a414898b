/* What resolve asks of the catalog's rows. See catalog_resolve.h.
 *
 * The laterals with OFFSET 0 keep the planner to one plan: each key is looked up, then its runs, then each of
 * their derivations; it makes that plan once, and needs no statistics to get it right. */
#include "server/store/catalog_resolve.h"

#include "server/store/store_rows.h"

#include <stdlib.h>
#include <string.h>

fh_err store_resolve_begin(struct db_conn *c, struct fh_error *e)
{
    return db_exec(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL, 0, NULL, e);
}

fh_err store_resolve_end(struct db_conn *c, struct fh_error *e)
{
    return db_exec(c, "COMMIT", NULL, 0, NULL, e);
}

/* --- lists as parameters */

/* The i-th of something as a number. */
typedef int64_t number_of(const void *list, size_t i);

static const char *number_list(struct fh_arena *a, const void *list, size_t n, number_of *get)
{
    int64_t *numbers = fh_alloc(a, (n + 1) * sizeof *numbers);
    for (size_t i = 0; i < n; i++)
        numbers[i] = get(list, i);
    return store_id_list(a, numbers, n);
}

/* Names as "{"a","b"}" for a ::text::text[] parameter. */
static const char *name_list(struct fh_arena *a, const struct store_resolve_key *keys, const size_t *which,
                             size_t n)
{
    size_t size = 3;
    for (size_t i = 0; i < n; i++)
        size += 3 + 2 * strlen(keys[which[i]].attr_path);
    char *list = fh_alloc(a, size), *p = list;
    *p++ = '{';
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *p++ = ',';
        *p++ = '"';
        for (const char *s = keys[which[i]].attr_path; *s; s++) {
            if (*s == '"' || *s == '\\')
                *p++ = '\\';
            *p++ = *s;
        }
        *p++ = '"';
    }
    *p++ = '}';
    return list;
}

/* Those keys that are asked about, of one kind, as the three parameters. */
struct asked {
    const struct store_resolve_key *keys;
    size_t *which;
    size_t n;
};

static int64_t catalog_of(const void *list, size_t i)
{
    const struct asked *asked = list;
    return asked->keys[asked->which[i]].catalog_id;
}

static struct asked ask_for(struct fh_arena *a, const struct store_resolve_key *keys, size_t n, bool of_owner)
{
    struct asked asked = {.keys = keys, .which = fh_alloc(a, (n + 1) * sizeof *asked.which)};
    for (size_t i = 0; i < n; i++)
        if (keys[i].catalog_id != 0 && (keys[i].owner != NULL) == of_owner)
            asked.which[asked.n++] = i;
    return asked;
}

/* --- runs and builds */

/* clang-format off */
#define KEYS                                                                                                 \
    "FROM unnest($1::text::bigint[], $2::text::text[]) WITH ORDINALITY k (catalog_id, attr_path, ord) "     \
    "CROSS JOIN LATERAL (SELECT id FROM package "                                                            \
    "WHERE catalog_id = k.catalog_id AND attr_path = k.attr_path COLLATE \"C\" OFFSET 0) p "
static const char runs_sql[] =
    "SELECT k.ord, p.id, r.system, r.first, r.past, r.derivation_id, d.flags, d.version, d.license, d.drv_path "
    KEYS
    "CROSS JOIN LATERAL (SELECT system, first, past, derivation_id FROM page_run WHERE package_id = p.id OFFSET 0) r "
    "CROSS JOIN LATERAL (SELECT flags, version, license, drv_path FROM derivation WHERE id = r.derivation_id OFFSET 0) d";
static const char builds_sql[] =
    "SELECT k.ord, b.system, b.id, b.derivation_id, coalesce(b.base_rev_count, -1), "
    STORE_SECONDS("b.rev_date") ", b.rev_count, b.yanked_at IS NOT NULL, d.flags, d.version, d.license, d.drv_path "
    KEYS
    "CROSS JOIN LATERAL (SELECT * FROM package_build WHERE package_id = p.id OFFSET 0) b "
    "CROSS JOIN LATERAL (SELECT flags, version, license, drv_path FROM derivation WHERE id = b.derivation_id OFFSET 0) d";
/* clang-format on */

static int compare(int64_t x, int64_t y)
{
    return (x > y) - (x < y);
}

static int by_first(const void *left, const void *right)
{
    const struct store_run *x = left, *y = right;
    int order = compare((int64_t)x->key, (int64_t)y->key);
    order = order ? order : compare((int64_t)x->system, (int64_t)y->system);
    return order ? order : compare(x->first, y->first);
}

/* As STORE_NEWEST_BUILD has them. */
static int by_age(const void *left, const void *right)
{
    const struct store_build *x = left, *y = right;
    int order = compare((int64_t)x->key, (int64_t)y->key);
    order = order ? order : compare((int64_t)x->system, (int64_t)y->system);
    order = order ? order : compare(y->rev_date, x->rev_date);
    order = order ? order : compare(y->rev_count, x->rev_count);
    order = order ? order : compare(y->base_rev_count, x->base_rev_count);
    return order ? order : strcmp(y->drv_path, x->drv_path);
}

static fh_err load_runs(struct db_conn *c, struct fh_arena *a, const struct asked *asked,
                        struct store_candidates *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, runs_sql,
                    DB_PARAMS(DB_TEXT(number_list(a, asked, asked->n, catalog_of)),
                              DB_TEXT(name_list(a, asked->keys, asked->which, asked->n))),
                    &rows, e));
    out->nruns = db_count(rows);
    out->runs = fh_alloc(a, (out->nruns + 1) * sizeof *out->runs);
    for (size_t i = 0; i < out->nruns; i++)
        out->runs[i] = (struct store_run){
            .key = asked->which[db_get_i64(rows, i, 0) - 1],
            .package_id = db_get_i64(rows, i, 1),
            .system = (enum fh_system)db_get_i64(rows, i, 2),
            .first = (int32_t)db_get_i64(rows, i, 3),
            .past = (int32_t)db_get_i64(rows, i, 4),
            .derivation_id = db_get_i64(rows, i, 5),
            .flags = (int)db_get_i64(rows, i, 6),
            .version = db_get_text(rows, i, 7),
            .license = db_get_text(rows, i, 8),
            .drv_path = db_get_text(rows, i, 9),
        };
    qsort(out->runs, out->nruns, sizeof *out->runs, by_first);
    return FH_OK;
}

static fh_err load_builds(struct db_conn *c, struct fh_arena *a, const struct asked *asked,
                          struct store_candidates *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(c, a, builds_sql,
                    DB_PARAMS(DB_TEXT(number_list(a, asked, asked->n, catalog_of)),
                              DB_TEXT(name_list(a, asked->keys, asked->which, asked->n))),
                    &rows, e));
    out->nbuilds = db_count(rows);
    out->builds = fh_alloc(a, (out->nbuilds + 1) * sizeof *out->builds);
    for (size_t i = 0; i < out->nbuilds; i++)
        out->builds[i] = (struct store_build){
            .key = asked->which[db_get_i64(rows, i, 0) - 1],
            .system = (enum fh_system)db_get_i64(rows, i, 1),
            .id = db_get_i64(rows, i, 2),
            .derivation_id = db_get_i64(rows, i, 3),
            .base_rev_count = db_get_i64(rows, i, 4),
            .rev_date = db_get_i64(rows, i, 5),
            .rev_count = db_get_i64(rows, i, 6),
            .is_yanked = db_get_bool(rows, i, 7),
            .flags = (int)db_get_i64(rows, i, 8),
            .version = db_get_text(rows, i, 9),
            .license = db_get_text(rows, i, 10),
            .drv_path = db_get_text(rows, i, 11),
        };
    qsort(out->builds, out->nbuilds, sizeof *out->builds, by_age);
    return FH_OK;
}

fh_err store_resolve_candidates(struct db_conn *c, struct fh_arena *a, const struct store_resolve_key *keys,
                                size_t nkeys, struct store_candidates *out, struct fh_error *e)
{
    struct asked base = ask_for(a, keys, nkeys, false), owners = ask_for(a, keys, nkeys, true);
    *out = (struct store_candidates){0};
    if (base.n > 0)
        FH_TRY(load_runs(c, a, &base, out, e));
    if (owners.n > 0)
        FH_TRY(load_builds(c, a, &owners, out, e));
    return FH_OK;
}

/* --- what was chosen */

#define SHOWN                                                                                                \
    "d.drv_path, d.name, d.version, d.outputs, d.outputs_to_install, d.description, d.license, "             \
    "d.cache_uri, d.flags, d.system "

struct part {
    const struct store_choice *choices;
    size_t *which;
    size_t n;
};

static struct part choose(struct fh_arena *a, const struct store_choice *choices, size_t n, bool builds)
{
    struct part chosen = {.choices = choices, .which = fh_alloc(a, (n + 1) * sizeof *chosen.which)};
    for (size_t i = 0; i < n; i++)
        if ((choices[i].build_id != 0) == builds)
            chosen.which[chosen.n++] = i;
    return chosen;
}

#define NUMBER(field)                                                                                        \
    static int64_t number_##field(const void *list, size_t i)                                                \
    {                                                                                                        \
        const struct part *chosen = list;                                                                    \
        return (int64_t)chosen->choices[chosen->which[i]].field;                                             \
    }
NUMBER(build_id)
NUMBER(derivation_id)
NUMBER(package_id)
NUMBER(page_id)
NUMBER(system)

static void read_shown(const struct db_rows *rows, size_t row, int column, struct store_package_row *out)
{
    out->drv_path = db_get_text(rows, row, column);
    out->name = db_get_text(rows, row, column + 1);
    out->version = db_get_text(rows, row, column + 2);
    out->outputs = db_get_text(rows, row, column + 3);
    out->outputs_to_install = db_get_text(rows, row, column + 4);
    out->description = db_get_text(rows, row, column + 5);
    out->license = db_get_text(rows, row, column + 6);
    out->cache_uri = db_get_text(rows, row, column + 7);
    out->flags = (int)db_get_i64(rows, row, column + 8);
    out->system = (enum fh_system)db_get_i64(rows, row, column + 9);
}

static fh_err read_base(struct db_conn *c, struct fh_arena *a, const struct part *chosen,
                        struct store_package_row *out, struct fh_error *e)
{
    struct db_rows *rows;
    size_t n = chosen->n;
    FH_TRY(db_query(
        c, a,
        "SELECT k.ord, coalesce(x.scraped_at, -1), " SHOWN
        "FROM unnest($1::text::bigint[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[]) "
        "WITH ORDINALITY k (derivation_id, package_id, system, page_id, ord) "
        "CROSS JOIN LATERAL (SELECT * FROM derivation WHERE id = k.derivation_id OFFSET 0) d "
        "LEFT JOIN LATERAL (SELECT scraped_at FROM page_scrape WHERE package_id = k.package_id "
        "AND system = k.system AND page_id = k.page_id OFFSET 0) x ON true",
        DB_PARAMS(DB_TEXT(number_list(a, chosen, n, number_derivation_id)),
                  DB_TEXT(number_list(a, chosen, n, number_package_id)),
                  DB_TEXT(number_list(a, chosen, n, number_system)),
                  DB_TEXT(number_list(a, chosen, n, number_page_id))),
        &rows, e));
    if (db_count(rows) != n)
        return FH_FAIL(e, FH_INTERNAL, "A derivation of a page is not there.");
    for (size_t i = 0; i < n; i++) {
        struct store_package_row *row = &out[chosen->which[db_get_i64(rows, i, 0) - 1]];
        row->scraped_at = db_get_i64(rows, i, 1);
        read_shown(rows, i, 2, row);
    }
    return FH_OK;
}

static fh_err read_builds(struct db_conn *c, struct fh_arena *a, const struct part *chosen,
                          struct store_package_row *out, struct fh_error *e)
{
    struct db_rows *rows;
    FH_TRY(db_query(
        c, a,
        "SELECT k.ord, b.scraped_at, b.locked_url, b.rev, b.rev_count, " STORE_SECONDS(
            "b.rev_date") ", " SHOWN "FROM unnest($1::text::bigint[]) WITH ORDINALITY k (id, ord) "
                          "CROSS JOIN LATERAL (SELECT * FROM package_build WHERE id = k.id OFFSET 0) b "
                          "CROSS JOIN LATERAL (SELECT * FROM derivation WHERE id = b.derivation_id "
                          "OFFSET 0) d",
        DB_PARAMS(DB_TEXT(number_list(a, chosen, chosen->n, number_build_id))), &rows, e));
    if (db_count(rows) != chosen->n)
        return FH_FAIL(e, FH_INTERNAL, "A build of a package is not there.");
    for (size_t i = 0; i < chosen->n; i++) {
        struct store_package_row *row = &out[chosen->which[db_get_i64(rows, i, 0) - 1]];
        row->scraped_at = db_get_i64(rows, i, 1);
        row->locked_url = db_get_text(rows, i, 2);
        row->rev = db_get_text(rows, i, 3);
        row->rev_count = db_get_i64(rows, i, 4);
        row->rev_date = db_get_i64(rows, i, 5);
        read_shown(rows, i, 6, row);
    }
    return FH_OK;
}

fh_err store_resolve_rows(struct db_conn *c, struct fh_arena *a, const struct store_choice *choices, size_t n,
                          struct store_package_row **out, struct fh_error *e)
{
    struct part base = choose(a, choices, n, false), builds = choose(a, choices, n, true);
    *out = fh_alloc(a, (n + 1) * sizeof **out);
    if (base.n > 0)
        FH_TRY(read_base(c, a, &base, *out, e));
    if (builds.n > 0)
        FH_TRY(read_builds(c, a, &builds, *out, e));
    return FH_OK;
}
