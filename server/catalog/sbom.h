/* What software there is, as an SPDX 2.3 document in JSON: the same bytes for the same contents. Pure.
 *
 *     document --DESCRIBES--> the package                       of a derivation
 *     document --DESCRIBES--> the environment --CONTAINS--> packages
 *     a package --DEPENDS_ON--> NOASSERTION                     nothing here knows what it refers to
 *
 * A package's identity are its external references: its purl, its .drv, the paths of its outputs. */
#ifndef CATALOG_SBOM_H
#define CATALOG_SBOM_H

#include "common/arena.h"
#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct sbom_output {
    const char *name, *path;
};
/* NULL and "": not known. */
struct sbom_package {
    const char *name, *version;
    const char *license; /* as a catalog says it; what is no SPDX license expression becomes a comment */
    const char *summary, *comment;
    const char *source; /* where what it is built by is */
    const char *purl, *derivation;
    const struct sbom_output *outputs;
    size_t noutputs;
};
struct sbom {
    const char *name;
    const char *environment, *generation; /* NULL: one package is described */
    const char *comment;
    int64_t created; /* Unix seconds */
    const struct sbom_package *packages;
    size_t n;
};

/* base_url: the hub's, for the document's name among all documents. FH_TOO_LARGE. */
fh_err sbom_put(struct fh_buf *b, struct fh_arena *a, const char *base_url, const struct sbom *doc,
                struct fh_error *e) FH_MUSTCHECK;
/* The package URL of an attribute of nixpkgs; in the arena. version, rev: may be NULL. */
const char *sbom_purl(struct fh_arena *a, const char *attr_path, const char *version, const char *rev);
/* A package of the base catalog, or of a lock that came from it: where its expression is, and its purl. */
void sbom_set_source(struct fh_arena *a, struct sbom_package *p, const char *attr_path,
                     const char *locked_url, const char *rev);

#endif
