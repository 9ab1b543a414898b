/* floe-server catalog import …: rows, or a nixpkgs, into the catalog. */
#include "server/admin.h"

#include "common/clock.h"
#include "server/admin_upkeep.h"
#include "server/catalog/import.h"
#include "server/store/catalog.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN = 20 }; /* bad inputs that are told one by one */

struct import_work {
    struct admin *a;
    int nfiles;
    char **files;
    const char *owner; /* NULL: the base catalog */
    bool more;
    struct catalog_import import;
    struct store_import_result result;
    struct fh_progress *progress;
    struct admin_stages stages;
    int64_t began;
};

static void say_bad(struct import_work *w, const char *file, int64_t line, const char *why)
{
    int64_t n = w->import.refused + w->result.refused;
    if (n < SHOWN)
        admin_say("%s:%lld: %s", file, (long long)line, why);
    else if (n == SHOWN)
        admin_say("(and more)");
}

static void bad(void *arg, const char *file, int64_t line, const char *why)
{
    say_bad(arg, file, line, why);
}

static void refused(void *arg, int64_t place, const char *why)
{
    struct import_work *w = arg;
    int64_t file = place >> CATALOG_FILE_SHIFT, line = place & (((int64_t)1 << CATALOG_FILE_SHIFT) - 1);
    const char *name = w->files[file];
    say_bad(w, strcmp(name, "-") == 0 ? "standard input" : name, line, why);
    w->result.refused++; /* until the store's own count takes its place */
}

static void progress(void *arg, int64_t done, int64_t total, int64_t rows)
{
    struct import_work *w = arg;
    fh_progress_set(w->progress, done, total);
    fh_progress_count(w->progress, rows, "rows");
}

static void stage(void *arg, int64_t done, int64_t total)
{
    struct import_work *w = arg;
    admin_stage(&w->stages, "Putting the rows in place", done, total);
}

static fh_err read_files(struct import_work *w, struct fh_error *e)
{
    fh_err rc = FH_OK;
    for (int i = 0; rc == FH_OK && i < w->nfiles; i++) {
        w->progress = fh_progress_start(fh_sprintf(w->a->arena, "Reading %s", w->files[i]));
        rc = catalog_import_rows(&w->import, w->files[i], i, w->owner, e);
        fh_progress_end(w->progress);
    }
    return rc;
}

static fh_err finish(struct import_work *w, struct fh_error *e)
{
    struct store_import_result result;
    if (w->import.rows == 0)
        return FH_FAIL(e, FH_INVALID,
                       w->import.refused ? "Not one line can be taken."
                                         : "There are no rows in what was given.");
    admin_stage(&w->stages, "Putting the rows in place", 0, 0);
    fh_err rc = store_import_finish(w->import.store, &result, e);
    admin_stages_end(&w->stages);
    w->result = result;
    return rc;
}

static fh_err import_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct import_work *w = arg;
    struct store_owner owner = {0};
    if (w->owner)
        FH_TRY(admin_find_owner(w->a, c, w->owner, 0, &owner, e));
    const struct store_import_config config = {.owner_id = owner.id,
                                               .visibility = STORE_PRIVATE,
                                               .strict = w->import.strict,
                                               .more = w->more,
                                               .refused = refused,
                                               .stage = stage,
                                               .arg = w};
    FH_TRY(store_import_begin(c, &config, &w->import.store, e));
    fh_err rc = read_files(w, e);
    if (rc == FH_OK)
        rc = finish(w, e);
    store_import_end(w->import.store);
    return rc;
}

static void say_result(const struct import_work *w)
{
    const struct store_import_result *r = &w->result;
    int64_t refused_rows = w->import.refused + r->refused;
    double seconds = (double)(fh_ticks_ms() - w->began) / 1000;
    if (w->owner)
        admin_say("%s: %lld builds are new, %lld changed, %lld are as they were.", w->owner,
                  (long long)r->added, (long long)r->changed, (long long)r->unchanged);
    else
        admin_say("%lld page%s: %lld rows are new, %lld changed, %lld are as they were.", (long long)r->pages,
                  r->pages == 1 ? "" : "s", (long long)r->added, (long long)r->changed,
                  (long long)r->unchanged);
    if (refused_rows)
        admin_say("%lld line%s could not be taken.", (long long)refused_rows, refused_rows == 1 ? "" : "s");
    if (seconds >= 1)
        admin_say("%lld rows in %.1f s: %.0f a second.", (long long)w->import.rows, seconds,
                  (double)w->import.rows / seconds);
}

static fh_err print_result(const struct import_work *w, struct fh_error *e)
{
    const struct store_import_result *r = &w->result;
    return admin_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "rows", (json_int_t)w->import.rows,
                                      "pages", (json_int_t)r->pages, "added", (json_int_t)r->added, "changed",
                                      (json_int_t)r->changed, "unchanged", (json_int_t)r->unchanged,
                                      "refused", (json_int_t)(w->import.refused + r->refused)),
                            e);
}

/* The version is what servers are told, so that they know when they know. */
static fh_err tell_servers(struct db_conn *c, void *arg, struct fh_error *e)
{
    return store_catalog_version(c, arg, e);
}

static fh_err import(struct admin *a, struct fh_error *e)
{
    struct import_work *w = a->arg;
    struct db_conn *c;
    int64_t version;
    w->a = a;
    w->began = fh_ticks_ms();
    FH_TRY(db_take(a->pool, &c, e));
    fh_err rc = import_rows(c, w, e);
    db_give(c);
    FH_TRY(rc);
    FH_TRY(db_read(a->pool, tell_servers, &version, e));
    admin_tell(a, ADMIN_CATALOG, fh_sprintf(a->arena, "%lld", (long long)version));
    if (admin_wants_json(a))
        return print_result(w, e);
    say_result(w);
    return FH_OK;
}

static void set_up(struct import_work *w, struct fh_cli *cli)
{
    w->nfiles = cli->nargs;
    w->files = cli->args;
    w->import = (struct catalog_import){
        .strict = fh_cli_flag(cli, "strict"), .bad = bad, .progress = progress, .arg = w};
}

static int run_rows(struct fh_cli *cli)
{
    struct import_work w = {.owner = fh_cli_value(cli, "catalog")};
    set_up(&w, cli);
    return admin_run(cli, ADMIN_READY, import, &w);
}

#define STRICT_OPT                                                                                           \
    {                                                                                                        \
        .name = "strict", .help = "Take nothing when there is one row that cannot be taken."                 \
    }

static const struct fh_opt rows_opts[] = {
    {.name = "catalog",
     .kind = FH_OPT_VALUE,
     .value = "OWNER",
     .help = "The rows are builds of this owner's catalog, which is made (private) if there is none."},
    STRICT_OPT,
    ADMIN_JSON_OPT,
    {0}};

const struct fh_verb admin_catalog_import_verbs[] = {
    {.path = "catalog import rows",
     .args = "FILE…",
     .min_args = 1,
     .max_args = -1,
     .summary = "Import packages from files of JSON lines.",
     .text =
         "A line is one package on one system of one page, with the fields that a resolve answers; \"-\" is "
         "standard input, and what is compressed by gzip, xz or zstd is known by its first bytes. Rows are "
         "seen when all are in, at once; until then everything is as it was, also when the command dies. "
         "Importing a page again adds what is new and replaces stabilities, flags, descriptions, cache and "
         "deprecations; another derivation, version or other outputs are an error that names the row. A line "
         "that cannot be taken is told with its number and left out.",
     .opts = rows_opts,
     .run = run_rows},
    {0}};
