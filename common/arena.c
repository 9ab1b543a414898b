/* Memory that dies with a request. See arena.h.
 *
 * Blocks are a singly linked list, newest first; a request that needs more than a block's rest gets a new
 * block. The first block is small, because most requests are. */
#include "common/arena.h"

#include "common/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

enum { FIRST_BLOCK = 2048, NEXT_BLOCK = 16384 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*fn)(void *);
    void *ptr;
};

struct fh_arena {
    struct block *blocks;
    struct deferred *deferred;
};

static struct block *new_block(size_t size, struct block *next)
{
    struct block *b = fh_xmalloc(sizeof *b + size);
    b->next = next;
    b->used = 0;
    b->size = size;
    return b;
}

struct fh_arena *fh_arena_new(void)
{
    struct fh_arena *a = fh_xcalloc(1, sizeof *a);
    a->blocks = new_block(FIRST_BLOCK, NULL);
    return a;
}

void fh_arena_free(struct fh_arena *a)
{
    if (!a)
        return;
    for (struct deferred *d = a->deferred; d; d = d->next)
        d->fn(d->ptr);
    for (struct block *b = a->blocks; b;) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    free(a);
}

void *fh_alloc(struct fh_arena *a, size_t n)
{
    size_t align = _Alignof(max_align_t);
    if (n > SIZE_MAX - align)
        abort();
    n = (n + align - 1) / align * align;
    struct block *b = a->blocks;
    if (n > b->size - b->used) {
        /* A large value gets a block of its own behind the current one, so that the rest is not wasted. */
        if (n > NEXT_BLOCK / 2) {
            b->next = new_block(n, b->next);
            b = b->next;
        } else {
            b = a->blocks = new_block(NEXT_BLOCK, a->blocks);
        }
    }
    void *p = b->bytes + b->used;
    b->used += n;
    return memset(p, 0, n);
}

void *fh_memdup(struct fh_arena *a, const void *p, size_t n)
{
    void *out = fh_alloc(a, n);
    if (n)
        memcpy(out, p, n);
    return out;
}

char *fh_strndup(struct fh_arena *a, const char *s, size_t n)
{
    char *out = fh_alloc(a, n + 1);
    if (n)
        memcpy(out, s, n);
    return out;
}

char *fh_strdup(struct fh_arena *a, const char *s)
{
    return fh_strndup(a, s, strlen(s));
}

char *fh_sprintf(struct fh_arena *a, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    char *out = fh_alloc(a, (size_t)n + 1);
    vsnprintf(out, (size_t)n + 1, fmt, again);
    va_end(again);
    return out;
}

void fh_defer(struct fh_arena *a, void (*fn)(void *), void *ptr)
{
    struct deferred *d = fh_alloc(a, sizeof *d);
    d->fn = fn;
    d->ptr = ptr;
    d->next = a->deferred;
    a->deferred = d;
}

static void close_fd(void *ptr)
{
    close((int)(intptr_t)ptr);
}

void fh_defer_close(struct fh_arena *a, int fd)
{
    fh_defer(a, close_fd, (void *)(intptr_t)fd);
}
