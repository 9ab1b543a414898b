/* Answers of an upstream, kept by what was asked, the least lately used ones thrown out beyond a bound. Safe
 * from any thread. */
#ifndef CATALOG_UPSTREAM_CACHE_H
#define CATALOG_UPSTREAM_CACHE_H

#include "common/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalog_kept; /* the cache */
struct catalog_kept *catalog_kept_new(size_t bytes);
void catalog_kept_free(struct catalog_kept *k);
/* Copies; an answer to the same question is replaced. One that is too large to share the room is not kept. */
void catalog_kept_put(struct catalog_kept *k, const uint8_t key[32], int status, const char *body, size_t n,
                      int64_t at);
/* false: there is none. The body is copied to the arena, NUL-terminated. */
bool catalog_kept_get(struct catalog_kept *k, struct fh_arena *a, const uint8_t key[32], int *status,
                      const char **body, size_t *n, int64_t *at);

#endif
