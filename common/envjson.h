/* The two small files that say what a .flox folder is: env.json (a local environment, or one of a hub) and
 * env.lock (the commits a hub environment's checkout stands on); and the rules for names. All memory is the
 * arena's. Pure; fuzzed. */
#ifndef FH_ENVJSON_H
#define FH_ENVJSON_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/hex.h"

#include <stdbool.h>

/* env.json. A local environment has a name only. */
struct fh_envjson {
    const char *name;
    const char *owner;            /* NULL: local */
    const char *floxhub_url;      /* with a trailing slash for a bare host; NULL: local */
    const char *git_url_override; /* NULL: none */
};

enum fh_envjson_style {
    FH_ENVJSON_COMPACT,        /* after a first push, and after pull --copy */
    FH_ENVJSON_PRETTY,         /* in the cache of remote environments */
    FH_ENVJSON_PRETTY_NEWLINE, /* after init and pull */
};

fh_err fh_envjson_parse(struct fh_arena *a, const char *text, size_t n, const char *file,
                        struct fh_envjson *out, struct fh_error *e) FH_MUSTCHECK;
fh_err fh_envjson_write(const struct fh_envjson *env, enum fh_envjson_style style, struct fh_buf *out,
                        struct fh_error *e) FH_MUSTCHECK;

/* env.lock */
struct fh_envlock {
    char rev[FH_OID_HEX + 1];       /* the last known tip on the hub */
    char local_rev[FH_OID_HEX + 1]; /* this checkout's own commit where it differs; "": null */
};
fh_err fh_envlock_parse(const char *text, size_t n, const char *file, struct fh_envlock *out,
                        struct fh_error *e) FH_MUSTCHECK;
/* Pretty, without a newline at the end. */
fh_err fh_envlock_write(const struct fh_envlock *lock, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;

/* What the official client accepts as the name of an environment or an owner: not empty here, no space, no
 * '/'. What a hub accepts is narrower and the hub's to say. */
fh_err fh_envname_check(const char *name, struct fh_error *e) FH_MUSTCHECK;
/* "owner/name", split at the first slash. */
fh_err fh_envref_parse(struct fh_arena *a, const char *ref, const char **owner, const char **name,
                       struct fh_error *e) FH_MUSTCHECK;
/* A directory's base name made into a name: lower case, runs of anything else become '-'; "environment" when
 * nothing is left. */
const char *fh_envname_slug(struct fh_arena *a, const char *base);
/* The branch of one checkout in the local clone: "<name>.<8 hex>", from the canonical path of its .flox. */
const char *fh_project_branch(struct fh_arena *a, const char *name, const char *canonical_dot_flox);

#endif
