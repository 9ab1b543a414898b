/* What Nix says of an attribute, as a row (catalog-read-api 12.2 to 12.4). Pure; fuzzed. */
#ifndef CATALOG_IMPORT_NIX_H
#define CATALOG_IMPORT_NIX_H

#include "server/catalog/import_files.h"

#include <jansson.h>

/* entry: the value of a member of nix-env's object, or a line of nix-eval-jobs'. attr NULL: the entry tells
 * it. The row is the arena's and the page's. FH_INVALID with the reason, a clause; FH_NOT_FOUND: it did not
 * evaluate, and why. */
fh_err catalog_nix_row(struct fh_arena *a, const struct catalog_nixpkgs *page, const char *attr,
                       const json_t *entry, struct store_import_row *out, struct fh_error *e) FH_MUSTCHECK;
/* "hello-2.12.1" -> "2.12.1"; in the name. */
const char *catalog_nix_version(const char *name, const char *pname);
/* A license of nixpkgs' meta as text; NULL: none. */
const char *catalog_nix_license(struct fh_arena *a, const json_t *license);

#endif
