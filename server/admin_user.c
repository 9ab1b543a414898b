/* floe-server user …: people's accounts. */
#include "server/admin.h"

#include "common/mem.h"
#include "server/auth/auth.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

enum { MAX_PASSWORD = 1024, MAX_EMAIL = 254 };

struct user_work {
    const char *handle, *email;
    char hash[128]; /* "" when no password was given */
    bool admin, flag;
};

/* One line of standard input into hash. */
static fh_err read_password(char hash[128], struct fh_error *e)
{
    char text[MAX_PASSWORD + 3];
    size_t n = 0;
    ssize_t got = 1;
    while (n < sizeof text - 1 && got != 0) {
        got = read(STDIN_FILENO, text + n, sizeof text - 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FH_FAIL_ERRNO(e, FH_INVALID, "The password could not be read from standard input");
        n += (size_t)got;
    }
    if (n && text[n - 1] == '\n')
        n--;
    if (n && text[n - 1] == '\r')
        n--;
    text[n] = '\0';
    fh_err rc = strlen(text) == n && !strpbrk(text, "\r\n")
                    ? auth_password_hash(text, hash, e)
                    : FH_FAIL(e, FH_INVALID, "A password is one line of text.");
    explicit_bzero(text, sizeof text);
    return rc;
}

static bool email_is_fine(const char *email)
{
    const char *at = strchr(email, '@');
    for (const char *p = email; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return at && at != email && at[1] && !strchr(at + 1, '@') && strlen(email) <= MAX_EMAIL;
}

static fh_err create_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct user_work *w = a->arg;
    struct store_owner owner = {
        .kind = STORE_USER,
        .handle = fh_strdup(a->arena, w->handle),
        .email = w->email ? fh_strdup(a->arena, w->email) : NULL,
        .admin = w->admin,
    };
    int64_t id;
    FH_TRY(store_owner_create(c, a->arena, &owner, &id, e));
    if (w->hash[0])
        FH_TRY(store_owner_set_password(c, id, w->hash, e));
    return store_audit(c, &a->by, "user.create", id, w->handle, w->admin ? "{\"admin\":true}" : NULL, e);
}

static fh_err create(struct admin *a, struct fh_error *e)
{
    struct user_work *w = a->arg;
    if (fh_cli_flag(a->cli, "password-stdin"))
        FH_TRY(read_password(w->hash, e));
    FH_TRY(admin_change(a, create_rows, ADMIN_ACCOUNTS, w->handle, e));
    admin_say("The user %s is there. Next: floe-server token create %s", w->handle, w->handle);
    return FH_OK;
}

static int run_create(struct fh_cli *cli)
{
    struct fh_error e = {0};
    struct user_work w = {
        .handle = cli->args[0], .email = fh_cli_value(cli, "email"), .admin = fh_cli_flag(cli, "admin")};
    fh_err rc = fh_cli_flag(cli, "reserved") ? auth_check_handle_trusted(w.handle, &e)
                                             : auth_check_handle(w.handle, &e);
    if (rc == FH_OK && w.email && !email_is_fine(w.email))
        rc = FH_FAIL(&e, FH_INVALID, "\"%s\" is not an e-mail address.", w.email);
    return rc == FH_OK ? admin_run(cli, ADMIN_READY, create, &w) : fh_cli_usage(cli, "%s", e.msg);
}

struct owner_list {
    struct store_owner *items;
    size_t n;
};

static fh_err list_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct owner_list *list = a->arg;
    return store_owner_list(c, a->arena, STORE_USER, &list->items, &list->n, e);
}

static fh_err print_list(struct admin *a, const struct owner_list *list, struct fh_error *e)
{
    if (admin_wants_json(a)) {
        json_t *all = json_array();
        for (size_t i = 0; i < list->n; i++) {
            const struct store_owner *o = &list->items[i];
            json_array_append_new(all, json_pack("{s:I, s:s, s:s?, s:b, s:b, s:o}", "id", (json_int_t)o->id,
                                                 "handle", o->handle, "email", o->email, "admin", o->admin,
                                                 "disabled", o->disabled, "created_at",
                                                 admin_json_time(o->created_at)));
        }
        return admin_print_json(all, e);
    }
    static const char *const titles[] = {"HANDLE", "EMAIL", "STATE", "CREATED"};
    struct fh_table *t = fh_table_new(titles, 4);
    for (size_t i = 0; i < list->n; i++) {
        const struct store_owner *o = &list->items[i];
        const char *state = o->disabled ? "disabled" : o->admin ? "admin" : "";
        fh_table_row(t, (const char *const[]){o->handle, o->email, state, admin_time(a, o->created_at, "")});
    }
    fh_table_print(t, STDOUT_FILENO);
    return FH_OK;
}

static fh_err list_users(struct admin *a, struct fh_error *e)
{
    FH_TRY(admin_read(a, list_rows, e));
    return print_list(a, a->arg, e);
}

static int run_list(struct fh_cli *cli)
{
    struct owner_list list = {0};
    return admin_run(cli, ADMIN_READY, list_users, &list);
}

