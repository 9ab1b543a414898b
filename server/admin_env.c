/* floe-server env …: environments as an operator handles them. */
#include "server/admin.h"

#include "common/ceilings.h"
#include "server/auth/auth.h"
#include "server/git/wire_restore.h"

#include <jansson.h>
#include <unistd.h>

struct env_work {
    const char *owner, *name, *new_name; /* owner NULL: everybody's */
    enum store_visibility visibility;
    bool with_deleted, to_given;
    struct fh_oid to;
    struct store_generations generations; /* as they stand there */
    struct store_env *envs;
    size_t n;
};

/* Cuts the first argument, "owner/name", into its two parts. */
static bool take_reference(const struct fh_cli *cli, struct env_work *w)
{
    char *slash = strchr(cli->args[0], '/');
    if (!slash || slash == cli->args[0] || !slash[1] || strchr(slash + 1, '/'))
        return false;
    *slash = '\0';
    w->owner = cli->args[0];
    w->name = slash + 1;
    return true;
}

static int refuse_reference(const struct fh_cli *cli)
{
    return fh_cli_usage(cli, "An environment is named OWNER/NAME.");
}

static fh_err list_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct env_work *w = a->arg;
    struct store_owner owner;
    if (w->owner)
        FH_TRY(admin_find_owner(a, c, w->owner, 0, &owner, e));
    return store_env_list(c, a->arena, w->owner, w->with_deleted, &w->envs, &w->n, e);
}

static json_t *env_json(const struct store_env *v)
{
    char tip[FH_OID_HEX + 1];
    fh_oid_format(&v->tip, tip);
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "id", (json_int_t)v->id, "owner",
                     v->owner, "name", v->name, "visibility", store_visibility_name(v->visibility), "tip",
                     tip, "generations", (json_int_t)v->generations, "live", (json_int_t)v->live,
                     "created_at", admin_json_time(v->created_at), "updated_at",
                     admin_json_time(v->updated_at), "deleted_at", admin_json_time(v->deleted_at));
}

static fh_err list_envs(struct admin *a, struct fh_error *e)
{
    const struct env_work *w = a->arg;
    FH_TRY(admin_read(a, list_rows, e));
    if (admin_wants_json(a)) {
        json_t *all = json_array();
        for (size_t i = 0; i < w->n; i++)
            json_array_append_new(all, env_json(&w->envs[i]));
        return admin_print_json(all, e);
    }
    static const char *const titles[] = {"ENVIRONMENT", "VISIBILITY", "GENERATIONS",
                                         "LIVE",        "UPDATED",    "DELETED"};
    struct fh_table *t = fh_table_new(titles, 6);
    for (size_t i = 0; i < w->n; i++) {
        const struct store_env *v = &w->envs[i];
        bool broken = v->generations < 0;
        fh_table_row(
            t, (const char *const[]){
                   fh_sprintf(a->arena, "%s/%s", v->owner, v->name), store_visibility_name(v->visibility),
                   broken ? "broken metadata" : fh_sprintf(a->arena, "%lld", (long long)v->generations),
                   broken ? "" : fh_sprintf(a->arena, "%lld", (long long)v->live),
                   admin_time(a, v->updated_at, ""), admin_time(a, v->deleted_at, "")});
    }
    fh_table_print(t, STDOUT_FILENO);
    return FH_OK;
}

static int run_list(struct fh_cli *cli)
{
    struct env_work w = {.owner = cli->nargs ? cli->args[0] : NULL,
                         .with_deleted = fh_cli_flag(cli, "deleted")};
    return admin_run(cli, ADMIN_READY, list_envs, &w);
}

static fh_err visibility_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct env_work *w = a->arg;
    struct store_env env;
    FH_TRY(store_env_find(c, a->arena, w->owner, w->name, &env, e));
    return store_env_set_visibility(c, env.id, w->visibility, &a->by, e);
}

static fh_err change_visibility(struct admin *a, struct fh_error *e)
{
    const struct env_work *w = a->arg;
    FH_TRY(admin_change(a, visibility_rows, ADMIN_ENVIRONMENTS, w->owner, e));
    admin_say("%s/%s is %s.", w->owner, w->name, store_visibility_name(w->visibility));
    return FH_OK;
}

static int run_visibility(struct fh_cli *cli)
{
    struct env_work w = {.visibility = store_visibility_parse(cli->args[1])};
    if (!take_reference(cli, &w))
        return refuse_reference(cli);
    if (!w.visibility)
        return fh_cli_usage(cli, "A visibility is public, internal, unlisted or private.");
    return admin_run(cli, ADMIN_READY, change_visibility, &w);
}

static fh_err delete_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct env_work *w = a->arg;
    struct store_env env;
    FH_TRY(store_env_find(c, a->arena, w->owner, w->name, &env, e));
    return store_env_delete(c, env.id, &a->by, e);
}

