/* The migrations of a file that an operator restores, as pg_restore prints them. */
#include "server/db/db_tools.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), name[DB_MIGRATION_NAME] = "";
    int version;
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    if (db_tools_parse_schema(text, &version, name) && (version <= 0 || strlen(name) >= sizeof name))
        abort();
    free(text);
    return 0;
}
