/* The systems that packages are built for, as the protocol names them (catalog-read-api 3.1). Pure. */
#ifndef FH_SYSTEM_H
#define FH_SYSTEM_H

#include <stddef.h>

/* In the order of their names. Stored as these numbers. */
enum fh_system {
    FH_SYSTEM_NONE,
    FH_AARCH64_DARWIN,
    FH_AARCH64_LINUX,
    FH_X86_64_DARWIN,
    FH_X86_64_LINUX,
    FH_SYSTEM_END,
};

const char *fh_system_name(enum fh_system s);    /* static; NULL for what is none */
enum fh_system fh_system_find(const char *name); /* FH_SYSTEM_NONE: there is none of that name */

#endif
