/* Reading and writing settings. */
#include "client/settings.h"

#include "client/disk.h"
#include "client/hub.h"
#include "client/settings_flox.h"
#include "common/buf.h"
#include "common/ceilings.h"

#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_SEARCH_LIMIT = 10 };

static const char default_hub[] = "https://hub.flox.dev/";

static const char *set_env(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static const char *home_dir(struct fh_arena *a)
{
    const char *home = set_env("HOME");
    if (home != NULL)
        return home;
    const struct passwd *who = getpwuid(geteuid());
    return fh_strdup(a, who != NULL ? who->pw_dir : "/");
}

static const char *xdg_dir(struct fh_arena *a, const char *variable, const char *home, const char *below)
{
    const char *dir = set_env(variable);
    return dir != NULL && *dir == '/' ? dir : fh_sprintf(a, "%s/%s", home, below);
}

/* One line of the config. false: a comment, an empty line, or no "key = value". */
static bool read_line(struct fh_arena *a, const char *line, size_t n, const char **key, const char **value)
{
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        n--;
    while (n > 0 && isspace((unsigned char)*line)) {
        line++;
        n--;
    }
    const char *equals = n > 0 && *line != '#' ? memchr(line, '=', n) : NULL;
    if (equals == NULL)
        return false;
    size_t k = (size_t)(equals - line), v = n - k - 1;
    while (k > 0 && isspace((unsigned char)line[k - 1]))
        k--;
    const char *text = equals + 1;
    while (v > 0 && isspace((unsigned char)*text)) {
        text++;
        v--;
    }
    *key = fh_strndup(a, line, k);
    *value = fh_strndup(a, text, v);
    return true;
}

static size_t line_length(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline != NULL ? (size_t)(newline - at) : (size_t)(end - at);
}

struct floe_file {
    const char *hub, *catalog, *token, *handle;
    struct settings_trust *trust;
    size_t ntrust;
};

static fh_err read_floe(struct fh_arena *a, const char *path, struct floe_file *out, struct fh_error *e)
{
    char *text;
    size_t n;
    fh_err rc = disk_read(path, FH_MAX_BODY_SMALL, a, &text, &n, e);
    if (rc == FH_NOT_FOUND)
        return FH_OK;
    if (rc != FH_OK)
        return rc;
    out->trust = fh_alloc(a, (n / 8 + 1) * sizeof *out->trust);
    for (const char *at = text, *end = text + n; at < end;) {
        size_t len = line_length(at, end);
        const char *key, *value;
        if (read_line(a, at, len, &key, &value)) {
            if (strcmp(key, "hub") == 0)
                FH_TRY(hub_normalise(value, a, &out->hub, e));
            else if (strcmp(key, "catalog") == 0)
                FH_TRY(hub_normalise(value, a, &out->catalog, e));
            else if (strcmp(key, "token") == 0 && *value != '\0')
                out->token = value;
            else if (strcmp(key, "handle") == 0 && *value != '\0')
                out->handle = value;
            else if (strncmp(key, "trust.", 6) == 0)
                out->trust[out->ntrust++] = (struct settings_trust){key + 6, strcmp(value, "trust") == 0};
        }
        at += len + (at + len < end ? 1 : 0);
    }
    return FH_OK;
}

static bool same_origin(struct fh_arena *a, const char *x, const char *y)
{
    return strcmp(hub_origin(x, a), hub_origin(y, a)) == 0;
}

static void choose_token(struct fh_arena *a, struct settings *s, const struct floe_file *floe,
                         const struct settings_flox *flox)
{
    const char *env = getenv("FLOE_TOKEN");
    const char *flox_env = getenv("FLOX_FLOXHUB_TOKEN");
    s->config_token = floe->token;
    if (env != NULL) {
        s->token = *env != '\0' ? env : NULL;
        s->token_source = *env != '\0' ? SETTINGS_ENVIRONMENT : SETTINGS_NOWHERE;
        s->token_from = "FLOE_TOKEN";
    } else if (floe->token != NULL && (floe->hub == NULL || same_origin(a, floe->hub, s->hub))) {
        s->token = floe->token;
        s->token_source = SETTINGS_FLOE_FILE;
        s->token_from = s->config;
        s->handle = floe->handle;
    } else if (flox_env != NULL) {
        s->token = *flox_env != '\0' ? flox_env : NULL;
        s->token_source = *flox_env != '\0' ? SETTINGS_ENVIRONMENT : SETTINGS_NOWHERE;
        s->token_from = "FLOX_FLOXHUB_TOKEN";
    } else if (flox->token != NULL && same_origin(a, flox->hub != NULL ? flox->hub : default_hub, s->hub)) {
        s->token = flox->token;
        s->token_source = SETTINGS_FLOX_FILE;
        s->token_from = flox->token_path;
    }
}

const char *settings_path(struct fh_arena *a)
{
    return fh_sprintf(a, "%s/floe/config", xdg_dir(a, "XDG_CONFIG_HOME", home_dir(a), ".config"));
}

static fh_err choose_hub(struct fh_arena *a, const char *option, struct settings *s,
                         const struct floe_file *floe, struct settings_flox *flox, struct fh_error *e)
{
    const char *flox_env = set_env("FLOX_FLOXHUB_URL");
    if (flox_env != NULL)
        FH_TRY(hub_normalise(flox_env, a, &flox->hub, e));
    else if (flox->hub != NULL)
        FH_TRY(hub_normalise(flox->hub, a, &flox->hub, e));
    const char *chosen = option != NULL ? option : set_env("FLOE_HUB");
    s->hub_from = option != NULL      ? "--floxhub-url"
                  : chosen != NULL    ? "FLOE_HUB"
                  : floe->hub != NULL ? s->config
                  : flox_env != NULL  ? "FLOX_FLOXHUB_URL"
                  : flox->hub != NULL ? "flox's configuration"
                                      : "the default";
    if (chosen != NULL)
        return hub_normalise(chosen, a, &s->hub, e);
    s->hub = floe->hub != NULL ? floe->hub : flox->hub != NULL ? flox->hub : default_hub;
    return FH_OK;
}

static fh_err choose_catalog(struct fh_arena *a, struct settings *s, const struct floe_file *floe,
                             const struct settings_flox *flox, struct fh_error *e)
{
    /* The first that says something. */
    const struct {
        const char *from, *url;
    } sources[] = {{"FLOE_CATALOG", set_env("FLOE_CATALOG")},
                   {s->config, floe->catalog},
                   {"FLOX_CATALOG_URL", set_env("FLOX_CATALOG_URL")},
                   {"flox's configuration", flox->catalog}};
    s->catalog = s->hub;
    for (size_t i = 0; i < sizeof sources / sizeof *sources && s->catalog_from == NULL; i++)
        if (sources[i].url != NULL) {
            s->catalog_from = sources[i].from;
            FH_TRY(hub_normalise(sources[i].url, a, &s->catalog, e));
        }
    s->catalog_is_ours = same_origin(a, hub_api_base(s->catalog, a), hub_api_base(s->hub, a));
    return FH_OK;
}

fh_err settings_load(struct fh_arena *a, const char *hub_option, struct settings *out, struct fh_error *e)
{
    struct settings s = {0};
    struct floe_file floe = {0};
    struct settings_flox flox = {0};
    s.home = home_dir(a);
    const char *config = xdg_dir(a, "XDG_CONFIG_HOME", s.home, ".config");
    const char *cache = xdg_dir(a, "XDG_CACHE_HOME", s.home, ".cache");
    const char *data = xdg_dir(a, "XDG_DATA_HOME", s.home, ".local/share");
    s.config = settings_path(a);
    s.data_dir = set_env("FLOX_DATA_DIR") != NULL ? set_env("FLOX_DATA_DIR") : fh_sprintf(a, "%s/flox", data);
    s.cache_dir =
        set_env("FLOX_CACHE_DIR") != NULL ? set_env("FLOX_CACHE_DIR") : fh_sprintf(a, "%s/flox", cache);
    s.rendered_dir = fh_sprintf(a, "%s/floe/rendered", cache);
    const char *flox_dir =
        set_env("FLOX_CONFIG_DIR") != NULL ? set_env("FLOX_CONFIG_DIR") : fh_sprintf(a, "%s/flox", config);
    FH_TRY(read_floe(a, s.config, &floe, e));
    FH_TRY(settings_flox_load(a, flox_dir, &flox, e));
    FH_TRY(choose_hub(a, hub_option, &s, &floe, &flox, e));
    FH_TRY(choose_catalog(a, &s, &floe, &flox, e));
    choose_token(a, &s, &floe, &flox);
    struct settings_trust *trust = fh_alloc(a, (floe.ntrust + flox.ntrust + 1) * sizeof *trust);
    for (size_t i = 0; i < floe.ntrust; i++)
        trust[s.ntrust++] = floe.trust[i];
    s.nown_trust = s.ntrust;
    for (size_t i = 0; i < flox.ntrust; i++)
        trust[s.ntrust++] = flox.trust[i];
    s.trust = trust;
    s.upgrade_notes = !flox.silences_upgrades;
    s.search_limit = flox.search_limit > 0 ? flox.search_limit : DEFAULT_SEARCH_LIMIT;
    *out = s;
    return FH_OK;
}

static const struct settings_line *line_for(const struct settings_line *lines, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(lines[i].key, key) == 0)
            return &lines[i];
    return NULL;
}

