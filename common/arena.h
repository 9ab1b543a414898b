/* Memory that dies with a request.
 *
 * Everything a request allocates comes from its arena, and foreign handles (a PGresult, a json_t, a file) are
 * registered with fh_defer; fh_arena_free runs the registered functions, newest first, and frees all memory.
 * Nothing taken from an arena is freed by hand. One thread at a time.
 */
#ifndef FH_ARENA_H
#define FH_ARENA_H

#include <stddef.h>

struct fh_arena;

struct fh_arena *fh_arena_new(void);
void fh_arena_free(struct fh_arena *a); /* NULL is fine */
void *fh_alloc(struct fh_arena *a, size_t n)
    __attribute__((returns_nonnull)); /* zeroed, aligned for any type */
char *fh_strdup(struct fh_arena *a, const char *s) __attribute__((returns_nonnull));
char *fh_strndup(struct fh_arena *a, const char *s, size_t n)
    __attribute__((returns_nonnull)); /* adds a NUL */
void *fh_memdup(struct fh_arena *a, const void *p, size_t n) __attribute__((returns_nonnull));
char *fh_sprintf(struct fh_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));
void fh_defer(struct fh_arena *a, void (*fn)(void *), void *ptr);
/* fh_defer for descriptors. */
void fh_defer_close(struct fh_arena *a, int fd);

#endif
