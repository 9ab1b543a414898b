/* The names of systems. See system.h. */
#include "common/system.h"

#include <string.h>

static const char *const names[FH_SYSTEM_END] = {
    [FH_AARCH64_DARWIN] = "aarch64-darwin",
    [FH_AARCH64_LINUX] = "aarch64-linux",
    [FH_X86_64_DARWIN] = "x86_64-darwin",
    [FH_X86_64_LINUX] = "x86_64-linux",
};

const char *fh_system_name(enum fh_system s)
{
    return s > FH_SYSTEM_NONE && s < FH_SYSTEM_END ? names[s] : NULL;
}

enum fh_system fh_system_find(const char *name)
{
    for (int i = FH_SYSTEM_NONE + 1; i < FH_SYSTEM_END; i++)
        if (strcmp(names[i], name) == 0)
            return (enum fh_system)i;
    return FH_SYSTEM_NONE;
}
