/* What the administration commands share. See admin.h. */
#include "server/admin.h"

#include "common/clock.h"
#include "server/db/cluster.h"

#include <jansson.h>
#include <pwd.h>
#include <stdarg.h>
#include <unistd.h>

enum { CONNECTIONS = 2, WAIT_MS = 10 * 1000, STATEMENT_MS = 10 * 60 * 1000, ANNOUNCE_MS = 1000, URL = 1024 };

static bool is_setting(const char *name)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (strcmp(config_options[i].name, name) == 0)
            return true;
    return false;
}

const char *const *admin_settings(struct fh_cli *cli, struct fh_arena *arena)
{
    const char *const *given = fh_cli_given(cli);
    size_t n = 0, at = 0;
    while (given[n])
        n += 2;
    const char **out = fh_alloc(arena, (n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i += 2) {
        char *name = fh_strdup(arena, given[i]);
        for (char *c = name; *c; c++)
            if (*c == '-')
                *c = '_';
        if (!is_setting(name))
            continue;
        out[at++] = name;
        out[at++] = given[i + 1];
    }
    return out;
}

/* The embedded database's URL; starts its PostgreSQL for the time of the command when nobody else has. */
static fh_err reach_cluster(struct admin *a, enum admin_need need, char url[URL], struct fh_error *e)
{
    const char *data = a->config->data;
    if (access(data, F_OK) == 0 && access(data, X_OK) != 0)
        return FH_FAIL_ERRNO(
            e, FH_DENIED, "The data folder %s can only be used by root and the user the hub runs as", data);
    if (need != ADMIN_ANY && !db_cluster_exists(data))
        return FH_FAIL(
            e, FH_NOT_FOUND,
            "There is no hub in %s yet: start one with \"floe-server serve\", or name another folder "
            "with --data.",
            data);
    if (db_cluster_pid(data) == 0) {
        struct db_cluster_config config = {data, a->config->postgres_bin, (int)a->config->db_connections + 8};
        struct fh_error why = {0};
        fh_err rc = db_cluster_start(&config, &a->cluster, &why);
        /* A hub that starts at this moment has it: then it is there to be used. */
        if (rc != FH_OK && rc != FH_CONFLICT)
            return FH_FAIL(e, rc, "%s", why.msg);
    }
    return db_cluster_url(data, url, URL, e);
}

static fh_err check_schema(struct admin *a, struct fh_error *e)
{
    int have, want = db_schema_version();
    FH_TRY(db_schema_applied(a->pool, &have, e));
    if (have > want)
        return FH_FAIL(
            e, FH_INVALID,
            "The database has schema %d, of a newer Floe; this program knows %d. Use the newer one.", have,
            want);
    if (have < want)
        return FH_FAIL(
            e, FH_INVALID,
            "The database has schema %d and this program needs %d. Run \"floe-server migrate\", or start "
            "the hub, which does it.",
            have, want);
    return FH_OK;
}

static void name_actor(struct admin *a)
{
    const struct passwd *pw = getpwuid(getuid());
    a->by.handle = fh_sprintf(a->arena, "%s (admin command)", pw ? pw->pw_name : "somebody");
}

fh_err admin_open(struct fh_cli *cli, enum admin_need need, struct admin *a, struct fh_error *e)
{
    *a = (struct admin){.cli = cli, .arena = fh_arena_new()};
    name_actor(a);
    FH_TRY(config_load(admin_settings(cli, a->arena), environ, &a->config, e));
    if (need == ADMIN_SETTINGS)
        return FH_OK;
    char url[URL];
    const char *external = a->config->database_url;
    if (!external)
        FH_TRY(reach_cluster(a, need, url, e));
    struct db_config config = {.url = external ? external : url,
                               .size = CONNECTIONS,
                               .wait_ms = WAIT_MS,
                               .statement_ms = STATEMENT_MS,
                               .application_name = "floe-server admin"};
    FH_TRY(db_pool_open(&config, &a->pool, e));
    return need == ADMIN_READY ? check_schema(a, e) : FH_OK;
}

void admin_close(struct admin *a)
{
    if (a->pool)
        db_pool_close(a->pool);
    if (a->cluster)
        db_cluster_stop(a->cluster);
    if (a->config)
        config_free(a->config);
    fh_arena_free(a->arena);
}

int admin_run(struct fh_cli *cli, enum admin_need need, admin_work *work, void *arg)
{
    struct admin a;
    struct fh_error e = {0};
    fh_err rc = admin_open(cli, need, &a, &e);
    a.arg = arg;
    if (rc == FH_OK)
        rc = work(&a, &e);
    int status = rc == FH_OK ? 0 : fh_cli_fail(cli, &e);
    admin_close(&a);
    return status;
}

fh_err admin_read(struct admin *a, db_work *work, struct fh_error *e)
{
    return db_read(a->pool, work, a, e);
}

fh_err admin_change(struct admin *a, db_work *work, enum admin_about about, const char *handle,
                    struct fh_error *e)
{
    FH_TRY(db_transaction(a->pool, work, a, e));
    admin_tell(a, about, handle);
    return FH_OK;
}

void admin_tell(struct admin *a, enum admin_about about, const char *handle)
{
    static const char *const channels[] = {[ADMIN_ACCOUNTS] = "floe_accounts",
                                           [ADMIN_ENVIRONMENTS] = "floe_owner",
                                           [ADMIN_CATALOG] = "floe_catalog"};
    /* Notifications arrive in the order of commits, so whoever has heard this one has heard those of the
     * transaction too, whatever their channel. */
    struct fh_error why = {0};
    if (db_announce(a->pool, channels[about], handle, ANNOUNCE_MS, &why) != FH_OK)
        admin_say("%s", why.msg);
}

fh_err admin_find_owner(struct admin *a, struct db_conn *c, const char *handle, enum store_owner_kind kind,
                        struct store_owner *out, struct fh_error *e)
{
    FH_TRY(store_owner_find(c, a->arena, handle, out, e));
    if (kind && out->kind != kind)
        return FH_FAIL(e, FH_INVALID, "%s is %s.", handle,
                       out->kind == STORE_ORG ? "an organisation" : "a user");
    return FH_OK;
}

bool admin_wants_json(const struct admin *a)
{
    return fh_cli_flag(a->cli, "json");
}

void admin_say(const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char *safe = fh_term_safe(text);
    fprintf(stderr, "%s\n", safe);
    free(safe);
}

fh_err admin_print_json(struct json_t *take_value, struct fh_error *e)
{
    char *text = take_value ? json_dumps(take_value, JSON_INDENT(2) | JSON_ENCODE_ANY) : NULL;
    json_decref(take_value);
    if (!text)
        return FH_FAIL(e, FH_INTERNAL, "The answer could not be made into JSON.");
    puts(text);
    free(text);
    return FH_OK;
}

struct json_t *admin_json_time(int64_t at)
{
    char text[FH_RFC3339_SIZE];
    if (at == 0)
        return json_null();
    fh_time_format(at, text);
    return json_string(text);
}

const char *admin_time(struct admin *a, int64_t at, const char *zero)
{
    char text[FH_RFC3339_SIZE];
    if (at == 0)
        return zero;
    fh_time_format(at, text);
    text[10] = ' ';
    return fh_strndup(a->arena, text, sizeof "2026-01-02 03:04" - 1);
}
