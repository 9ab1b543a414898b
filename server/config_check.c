/* What the settings must be together, and the base URL. See config.h. */
#include "server/config.h"

#include "common/mem.h"
#include "server/http/address.h"

#include <ctype.h>
#include <strings.h>
#include <unistd.h>

static fh_err check_listen(const char *name, const char *text, const char **port, struct fh_error *e)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    unsigned long n = colon && isdigit((unsigned char)colon[1]) ? strtoul(colon + 1, &end, 10) : 0;
    bool bare_v6 = colon && text[0] != '[' && memchr(text, ':', (size_t)(colon - text));
    if (!end || *end || n > 65535 || bare_v6)
        return FH_FAIL(e, FH_INVALID,
                       "%s must be an address and a port, like 127.0.0.1:8080 or [::1]:8080, not \"%s\".",
                       name, text);
    if (port)
        *port = colon + 1;
    return FH_OK;
}

/* http(s)://HOST[:PORT][/PATH], nothing else; slashes at the end go. */
static fh_err check_base_url(const char *name, char *url, struct fh_error *e)
{
    size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
    bool fine = scheme > 0 && url[scheme] != '\0' && url[scheme] != '/' && !strpbrk(url, "?#@ \t\"<>\\%");
    for (const char *p = url; *p; p++)
        fine = fine && (unsigned char)*p > 0x20 && (unsigned char)*p < 0x7f;
    const char *path = fine ? strchr(url + scheme, '/') : NULL;
    if (path && (strstr(path, "//") || strstr(path, "/.")))
        fine = false;
    if (!fine)
        return FH_FAIL(e, FH_INVALID,
                       "%s must be like https://hub.example.org or https://example.org/floe, "
                       "not \"%s\".",
                       name, url);
    for (size_t n = strlen(url); n > 0 && url[n - 1] == '/'; n--)
        url[n - 1] = '\0';
    return FH_OK;
}

/* Others cannot reach "every address": this machine's name stands for it. */
static char *derive_base_url(const struct config *c, const char *port)
{
    char url[512], host[256];
    const char *scheme = c->tls_cert ? "https" : "http";
    size_t n = strlen(c->listen) - strlen(port) - 1;
    snprintf(host, sizeof host, "%.*s", (int)(n < 255 ? n : 255), c->listen);
    if (n == 0 || strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "[::]") == 0)
        if (gethostname(host, sizeof host - 1) != 0 || !host[0])
            snprintf(host, sizeof host, "localhost");
    bool usual = strcmp(port, c->tls_cert ? "443" : "80") == 0;
    snprintf(url, sizeof url, "%s://%s%s%s", scheme, host, usual ? "" : ":", usual ? "" : port);
    return fh_xstrdup(url);
}

fh_err config_check(struct config *c, struct fh_error *e)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct web_networks networks;
    const char *port;
    bool known = false;
    for (size_t i = 0; i < 4; i++)
        known = known || strcmp(c->log_level, levels[i]) == 0;
    if (!known)
        return FH_FAIL(e, FH_INVALID, "log_level must be debug, info, warn or error, not \"%s\".",
                       c->log_level);
    if (!c->tls_cert != !c->tls_key)
        return FH_FAIL(e, FH_INVALID, "TLS needs both tls_cert and tls_key.");
    FH_TRY(check_listen("listen", c->listen, &port, e));
    if (strcmp(c->metrics_listen, "none") != 0)
        FH_TRY(check_listen("metrics_listen", c->metrics_listen, NULL, e));
    FH_TRY(web_networks_parse(c->trusted_proxies, &networks, e));
    if (!c->base_url)
        c->base_url = derive_base_url(c, port);
    if (c->catalog_upstream)
        FH_TRY(check_base_url("catalog_upstream", c->catalog_upstream, e));
    for (const char *p = c->catalog_upstream_token; p && *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            return FH_FAIL(e, FH_INVALID,
                           "catalog_upstream_token must be visible characters without spaces.");
    return check_base_url("base_url", c->base_url, e);
}
