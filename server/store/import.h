/* What an import knows of an environment besides its history. */
#ifndef STORE_IMPORT_H
#define STORE_IMPORT_H

#include "server/db/db.h"

/* Unix seconds; in the transaction that made the environment. */
fh_err store_env_set_created(struct db_conn *c, int64_t env_id, int64_t at, struct fh_error *e) FH_MUSTCHECK;

#endif
