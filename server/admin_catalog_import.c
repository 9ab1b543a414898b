/* floe-server catalog import …: rows, or a nixpkgs, into the catalog. */
#include "server/admin.h"

#include "common/clock.h"
#include "server/admin_upkeep.h"
#include "server/catalog/import_files.h"
#include "server/store/catalog.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN = 20 }; /* bad inputs that are told one by one */

struct import_work {
    struct admin *a;
    int nfiles;
    char **files;
    const char *owner; /* NULL: the base catalog */
    bool more;
    const struct catalog_nixpkgs *page; /* NULL: rows */
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
        rc = w->page ? catalog_import_nixpkgs(&w->import, w->files[i], i, w->page, e)
                     : catalog_import_rows(&w->import, w->files[i], i, w->owner, e);
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
    if (w->import.failed)
        admin_say("%lld attribute%s did not evaluate.", (long long)w->import.failed,
                  w->import.failed == 1 ? "" : "s");
    if (w->more)
        admin_say("The page is not seen yet: import the last of its systems without --more.");
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
                                      "refused", (json_int_t)(w->import.refused + r->refused), "failed",
                                      (json_int_t)w->import.failed),
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

/* What is wrong with the words, as a sentence; NULL: nothing. */
static const char *read_page(struct fh_cli *cli, struct catalog_nixpkgs *page)
{
    const char *count = fh_cli_value(cli, "rev-count"), *date = fh_cli_value(cli, "rev-date");
    const char *system = fh_cli_value(cli, "system");
    char *end;
    size_t ntags;
    const char *const *tags = fh_cli_values(cli, "stability", &ntags);
    page->rev = fh_cli_value(cli, "rev");
    page->scraped_at = STORE_SCRAPED_NOW;
    if (!page->rev || !count || !date || !system)
        return "A page needs --rev, --rev-count, --rev-date and --system.";
    if (strlen(page->rev) != 40 || strspn(page->rev, "0123456789abcdef") != 40)
        return "A revision is 40 hexadecimal digits: \"git rev-parse HEAD\".";
    page->rev_count = strtoll(count, &end, 10);
    if (*end || end == count || page->rev_count <= 0)
        return "The revision's count is a number above 0: \"git rev-list --count HEAD\".";
    if (!fh_time_parse_us(date, &page->rev_date))
        return "The revision's date is one as 2026-01-31T12:00:00Z: \"git log -1 --format=%cI\".";
    page->system = fh_system_find(system);
    if (page->system == FH_SYSTEM_NONE)
        return "A system is aarch64-darwin, aarch64-linux, x86_64-darwin or x86_64-linux.";
    if (ntags > FH_MAX_PAGE_TAGS)
        return "A page has at most 16 stabilities.";
    for (size_t i = 0; i < ntags; i++)
        page->tags[i] = tags[i];
    page->ntags = ntags;
    page->tags_given = ntags > 0;
    return NULL;
}

static int run_nixpkgs(struct fh_cli *cli)
{
    struct catalog_nixpkgs page = {0};
    struct import_work w = {.page = &page, .more = fh_cli_flag(cli, "more")};
    const char *wrong = read_page(cli, &page);
    if (wrong)
        return fh_cli_usage(cli, "%s", wrong);
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

static const struct fh_opt nixpkgs_opts[] = {
    {.name = "rev", .kind = FH_OPT_VALUE, .value = "SHA", .help = "The revision that was evaluated. Needed."},
    {.name = "rev-count",
     .kind = FH_OPT_VALUE,
     .value = "N",
     .help = "How many commits lead to it, which is the page's number. Needed."},
    {.name = "rev-date", .kind = FH_OPT_VALUE, .value = "DATE", .help = "When it was committed. Needed."},
    {.name = "system",
     .kind = FH_OPT_VALUE,
     .value = "SYSTEM",
     .complete = "aarch64-darwin aarch64-linux x86_64-darwin x86_64-linux",
     .help = "The system that it was evaluated for. Needed."},
    {.name = "stability",
     .kind = FH_OPT_MANY,
     .value = "T",
     .complete = "unstable staging stable lts",
     .help = "A stability that the page has; without any it keeps those it has."},
    {.name = "more", .help = "More of the page follows: it is not shown yet."},
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
         "Importing a page again adds what is new and replaces its date, stabilities, flags, descriptions, "
         "cache and deprecations; another derivation, version or other outputs are an error that names the "
         "row. A line that cannot be taken is told with its number and left out.",
     .opts = rows_opts,
     .run = run_rows},
    {.path = "catalog import nixpkgs",
     .args = "FILE…",
     .min_args = 1,
     .max_args = -1,
     .summary = "Import a revision of nixpkgs as Nix prints it.",
     .text =
         "The files are of one system: what \"nix-env -f NIXPKGS -qaP --json --meta --out-path --drv-path "
         "--argstr "
         "system SYSTEM\" or \"nix-eval-jobs --meta --check-cache-status\" prints, plain or compressed, "
         "\"-\" for "
         "standard input. Evaluate with unfree, broken and insecure packages allowed, so that the catalog "
         "can tell "
         "of them. A page of several systems is imported one after the other, all but the last with --more.",
     .opts = nixpkgs_opts,
     .run = run_nixpkgs},
    {0}};
