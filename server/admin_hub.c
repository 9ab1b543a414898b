/* floe-server config …, migrate, status: the hub itself. */
#include "server/admin.h"

#include "server/db/cluster.h"
#include "server/store/counts.h"

#include <jansson.h>

static fh_err print_config(struct admin *a, struct fh_error *e)
{
    char *text;
    FH_TRY(config_print(a->config, fh_cli_flag(a->cli, "sample"), &text, e));
    fputs(text, stdout);
    free(text);
    return FH_OK;
}

static int run_config_print(struct fh_cli *cli)
{
    return admin_run(cli, ADMIN_SETTINGS, print_config, NULL);
}

static fh_err check_config(struct admin *a, struct fh_error *e)
{
    (void)e;
    admin_say("The settings%s%s are fine.", a->config->config_file ? " in " : "",
              a->config->config_file ? a->config->config_file : "");
    return FH_OK;
}

static int run_config_check(struct fh_cli *cli)
{
    return admin_run(cli, ADMIN_SETTINGS, check_config, NULL);
}

static fh_err migrate(struct admin *a, struct fh_error *e)
{
    int applied = 0;
    struct fh_progress *p = fh_progress_start("Migrating the database");
    fh_err rc = db_migrate(a->pool, &applied, e);
    fh_progress_end(p);
    if (rc == FH_OK && applied)
        admin_say("Applied %d migration%s: the schema is %d.", applied, applied == 1 ? "" : "s",
                  db_schema_version());
    else if (rc == FH_OK)
        admin_say("The schema is %d already.", db_schema_version());
    return rc;
}

/* The one command that moves an embedded cluster to a newer PostgreSQL, which must be stopped for that. */
static fh_err upgrade(struct admin *a, struct fh_error *e)
{
    if (a->config->database_url)
        return FH_FAIL(e, FH_INVALID, "The database is an external one: its operator upgrades it.");
    struct fh_progress *p = fh_progress_start("Upgrading the embedded PostgreSQL");
    fh_err rc = db_cluster_upgrade(a->config->data, a->config->postgres_bin, e);
    fh_progress_end(p);
    if (rc == FH_OK)
        admin_say("The embedded PostgreSQL is upgraded. The old cluster is kept beside it in %s.",
                  a->config->data);
    return rc;
}

static int run_migrate(struct fh_cli *cli)
{
    if (fh_cli_flag(cli, "postgres"))
        return admin_run(cli, ADMIN_SETTINGS, upgrade, NULL);
    return admin_run(cli, ADMIN_ANY, migrate, NULL);
}

struct status {
    int schema;
    pid_t postgres; /* of the embedded one; 0: was not running */
    struct store_counts counts;
};

static fh_err count(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct status *s = a->arg;
    return store_counts(c, &s->counts, e);
}

static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 ||
           strncmp(host, "[::1]", 5) == 0;
}

static const char *size_text(struct admin *a, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes;
    size_t unit = 0;
    for (; n >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        n /= 1024;
    return fh_sprintf(a->arena, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static const char loopback_warning[] = "By these settings the base URL is a loopback address, and it is "
                                       "written into every environment that people push: "
                                       "set base_url to what other machines reach.";

static const char empty_catalog[] =
    "The catalog has no packages of nixpkgs yet, so nothing can be searched or installed: "
    "\"floe-server catalog import rows FILE\", \"floe-server catalog import nixpkgs --help\", or the setting "
    "catalog_upstream.";

/* A hub that has another one to ask lacks none. */
static bool lacks_catalog(const struct admin *a, const struct status *s)
{
    return s->schema == db_schema_version() && s->counts.pages == 0 && !a->config->catalog_upstream;
}

static fh_err print_json(struct admin *a, const struct status *s, struct fh_error *e)
{
    const struct config *c = a->config;
    const struct store_counts *n = &s->counts;
    json_t *warnings = json_array();
    if (is_loopback(c->base_url))
        json_array_append_new(warnings, json_string(loopback_warning));
    if (s->schema != db_schema_version())
        json_array_append_new(warnings, json_string("The schema is not this program's."));
    if (lacks_catalog(a, s))
        json_array_append_new(warnings, json_string(empty_catalog));
    json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:s, s:b, s:i, s:o}", "version", FLOE_VERSION, "schema",
                          s->schema, "schema_wanted", db_schema_version(), "base_url", c->base_url, "data",
                          c->data, "embedded_database", !c->database_url, "postgres_pid", (int)s->postgres,
                          "warnings", warnings);
    if (o && s->schema == db_schema_version())
        json_object_set_new(o, "counts",
                            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "users",
                                      (json_int_t)n->users, "organisations", (json_int_t)n->orgs, "tokens",
                                      (json_int_t)n->tokens, "environments", (json_int_t)n->envs,
                                      "deleted_environments", (json_int_t)n->deleted_envs, "packs",
                                      (json_int_t)n->packs, "pack_bytes", (json_int_t)n->pack_bytes,
                                      "database_bytes", (json_int_t)n->database_bytes, "catalog_pages",
                                      (json_int_t)n->pages, "catalog_packages", (json_int_t)n->packages));
    return admin_print_json(o, e);
}

