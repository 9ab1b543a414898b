/* What floe reads of flox's own configuration: /etc/flox.toml and flox.toml in its configuration folder. */
#ifndef SETTINGS_FLOX_H
#define SETTINGS_FLOX_H

#include "client/settings.h"

struct settings_flox {
    const char *hub, *catalog, *token, *token_path; /* NULL: not set */
    size_t search_limit;                            /* 0: not set */
    bool silences_upgrades;
    struct settings_trust *trust;
    size_t ntrust;
};

fh_err settings_flox_load(struct fh_arena *a, const char *dir, struct settings_flox *out,
                          struct fh_error *e) FH_MUSTCHECK;

#endif
