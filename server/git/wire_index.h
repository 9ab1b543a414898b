/* Indexing: makes a .pack and .idx of a pack, in a private folder. What was pushed has been through
 * wire_guard_scan, whose ceilings on objects and bytes are not repeated here; our own packs have no such.
 *
 * Refused are: what is no pack or has a wrong trailer, a delta whose base is not in the pack (a ring of
 * REF_DELTAs is that, too), a chain of over FH_MAX_DELTA_DEPTH, an object that is there twice, and a pack of
 * over 2 GiB. A whole object is never held. Each delta is made once, unless what is held of a chain passes
 * 32 MiB; with an object and a delta in the making that is 64 MiB at most, by one thread at a time
 * (wire_turn.h), beside 88 bytes for each object.
 *
 * Ids are plain SHA-1, which does not see an attack: that no other object comes in under a stored one's name
 * is wire_walk_check_push's to see. Any thread may index at once. */
#ifndef WIRE_INDEX_H
#define WIRE_INDEX_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads size bytes of fd from offset; dir must exist. On success <dir>/pack-<checksum>.pack and .idx stand
 * there, mode 0400, and path (without ending) is in path; otherwise nothing does. */
fh_err wire_index_pack(int fd, off_t offset, uint64_t size, const char *dir, char path[4096],
                       uint8_t checksum[20], uint32_t *objects, struct fh_error *e) FH_MUSTCHECK;

/* The same without files, for a small pack: the bytes of what would be its .idx, to be freed. */
struct wire_indexed {
    uint8_t *idx;
    size_t nidx;
    uint8_t checksum[20];
    uint32_t objects;
};
fh_err wire_index_bytes(int fd, off_t offset, uint64_t size, struct wire_indexed *out,
                        struct fh_error *e) FH_MUSTCHECK;

#endif
