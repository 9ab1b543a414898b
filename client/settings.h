/* Where the hub is, who we are to it, and which folders are ours.
 *
 * Later ones win:
 *
 *   hub      https://hub.flox.dev; flox's own files and FLOX_FLOXHUB_URL; floe's config; FLOE_HUB;
 *            --floxhub-url
 *   catalog  the hub; flox's own files and FLOX_CATALOG_URL; floe's config; FLOE_CATALOG
 *   token    flox's own files; FLOX_FLOXHUB_TOKEN; floe's config; FLOE_TOKEN (set but empty: nobody)
 *
 * A token from a file is for the hub of that file and is left out when another hub is in effect.
 *
 * $XDG_CONFIG_HOME/floe/config has lines "key = value": hub, catalog, token, handle (whose token it is, as
 * the hub said), trust.<owner>/<name> (or an asterisk for all of an owner's) = trust|deny. Lines starting
 * with # and unknown keys are kept. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum settings_source {
    SETTINGS_NOWHERE,
    SETTINGS_ENVIRONMENT, /* token_from is the variable */
    SETTINGS_FLOE_FILE,   /* token_from is the path */
    SETTINGS_FLOX_FILE,
};

struct settings {
    const char *hub;          /* normalised */
    const char *hub_from;     /* the option, the variable or the file that says so; "the default" */
    const char *catalog;      /* the hub whose catalog is asked, normalised */
    const char *catalog_from; /* NULL: nothing says so */
    bool catalog_is_ours;     /* it is where the token may go */
    const char *token;        /* NULL: not logged in */
    enum settings_source token_source;
    const char *token_from;
    const char *handle;       /* whose token it is where that is known without asking; else NULL */
    const char *config;       /* path of floe's config */
    const char *config_token; /* the token in it, whichever hub it is for; NULL: none */
    size_t search_limit;      /* results of a search; flox's setting of that name, or ten */
    bool upgrade_notes;       /* activation tells of upgrades; unless flox's upgrade_notifications is false */
    const char *home, *data_dir, *cache_dir, *rendered_dir;
    size_t ntrust, nown_trust;          /* all, and how many of them are floe's */
    const struct settings_trust *trust; /* floe's first */
};

struct settings_trust {
    const char *what; /* "owner/name", or an asterisk for the name */
    bool trusted;
};

/* hub_option is the value of --floxhub-url or NULL. */
fh_err settings_load(struct fh_arena *a, const char *hub_option, struct settings *out,
                     struct fh_error *e) FH_MUSTCHECK;

/* Where floe's config is; for the verb that repairs one that does not load. */
const char *settings_path(struct fh_arena *a);

struct settings_line {
    const char *key, *value; /* NULL value: the line goes */
};
/* Sets keys in floe's config (s->config), mode 0600, in one step; everything else in it stays. */
fh_err settings_store(struct fh_arena *a, const struct settings *s, const struct settings_line *lines,
                      size_t n, struct fh_error *e) FH_MUSTCHECK;

/* What a generation says about who made it. SOURCE_DATE_EPOCH, FLOE_AUTHOR and FLOE_HOSTNAME stand in for the
 * clock, the login name and the host's name where they are set. */
int64_t settings_now(void);
const char *settings_author(struct fh_arena *a);
const char *settings_hostname(struct fh_arena *a);
/* "x86_64-linux" */
const char *settings_system(struct fh_arena *a);

#endif
