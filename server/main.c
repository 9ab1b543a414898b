/* floe-server: the table of its commands, and the settings as options of those that take them all.
 *
 * A file of commands exports one table (admin.h) and has one row in `tables`. */
#include "server/admin_upkeep.h"
#include "server/serve.h"

#include <unistd.h>

static int run_serve(struct fh_cli *cli)
{
    struct admin a;
    struct fh_error e = {0};
    int status;
    if (admin_open(cli, ADMIN_SETTINGS, &a, &e) == FH_OK)
        status = serve_run(a.config);
    else
        status = fh_cli_fail(cli, &e);
    admin_close(&a);
    return status;
}

static const struct fh_verb serve_verbs[] = {{.path = "serve",
                                              .summary = "Run the hub.",
                                              .text =
                                                  "Without a database URL the hub runs a PostgreSQL of its "
                                                  "own in the data folder. Started as root it changes to the "
                                                  "service user. SIGTERM lets requests that are under way "
                                                  "finish; SIGHUP reads certificate and log level anew.",
                                              .run = run_serve},
                                             {0}};

static const struct fh_verb *const tables[] = {
    serve_verbs,
    admin_user_verbs,
    admin_org_verbs,
    admin_token_verbs,
    admin_env_verbs,
    admin_git_verbs,
    admin_backup_verbs,
    admin_fsck_verbs,
    admin_gc_verbs,
    admin_hub_verbs,
    admin_routes_verbs,
    admin_catalog_import_verbs,
    admin_catalog_page_verbs,
    admin_catalog_verbs,
};
/* These take every setting as an option; the others only say where the hub is. */
static const char *const takes_settings[] = {"serve", "config print", "config check"};

enum { MAX_VERBS = 96, MAX_SETTINGS = 64, MAX_OWN = 8, NAME = 48 };

static const struct fh_opt globals[] = {{.name = "config",
                                         .kind = FH_OPT_VALUE,
                                         .value = "FILE",
                                         .complete = "file",
                                         .help = "The file with the hub's settings."},
                                        {.name = "data",
                                         .kind = FH_OPT_VALUE,
                                         .value = "DIR",
                                         .complete = "dir",
                                         .help = "The hub's data folder."},
                                        {.name = "database-url",
                                         .kind = FH_OPT_VALUE,
                                         .value = "URL",
                                         .help = "An external PostgreSQL instead of the embedded one."},
                                        {0}};

/* What the settings' table becomes on the command line and in the manual; made once, before anything runs. */
static struct fh_verb verbs[MAX_VERBS + 1];
static struct fh_opt settings[MAX_SETTINGS + 1];
static struct fh_opt own_and_settings[sizeof takes_settings / sizeof *takes_settings]
                                     [MAX_OWN + MAX_SETTINGS + 1];
static struct fh_env_doc variables[MAX_SETTINGS + 2];
static char flag_names[MAX_SETTINGS][NAME], variable_names[MAX_SETTINGS][NAME];

static const char *value_name(enum config_type type)
{
    switch (type) {
    case CONFIG_PATH:
        return "PATH";
    case CONFIG_INT:
        return "N";
    case CONFIG_SIZE:
        return "SIZE";
    case CONFIG_BOOL:
        return "true|false";
    case CONFIG_VISIBILITY:
        return "VISIBILITY";
    case CONFIG_TEXT:
        break;
    }
    return "TEXT";
}

static const char *candidates(enum config_type type)
{
    return type == CONFIG_PATH         ? "file"
           : type == CONFIG_BOOL       ? "true false"
           : type == CONFIG_VISIBILITY ? "public internal unlisted private"
                                       : NULL;
}

static void make_settings(void)
{
    for (size_t i = 0; i < config_option_count && i < MAX_SETTINGS; i++) {
        const struct config_option *o = &config_options[i];
        snprintf(flag_names[i], NAME, "%s", o->name);
        snprintf(variable_names[i], NAME, "FLOE_%s", o->name);
        for (char *c = flag_names[i]; *c; c++)
            *c = *c == '_' ? '-' : *c;
        for (char *c = variable_names[i]; *c; c++)
            *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        settings[i] = (struct fh_opt){.name = flag_names[i],
                                      .kind = FH_OPT_VALUE,
                                      .value = value_name(o->type),
                                      .complete = candidates(o->type),
                                      .help = o->help};
        variables[i] = (struct fh_env_doc){variable_names[i], o->help};
    }
    variables[config_option_count < MAX_SETTINGS ? config_option_count : MAX_SETTINGS] =
        (struct fh_env_doc){"NO_COLOR", "Print without colour."};
}

static void take_settings(struct fh_verb *v)
{
    for (size_t k = 0; k < sizeof takes_settings / sizeof *takes_settings; k++) {
        if (strcmp(v->path, takes_settings[k]) != 0)
            continue;
        size_t n = 0;
        for (const struct fh_opt *o = v->opts; o && o->name && n < MAX_OWN; o++)
            own_and_settings[k][n++] = *o;
        for (const struct fh_opt *o = settings; o->name; o++)
            own_and_settings[k][n++] = *o;
        v->opts = own_and_settings[k];
    }
}

static void make_verbs(void)
{
    size_t n = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct fh_verb *v = tables[t]; v->path && n < MAX_VERBS; v++) {
            verbs[n] = *v;
            take_settings(&verbs[n++]);
        }
}

int main(int argc, char **argv)
{
    static const struct fh_program program = {
        .name = "floe-server",
        .version = FLOE_VERSION,
        .summary = "A self-hosted hub for flox environments.",
        .text = "\"floe-server serve\" runs the hub. All other commands administer it, also while it runs: "
                "they work on the "
                "same settings and straight on the database, and return when the running hub knows.\n\n"
                "A setting comes from its default, the configuration file, the environment (FLOE_LISTEN for "
                "listen), or an "
                "option (--listen), the later one winning. A secret can also be in a file that FLOE_…_FILE "
                "names.",
        .verbs = verbs,
        .globals = globals,
        .environment = variables,
        .files = "/etc/floe/floe-server.conf: settings, as \"floe-server config print --sample\" prints "
                 "them, read where "
                 "--config says so.\n\n/var/lib/floe: the data folder of a hub that root starts.",
        .section = 8,
    };
    make_settings();
    make_verbs();
    return fh_cli_main(&program, argc, argv, NULL);
}
