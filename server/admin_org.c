/* floe-server org … and member …: organisations and who belongs to them. */
#include "server/admin.h"

#include "server/auth/auth.h"

#include <jansson.h>
#include <unistd.h>

struct org_work {
    const char *org, *user; /* or the new handle */
    enum store_role role;
    struct store_owner *orgs;
    struct store_member *members;
    size_t n;
};

static fh_err create_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct org_work *w = a->arg;
    struct store_owner owner, org = {.kind = STORE_ORG, .handle = fh_strdup(a->arena, w->org)};
    int64_t id;
    FH_TRY(admin_find_owner(a, c, w->user, STORE_USER, &owner, e));
    FH_TRY(store_owner_create(c, a->arena, &org, &id, e));
    FH_TRY(store_member_set(c, id, owner.id, STORE_OWNER, e));
    return store_audit(c, &a->by, "org.create", id, w->org,
                       fh_sprintf(a->arena, "{\"owner\":\"%s\"}", owner.handle), e);
}

static fh_err create(struct admin *a, struct fh_error *e)
{
    const struct org_work *w = a->arg;
    FH_TRY(admin_change(a, create_rows, ADMIN_ACCOUNTS, w->org, e));
    admin_say("The organisation %s is there, and %s owns it.", w->org, w->user);
    return FH_OK;
}

static int run_create(struct fh_cli *cli)
{
    struct fh_error e = {0};
    struct org_work w = {.org = cli->args[0], .user = fh_cli_value(cli, "owner")};
    if (!w.user)
        return fh_cli_usage(cli, "An organisation needs an owner: --owner HANDLE.");
    fh_err rc =
        fh_cli_flag(cli, "reserved") ? auth_check_handle_trusted(w.org, &e) : auth_check_handle(w.org, &e);
    return rc == FH_OK ? admin_run(cli, ADMIN_READY, create, &w) : fh_cli_usage(cli, "%s", e.msg);
}

static fh_err list_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct org_work *w = a->arg;
    return store_owner_list(c, a->arena, STORE_ORG, &w->orgs, &w->n, e);
}

static fh_err list_orgs(struct admin *a, struct fh_error *e)
{
    const struct org_work *w = a->arg;
    FH_TRY(admin_read(a, list_rows, e));
    if (admin_wants_json(a)) {
        json_t *all = json_array();
        for (size_t i = 0; i < w->n; i++)
            json_array_append_new(all, json_pack("{s:I, s:s, s:o}", "id", (json_int_t)w->orgs[i].id, "handle",
                                                 w->orgs[i].handle, "created_at",
                                                 admin_json_time(w->orgs[i].created_at)));
        return admin_print_json(all, e);
    }
    static const char *const titles[] = {"HANDLE", "CREATED"};
    struct fh_table *t = fh_table_new(titles, 2);
    for (size_t i = 0; i < w->n; i++)
        fh_table_row(t, (const char *const[]){w->orgs[i].handle, admin_time(a, w->orgs[i].created_at, "")});
    fh_table_print(t, STDOUT_FILENO);
    return FH_OK;
}

static int run_list(struct fh_cli *cli)
{
    struct org_work w = {0};
    return admin_run(cli, ADMIN_READY, list_orgs, &w);
}

static fh_err rename_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct org_work *w = a->arg;
    struct store_owner org;
    FH_TRY(admin_find_owner(a, c, w->org, STORE_ORG, &org, e));
    FH_TRY(store_owner_rename(c, org.id, w->user, e));
    return store_audit(c, &a->by, "org.rename", org.id, w->org,
                       fh_sprintf(a->arena, "{\"to\":\"%s\"}", w->user), e);
}

static fh_err rename_org(struct admin *a, struct fh_error *e)
{
    const struct org_work *w = a->arg;
    FH_TRY(admin_change(a, rename_rows, ADMIN_ACCOUNTS, w->user, e));
    admin_say("%s is %s now. Environments that were pulled from %s must be pulled anew under the new name.",
              w->org, w->user, w->org);
    return FH_OK;
}

static int run_rename(struct fh_cli *cli)
{
    struct fh_error e = {0};
    struct org_work w = {.org = cli->args[0], .user = cli->args[1]};
    if (auth_check_handle(w.user, &e) != FH_OK)
        return fh_cli_usage(cli, "%s", e.msg);
    return admin_run(cli, ADMIN_READY, rename_org, &w);
}