static fh_err delete_env(struct admin *a, struct fh_error *e)
{
    const struct env_work *w = a->arg;
    FH_TRY(admin_change(a, delete_rows, ADMIN_ENVIRONMENTS, w->owner, e));
    admin_say("%s/%s is deleted. For %lld days \"floe-server env restore %s/%s\" brings it back.", w->owner,
              w->name, (long long)a->config->ref_log_days, w->owner, w->name);
    return FH_OK;
}

static int run_delete(struct fh_cli *cli)
{
    struct env_work w = {0};
    return take_reference(cli, &w) ? admin_run(cli, ADMIN_READY, delete_env, &w) : refuse_reference(cli);
}

static fh_err rename_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct env_work *w = a->arg;
    struct store_env env;
    FH_TRY(store_env_find(c, a->arena, w->owner, w->name, &env, e));
    return store_env_rename(c, env.id, w->new_name, &a->by, e);
}

static fh_err rename_env(struct admin *a, struct fh_error *e)
{
    const struct env_work *w = a->arg;
    FH_TRY(admin_change(a, rename_rows, ADMIN_ENVIRONMENTS, w->owner, e));
    admin_say("%s/%s is %s/%s now. Whoever has it under the old name pulls it anew.", w->owner, w->name,
              w->owner, w->new_name);
    return FH_OK;
}

static int run_rename(struct fh_cli *cli)
{
    struct fh_error e = {0};
    struct env_work w = {.new_name = cli->args[1]};
    if (!take_reference(cli, &w))
        return refuse_reference(cli);
    if (auth_check_env_name(w.new_name, &e) != FH_OK)
        return fh_cli_usage(cli, "%s", e.msg);
    return admin_run(cli, ADMIN_READY, rename_env, &w);
}

static fh_err restore_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct env_work *w = a->arg;
    struct store_env env;
    FH_TRY(store_env_restore(c, w->owner, w->name, w->to_given ? &w->to : NULL, &a->by, e));
    if (!w->to_given)
        return FH_OK;
    FH_TRY(store_env_find(c, a->arena, w->owner, w->name, &env, e));
    return store_generations_set(c, env.id, &w->generations, e);
}

static fh_err restore_env(struct admin *a, struct fh_error *e)
{
    struct env_work *w = a->arg;
    if (w->to_given)
        FH_TRY(wire_restore_read(a->arena, a->pool, a->config->data, w->owner, &w->to, &w->generations, e));
    FH_TRY(admin_change(a, restore_rows, ADMIN_ENVIRONMENTS, w->owner, e));
    admin_say(w->to_given ? "%s/%s is back at that commit." : "%s/%s is back.", w->owner, w->name);
    return FH_OK;
}

static int run_restore(struct fh_cli *cli)
{
    const char *to = fh_cli_value(cli, "to");
    struct env_work w = {.to_given = to != NULL};
    if (!take_reference(cli, &w))
        return refuse_reference(cli);
    if (to && !fh_oid_parse(to, strlen(to), &w.to))
        return fh_cli_usage(cli, "A commit is given by its 40 hexadecimal digits.");
    return admin_run(cli, ADMIN_READY, restore_env, &w);
}

static const struct fh_opt list_opts[] = {
    {.name = "deleted", .help = "Also those that were deleted and can be restored."}, ADMIN_JSON_OPT, {0}};
static const struct fh_opt restore_opts[] = {
    {.name = "to",
     .kind = FH_OPT_VALUE,
     .value = "COMMIT",
     .help = "Set an existing environment back to a commit that it once had as its tip."},
    {0}};

const struct fh_verb admin_env_verbs[] = {
    {.path = "env list",
     .args = "[OWNER]",
     .max_args = 1,
     .summary = "List environments.",
     .opts = list_opts,
     .run = run_list},
    {.path = "env visibility",
     .args = "OWNER/NAME public|internal|unlisted|private",
     .min_args = 2,
     .max_args = 2,
     .summary = "Say who may read an environment.",
     .text = "public: anyone. internal: everyone with an account here. unlisted: anyone who knows the name. "
             "private: those "
             "with a role in its owner.",
     .run = run_visibility},
    {.path = "env delete",
     .args = "OWNER/NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Delete an environment.",
     .run = run_delete},
    {.path = "env rename",
     .args = "OWNER/NAME NEW",
     .min_args = 2,
     .max_args = 2,
     .summary = "Give an environment another name.",
     .run = run_rename},
    {.path = "env restore",
     .args = "OWNER/NAME",
     .min_args = 1,
     .max_args = 1,
     .summary = "Bring back a deleted environment, or an earlier commit.",
     .opts = restore_opts,
     .run = run_restore},
    {0}};
