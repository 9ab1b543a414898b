/* Paths of the Nix store. See storepath.h. */
#include "common/storepath.h"

#include "common/ceilings.h"

#include <string.h>

bool fh_store_path_is_valid(const char *path)
{
    static const char folder[] = "/nix/store/";
    const size_t before = sizeof folder - 1;
    if (strncmp(path, folder, before) != 0 || strlen(path) > FH_MAX_STORE_PATH)
        return false;
    const char *name = path + before;
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._?=");
    return n > 0 && name[n] == '\0' && name[0] != '.';
}