/* The file with the named lines left out, and then the new ones. */
static fh_err rewrite(struct fh_arena *a, const char *text, size_t len, const struct settings_line *lines,
                      size_t n, struct fh_buf *out, struct fh_error *e)
{
    for (const char *at = text, *end = text + len; at < end;) {
        size_t length = line_length(at, end);
        const char *key, *value;
        if (!read_line(a, at, length, &key, &value) || line_for(lines, n, key) == NULL) {
            FH_TRY(fh_buf_add(out, at, length, e));
            FH_TRY(fh_buf_add_char(out, '\n', e));
        }
        at += length + (at + length < end ? 1 : 0);
    }
    for (size_t i = 0; i < n; i++)
        if (lines[i].value != NULL)
            FH_TRY(fh_buf_addf(out, e, "%s = %s\n", lines[i].key, lines[i].value));
    return FH_OK;
}

fh_err settings_store(struct fh_arena *a, const struct settings *s, const struct settings_line *lines,
                      size_t n, struct fh_error *e)
{
    char *text = fh_strdup(a, "");
    size_t len = 0;
    int lock;
    const char *dir = fh_strndup(a, s->config, strlen(s->config) - strlen("/config"));
    FH_TRY(disk_make_dirs(dir, 0700, e));
    FH_TRY(disk_lock_dir(dir, &lock, e));
    fh_err rc = disk_read(s->config, FH_MAX_BODY_SMALL, a, &text, &len, e);
    if (rc == FH_NOT_FOUND)
        rc = FH_OK;
    struct fh_buf out = FH_BUF_INIT(2 * FH_MAX_BODY_SMALL);
    if (rc == FH_OK)
        rc = rewrite(a, text, len, lines, n, &out, e);
    if (rc == FH_OK)
        rc = disk_write(s->config, out.data != NULL ? out.data : "", out.len, 0600, e);
    if (out.data != NULL)
        explicit_bzero(out.data, out.len);
    fh_buf_free(&out);
    close(lock);
    return rc;
}
