/* BLAKE3 after its specification (section 2): chunks of 1024 bytes are hashed block by block into chaining
 * values, which a binary tree joins; the last compression is marked as the root. See blake3.h.
 *
 *   input   |--- chunk 0 ---|--- chunk 1 ---|--- chunk 2 ---|- 3 -|
 *   tree            \___ parent ___/              \_ parent _/
 *                            \________ root ________/
 *
 * The stack holds one chaining value for every set bit of the number of chunks done: joining works as adding
 * one to a binary counter.
 */
#include "common/blake3.h"

#include <stdbool.h>

enum {
    BLOCK_SIZE = 64,
    CHUNK_SIZE = 1024,
    CHUNK_START = 1,
    CHUNK_END = 2,
    PARENT = 4,
    ROOT = 8,
    MAX_TREE_DEPTH = 54 /* 2^64 bytes in chunks */
};

static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
/* How the message words are shuffled between rounds. */
static const uint8_t shuffle[16] = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};

/* What goes into one compression. A node is kept unfinished until it is known whether it is the root. */
struct node {
    uint32_t chain[8];
    uint32_t message[16];
    uint64_t counter;
    uint32_t length;
    uint32_t flags;
};

static uint32_t rotate_right(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void mix(uint32_t v[16], unsigned a, unsigned b, unsigned c, unsigned d, uint32_t x, uint32_t y)
{
    v[a] += v[b] + x;
    v[d] = rotate_right(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotate_right(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = rotate_right(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = rotate_right(v[b] ^ v[c], 7);
}

static void compress(const struct node *n, uint32_t out[8])
{
    uint32_t m[16], v[16];
    for (unsigned i = 0; i < 16; i++)
        m[i] = n->message[i];
    for (unsigned i = 0; i < 8; i++)
        v[i] = n->chain[i];
    for (unsigned i = 0; i < 4; i++)
        v[8 + i] = initial[i];
    v[12] = (uint32_t)n->counter;
    v[13] = (uint32_t)(n->counter >> 32);
    v[14] = n->length;
    v[15] = n->flags;
    for (unsigned round = 0; round < 7; round++) {
        mix(v, 0, 4, 8, 12, m[0], m[1]);
        mix(v, 1, 5, 9, 13, m[2], m[3]);
        mix(v, 2, 6, 10, 14, m[4], m[5]);
        mix(v, 3, 7, 11, 15, m[6], m[7]);
        mix(v, 0, 5, 10, 15, m[8], m[9]);
        mix(v, 1, 6, 11, 12, m[10], m[11]);
        mix(v, 2, 7, 8, 13, m[12], m[13]);
        mix(v, 3, 4, 9, 14, m[14], m[15]);
        uint32_t shuffled[16];
        for (unsigned i = 0; i < 16; i++)
            shuffled[i] = m[shuffle[i]];
        for (unsigned i = 0; i < 16; i++)
            m[i] = shuffled[i];
    }
    for (unsigned i = 0; i < 8; i++)
        out[i] = v[i] ^ v[i + 8];
}

static void load_block(struct node *n, const uint8_t *bytes, size_t length)
{
    for (unsigned i = 0; i < 16; i++)
        n->message[i] = 0;
    for (size_t i = 0; i < length; i++)
        n->message[i / 4] |= (uint32_t)bytes[i] << (8 * (i % 4));
    n->length = (uint32_t)length;
}

/* A chunk up to its last block, which stays uncompressed. */
static struct node chunk_node(const uint8_t *bytes, size_t n, uint64_t index)
{
    struct node node = {.counter = index, .flags = CHUNK_START};
    for (unsigned i = 0; i < 8; i++)
        node.chain[i] = initial[i];
    while (n > BLOCK_SIZE) {
        load_block(&node, bytes, BLOCK_SIZE);
        compress(&node, node.chain);
        node.flags = 0;
        bytes += BLOCK_SIZE;
        n -= BLOCK_SIZE;
    }
    load_block(&node, bytes, n);
    node.flags |= CHUNK_END;
    return node;
}

static struct node parent_node(const uint32_t left[8], const uint32_t right[8])
{
    struct node node = {.length = BLOCK_SIZE, .flags = PARENT};
    for (unsigned i = 0; i < 8; i++) {
        node.chain[i] = initial[i];
        node.message[i] = left[i];
        node.message[8 + i] = right[i];
    }
    return node;
}

void fh_blake3(const void *bytes, size_t n, uint8_t out[FH_BLAKE3_SIZE])
{
    const uint8_t *p = bytes;
    uint32_t stack[MAX_TREE_DEPTH][8];
    unsigned depth = 0;
    uint64_t done = 0;
    while (n > CHUNK_SIZE) {
        struct node node = chunk_node(p, CHUNK_SIZE, done);
        p += CHUNK_SIZE;
        n -= CHUNK_SIZE;
        done++;
        uint32_t value[8];
        compress(&node, value);
        for (uint64_t count = done; (count & 1) == 0; count >>= 1) {
            node = parent_node(stack[--depth], value);
            compress(&node, value);
        }
        for (unsigned i = 0; i < 8; i++)
            stack[depth][i] = value[i];
        depth++;
    }
    struct node node = chunk_node(p, n, done);
    while (depth > 0) {
        uint32_t value[8];
        compress(&node, value);
        node = parent_node(stack[--depth], value);
    }
    node.flags |= ROOT;
    uint32_t words[8];
    compress(&node, words);
    for (unsigned i = 0; i < FH_BLAKE3_SIZE; i++)
        out[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
}
