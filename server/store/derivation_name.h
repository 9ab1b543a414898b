/* The name in a path of the store, /nix/store/<hash>-<name>[.drv], by which derivations are found
 * (catalog_derivation.h). catalog_name_key of migration 0010 does the same. Pure. */
#ifndef STORE_DERIVATION_NAME_H
#define STORE_DERIVATION_NAME_H

#include <stddef.h>
#include <stdint.h>

/* Without folder, hash and ".drv". *name borrows. */
void store_drv_name(const char *path, const char **name, size_t *n);
enum { STORE_NAME_KEY = 4 };
void store_name_key(const char *name, size_t n, uint8_t out[STORE_NAME_KEY]);

#endif
