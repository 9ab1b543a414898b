/* The hub's settings: one table of options, from which come the flags of serve, the FLOE_* variables, the
 * keys of the configuration file, their checks, the sample file (deploy/floe-server.conf) and the manual.
 *
 * Order, later wins: default, file, environment, flag. A secret may also be given as FLOE_…_FILE, a file that
 * holds it. An unknown key or variable is an error that names the nearest known one. Without a file of its
 * own the hub reads /etc/floe/floe-server.conf where that can be read.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "common/err.h"
#include "server/store/owner.h"

struct config {
    char *config_file;
    char *data;   /* default: /var/lib/floe as root or when writable, else $XDG_DATA_HOME/floe-server */
    char *listen; /* 127.0.0.1:8080 */
    char *metrics_listen; /* 127.0.0.1:9080, "none" for none */
    char *base_url;       /* derived from listen when not set; without a slash at the end */
    char *database_url;   /* secret; NULL: the embedded PostgreSQL */
    char *postgres_bin;
    char *tls_cert, *tls_key;
    char *trusted_proxies;
    char *log_level;
    int64_t workers; /* 0: 4 per core, at least 8 */
    int64_t db_connections;
    int64_t max_connections, max_connections_per_address;
    int64_t rate_limit;                           /* requests a minute of one caller of REST, 0: none */
    int64_t push_limit;                           /* bytes of one push */
    int64_t owner_quota;                          /* bytes of packs per owner, 0: none */
    int64_t cache_size;                           /* bytes of built packs on disk */
    int64_t ref_log_days;                         /* how long a replaced or deleted tip stays restorable */
    enum store_visibility default_visibility;     /* of users' environments; public */
    enum store_visibility default_org_visibility; /* private */
    bool require_login;
    bool users_create_orgs;
    bool catalog_anonymous;
    bool catalog_resolve_anonymous;
    char *catalog_upstream, *catalog_upstream_token; /* the latter secret */
    int64_t catalog_upstream_age;                    /* seconds */
    char *user;                                      /* the service user when started as root; "floe" */
    const char **flags;       /* a copy of what config_load was given, for config_reload */
    char *const *environment; /* likewise; must stay */
};

enum config_type { CONFIG_TEXT, CONFIG_PATH, CONFIG_INT, CONFIG_SIZE, CONFIG_BOOL, CONFIG_VISIBILITY };
struct config_option {
    const char *name; /* key in the file, "--name-with-dashes", "FLOE_NAME" */
    enum config_type type;
    const char *fallback; /* the default as text; NULL: none */
    int64_t min, max;
    bool secret, reload;
    const char *help; /* one sentence; more in the manual */
    size_t offset;    /* in struct config */
};
extern const struct config_option config_options[];
extern const size_t config_option_count;

/* flags: pairs of option name and value in the order given, ended by NULL; environment: environ's shape. */
fh_err config_load(const char *const *flags, char *const *environment, struct config **out,
                   struct fh_error *e) FH_MUSTCHECK;
void config_free(struct config *c);
/* The settings as they are now, from the same flags and environment. */
fh_err config_reload(const struct config *old, struct config **out, struct fh_error *e) FH_MUSTCHECK;
/* Whether a setting has another value. */
bool config_differs(const struct config *a, const struct config *b, const struct config_option *o);
/* One setting from text, as if it stood in the file; name with underscores. */
fh_err config_set(struct config *c, const char *name, const char *value, struct fh_error *e) FH_MUSTCHECK;
/* What the settings must be together: TLS has both files, the base URL is one, addresses are addresses. */
fh_err config_check(struct config *c, struct fh_error *e) FH_MUSTCHECK;
/* key = value lines, secrets as "(set)"; what: all keys with their values, or the commented sample. */
fh_err config_print(const struct config *c, bool sample, char **out, struct fh_error *e) FH_MUSTCHECK;

#endif
