/* BLAKE3, unkeyed, 32 bytes: the official client names a checkout's git branch by it. */
#ifndef FH_BLAKE3_H
#define FH_BLAKE3_H

#include <stddef.h>
#include <stdint.h>

enum { FH_BLAKE3_SIZE = 32 };
void fh_blake3(const void *bytes, size_t n, uint8_t out[FH_BLAKE3_SIZE]);

#endif
