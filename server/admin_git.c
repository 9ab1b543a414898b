/* floe-server git export and git import: parse, call, print. The work is in git/wire_export.h and
 * git/wire_import.h. */
#include "server/admin_upkeep.h"

#include "server/git/wire_import.h"

#include <jansson.h>
#include <unistd.h>

static fh_err export_owner(struct admin *a, struct fh_error *e)
{
    struct admin_stages stages = {0};
    struct wire_exported done;
    const struct wire_export x = {.pool = a->pool,
                                  .owner = a->cli->args[0],
                                  .dir = a->cli->args[1],
                                  .stage = admin_stage,
                                  .arg = &stages};
    fh_err rc = wire_export(&x, &done, e);
    admin_stages_end(&stages);
    if (rc == FH_OK)
        admin_say("%s: %zu environments of %s, %zu objects, %s.", x.dir, done.branches, x.owner, done.objects,
                  admin_size(a, done.bytes));
    return rc;
}

static int run_export(struct fh_cli *cli)
{
    return admin_run(cli, ADMIN_READY, export_owner, NULL);
}

static const char *const how_names[] = {[WIRE_IMPORT_CREATED] = "created",
                                        [WIRE_IMPORT_UPDATED] = "replaced",
                                        [WIRE_IMPORT_UNCHANGED] = "unchanged"};

static fh_err print_json(const struct wire_imported *items, size_t n, struct fh_error *e)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        char tip[FH_OID_HEX + 1];
        fh_oid_format(&items[i].tip, tip);
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:s?}", "name", items[i].name, "result",
                                             how_names[items[i].how], "tip", tip, "visibility",
                                             store_visibility_name(items[i].visibility), "broken",
                                             items[i].broken));
    }
    return admin_print_json(all, e);
}

static void print_table(struct admin *a, const struct wire_imported *items, size_t n)
{
    static const char *const titles[] = {"ENVIRONMENT", "RESULT", "VISIBILITY", "TIP", "NOTE"};
    struct fh_table *t = fh_table_new(titles, 5);
    for (size_t i = 0; i < n; i++) {
        char tip[FH_OID_HEX + 1];
        fh_oid_format(&items[i].tip, tip);
        tip[10] = '\0';
        const char *note =
            items[i].broken ? fh_sprintf(a->arena, "metadata.json is broken: %s", items[i].broken) : "";
        fh_table_row(t, (const char *const[]){items[i].name, how_names[items[i].how],
                                              store_visibility_name(items[i].visibility), tip, note});
    }
    fh_table_print(t, STDOUT_FILENO);
}

static fh_err import_owner(struct admin *a, struct fh_error *e)
{
    struct admin_stages stages = {0};
    struct wire_imported *items;
    size_t n;
    struct wire_import *m = a->arg;
    m->pool = a->pool;
    m->data = a->config->data;
    m->owner = a->cli->args[0];
    m->dir = a->cli->args[1];
    m->user_default = a->config->default_visibility;
    m->org_default = a->config->default_org_visibility;
    m->quota = a->config->owner_quota;
    m->actor = a->by;
    m->stage = admin_stage;
    m->arg = &stages;
    fh_err rc = wire_import(m, a->arena, &items, &n, e);
    admin_stages_end(&stages);
    if (rc != FH_OK)
        return rc;
    if (admin_wants_json(a))
        return print_json(items, n, e);
    print_table(a, items, n);
    return FH_OK;
}

static int run_import(struct fh_cli *cli)
{
    struct wire_import m = {.force = fh_cli_flag(cli, "force")};
    const char *visibility = fh_cli_value(cli, "visibility");
    m.only = fh_cli_values(cli, "env", &m.nonly);
    if (m.nonly == 0)
        m.only = NULL;
    if (visibility && !(m.visibility = store_visibility_parse(visibility)))
        return fh_cli_usage(cli, "A visibility is public, internal, unlisted or private.");
    return admin_run(cli, ADMIN_READY, import_owner, &m);
}

static const struct fh_opt import_opts[] = {
    {.name = "env",
     .kind = FH_OPT_MANY,
     .value = "NAME",
     .help = "Take this branch alone; may be repeated.",
     .complete = "env"},
    {.name = "force", .kind = FH_OPT_FLAG, .help = "Also replace environments that have other generations."},
    {.name = "visibility",
     .kind = FH_OPT_VALUE,
     .value = "VISIBILITY",
     .help = "Of new environments: public, internal, unlisted or private.",
     .complete = "public internal unlisted private"},
    ADMIN_JSON_OPT,
    {0}};

const struct fh_verb admin_git_verbs[] = {
    {.path = "git export",
     .args = "OWNER DIR",
     .min_args = 2,
     .max_args = 2,
     .summary = "Write an owner's environments as a bare git repository.",
     .text = "Every environment becomes a branch, with the very objects that were pushed; DIR must not be "
             "there yet, or be "
             "empty. What git has no place for, such as visibilities, stands in DIR/floe-export.json, where "
             "\"git "
             "import\" finds it again.",
     .run = run_export},
    {.path = "git import",
     .args = "OWNER DIR",
     .min_args = 2,
     .max_args = 2,
     .summary = "Take the branches of a git repository as an owner's environments.",
     .text = "DIR is a git repository on this machine, bare or not. Each of its branches becomes an "
             "environment, or brings "
             "one up to date, after the checks that a push goes through; an environment whose metadata.json "
             "is broken is "
             "taken and marked. All branches are taken or none. An environment that has other generations "
             "already is "
             "replaced only with --force; what it was stays restorable with \"env restore\".\n\n"
             "New environments get the visibility that --visibility says, else the one in "
             "DIR/floe-export.json, else the "
             "owner's default.",
     .opts = import_opts,
     .run = run_import},
    {0}};
