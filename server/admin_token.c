/* floe-server token …: what people and machines log in with. */
#include "server/admin.h"

#include "common/clock.h"
#include "server/auth/auth.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

enum { MAX_NAME = 200 };

struct token_work {
    const char *handle, *name;
    enum store_scope scope;
    int64_t expires_at, id;
    char text[AUTH_TOKEN_SIZE];
    struct store_token *tokens;
    size_t n;
};

static fh_err create_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct token_work *w = a->arg;
    struct store_owner owner;
    FH_TRY(admin_find_owner(a, c, w->handle, 0, &owner, e));
    if (owner.disabled)
        return FH_FAIL(e, FH_CONFLICT, "%s is disabled; \"floe-server user enable %s\" comes first.",
                       w->handle, w->handle);
    auth_token_make(owner.kind, w->text);
    struct store_token token = {.owner_id = owner.id,
                                .name = w->name ? fh_strdup(a->arena, w->name) : NULL,
                                .hint = fh_sprintf(a->arena, "%.*s…", AUTH_TOKEN_HINT, w->text),
                                .scope = w->scope,
                                .expires_at = w->expires_at};
    uint8_t hash[32];
    auth_token_hash(w->text, hash);
    FH_TRY(store_token_create(c, &token, hash, &w->id, e));
    return store_audit(c, &a->by, "token.create", owner.id,
                       fh_sprintf(a->arena, "token %lld", (long long)w->id),
                       fh_sprintf(a->arena, "{\"scope\":\"%s\"}", store_scope_name(w->scope)), e);
}

static fh_err create(struct admin *a, struct fh_error *e)
{
    struct token_work *w = a->arg;
    fh_err rc = admin_change(a, create_rows, ADMIN_ACCOUNTS, w->handle, e);
    if (rc == FH_OK && (puts(w->text) == EOF || fflush(stdout) != 0))
        rc = FH_FAIL_ERRNO(e, FH_INTERNAL,
                           "Token %lld was made but could not be written out, so revoke it and make another",
                           (long long)w->id);
    explicit_bzero(w->text, sizeof w->text);
    if (rc == FH_OK && isatty(STDOUT_FILENO))
        admin_say("This is token %lld of %s, scope %s, %s. It is shown this once.", (long long)w->id,
                  w->handle, store_scope_name(w->scope),
                  w->expires_at ? fh_sprintf(a->arena, "good until %s UTC", admin_time(a, w->expires_at, ""))
                                : "without an end");
    return rc;
}

static bool name_is_fine(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return *name && strlen(name) <= MAX_NAME;
}

static int run_create(struct fh_cli *cli)
{
    const char *expires = fh_cli_value(cli, "expires"), *scope = fh_cli_value(cli, "scope");
    struct token_work w = {
        .handle = cli->args[0], .name = fh_cli_value(cli, "name"), .scope = STORE_SCOPE_WRITE};
    struct fh_error e = {0};
    if (scope && !(w.scope = store_scope_parse(scope)))
        return fh_cli_usage(cli, "A scope is read, write or admin.");
    if (expires && auth_expiry_parse(expires, fh_now(), &w.expires_at, &e) != FH_OK)
        return fh_cli_usage(cli, "%s", e.msg);
    if (w.name && !name_is_fine(w.name))
        return fh_cli_usage(cli, "The name of a token is one line of 1 to %d bytes.", MAX_NAME);
    return admin_run(cli, ADMIN_READY, create, &w);
}

static fh_err list_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct token_work *w = a->arg;
    struct store_owner owner = {0};
    if (w->handle)
        FH_TRY(admin_find_owner(a, c, w->handle, 0, &owner, e));
    return store_token_list(c, a->arena, owner.id, &w->tokens, &w->n, e);
}

static const char *state_of(const struct store_token *t, int64_t now)
{
    return t->revoked_at ? "revoked" : t->expires_at && t->expires_at <= now ? "expired" : "valid";
}

static json_t *token_json(const struct store_token *t, int64_t now)
{
    return json_pack("{s:I, s:s, s:s?, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", (json_int_t)t->id, "owner",
                     t->owner, "name", t->name, "hint", t->hint, "scope", store_scope_name(t->scope), "state",
                     state_of(t, now), "created_at", admin_json_time(t->created_at), "expires_at",
                     admin_json_time(t->expires_at), "revoked_at", admin_json_time(t->revoked_at),
                     "last_used_at", admin_json_time(t->last_used_at));
}

