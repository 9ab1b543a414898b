/* Addresses of a hub and the names in them. */
#include "client/hub.h"

#include "common/ceilings.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct parts {
    const char *scheme, *host, *port, *path; /* port is "" for the scheme's own */
};

static bool host_is_sane(const char *host)
{
    if (*host == '[')
        return strchr(host, ']') != NULL && strspn(host + 1, "0123456789abcdef:.") == strlen(host) - 2;
    return *host != '\0' && strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") == strlen(host);
}

static bool path_is_sane(const char *path)
{
    for (const char *p = path; *p != '\0'; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 127 || strchr("?#\\\"<>^`{|}", *p) != NULL)
            return false;
    return strstr(path, "/../") == NULL;
}

static bool split(const char *url, struct fh_arena *a, struct parts *out)
{
    const char *rest;
    if (strncasecmp(url, "http://", 7) == 0) {
        out->scheme = "http";
        rest = url + 7;
    } else if (strncasecmp(url, "https://", 8) == 0) {
        out->scheme = "https";
        rest = url + 8;
    } else {
        return false;
    }
    size_t n = strcspn(rest, "/?#");
    char *host = fh_strndup(a, rest, n);
    for (char *p = host; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    out->path = fh_strdup(a, rest + n);
    out->port = "";
    char *colon = *host == '[' ? strstr(host, "]:") : strchr(host, ':');
    if (colon != NULL) {
        if (*colon == ']')
            colon++;
        *colon = '\0';
        out->port = colon + 1;
        if (strspn(out->port, "0123456789") != strlen(out->port) || strlen(out->port) > 5)
            return false;
        if (strcmp(out->port, strcmp(out->scheme, "https") == 0 ? "443" : "80") == 0)
            out->port = "";
    }
    out->host = host;
    return host_is_sane(host);
}

static const char *join(struct fh_arena *a, const struct parts *p, const char *host, const char *path)
{
    return fh_sprintf(a, "%s://%s%s%s%s", p->scheme, host, *p->port != '\0' ? ":" : "", p->port, path);
}

fh_err hub_normalise(const char *url, struct fh_arena *a, const char **out, struct fh_error *e)
{
    struct parts p;
    if (strlen(url) > FH_MAX_TARGET || !split(url, a, &p) || !path_is_sane(p.path))
        return FH_FAIL(e, FH_INVALID, "'%.200s' is not the address of a hub: https://HOST[:PORT][/PATH] is.",
                       url);
    *out = join(a, &p, p.host, *p.path == '\0' ? "/" : p.path);
    return FH_OK;
}

/* hub.flox.dev and hub.<middle>.flox.dev have their services on another host. */
static const char *hosted_api_host(const char *host, struct fh_arena *a)
{
    size_t n = strlen(host);
    if (strncmp(host, "hub.", 4) != 0 || n < strlen("hub.flox.dev") || strcmp(host + n - 9, ".flox.dev") != 0)
        return NULL;
    return fh_sprintf(a, "api.%s", host + 4);
}

static const char *without_slashes(struct fh_arena *a, const char *s)
{
    size_t n = strlen(s);
    while (n > 0 && s[n - 1] == '/')
        n--;
    return fh_strndup(a, s, n);
}

const char *hub_origin(const char *base, struct fh_arena *a)
{
    struct parts p;
    return split(base, a, &p) ? join(a, &p, p.host, "") : "";
}

const char *hub_api_base(const char *base, struct fh_arena *a)
{
    struct parts p;
    if (!split(base, a, &p))
        return base;
    const char *hosted = hosted_api_host(p.host, a);
    return hosted != NULL ? join(a, &p, hosted, "") : without_slashes(a, base);
}

const char *hub_git_base(const char *base, struct fh_arena *a)
{
    return fh_sprintf(a, "%s/git", hub_api_base(base, a));
}

const char *hub_page(const char *base, const char *owner, const char *name, struct fh_arena *a)
{
    return fh_sprintf(a, "%s/%s/%s", without_slashes(a, base), owner, name);
}

bool hub_is_clear_text(const char *base)
{
    return strncmp(base, "http://", 7) == 0 && strncmp(base + 7, "127.", 4) != 0 &&
           strncmp(base + 7, "[::1]", 5) != 0 &&
           !(strncmp(base + 7, "localhost", 9) == 0 && strchr(":/", base[16]) != NULL);
}

fh_err hub_check_name(const char *what, const char *name, struct fh_error *e)
{
    size_t n = strlen(name);
    bool fine = n > 0 && n <= FH_MAX_ENV_NAME && *name != '.' && *name != '-' && name[n - 1] != '.' &&
                strstr(name, "..") == NULL && (n < 5 || strcmp(name + n - 5, ".lock") != 0);
    for (const char *p = name; *p != '\0'; p++)
        fine = fine && (isalnum((unsigned char)*p) || strchr("._-", *p) != NULL) && (unsigned char)*p < 128;
    if (fine)
        return FH_OK;
    return FH_FAIL(
        e, FH_INVALID,
        "Name '%.100s' is invalid.\n%s names may only contain alphanumeric characters, '.', '_', and "
        "'-', begin with a letter or digit and have at most %d characters.",
        name, what, FH_MAX_ENV_NAME);
}

fh_err hub_split(const char *ref, struct fh_arena *a, const char **owner, const char **name,
                 struct fh_error *e)
{
    const char *slash = strchr(ref, '/');
    if (slash == NULL)
        return FH_FAIL(e, FH_INVALID, "'%.200s' is not an environment on a hub: <owner>/<name> is.", ref);
    const char *first = fh_strndup(a, ref, (size_t)(slash - ref));
    FH_TRY(hub_check_name("Owner", first, e));
    FH_TRY(hub_check_name("Environment", slash + 1, e));
    *owner = first;
    *name = fh_strdup(a, slash + 1);
    return FH_OK;
}
