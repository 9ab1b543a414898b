/* Licenses as SPDX documents state them (SPDX 2.3, annex D), from what a catalog or a lock says. Pure; fuzzed
 * by fuzz_sbom. */
#ifndef CATALOG_SPDX_LICENSE_H
#define CATALOG_SPDX_LICENSE_H

#include "common/arena.h"

/* The license expression that text is, identifiers spelt as the list has them; in the arena. NULL: it is
 * none, as "Unfree" and "[ MIT, ISC ]" are none: a list does not say whether all of it holds or any. A list
 * of one is that one. */
const char *catalog_spdx_license(struct fh_arena *a, const char *text);

#endif
