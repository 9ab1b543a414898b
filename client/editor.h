/* A text in the person's editor: $VISUAL, $EDITOR, or the first of nano, vim, vi and emacs. */
#ifndef EDITOR_H
#define EDITOR_H

#include "common/arena.h"
#include "common/err.h"

#include <stddef.h>

/* path is edited in place; returns when the editor has ended well. */
fh_err editor_run(struct fh_arena *a, const char *path, struct fh_error *e) FH_MUSTCHECK;

#endif
