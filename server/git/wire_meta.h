/* metadata.json of a branch's tip, as rows (store_generations). */
#ifndef WIRE_META_H
#define WIRE_META_H

#include "server/git/wire_pack.h"
#include "server/store/env.h"

/* Of the bytes. FH_INVALID, with a sentence for the pusher, when they are no JSON object; anything else that
 * is wrong gives rows that are marked broken with the reason. Everything lives in the arena. */
fh_err wire_meta_parse(struct fh_arena *a, const char *bytes, size_t n, struct store_generations *out,
                       struct fh_error *e) FH_MUSTCHECK;
/* Of a commit. FH_INVALID also when it has no metadata.json, or one over FH_MAX_METADATA. */
fh_err wire_meta_read(struct fh_arena *a, struct wire_reader *r, const struct fh_oid *tip,
                      struct store_generations *out, struct fh_error *e) FH_MUSTCHECK;
/* The same for what is there already (import, restore): what wire_meta_read refuses is marked broken. */
fh_err wire_meta_read_kept(struct fh_arena *a, struct wire_reader *r, const struct fh_oid *tip,
                           struct store_generations *out, struct fh_error *e) FH_MUSTCHECK;

#endif
