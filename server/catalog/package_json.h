/* A package as show and resolve answer it: PackageResolutionInfo (catalog-read-api 3.3), written by hand. */
#ifndef CATALOG_PACKAGE_JSON_H
#define CATALOG_PACKAGE_JSON_H

#include "common/buf.h"
#include "server/store/catalog_read.h"

/* Whose it is, and what it is called there. */
struct catalog_package {
    const char *owner; /* NULL: of the base catalog */
    const char *attr_path;
};
/* Scratch memory is a's. */
fh_err catalog_put_package(struct fh_buf *b, struct fh_arena *a, const struct catalog_package *what,
                           const struct store_package_row *row, struct fh_error *e) FH_MUSTCHECK;

#endif