static fh_err list_tokens(struct admin *a, struct fh_error *e)
{
    const struct token_work *w = a->arg;
    int64_t now = fh_now();
    FH_TRY(admin_read(a, list_rows, e));
    if (admin_wants_json(a)) {
        json_t *all = json_array();
        for (size_t i = 0; i < w->n; i++)
            json_array_append_new(all, token_json(&w->tokens[i], now));
        return admin_print_json(all, e);
    }
    static const char *const titles[] = {"ID",    "OWNER", "NAME",    "TOKEN",
                                         "SCOPE", "STATE", "EXPIRES", "LAST USED"};
    struct fh_table *table = fh_table_new(titles, 8);
    for (size_t i = 0; i < w->n; i++) {
        const struct store_token *t = &w->tokens[i];
        fh_table_row(table, (const char *const[]){fh_sprintf(a->arena, "%lld", (long long)t->id), t->owner,
                                                  t->name, t->hint, store_scope_name(t->scope),
                                                  state_of(t, now), admin_time(a, t->expires_at, "never"),
                                                  admin_time(a, t->last_used_at, "never")});
    }
    fh_table_print(table, STDOUT_FILENO);
    return FH_OK;
}

static int run_list(struct fh_cli *cli)
{
    struct token_work w = {.handle = cli->nargs ? cli->args[0] : NULL};
    return admin_run(cli, ADMIN_READY, list_tokens, &w);
}

static fh_err revoke_rows(struct db_conn *c, void *arg, struct fh_error *e)
{
    struct admin *a = arg;
    struct token_work *w = a->arg;
    FH_TRY(store_token_list(c, a->arena, 0, &w->tokens, &w->n, e));
    const struct store_token *found = NULL;
    for (size_t i = 0; i < w->n; i++)
        if (w->tokens[i].id == w->id)
            found = &w->tokens[i];
    if (!found)
        return FH_FAIL(e, FH_NOT_FOUND, "There is no token %lld.", (long long)w->id);
    w->handle = found->owner;
    FH_TRY(store_token_revoke(c, w->id, e));
    return store_audit(c, &a->by, "token.revoke", found->owner_id,
                       fh_sprintf(a->arena, "token %lld", (long long)w->id), NULL, e);
}

static fh_err revoke_token(struct admin *a, struct fh_error *e)
{
    const struct token_work *w = a->arg;
    FH_TRY(admin_change(a, revoke_rows, ADMIN_ACCOUNTS, "", e));
    admin_say("Token %lld of %s is revoked.", (long long)w->id, w->handle);
    return FH_OK;
}

static int run_revoke(struct fh_cli *cli)
{
    char *end;
    errno = 0;
    long long id = strtoll(cli->args[0], &end, 10);
    if (errno || *end || end == cli->args[0] || id <= 0)
        return fh_cli_usage(cli, "A token is revoked by its number, which \"token list\" shows.");
    struct token_work w = {.id = id};
    return admin_run(cli, ADMIN_READY, revoke_token, &w);
}

static const struct fh_opt create_opts[] = {
    {.name = "name", .kind = FH_OPT_VALUE, .value = "NAME", .help = "What the token is for, shown in lists."},
    {.name = "expires",
     .kind = FH_OPT_VALUE,
     .value = "WHEN",
     .help = "90d, 12h, a date such as 2027-01-31, or never (the default)."},
    {.name = "scope",
     .kind = FH_OPT_VALUE,
     .value = "SCOPE",
     .complete = "read write admin",
     .help = "read, write (the default) or admin: the most the token is good for."},
    {0}};
static const struct fh_opt list_opts[] = {ADMIN_JSON_OPT, {0}};

const struct fh_verb admin_token_verbs[] = {{.path = "token create",
                                             .args = "HANDLE|ORG",
                                             .min_args = 1,
                                             .max_args = 1,
                                             .summary = "Make a token and print it, once.",
                                             .text =
                                                 "Standard output has the token alone. A user's token acts "
                                                 "as the user; an organisation's, for machines, acts as "
                                                 "the organisation: scope read as a reader of it, write as a "
                                                 "writer, admin as an owner. The hub keeps only its "
                                                 "SHA-256.",
                                             .opts = create_opts,
                                             .run = run_create},
                                            {.path = "token list",
                                             .args = "[HANDLE|ORG]",
                                             .max_args = 1,
                                             .summary = "List tokens, without their secret.",
                                             .opts = list_opts,
                                             .run = run_list},
                                            {.path = "token revoke",
                                             .args = "ID",
                                             .min_args = 1,
                                             .max_args = 1,
                                             .summary = "Make a token invalid at once, on every node.",
                                             .run = run_revoke},
                                            {0}};
