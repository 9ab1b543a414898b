/* The name in a path of the store. See derivation_name.h. */
#include "server/store/derivation_name.h"

#include <stdbool.h>
#include <string.h>

enum { HASH = 32 };

/* Begins text with a hash and "-"? */
static bool has_hash(const char *text)
{
    for (int i = 0; i < HASH; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'z')))
            return false;
    return text[HASH] == '-';
}

void store_drv_name(const char *path, const char **name, size_t *n)
{
    static const char ending[] = ".drv";
    enum { ENDING = sizeof ending - 1 };
    const char *slash = strrchr(path, '/'), *text = slash ? slash + 1 : path;
    if (has_hash(text))
        text += HASH + 1;
    size_t len = strlen(text);
    if (len >= ENDING && memcmp(text + len - ENDING, ending, ENDING) == 0)
        len -= ENDING;
    *name = text;
    *n = len;
}

/* FNV-1a, the most significant byte first: every row of an import takes it. */
void store_name_key(const char *name, size_t n, uint8_t out[STORE_NAME_KEY])
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    for (size_t i = 0; i < STORE_NAME_KEY; i++)
        out[i] = (uint8_t)(hash >> (24 - 8 * i));
}
