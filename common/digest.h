/* Digests and random bytes, from libcrypto and the kernel. */
#ifndef FH_DIGEST_H
#define FH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FH_SHA256_SIZE = 32, FH_SHA1_SIZE = 20 };

void fh_sha256(const void *bytes, size_t n, uint8_t out[FH_SHA256_SIZE]);
void fh_sha1(const void *bytes, size_t n, uint8_t out[FH_SHA1_SIZE]);

/* Incremental; opaque, created and freed. */
struct fh_digest;
enum fh_digest_kind { FH_SHA1, FH_SHA256 };
struct fh_digest *fh_digest_new(enum fh_digest_kind kind);
void fh_digest_add(struct fh_digest *d, const void *bytes, size_t n);
void fh_digest_finish(struct fh_digest *d, uint8_t *out); /* and starts afresh */
void fh_digest_free(struct fh_digest *d);

/* Compares in a time that depends on n alone. */
bool fh_equal_secret(const void *a, const void *b, size_t n);
void fh_random(void *out, size_t n); /* aborts if the kernel gives none */

#endif
