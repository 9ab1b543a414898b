/* Allocation that cannot fail. See mem.h. */
#include "common/mem.h"

static void *checked(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

void *fh_xmalloc(size_t n)
{
    return checked(malloc(n ? n : 1));
}

void *fh_xcalloc(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1));
}

void *fh_xrealloc(void *p, size_t n)
{
    return checked(realloc(p, n ? n : 1));
}

char *fh_xstrdup(const char *s)
{
    return checked(strdup(s));
}

char *fh_xstrndup(const char *s, size_t n)
{
    return checked(strndup(s, n));
}
