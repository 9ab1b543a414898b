/* One connection, as the files of this module see it. */
#ifndef DB_CONN_H
#define DB_CONN_H

#include "server/db/db.h"

#include <libpq-fe.h>

enum { DB_MAX_PARAMS = 20 };

struct db_stmt {
    const char *sql;    /* the literal's address is the key; NULL: an empty slot */
    uint64_t signature; /* types of the parameters: NULL must not fix a type for later calls */
    unsigned number;    /* its name on the server is "s<number>" */
};

struct db_conn {
    PGconn *pg;
    struct db_pool *pool;  /* NULL: a connection of its own (listener, announcement) */
    bool lost;             /* must not be used again */
    bool clashed;          /* the last error was a serialization failure or a deadlock */
    bool begun;            /* a transaction is open, or its BEGIN is on the way */
    unsigned ahead;        /* statements sent whose results were not read (db_later) */
    struct db_stmt *stmts; /* open addressing; nslots is a power of two */
    size_t nslots, nstmts;
};

/* Connects within connect_timeout and puts the session's settings in force. */
fh_err db_conn_open(const struct db_config *config, struct db_conn **out, struct fh_error *e) FH_MUSTCHECK;
void db_conn_close(struct db_conn *c); /* NULL is fine */
/* Reads the results of what was sent ahead; the first failure of it. */
fh_err db_conn_settle(struct db_conn *c, struct fh_error *e) FH_MUSTCHECK;
/* COMMIT; of a transaction in which a statement failed it rolls back, and says so. */
fh_err db_conn_commit(struct db_conn *c, bool *committed, struct fh_error *e) FH_MUSTCHECK;
/* Runs text without parameters by the simple protocol; the last statement's result, text format. */
fh_err db_conn_simple(struct db_conn *c, const char *sql, PGresult **out, struct fh_error *e) FH_MUSTCHECK;
/* True when the idle connection has not been closed by the other side. */
bool db_conn_is_usable(struct db_conn *c);

/* The error of a failed result (NULL: of the connection) as kind and sentence, without any value of the
 * statement; notes on c whether it is lost or clashed. */
fh_err db_conn_failed(struct db_conn *c, const PGresult *result, struct fh_error *e);

/* A copy of a configuration that owns its strings. */
void db_config_copy(struct db_config *to, const struct db_config *from);
void db_config_clear(struct db_config *config);
const struct db_config *db_pool_config(const struct db_pool *pool);

struct db_rows *db_rows_make(struct fh_arena *arena, PGresult *take_result);

#endif
