/* Backups as rows: see migrations/0004_backup.sql. */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "server/db/db.h"

struct store_backup {
    int64_t id;
    char *floe; /* the version that made it */
    int64_t schema_version, started_at, finished_at, bytes;
};

fh_err store_backup_begin(struct db_conn *c, struct fh_arena *a, const char *floe, int64_t *id,
                          struct fh_error *e) FH_MUSTCHECK;
fh_err store_backup_finish(struct db_conn *c, int64_t id, int64_t bytes, struct fh_error *e) FH_MUSTCHECK;
/* The newest finished one; FH_NOT_FOUND when there is none. */
fh_err store_backup_last(struct db_conn *c, struct fh_arena *a, struct store_backup *out,
                         struct fh_error *e) FH_MUSTCHECK;
/* Of a hub that was restored just now: the row that its backup came with, which is without an end. */
fh_err store_backup_origin(struct db_conn *c, struct fh_arena *a, struct store_backup *out,
                           struct fh_error *e) FH_MUSTCHECK;

#endif
