/* Mapped packs count as the process's memory as far as they were looked at, though the system has them in
 * its cache all the same. Who goes through a large one lets go of what is behind. */
#ifndef WIRE_PAGES_H
#define WIRE_PAGES_H

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WIRE_PAGES_STEP = 1024 * 1024 };

/* For read-only maps of files alone: what is looked at again comes back from the file. */
static inline void wire_pages_drop(const uint8_t *from, const uint8_t *to)
{
    uintptr_t start = (uintptr_t)from & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    if ((uintptr_t)to > start)
        (void)madvise((void *)start, (uintptr_t)to - start, MADV_DONTNEED);
}

#endif
