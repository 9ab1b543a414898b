/* The member "change" of a request that makes a generation: what its history says was done. Pure.
 *
 *     {"kind": "edit" | "install" | "uninstall" | "upgrade" | "include_upgrade", "targets": ["hello
 * (hello)"]}
 *     {"kind": "other", "summary": "nightly update"}
 *
 * Clients show these words on terminals and git in logs, so they are lines of text. */
#ifndef REST_CHANGE_H
#define REST_CHANGE_H

#include "common/metadata.h"

/* Sets out's kind, targets and text. change NULL: an edit. FH_INVALID. */
fh_err rest_change_read(struct fh_arena *a, const json_t *change, struct fh_change *out,
                        struct fh_error *e) FH_MUSTCHECK;

#endif