static fh_err member_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct org_work *w = a->arg;
    struct store_owner org, user;
    FH_TRY(admin_find_owner(a, c, w->org, STORE_ORG, &org, e));
    FH_TRY(admin_find_owner(a, c, w->user, STORE_USER, &user, e));
    if (w->role == STORE_NO_ROLE) {
        FH_TRY(store_member_remove(c, org.id, user.id, e));
        return store_audit(c, &a->by, "member.remove", org.id, user.handle, NULL, e);
    }
    FH_TRY(store_member_set(c, org.id, user.id, w->role, e));
    return store_audit(c, &a->by, "member.set", org.id, user.handle,
                       fh_sprintf(a->arena, "{\"role\":\"%s\"}", store_role_name(w->role)), e);
}

static fh_err change_member(struct admin *a, struct fh_error *e)
{
    const struct org_work *w = a->arg;
    FH_TRY(admin_change(a, member_rows, ADMIN_ACCOUNTS, w->user, e));
    if (w->role == STORE_NO_ROLE)
        admin_say("%s is no member of %s any more.", w->user, w->org);
    else
        admin_say("%s is %s %s of %s.", w->user, w->role == STORE_OWNER ? "an" : "a",
                  store_role_name(w->role), w->org);
    return FH_OK;
}

static int run_member_set(struct fh_cli *cli)
{
    struct org_work w = {.org = cli->args[0], .user = cli->args[1], .role = store_role_parse(cli->args[2])};
    if (w.role == STORE_NO_ROLE)
        return fh_cli_usage(cli, "A role is owner, writer or reader.");
    return admin_run(cli, ADMIN_READY, change_member, &w);
}

static int run_member_remove(struct fh_cli *cli)
{
    struct org_work w = {.org = cli->args[0], .user = cli->args[1]};
    return admin_run(cli, ADMIN_READY, change_member, &w);
}

static fh_err member_list_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct org_work *w = a->arg;
    struct store_owner org;
    FH_TRY(admin_find_owner(a, c, w->org, STORE_ORG, &org, e));
    return store_member_list(c, a->arena, org.id, &w->members, &w->n, e);
}

static fh_err list_members(struct admin *a, struct fh_error *e)
{
    const struct org_work *w = a->arg;
    FH_TRY(admin_read(a, member_list_rows, e));
    if (admin_wants_json(a)) {
        json_t *all = json_array();
        for (size_t i = 0; i < w->n; i++)
            json_array_append_new(all, json_pack("{s:s, s:s}", "handle", w->members[i].user, "role",
                                                 store_role_name(w->members[i].role)));
        return admin_print_json(all, e);
    }
    static const char *const titles[] = {"HANDLE", "ROLE"};
    struct fh_table *t = fh_table_new(titles, 2);
    for (size_t i = 0; i < w->n; i++)
        fh_table_row(t, (const char *const[]){w->members[i].user, store_role_name(w->members[i].role)});
    fh_table_print(t, STDOUT_FILENO);
    return FH_OK;
}

static int run_member_list(struct fh_cli *cli)
{
    struct org_work w = {.org = cli->args[0]};
    return admin_run(cli, ADMIN_READY, list_members, &w);
}

static const struct fh_opt create_opts[] = {
    {.name = "owner", .kind = FH_OPT_VALUE, .value = "HANDLE", .help = "The user who owns it first. Needed."},
    {.name = "reserved", .help = "Allow the handle \"flox\", whose environments every client trusts."},
    {0}};
static const struct fh_opt list_opts[] = {ADMIN_JSON_OPT, {0}};

const struct fh_verb admin_org_verbs[] = {
    {.path = "org create",
     .args = "ORG",
     .min_args = 1,
     .max_args = 1,
     .summary = "Create an organisation.",
     .opts = create_opts,
     .run = run_create},
    {.path = "org list", .summary = "List the organisations.", .opts = list_opts, .run = run_list},
    {.path = "org rename",
     .args = "ORG NEW",
     .min_args = 2,
     .max_args = 2,
     .summary = "Give an organisation another handle.",
     .run = run_rename},
    {.path = "member set",
     .args = "ORG HANDLE owner|writer|reader",
     .min_args = 3,
     .max_args = 3,
     .summary = "Make a user a member of an organisation, or change the role.",
     .text = "An owner manages members and settings, a writer creates and changes environments, a reader "
             "reads them. The "
             "last owner stays.",
     .run = run_member_set},
    {.path = "member remove",
     .args = "ORG HANDLE",
     .min_args = 2,
     .max_args = 2,
     .summary = "Take a user out of an organisation.",
     .run = run_member_remove},
    {.path = "member list",
     .args = "ORG",
     .min_args = 1,
     .max_args = 1,
     .summary = "List an organisation's members.",
     .opts = list_opts,
     .run = run_member_list},
    {0}};
