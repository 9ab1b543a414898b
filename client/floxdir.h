/* A .flox folder: finding it, what kind of environment it is, and the files in it (manifest-lockfile-client
 * §1, §2; git-environments §4). */
#ifndef FLOXDIR_H
#define FLOXDIR_H

#include "client/client.h"
#include "common/envjson.h"
#include "common/lock.h"

#include <limits.h>

struct floxdir {
    const char *path;    /* canonical, of the .flox folder */
    const char *project; /* the folder that holds it */
    struct fh_envjson pointer;
    bool is_managed;   /* of a hub; else a path environment */
    bool is_reference; /* the cached checkout of -r */
    const char *title; /* for messages: 'name', 'owner/name' */
    int lock_fd;       /* -1: not taken */
};

/* The environment a verb means: -r owner/name, -d DIR, the folder's own or (uses_active) the last activated
 * one. Reads env.json. A -r environment without a checkout yet is FH_NOT_FOUND. */
fh_err floxdir_find(struct client *c, struct fh_cli *cli, bool uses_active, struct floxdir *out,
                    struct fh_error *e) FH_MUSTCHECK;
/* The one whose .flox is path. */
fh_err floxdir_open(struct client *c, const char *path, struct floxdir *out, struct fh_error *e) FH_MUSTCHECK;
/* Where the checkout of a -r environment is: <cache>/remote/<owner>/<name>/.flox. */
const char *floxdir_of_reference(struct client *c, const char *owner, const char *name);
/* One floe at a time changes an environment. Let go at the end of the verb. */
fh_err floxdir_lock(struct client *c, struct floxdir *d, struct fh_error *e) FH_MUSTCHECK;

/* manifest.toml and manifest.lock as bytes; lock may be absent (NULL, 0). floxdir_read also sets whose they
 * are, which matters where the manifest includes other environments. */
struct floxdir_files {
    char *manifest, *lock;
    size_t manifest_len, lock_len;
    const char *project;   /* the folder that an include's dir begins at; NULL: local ones are refused */
    const char *reference; /* "owner/name" of an environment of the hub, which must not include itself */
};
fh_err floxdir_read(struct client *c, const struct floxdir *d, struct floxdir_files *out,
                    struct fh_error *e) FH_MUSTCHECK;
/* The lock first, so that a crash between the two leaves a lock that is only out of date. */
fh_err floxdir_write(const char *dot_flox, const struct floxdir_files *files,
                     struct fh_error *e) FH_MUSTCHECK;

/* The same in two halves: the first may fail for want of room or of rights, the second is two renames. What
 * is staged is committed or unstaged. */
struct floxdir_staged {
    char lock[PATH_MAX], manifest[PATH_MAX], lock_temp[PATH_MAX], manifest_temp[PATH_MAX];
};
fh_err floxdir_stage(const char *dot_flox, const struct floxdir_files *files, struct floxdir_staged *out,
                     struct fh_error *e) FH_MUSTCHECK;
void floxdir_unstage(struct floxdir_staged *staged);
fh_err floxdir_commit(struct floxdir_staged *staged, struct fh_error *e) FH_MUSTCHECK;

fh_err floxdir_write_pointer(const char *dot_flox, const struct fh_envjson *pointer,
                             enum fh_envjson_style style, struct fh_error *e) FH_MUSTCHECK;
/* exists is false when there is no env.lock. */
fh_err floxdir_read_envlock(struct client *c, const char *dot_flox, struct fh_envlock *out, bool *exists,
                            struct fh_error *e) FH_MUSTCHECK;
fh_err floxdir_write_envlock(const char *dot_flox, const struct fh_envlock *lock,
                             struct fh_error *e) FH_MUSTCHECK;

/* A folder that will become DIR/.flox: made beside it, filled, then put in place by floxdir_install. */
fh_err floxdir_prepare(struct client *c, const char *project, const char **fresh,
                       struct fh_error *e) FH_MUSTCHECK;
fh_err floxdir_write_ignores(const char *dot_flox, bool attributes, struct fh_error *e) FH_MUSTCHECK;

/* The manifest checked, and a lock that fits it: the one there is, or a new one. For that, packages that are
 * not locked yet are asked of the hub's catalog, and environments that it includes and the lock does not have
 * yet are fetched. files->lock is replaced when a new one was made (*made, may be NULL), and then
 * files->manifest too, where what is locked needs a newer schema-version than it had. Nothing is written.
 * What the catalog cannot resolve is FH_CONFLICT, with the whole story in c->why; what it was asked is in
 * c->question. */
fh_err floxdir_lock_manifest(struct client *c, struct floxdir_files *files,
                             const struct fh_manifest **manifest, bool *made,
                             struct fh_error *e) FH_MUSTCHECK;
/* The lock of the files; NULL when there is none. One that does not read is FH_CONFLICT, with the ways out:
 * it is not made anew unasked, for other versions would come out, and a newer client may have written it. */
fh_err floxdir_previous_lock(struct client *c, const struct floxdir_files *files, const struct fh_lock **out,
                             struct fh_error *e) FH_MUSTCHECK;
/* The same for a change of packages. */
struct floxdir_wish {
    struct fh_strings fresh;                 /* the ids that were just installed: see fh_lock_input */
    bool upgrades;                           /* makes a new lock in any case */
    struct fh_strings upgraded;              /* of these ids and groups; none: of all packages */
    const struct fh_lock_failures *failures; /* set with c->why */
};
fh_err floxdir_lock_packages(struct client *c, struct floxdir_files *files, struct floxdir_wish *wish,
                             const struct fh_manifest **manifest, bool *made,
                             struct fh_error *e) FH_MUSTCHECK;
/* The same, always locking anew, with the includes of these names brought again; all of them when there are
 * none. FH_CONFLICT when there is no include, or none of a name. */
fh_err floxdir_upgrade_includes(struct client *c, struct floxdir_files *files, const char *const *names,
                                size_t nnames, const struct fh_manifest **manifest,
                                struct fh_error *e) FH_MUSTCHECK;

#endif