static void print_text(struct admin *a, const struct status *s)
{
    const struct config *c = a->config;
    const struct store_counts *n = &s->counts;
    printf("floe-server    %s\nbase URL       %s\ndata           %s\n", FLOE_VERSION, c->base_url, c->data);
    if (c->database_url)
        puts("database       external, reachable");
    else if (s->postgres)
        printf("database       embedded, running (process %d)\n", (int)s->postgres);
    else
        puts("database       embedded, was not running: the hub is stopped");
    printf("schema         %d%s\n", s->schema,
           s->schema == db_schema_version() ? "" : " (not this program's)");
    if (s->schema == db_schema_version()) {
        printf("users          %lld\norganisations  %lld\ntokens in use  %lld\n", (long long)n->users,
               (long long)n->orgs, (long long)n->tokens);
        printf("environments   %lld, and %lld deleted\n", (long long)n->envs, (long long)n->deleted_envs);
        printf("catalog        %lld pages, %lld packages\n", (long long)n->pages, (long long)n->packages);
        printf("packs          %lld, %s\ndatabase size  %s\n", (long long)n->packs,
               size_text(a, n->pack_bytes), size_text(a, n->database_bytes));
    }
    fflush(stdout);
    if (is_loopback(c->base_url))
        admin_say("Warning: %s", loopback_warning);
    if (lacks_catalog(a, s))
        admin_say("Warning: %s", empty_catalog);
    if (s->schema < db_schema_version())
        admin_say("Warning: the schema is older than this program's; \"floe-server migrate\" brings it up to "
                  "date.");
    else if (s->schema > db_schema_version())
        admin_say("Warning: the database is of a newer Floe; this program will not touch it.");
}

static fh_err status(struct admin *a, struct fh_error *e)
{
    struct status *s = a->arg;
    if (!a->config->database_url && !a->cluster)
        s->postgres = db_cluster_pid(a->config->data);
    FH_TRY(db_schema_applied(a->pool, &s->schema, e));
    if (s->schema == db_schema_version())
        FH_TRY(admin_read(a, count, e));
    if (admin_wants_json(a))
        return print_json(a, s, e);
    print_text(a, s);
    return FH_OK;
}

static int run_status(struct fh_cli *cli)
{
    struct status s = {0};
    return admin_run(cli, ADMIN_REACH, status, &s);
}

static const struct fh_opt print_opts[] = {
    {.name = "sample", .help = "Print every setting with its default, commented out."}, {0}};
static const struct fh_opt migrate_opts[] = {
    {.name = "postgres",
     .help = "Move the embedded, stopped PostgreSQL to the newest major version that is installed."},
    {0}};
static const struct fh_opt status_opts[] = {ADMIN_JSON_OPT, {0}};

const struct fh_verb admin_hub_verbs[] = {
    {.path = "config print",
     .summary = "Print the settings that are in force; secrets are not shown.",
     .opts = print_opts,
     .run = run_config_print},
    {.path = "config check", .summary = "Check the settings and exit.", .run = run_config_check},
    {.path = "migrate",
     .summary = "Bring the database to this program's schema.",
     .text = "The hub does this when it starts. A database is never taken back to an older schema.",
     .opts = migrate_opts,
     .run = run_migrate},
    {.path = "status",
     .summary = "Say what the hub has, and what is not as it should be.",
     .opts = status_opts,
     .run = run_status},
    {0}};
