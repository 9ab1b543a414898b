/* Changes to the packages of a manifest's text that leave every other byte as it is (manifest-lockfile-client
 * §7.2, §7.3). Pure; all memory is the arena's. */
#ifndef PKGEDIT_H
#define PKGEDIT_H

#include "client/pkgspec.h"

struct pkgedit {
    struct fh_arena *arena;
    const char *text; /* replaced by each change that succeeds */
    size_t n;
};

/* The text of a version 1 manifest, which cannot name outputs, in the newest schema; that of another stays. m
 * is what it reads as, packages what a lock has for it (manifest_migrate.h). */
fh_err pkgedit_allow_outputs(struct pkgedit *ed, const struct fh_manifest *m, const json_t *packages,
                             struct fh_error *e) FH_MUSTCHECK;
/* The lines of a new package: pkg-path, and pkg-group, version, systems and outputs as far as it has them. A
 * published package gets a group of its own, for it need not share a page with others. */
fh_err pkgedit_add(struct pkgedit *ed, const struct pkgspec *spec, struct fh_error *e) FH_MUSTCHECK;
fh_err pkgedit_set_outputs(struct pkgedit *ed, const char *id, enum fh_outputs outputs,
                           const struct fh_strings *names, struct fh_error *e) FH_MUSTCHECK;
/* All that the manifest says of the package. A comment above it stays, and is above the next then. */
fh_err pkgedit_remove(struct pkgedit *ed, const char *id, struct fh_error *e) FH_MUSTCHECK;

#endif
