/* What an owner's bare repository on disk must look like: names, texts, and what belongs in it. Used by
 * wire_materialise.c, which makes it so, and wire_materialise_check.c, which compares. */
#ifndef WIRE_BARE_H
#define WIRE_BARE_H

#include "common/buf.h"
#include "server/git/wire_materialise.h"

#include <dirent.h>

enum {
    WIRE_MAX_PACKED_REFS = 64 * 1024 * 1024,
    WIRE_PACK_NAME_SIZE = sizeof "pack-.pack" + 40,
    WIRE_PACK_MODE = 0400, /* of the packs that we put there; git's own are 0444 */
};

extern const char wire_bare_config[];
/* May this be the name of a folder below <data>/git? */
bool wire_bare_is_safe(const char *owner);
fh_err wire_bare_refs(const struct store_repo *repo, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
fh_err wire_bare_head(const struct store_repo *repo, struct fh_buf *out, struct fh_error *e) FH_MUSTCHECK;
void wire_bare_pack_name(const struct store_pack *p, const char *ending, char out[WIRE_PACK_NAME_SIZE]);
bool wire_bare_is_pack(const char *name);                                 /* "pack-….pack" or "….idx" */
bool wire_bare_has_pack(const struct store_repo *repo, const char *name); /* one of the rows */
bool wire_bare_file_is(int dir, const char *name, const char *bytes, size_t n);
DIR *wire_bare_list(int dir, const char *name); /* NULL when it cannot be read; closedir it */

#endif
