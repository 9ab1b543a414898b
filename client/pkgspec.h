/* A package as people name it on a command line (manifest-lockfile-client §7.2): PATH, PATH@VERSION,
 * PATH^OUT,OUT, PATH^.., OWNER/PKG, a store path, a flake's URL. Pure; all memory is the arena's. */
#ifndef PKGSPEC_H
#define PKGSPEC_H

#include "common/manifest.h"

struct pkgspec {
    enum fh_package_kind kind;
    const char *id;      /* the install id: the path's last component, unless -i gave another */
    const char *path;    /* attribute path, flake or store path */
    const char *version; /* NULL: any */
    enum fh_outputs outputs;
    struct fh_strings output_names;
    bool has_systems; /* set where only some systems have it */
    struct fh_strings systems;
};

/* FH_INVALID with what is wrong with the word. */
fh_err pkgspec_parse(struct fh_arena *a, const char *word, struct pkgspec *out,
                     struct fh_error *e) FH_MUSTCHECK;
/* "hello (hello@2)": what a history says was installed. */
const char *pkgspec_text(struct fh_arena *a, const struct pkgspec *spec);

#endif
