/* Indexing: makes a .pack and .idx of a scanned pack with libgit2's indexer, in a private folder. The only
 * place that includes <git2.h>; wire_index_init sets libgit2's process-wide options once, before any thread
 * starts. (Never git_indexer's own verification: with it libgit2 1.5.1 leaks each object we have already.) */
#ifndef WIRE_INDEX_H
#define WIRE_INDEX_H

#include "common/err.h"

#include <stdint.h>
#include <sys/types.h>

fh_err wire_index_init(struct fh_error *e) FH_MUSTCHECK;

/* Reads size bytes of fd from offset; dir must exist. On success <dir>/pack-<checksum>.pack and .idx stand
 * there, mode 0400, and path (without ending) is in path. */
fh_err wire_index_pack(int fd, off_t offset, uint64_t size, const char *dir, char path[4096],
                       uint8_t checksum[20], uint32_t *objects, struct fh_error *e) FH_MUSTCHECK;

#endif
