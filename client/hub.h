/* Addresses of a hub, derived from its base URL the way flox derives them (identity §1.2, git-environments
 * §2.1). Pure. */
#ifndef HUB_H
#define HUB_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>

/* The base URL in its written form: lower-case scheme and host, "/" behind a bare host. Only http and https
 * without user, query or fragment. */
fh_err hub_normalise(const char *url, struct fh_arena *a, const char **out, struct fh_error *e) FH_MUSTCHECK;
/* These take a normalised URL. */
const char *hub_origin(const char *base,
                       struct fh_arena *a); /* scheme://host[:port], default port left out */
const char *hub_api_base(const char *base, struct fh_arena *a); /* no slash at its end */
const char *hub_git_base(const char *base, struct fh_arena *a);
const char *hub_page(const char *base, const char *owner, const char *name, struct fh_arena *a);
bool hub_is_clear_text(const char *base); /* http to another machine: a token can be read on the way */

/* Owner and environment names, as strictly as any hub we speak to needs them, so that a name can be part of a
 * path and of a ref: FH_INVALID with a sentence. */
fh_err hub_check_name(const char *what, const char *name, struct fh_error *e) FH_MUSTCHECK;
/* "owner/name" split at the first slash, both checked. */
fh_err hub_split(const char *ref, struct fh_arena *a, const char **owner, const char **name,
                 struct fh_error *e) FH_MUSTCHECK;

#endif
