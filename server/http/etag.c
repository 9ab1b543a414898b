/* Entity tags. See web.h. */
#include "server/http/web.h"

#include <string.h>

static const char *skip(const char *p)
{
    return p + strspn(p, " \t");
}

bool web_etag_listed(const char *header, const char *etag, bool weak)
{
    const char *p = skip(header);
    bool found = false;
    if (*p == '*')
        return *skip(p + 1) == '\0';
    size_t n = strlen(etag);
    for (;;) {
        bool is_weak = p[0] == 'W' && p[1] == '/';
        p += is_weak ? 2 : 0;
        const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (!end)
            return false;
        size_t size = (size_t)(end + 1 - p);
        found = found || ((weak || !is_weak) && size == n && memcmp(p, etag, n) == 0);
        p = skip(end + 1);
        if (*p == '\0')
            return found;
        if (*p != ',')
            return false;
        p = skip(p + 1);
    }
}
