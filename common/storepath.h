/* Paths of the Nix store. Pure. */
#ifndef FH_STOREPATH_H
#define FH_STOREPATH_H

#include <stdbool.h>

/* "/nix/store/<hash>-<name>" and nothing below it: what follows the folder has only characters that Nix lets
 * a name have, so that it is one component, one word and one line wherever it is put. The hash is not looked
 * at. */
bool fh_store_path_is_valid(const char *path);

#endif
