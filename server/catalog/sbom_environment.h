/* POST …/sbom/environment (catalog-read-api 3.9): a lock becomes an SPDX document. Pure: of the catalog it
 * asks nothing, so what is in a document is what its lock says. */
#ifndef CATALOG_SBOM_ENVIRONMENT_H
#define CATALOG_SBOM_ENVIRONMENT_H

#include "common/err.h"
#include "server/catalog/sbom.h"

/* FH_MISMATCH with what is wrong with the body. Members that are not known are passed over. In the arena. */
fh_err sbom_environment(struct fh_arena *a, const char *text, size_t n, struct sbom *out,
                        struct fh_error *e) FH_MUSTCHECK;

#endif
