/* The table of settings, and how one is set from text. See config.h. */
#include "server/config.h"

#include "common/ceilings.h"
#include "common/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <strings.h>

#define KIB       ((int64_t)1024)
#define MIB       (1024 * KIB)
#define GIB       (1024 * MIB)
#define AT(field) offsetof(struct config, field)

/* clang-format off */
const struct config_option config_options[] = {
    {"config", CONFIG_PATH, NULL, 0, 0, false, false,
     "The file with the settings.", AT(config_file)},
    {"data", CONFIG_PATH, NULL, 0, 0, false, false,
     "The folder for everything the hub keeps. By default /var/lib/floe for root and the service, else ~/.local/share/floe-server.", AT(data)},
    {"listen", CONFIG_TEXT, "127.0.0.1:8080", 0, 0, false, false,
     "The address and port to serve on; [::1]:8080 for IPv6, 0.0.0.0:8080 for every address.", AT(listen)},
    {"base_url", CONFIG_TEXT, NULL, 0, 0, false, false,
     "The address under which everybody reaches the hub. It is written into every environment that is pushed. May have a path.", AT(base_url)},
    {"metrics_listen", CONFIG_TEXT, "127.0.0.1:9080", 0, 0, false, false,
     "The address and port of /metrics, or none.", AT(metrics_listen)},
    {"database_url", CONFIG_TEXT, NULL, 0, 0, true, false,
     "A PostgreSQL 15 or later to use instead of the hub's own.", AT(database_url)},
    {"db_connections", CONFIG_INT, "16", 1, 1000, false, false,
     "How many database connections the hub opens at most.", AT(db_connections)},
    {"postgres_bin", CONFIG_PATH, NULL, 0, 0, false, false,
     "The folder of postgres and initdb for the hub's own database. By default the newest under /usr/lib/postgresql.", AT(postgres_bin)},
    {"tls_cert", CONFIG_PATH, NULL, 0, 0, false, false,
     "A certificate chain in PEM form: the hub then speaks HTTPS. Read again on SIGHUP.", AT(tls_cert)},
    {"tls_key", CONFIG_PATH, NULL, 0, 0, false, false,
     "The certificate's private key in PEM form. Read again on SIGHUP, by the user the hub runs as.", AT(tls_key)},
    {"trusted_proxies", CONFIG_TEXT, NULL, 0, 0, false, false,
     "Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: 127.0.0.1, 10.0.0.0/8.", AT(trusted_proxies)},
    {"log_level", CONFIG_TEXT, "info", 0, 0, false, true,
     "debug, info, warn or error. Requests are always logged.", AT(log_level)},
    {"workers", CONFIG_INT, "0", 0, 1024, false, false,
     "Threads for what touches the database or the disk; 0 for four per core, at least eight.", AT(workers)},
    {"max_connections", CONFIG_INT, "4096", 1, 1000000, false, false,
     "Connections at a time; more wait.", AT(max_connections)},
    {"max_connections_per_address", CONFIG_INT, "512", 1, 1000000, false, false,
     "Connections at a time of one address (IPv6: of one /64); more are closed. Trusted proxies are not counted.", AT(max_connections_per_address)},
    {"rate_limit", CONFIG_INT, "600", 0, 1000000, false, false,
     "Requests a minute to /api/v1 (but not to /api/v1/catalog) of one caller (a token's owner, or an address); a sixth of it at once. 0 for no limit.", AT(rate_limit)},
    {"push_limit", CONFIG_SIZE, "64M", 64 * KIB, GIB, false, false,
     "The largest push.", AT(push_limit)},
    {"owner_quota", CONFIG_SIZE, "0", 0, INT64_MAX, false, false,
     "How much an owner's environments may take; 0 for no limit.", AT(owner_quota)},
    {"cache_size", CONFIG_SIZE, "1G", MIB, INT64_MAX, false, false,
     "How much disk the cache of built packs may take.", AT(cache_size)},
    {"ref_log_days", CONFIG_INT, "90", 1, 36500, false, false,
     "For how many days a replaced or deleted generation can be restored.", AT(ref_log_days)},
    {"default_visibility", CONFIG_VISIBILITY, "public", 0, 0, false, false,
     "Who sees a new environment of a user: public, internal, unlisted or private.", AT(default_visibility)},
    {"default_org_visibility", CONFIG_VISIBILITY, "private", 0, 0, false, false,
     "Who sees a new environment of an organisation.", AT(default_org_visibility)},
    {"require_login", CONFIG_BOOL, "false", 0, 0, false, false,
     "Nobody reads anything without an account.", AT(require_login)},
    {"users_create_orgs", CONFIG_BOOL, "true", 0, 0, false, false,
     "Users create organisations; otherwise only administrators do.", AT(users_create_orgs)},
    {"catalog_anonymous", CONFIG_BOOL, "true", 0, 0, false, false,
     "Anybody may search and resolve the base catalog and public catalogs; otherwise only who has an account.", AT(catalog_anonymous)},
    {"catalog_resolve_anonymous", CONFIG_BOOL, "true", 0, 0, false, false,
     "Anybody may resolve, which is to lock packages; otherwise only who has an account. Searching stays as it is.", AT(catalog_resolve_anonymous)},
    {"catalog_upstream", CONFIG_TEXT, NULL, 0, 0, false, false,
     "The base URL of a hub that answers questions about the base catalog as long as none was imported here: https://api.flox.dev.", AT(catalog_upstream)},
    {"catalog_upstream_token", CONFIG_TEXT, NULL, 0, 0, true, false,
     "What this hub logs in with there. A caller's own token is never sent.", AT(catalog_upstream_token)},
    {"catalog_upstream_age", CONFIG_INT, "300", 0, 86400, false, false,
     "For how many seconds an answer from there is given again without asking.", AT(catalog_upstream_age)},
    {"user", CONFIG_TEXT, "floe", 0, 0, false, false,
     "The user that the hub becomes when it is started as root.", AT(user)},
};
/* clang-format on */
const size_t config_option_count = sizeof config_options / sizeof *config_options;

