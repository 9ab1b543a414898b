/* How much a hub holds, for status. */
#ifndef STORE_COUNTS_H
#define STORE_COUNTS_H

#include "server/db/db.h"

struct store_counts {
    int64_t users, orgs, tokens /* that can be used */, envs, deleted_envs, packs, pack_bytes, database_bytes;
    int64_t pages, packages; /* of the base catalog, complete ones */
};
fh_err store_counts(struct db_conn *c, struct store_counts *out, struct fh_error *e) FH_MUSTCHECK;

#endif
