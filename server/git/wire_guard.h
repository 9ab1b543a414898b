/* The pre-scan: walks a pushed pack once, entry by entry, with zlib alone and a small fixed buffer, before
 * anything else looks at it. Pure (no database, no HTTP); fuzzed.
 *
 * Refuses, with a sentence for the pusher: a bad header or version, more objects than the ceiling or than
 * could fit, an entry whose inflated size is not what it declares, an object or delta result over
 * FH_MAX_OBJECT, a pack whose entries (delta results included) are over FH_MAX_PACK_INFLATED, a delta chain
 * over FH_MAX_DELTA_DEPTH, a delta whose instructions do not fit its base and result sizes, a delta whose
 * base is not in the pack (we advertise no-thin), bytes behind the last entry, a wrong trailer. It stops at
 * the first fault, having inflated no more than the ceilings. What a REF_DELTA's base is cannot be known
 * before everything is hashed: that it is there, and how deep the chain is, wire_index_pack sees to.
 */
#ifndef WIRE_GUARD_H
#define WIRE_GUARD_H

#include "common/err.h"

#include <stdint.h>
#include <sys/types.h>

struct wire_scan {
    uint32_t objects;
    uint64_t inflated;
    uint64_t bytes;       /* of the pack, trailer included */
    uint8_t checksum[20]; /* its trailer */
};

/* The pack stands in fd from offset to the end (size bytes). */
fh_err wire_guard_scan(int fd, off_t offset, uint64_t size, struct wire_scan *out,
                       struct fh_error *e) FH_MUSTCHECK;

#endif