static void *field(struct config *c, const struct config_option *o)
{
    return (char *)c + o->offset;
}

static fh_err parse_int(const struct config_option *o, const char *text, int64_t *out, struct fh_error *e)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    int64_t unit = 1;
    if (o->type == CONFIG_SIZE && *end) {
        const char *units = "kmgt", *u = strchr(units, tolower((unsigned char)*end));
        for (const char *p = units; u && p <= u; p++)
            unit *= 1024;
        end += u != NULL;
        end += strcasecmp(end, "ib") == 0 ? 2 : strcasecmp(end, "b") == 0 ? 1 : 0;
    }
    if (errno || end == text || *end || isspace((unsigned char)*text))
        return FH_FAIL(e, FH_INVALID,
                       o->type == CONFIG_SIZE ? "%s must be a size like 500k, 64M or 2G, not \"%s\"."
                                              : "%s must be a number, not \"%s\".",
                       o->name, text);
    if (n > o->max / unit || n < 0 || n * unit < o->min)
        return FH_FAIL(e, FH_INVALID, "%s must be between %lld and %lld, not %s.", o->name, (long long)o->min,
                       (long long)o->max, text);
    *out = n * unit;
    return FH_OK;
}

static fh_err parse_bool(const struct config_option *o, const char *text, bool *out, struct fh_error *e)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out = strcasecmp(text, yes[i]) == 0;
            return FH_OK;
        }
    }
    return FH_FAIL(e, FH_INVALID, "%s must be true or false, not \"%s\".", o->name, text);
}

static fh_err parse_visibility(const struct config_option *o, const char *text, enum store_visibility *out,
                               struct fh_error *e)
{
    *out = store_visibility_parse(text);
    if (!*out)
        return FH_FAIL(e, FH_INVALID, "%s must be public, internal, unlisted or private, not \"%s\".",
                       o->name, text);
    return FH_OK;
}

