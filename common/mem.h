/* Allocation that cannot fail: requests are bounded, so running out means a wrong configuration, and we
 * abort. */
#ifndef FH_MEM_H
#define FH_MEM_H

#include <stddef.h>

void *fh_xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *fh_xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *fh_xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *fh_xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *fh_xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));

#endif
