/* floe-server catalog …: what is in the catalog, and whose it is. */
#include "server/admin.h"

#include "server/admin_upkeep.h"
#include "server/store/catalog.h"
#include "server/store/catalog_pages.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

struct catalog_work {
    const char *owner;
    enum store_visibility visibility; /* 0: only shown */
    struct store_catalog *catalogs;
    size_t n;
    struct store_catalog_size size;
    char version[32];
};

static fh_err read_version(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct catalog_work *w = a->arg;
    int64_t version;
    FH_TRY(store_catalog_version(c, &version, e));
    snprintf(w->version, sizeof w->version, "%lld", (long long)version);
    return FH_OK;
}

static fh_err measure(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct catalog_work *w = a->arg;
    return store_catalog_measure(c, &w->size, e);
}

static fh_err stats(struct admin *a, struct fh_error *e)
{
    struct catalog_work *w = a->arg;
    const struct store_catalog_size *s = &w->size;
    FH_TRY(admin_read(a, measure, e));
    if (admin_wants_json(a))
        return admin_print_json(
            json_pack("{s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "pages", (json_int_t)s->pages,
                      "incomplete_pages", (json_int_t)s->incomplete, "newest_page",
                      s->newest_rev_count ? json_integer((json_int_t)s->newest_rev_count) : json_null(),
                      "packages", (json_int_t)s->packages, "derivations", (json_int_t)s->derivations, "runs",
                      (json_int_t)s->runs, "bytes", (json_int_t)s->bytes, "catalogs", (json_int_t)s->catalogs,
                      "builds", (json_int_t)s->builds),
            e);
    printf("pages          %lld", (long long)s->pages);
    if (s->pages)
        printf(", the newest %lld", (long long)s->newest_rev_count);
    if (s->incomplete)
        printf(", and %lld not complete", (long long)s->incomplete);
    printf("\npackages       %lld\nderivations    %lld\nruns           %lld\nsize           %s\n",
           (long long)s->packages, (long long)s->derivations, (long long)s->runs, admin_size(a, s->bytes));
    printf("own catalogs   %lld, with %lld builds\n", (long long)s->catalogs, (long long)s->builds);
    return FH_OK;
}

static int run_stats(struct fh_cli *cli)
{
    struct catalog_work w = {0};
    return admin_run(cli, ADMIN_READY, stats, &w);
}

static fh_err list_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct catalog_work *w = a->arg;
    return store_catalog_list(c, a->arena, &w->catalogs, &w->n, e);
}

static fh_err list(struct admin *a, struct fh_error *e)
{
    const struct catalog_work *w = a->arg;
    FH_TRY(admin_read(a, list_rows, e));
    if (admin_wants_json(a)) {
        json_t *all = json_array();
        for (size_t i = 0; i < w->n; i++)
            json_array_append_new(all,
                                  json_pack("{s:s, s:s, s:o}", "owner", w->catalogs[i].owner, "visibility",
                                            store_visibility_name(w->catalogs[i].visibility), "created_at",
                                            admin_json_time(w->catalogs[i].created_at)));
        return admin_print_json(all, e);
    }
    static const char *const titles[] = {"OWNER", "VISIBILITY", "CREATED"};
    struct fh_table *t = fh_table_new(titles, 3);
    for (size_t i = 0; i < w->n; i++)
        fh_table_row(t, (const char *const[]){w->catalogs[i].owner,
                                              store_visibility_name(w->catalogs[i].visibility),
                                              admin_time(a, w->catalogs[i].created_at, "")});
    fh_table_print(t, STDOUT_FILENO);
    return FH_OK;
}

static int run_list(struct fh_cli *cli)
{
    struct catalog_work w = {0};
    return admin_run(cli, ADMIN_READY, list, &w);
}

static fh_err visibility_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct catalog_work *w = a->arg;
    struct store_owner owner;
    w->catalogs = fh_alloc(a->arena, sizeof *w->catalogs);
    FH_TRY(admin_find_owner(a, c, w->owner, 0, &owner, e));
    if (store_catalog_find(c, a->arena, w->owner, w->catalogs, e) != FH_OK)
        return FH_FAIL(e, FH_NOT_FOUND,
                       "%s has no catalog yet; \"catalog import rows --catalog %s\" makes one.", w->owner,
                       w->owner);
    if (w->visibility == 0 || w->visibility == w->catalogs->visibility)
        return FH_OK;
    FH_TRY(store_catalog_set_visibility(c, w->catalogs->id, w->visibility, e));
    w->catalogs->visibility = w->visibility;
    return store_audit(c, &a->by, "catalog.visibility", owner.id, w->owner,
                       fh_sprintf(a->arena, "{\"to\":\"%s\"}", store_visibility_name(w->visibility)), e);
}

static fh_err visibility(struct admin *a, struct fh_error *e)
{
    struct catalog_work *w = a->arg;
    if (w->visibility == 0) {
        FH_TRY(admin_read(a, visibility_rows, e));
        puts(store_visibility_name(w->catalogs->visibility));
        return FH_OK;
    }
    FH_TRY(db_transaction(a->pool, visibility_rows, a, e));
    FH_TRY(admin_read(a, read_version, e));
    admin_tell(a, ADMIN_CATALOG, w->version);
    admin_say("The catalog of %s is %s.", w->owner, store_visibility_name(w->visibility));
    return FH_OK;
}

static int run_visibility(struct fh_cli *cli)
{
    struct catalog_work w = {.owner = cli->args[0]};
    if (cli->nargs > 1 && !(w.visibility = store_visibility_parse(cli->args[1])))
        return fh_cli_usage(cli, "A visibility is public, internal, unlisted or private.");
    return admin_run(cli, ADMIN_READY, visibility, &w);
}

static const struct fh_opt json_opts[] = {ADMIN_JSON_OPT, {0}};

const struct fh_verb admin_catalog_verbs[] = {
    {.path = "catalog stats", .summary = "Say what the catalog holds.", .opts = json_opts, .run = run_stats},
    {.path = "catalog list", .summary = "List the owners' catalogs.", .opts = json_opts, .run = run_list},
    {.path = "catalog visibility",
     .args = "OWNER [public|internal|unlisted|private]",
     .min_args = 1,
     .max_args = 2,
     .summary = "Show or change who sees an owner's catalog.",
     .text =
         "public: everybody; internal: everybody who has an account; unlisted: everybody who names a package "
         "of it; private: the owner's members.",
     .run = run_visibility},
    {0}};
