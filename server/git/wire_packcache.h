/* Built answers to fetches, as files under <data>/cache/packs, so that a clone that was served once is a read
 * of bytes.
 *
 * A key is the SHA-256 of all that determines the bytes; whoever asks for one was found entitled to them
 * before. One caller builds a key, others that want it wait. Least lately used files go when the cache is
 * over its size. The folder is emptied when the cache is first used: after a crash a file may be there in
 * part. Safe from any thread. */
#ifndef WIRE_PACKCACHE_H
#define WIRE_PACKCACHE_H

#include "common/digest.h"
#include "server/git/wire_write.h"

struct wire_packcache;

struct wire_cache_key {
    uint8_t id[FH_SHA256_SIZE];
};

/* Touches nothing on disk yet. */
fh_err wire_packcache_open(const char *data, size_t max_bytes, struct wire_packcache **out,
                           struct fh_error *e) FH_MUSTCHECK;
void wire_packcache_close(struct wire_packcache *c); /* NULL is fine */

/* An answer: a file of size bytes, or, when the disk would not take it, memory. Both are the caller's, to be
 * closed and freed. */
struct wire_cached {
    int fd; /* -1: in memory */
    char *bytes;
    size_t size;
};

/* Writes the whole answer into write. May be called twice: the second time for memory. */
typedef fh_err wire_build_fn(void *arg, wire_sink *write, void *write_arg, struct fh_error *e);

/* The answer of a key, built by build if it is not there. FH_UNAVAILABLE when the disk is full and the answer
 * too large for memory, or when another builder takes too long. */
fh_err wire_packcache_get(struct wire_packcache *c, const struct wire_cache_key *key, wire_build_fn *build,
                          void *arg, struct wire_cached *out, struct fh_error *e) FH_MUSTCHECK;
/* Only what is there: no waiting, one open file. */
bool wire_packcache_find(struct wire_packcache *c, const struct wire_cache_key *key, struct wire_cached *out);

/* Which key a request came out at, by a digest of the request and of what its caller may see: the repeated
 * request then needs neither parsing nor walking. Bounded; forgets at will. */
void wire_packcache_remember(struct wire_packcache *c, const struct wire_cache_key *request,
                             const struct wire_cache_key *key);
bool wire_packcache_recall(struct wire_packcache *c, const struct wire_cache_key *request,
                           struct wire_cache_key *key);

#endif