static void set_text(char **where, const char *text)
{
    free(*where);
    *where = *text ? fh_xstrdup(text) : NULL;
}

static fh_err set(struct config *c, const struct config_option *o, const char *text, struct fh_error *e)
{
    switch (o->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
        set_text(field(c, o), *text || !o->fallback ? text : o->fallback);
        return FH_OK;
    case CONFIG_INT:
    case CONFIG_SIZE:
        return parse_int(o, text, field(c, o), e);
    case CONFIG_BOOL:
        return parse_bool(o, text, field(c, o), e);
    case CONFIG_VISIBILITY:
        return parse_visibility(o, text, field(c, o), e);
    }
    return FH_FAIL(e, FH_INTERNAL, "The setting %s is of no known type.", o->name);
}

/* A secret's file: its first line. */
static fh_err set_from_file(struct config *c, const struct config_option *o, const char *file,
                            struct fh_error *e)
{
    char text[FH_MAX_TOKEN_TEXT];
    FILE *f = fopen(file, "re");
    if (!f)
        return FH_FAIL_ERRNO(e, FH_INVALID, "The file %s, which should hold %s, cannot be read", file,
                             o->name);
    char *line = fgets(text, sizeof text, f);
    fclose(f);
    size_t n = line ? strcspn(text, "\r\n") : 0;
    if (n == 0 || n + 1 == sizeof text)
        return FH_FAIL(e, FH_INVALID, "The file %s, which should hold %s, is empty or too long.", file,
                       o->name);
    text[n] = '\0';
    fh_err rc = set(c, o, text, e);
    explicit_bzero(text, sizeof text);
    return rc;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance of short names. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = least(strlen(b), 63);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

static const char *nearest(const char *name)
{
    const char *best = "";
    size_t least_so_far = SIZE_MAX;
    for (size_t i = 0; i < config_option_count; i++) {
        size_t d = distance(name, config_options[i].name);
        if (d < least_so_far) {
            least_so_far = d;
            best = config_options[i].name;
        }
    }
    return best;
}

fh_err config_set(struct config *c, const char *name, const char *value, struct fh_error *e)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *o = &config_options[i];
        size_t n = strlen(o->name);
        if (strcmp(name, o->name) == 0)
            return set(c, o, value, e);
        if (o->secret && strncmp(name, o->name, n) == 0 && strcmp(name + n, "_file") == 0)
            return set_from_file(c, o, value, e);
    }
    return FH_FAIL(e, FH_NOT_FOUND, "There is no setting \"%s\"; the nearest is \"%s\".", name,
                   nearest(name));
}

bool config_differs(const struct config *a, const struct config *b, const struct config_option *o)
{
    const char *x = (const char *)a + o->offset, *y = (const char *)b + o->offset;
    if (o->type == CONFIG_BOOL)
        return memcmp(x, y, sizeof(bool)) != 0;
    if (o->type == CONFIG_VISIBILITY)
        return memcmp(x, y, sizeof(enum store_visibility)) != 0;
    if (o->type == CONFIG_INT || o->type == CONFIG_SIZE)
        return memcmp(x, y, sizeof(int64_t)) != 0;
    const char *s, *t;
    memcpy(&s, x, sizeof s);
    memcpy(&t, y, sizeof t);
    return s && t ? strcmp(s, t) != 0 : s != t;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < config_option_count; i++)
        if (config_options[i].type == CONFIG_TEXT || config_options[i].type == CONFIG_PATH) {
            char **text = field(c, &config_options[i]);
            if (*text && config_options[i].secret)
                explicit_bzero(*text, strlen(*text));
            free(*text);
        }
    for (size_t i = 0; c->flags && c->flags[i]; i++)
        free((void *)(uintptr_t)c->flags[i]);
    free((void *)(uintptr_t)c->flags);
    free(c);
}
