/* Where settings come from: defaults, the file, the environment, flags; later ones win. See config.h. */
#include "server/config.h"

#include "common/mem.h"
#include "server/http/address.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <unistd.h>

#define DEFAULT_FILE "/etc/floe/floe-server.conf"

static fh_err set_defaults(struct config *c, struct fh_error *e)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (config_options[i].fallback)
            FH_TRY(config_set(c, config_options[i].name, config_options[i].fallback, e));
    return FH_OK;
}

static char *trimmed(char *s)
{
    s += strspn(s, " \t\r\n");
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\r\n", s[n - 1]))
        s[--n] = '\0';
    return s;
}

/* "key = value"; a value may stand in double quotes. */
static fh_err read_line(struct config *c, char *line, struct fh_error *e)
{
    char *key = trimmed(line);
    if (*key == '\0' || *key == '#')
        return FH_OK;
    char *equals = strchr(key, '=');
    if (!equals)
        return FH_FAIL(e, FH_INVALID, "\"%.40s\" is not of the form key = value.", key);
    *equals = '\0';
    char *value = trimmed(equals + 1);
    size_t n = strlen(value);
    if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
        value[n - 1] = '\0';
        value++;
    }
    key = trimmed(key);
    if (strcmp(key, "config") == 0)
        return FH_FAIL(e, FH_INVALID, "A file of settings cannot name another.");
    return config_set(c, key, value, e);
}

static fh_err read_file(struct config *c, const char *file, struct fh_error *e)
{
    FILE *f = fopen(file, "re");
    if (!f)
        return FH_FAIL_ERRNO(e, FH_INVALID, "The settings in %s cannot be read", file);
    char *line = NULL;
    size_t size = 0;
    fh_err rc = FH_OK;
    for (int number = 1; rc == FH_OK && getline(&line, &size, f) >= 0; number++) {
        struct fh_error why = {0};
        rc = read_line(c, line, &why);
        if (rc != FH_OK)
            rc = FH_FAIL(e, FH_INVALID, "%s, line %d: %s", file, number, why.msg);
    }
    if (rc == FH_OK && ferror(f))
        rc = FH_FAIL_ERRNO(e, FH_INVALID, "The settings in %s cannot be read", file);
    free(line);
    fclose(f);
    return rc;
}

/* Variables of the client, the tests and the build, which the server may find in its environment. */
static bool is_foreign(const char *name)
{
    static const char *const names[] = {"hub",     "token", "author", "hostname",
                                        "version", "build", "jobs",   "rounds"};
    static const char *const beginnings[] = {"test_", "fuzz", "bench_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

/* The message of config_set names settings; here they are variables. */
static fh_err as_variable(fh_err rc, const char *variable, const struct fh_error *why, struct fh_error *e)
{
    const char *quoted = strstr(why->msg, "nearest is \"");
    if (rc != FH_NOT_FOUND || !quoted)
        return FH_FAIL(e, FH_INVALID, "%s: %s", variable, why->msg);
    char name[64];
    size_t n = 0;
    for (const char *p = quoted + strlen("nearest is \""); *p && *p != '"' && n + 1 < sizeof name; p++)
        name[n++] = (char)toupper((unsigned char)*p);
    name[n] = '\0';
    return FH_FAIL(e, FH_INVALID, "There is no setting for the variable %s; the nearest is FLOE_%s.",
                   variable, name);
}

static fh_err read_environment(struct config *c, char *const *environment, bool file_only, struct fh_error *e)
{
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        if (strncmp(*environment, "FLOE_", 5) != 0 || !equals || equals - *environment > 60)
            continue;
        char name[64] = "", variable[64];
        snprintf(variable, sizeof variable, "%.*s", (int)(equals - *environment), *environment);
        for (size_t i = 5; variable[i]; i++)
            name[i - 5] = (char)tolower((unsigned char)variable[i]);
        if (is_foreign(name) || file_only != (strcmp(name, "config") == 0))
            continue;
        struct fh_error why = {0};
        fh_err rc = config_set(c, name, equals + 1, &why);
        if (rc != FH_OK)
            return as_variable(rc, variable, &why, e);
    }
    return FH_OK;
}

static fh_err read_flags(struct config *c, const char *const *flags, bool file_only, struct fh_error *e)
{
    for (; flags && flags[0]; flags += 2)
        if (file_only == (strcmp(flags[0], "config") == 0))
            FH_TRY(config_set(c, flags[0], flags[1], e));
    return FH_OK;
}

/* /var/lib/floe for root and for the user it belongs to; otherwise the user's own. */
static fh_err find_data(struct config *c, struct fh_error *e)
{
    char path[4096];
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (geteuid() == 0 || access("/var/lib/floe", W_OK) == 0)
        snprintf(path, sizeof path, "/var/lib/floe");
    else if (xdg && xdg[0] == '/')
        snprintf(path, sizeof path, "%s/floe-server", xdg);
    else if (home && home[0] == '/')
        snprintf(path, sizeof path, "%s/.local/share/floe-server", home);
    else
        return FH_FAIL(e, FH_INVALID, "There is no home folder to keep data in: name a folder with data.");
    c->data = fh_xstrdup(path);
    return FH_OK;
}

static fh_err make_absolute(char **path, struct fh_error *e)
{
    char here[4096], whole[8192];
    if (!*path || **path == '/')
        return FH_OK;
    if (!getcwd(here, sizeof here))
        return FH_FAIL_ERRNO(e, FH_INVALID, "The current folder cannot be found");
    snprintf(whole, sizeof whole, "%s/%s", here, *path);
    free(*path);
    *path = fh_xstrdup(whole);
    return FH_OK;
}

static fh_err finish(struct config *c, struct fh_error *e)
{
    char **paths[] = {&c->data, &c->tls_cert, &c->tls_key, &c->postgres_bin, &c->config_file};
    if (!c->data)
        FH_TRY(find_data(c, e));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        FH_TRY(make_absolute(paths[i], e));
    return config_check(c, e);
}

static const char **copy_flags(const char *const *flags)
{
    size_t n = 0;
    while (flags && flags[n])
        n += 2;
    const char **copy = fh_xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = fh_xstrdup(flags[i]);
    return copy;
}

fh_err config_load(const char *const *flags, char *const *environment, struct config **out,
                   struct fh_error *e)
{
    struct config *c = fh_xcalloc(1, sizeof *c);
    c->flags = copy_flags(flags);
    c->environment = environment;
    fh_err rc = set_defaults(c, e);
    if (rc == FH_OK)
        rc = read_environment(c, environment, true, e);
    if (rc == FH_OK)
        rc = read_flags(c, flags, true, e);
    if (rc == FH_OK && !c->config_file && access(DEFAULT_FILE, R_OK) == 0)
        c->config_file = fh_xstrdup(DEFAULT_FILE);
    if (rc == FH_OK && c->config_file)
        rc = read_file(c, c->config_file, e);
    if (rc == FH_OK)
        rc = read_environment(c, environment, false, e);
    if (rc == FH_OK)
        rc = read_flags(c, flags, false, e);
    if (rc == FH_OK)
        rc = finish(c, e);
    if (rc != FH_OK) {
        config_free(c);
        return rc == FH_NOT_FOUND ? FH_INVALID : rc;
    }
    *out = c;
    return FH_OK;
}

fh_err config_reload(const struct config *old, struct config **out, struct fh_error *e)
{
    return config_load(old->flags, old->environment, out, e);
}