static fh_err set_disabled_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct user_work *w = a->arg;
    struct store_owner owner;
    FH_TRY(admin_find_owner(a, c, w->handle, STORE_USER, &owner, e));
    FH_TRY(store_owner_set_disabled(c, owner.id, w->flag, e));
    return store_audit(c, &a->by, w->flag ? "user.disable" : "user.enable", owner.id, w->handle, NULL, e);
}

static fh_err set_disabled(struct admin *a, struct fh_error *e)
{
    const struct user_work *w = a->arg;
    FH_TRY(admin_change(a, set_disabled_rows, ADMIN_ACCOUNTS, w->handle, e));
    if (w->flag)
        admin_say(
            "%s is disabled: no token of theirs works. Their environments stay as visible as they were.",
            w->handle);
    else
        admin_say("%s is enabled.", w->handle);
    return FH_OK;
}

static int run_disable(struct fh_cli *cli)
{
    struct user_work w = {.handle = cli->args[0], .flag = true};
    return admin_run(cli, ADMIN_READY, set_disabled, &w);
}

static int run_enable(struct fh_cli *cli)
{
    struct user_work w = {.handle = cli->args[0]};
    return admin_run(cli, ADMIN_READY, set_disabled, &w);
}

static fh_err set_admin_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct user_work *w = a->arg;
    struct store_owner owner;
    FH_TRY(admin_find_owner(a, c, w->handle, STORE_USER, &owner, e));
    FH_TRY(store_owner_set_admin(c, owner.id, w->flag, e));
    return store_audit(c, &a->by, "user.admin", owner.id, w->handle,
                       w->flag ? "{\"admin\":true}" : "{\"admin\":false}", e);
}

static fh_err set_admin(struct admin *a, struct fh_error *e)
{
    const struct user_work *w = a->arg;
    FH_TRY(admin_change(a, set_admin_rows, ADMIN_ACCOUNTS, w->handle, e));
    admin_say(w->flag ? "%s is an administrator of this hub, with tokens of scope admin."
                      : "%s is no administrator of this hub.",
              w->handle);
    return FH_OK;
}

static int run_admin(struct fh_cli *cli)
{
    bool yes = strcmp(cli->args[1], "yes") == 0;
    if (!yes && strcmp(cli->args[1], "no") != 0)
        return fh_cli_usage(cli, "Say yes or no.");
    struct user_work w = {.handle = cli->args[0], .flag = yes};
    return admin_run(cli, ADMIN_READY, set_admin, &w);
}

static fh_err set_password_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    const struct user_work *w = a->arg;
    struct store_owner owner;
    FH_TRY(admin_find_owner(a, c, w->handle, STORE_USER, &owner, e));
    FH_TRY(store_owner_set_password(c, owner.id, w->hash, e));
    return store_audit(c, &a->by, "user.password", owner.id, w->handle, NULL, e);
}

static fh_err set_password(struct admin *a, struct fh_error *e)
{
    struct user_work *w = a->arg;
    FH_TRY(read_password(w->hash, e));
    FH_TRY(admin_change(a, set_password_rows, ADMIN_ACCOUNTS, w->handle, e));
    admin_say("The password of %s is changed.", w->handle);
    return FH_OK;
}

static int run_password(struct fh_cli *cli)
{
    if (!fh_cli_flag(cli, "password-stdin"))
        return fh_cli_usage(cli, "The new password is read from standard input: add --password-stdin.");
    struct user_work w = {.handle = cli->args[0]};
    return admin_run(cli, ADMIN_READY, set_password, &w);
}

static const struct fh_opt create_opts[] = {
    {.name = "email", .kind = FH_OPT_VALUE, .value = "EMAIL", .help = "The user's e-mail address."},
    {.name = "admin", .help = "Make the user an administrator of this hub."},
    {.name = "password-stdin", .help = "Read a password from standard input."},
    {.name = "reserved", .help = "Allow the handle \"flox\", whose environments every client trusts."},
    {0}};
static const struct fh_opt password_opts[] = {
    {.name = "password-stdin", .help = "Read the new password from standard input."}, {0}};
static const struct fh_opt list_opts[] = {ADMIN_JSON_OPT, {0}};

const struct fh_verb admin_user_verbs[] = {
    {.path = "user create",
     .args = "HANDLE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Create a user.",
     .text = "A handle has 3 to 63 letters, digits, \"-\" and \"_\", and is unique whatever the case. A user "
             "needs no "
             "password to work with tokens.",
     .opts = create_opts,
     .run = run_create},
    {.path = "user list", .summary = "List the users.", .opts = list_opts, .run = run_list},
    {.path = "user disable",
     .args = "HANDLE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Stop a user's tokens; what the user has stays.",
     .run = run_disable},
    {.path = "user enable",
     .args = "HANDLE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Let a disabled user in again.",
     .run = run_enable},
    {.path = "user admin",
     .args = "HANDLE yes|no",
     .min_args = 2,
     .max_args = 2,
     .summary = "Make a user an administrator of this hub, or no longer.",
     .run = run_admin},
    {.path = "user password",
     .args = "HANDLE",
     .min_args = 1,
     .max_args = 1,
     .summary = "Set a user's password.",
     .opts = password_opts,
     .run = run_password},
    {0}};
