/* What gitobj.c and gitobj_pack.c share: the repository behind a struct gitobj. Included by those two alone.
 */
#ifndef GITOBJ_OPEN_H
#define GITOBJ_OPEN_H

#include "common/err.h"

#include <git2.h>

struct gitobj {
    git_repository *repo;
    char *path;
};

/* libgit2's own reason behind what we were doing. */
fh_err gitobj_fail(struct fh_error *e, int code, const char *what);

#endif
