/* Backup and restore with PostgreSQL's own programs: pg_dump, pg_restore and psql, run on the pool's
 * database.
 *
 * How to connect reaches them in their environment, so no secret is ever in an argument. One thread at a
 * time.
 */
#ifndef DB_TOOLS_H
#define DB_TOOLS_H

#include "server/db/db.h"

struct db_tools;

/* bin_dir: where the programs are; NULL: those of the server's major version under /usr/lib/postgresql, else
 * the newest there, else PATH. FH_NOT_FOUND names the Debian package. */
fh_err db_tools_open(struct db_pool *pool, const char *bin_dir, struct db_tools **out,
                     struct fh_error *e) FH_MUSTCHECK;
void db_tools_free(struct db_tools *t); /* NULL is fine */

typedef void db_tools_progress(void *arg, int64_t bytes);

/* The whole database in one snapshot, as a pg_dump archive (custom format) into fd, an empty file. progress,
 * which may be NULL, is told how much was written. */
fh_err db_tools_dump(struct db_tools *t, int fd, db_tools_progress *progress, void *arg,
                     struct fh_error *e) FH_MUSTCHECK;

/* The newest migration that an archive has: number and name. FH_INVALID when fd is no archive of a Floe. */
enum { DB_MIGRATION_NAME = 128 };
fh_err db_tools_archive_schema(struct db_tools *t, int fd, int *version, char name[DB_MIGRATION_NAME],
                               struct fh_error *e) FH_MUSTCHECK;
/* The same of schema_migration's rows as COPY writes them; pure, fuzzed. False when there are none. */
bool db_tools_parse_schema(const char *text, int *version, char name[DB_MIGRATION_NAME]);

/* Puts an archive in place of all that the database has, in one transaction: when it fails, the database is
 * as it was. progress is told how much of fd was read. */
fh_err db_tools_restore(struct db_tools *t, int fd, db_tools_progress *progress, void *arg,
                        struct fh_error *e) FH_MUSTCHECK;

/* How many servers (db_listener_start) are connected to the database now. */
fh_err db_tools_servers(struct db_tools *t, int64_t *n, struct fh_error *e) FH_MUSTCHECK;

#endif
