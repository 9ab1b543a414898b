/* PostgreSQL: a bounded pool, prepared statements, transactions whose outcome is always known.
 *
 * The only folder that includes <libpq-fe.h>. SQL text stands in server/store/ (and in migrations/); this
 * module runs it. Parameters are always bound, never pasted. Results come in binary form and are read through
 * the db_get_* functions; a struct db_rows belongs to the arena it was made in.
 *
 * A connection is used by one thread at a time, and a thread holds one at most, only around its queries.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "common/arena.h"
#include "common/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db_pool; /* safe from any thread */
struct db_conn;
struct db_rows;

struct db_config {
    const char *url;  /* a libpq connection string or URL; never logged, it may hold a password */
    int size;         /* connections at most */
    int wait_ms;      /* how long db_take waits for one: then FH_UNAVAILABLE */
    int statement_ms; /* statement_timeout, 0: none */
    const char *application_name;
};

/* Opens no connection yet: they are made when first needed, and again after the server went away. A server
 * that restarts is waited for within wait_ms; one that has been away for longer fails at once. */
fh_err db_pool_open(const struct db_config *config, struct db_pool **out, struct fh_error *e) FH_MUSTCHECK;
void db_pool_close(struct db_pool *pool); /* every connection must have been given back */

fh_err db_take(struct db_pool *pool, struct db_conn **out, struct fh_error *e) FH_MUSTCHECK;
void db_give(struct db_conn *conn);                 /* rolls back what is still open; NULL is fine */
bool db_in_transaction(const struct db_conn *conn); /* for what only makes sense in one */

enum db_type { DB_TYPE_NULL, DB_TYPE_BOOL, DB_TYPE_I64, DB_TYPE_TEXT, DB_TYPE_BYTES };
struct db_param {
    enum db_type type;
    int64_t i64;
    const void *bytes; /* text or bytes; borrowed */
    size_t len;
};
#define DB_I64(v)      ((struct db_param){.type = DB_TYPE_I64, .i64 = (v)})
#define DB_BOOL(v)     ((struct db_param){.type = DB_TYPE_BOOL, .i64 = (v) ? 1 : 0})
#define DB_BYTES(p, n) ((struct db_param){.type = DB_TYPE_BYTES, .bytes = (p), .len = (n)})
#define DB_NULL        ((struct db_param){.type = DB_TYPE_NULL})
struct db_param db_text(const char *s); /* NULL becomes SQL null */
#define DB_TEXT(s) db_text(s)

/* Runs one statement (prepared once per connection, keyed by the text's address: pass string literals).
 * Timestamps, enums and json are selected as bigint (extract epoch) or text, so that five types suffice. */
fh_err db_query(struct db_conn *conn, struct fh_arena *arena, const char *sql, const struct db_param *params,
                size_t nparams, struct db_rows **out, struct fh_error *e) FH_MUSTCHECK;
/* The same for statements without rows; affected may be NULL. */
fh_err db_exec(struct db_conn *conn, const char *sql, const struct db_param *params, size_t nparams,
               int64_t *affected, struct fh_error *e) FH_MUSTCHECK;
/* The same, sent ahead: it goes to the server now and is answered for with the next statement or the commit,
 * whose failure then may be this one's. Saves its round trip; params are read before it returns. */
fh_err db_later(struct db_conn *conn, const char *sql, const struct db_param *params, size_t nparams,
                struct fh_error *e) FH_MUSTCHECK;
/* Many rows at once: sql is "COPY t (a, b) FROM STDIN (FORMAT binary)", a literal; rows are n bytes that
 * db_copy_row and one db_copy_* for each field put into a buffer, in the types of the columns. copied may be
 * NULL. Ten times as fast as INSERT. */
fh_err db_copy(struct db_conn *conn, const char *sql, const void *rows, size_t n, int64_t *copied,
               struct fh_error *e) FH_MUSTCHECK;
fh_err db_copy_row(struct fh_buf *b, int fields, struct fh_error *e) FH_MUSTCHECK;
fh_err db_copy_i16(struct fh_buf *b, int16_t v, struct fh_error *e) FH_MUSTCHECK;
fh_err db_copy_i32(struct fh_buf *b, int32_t v, struct fh_error *e) FH_MUSTCHECK;
fh_err db_copy_i64(struct fh_buf *b, int64_t v, struct fh_error *e) FH_MUSTCHECK;
fh_err db_copy_bytes(struct fh_buf *b, const void *bytes, size_t n, struct fh_error *e) FH_MUSTCHECK;
fh_err db_copy_text(struct fh_buf *b, const char *s, struct fh_error *e) FH_MUSTCHECK; /* NULL: null */
/* Several statements without parameters: for migrations, and for work that is tied to one connection by its
 * temporary tables and says BEGIN and COMMIT itself. Such work must stand being done twice: when the
 * connection is lost at its COMMIT, nobody can tell whether it was. */
fh_err db_script(struct db_conn *conn, const char *sql, struct fh_error *e) FH_MUSTCHECK;
#define DB_PARAMS(...)                                                                                       \
    (const struct db_param[]){__VA_ARGS__},                                                                  \
        sizeof((const struct db_param[]){__VA_ARGS__}) / sizeof(struct db_param)

size_t db_count(const struct db_rows *rows);
bool db_is_null(const struct db_rows *rows, size_t row, int column);
int64_t db_get_i64(const struct db_rows *rows, size_t row, int column); /* int2, int4 or int8; null: 0 */
bool db_get_bool(const struct db_rows *rows, size_t row, int column);
const char *db_get_text(const struct db_rows *rows, size_t row, int column); /* null: NULL; the arena's */
const void *db_get_bytes(const struct db_rows *rows, size_t row, int column, size_t *len);

/* One unit of work. fn runs between BEGIN and COMMIT on one connection; its failure rolls back and is
 * returned. When the connection is lost before COMMIT was sent, or PostgreSQL reports a deadlock or a
 * serialization failure, the whole is run again (a bounded number of times), so fn must start from nothing
 * each time it is called. When it is lost after COMMIT was sent, the outcome is asked for on a new
 * connection, by a row that every transaction writes (db_tx.c says why not by its id), for as long as wait_ms
 * and at least ten seconds: nothing is lost and nothing is done twice. FH_UNAVAILABLE, with a sentence that
 * says so, if the outcome cannot be learnt. */
typedef fh_err db_work(struct db_conn *conn, void *arg, struct fh_error *e);
fh_err db_transaction(struct db_pool *pool, db_work *fn, void *arg, struct fh_error *e) FH_MUSTCHECK;
/* Reads, outside a transaction (each statement sees one snapshot); run again when the connection was lost. */
fh_err db_read(struct db_pool *pool, db_work *fn, void *arg, struct fh_error *e) FH_MUSTCHECK;

/* LISTEN, on a thread and a connection of its own.
 *
 * on_message runs on that thread for each NOTIFY of a channel. While the connection is down, and until LISTEN
 * is in force again, db_listener_is_live answers false; on_reset is called when it goes down, and again when
 * LISTEN is in force but before it counts as live: whoever caches must then treat every entry as stale, those
 * that are being read included. lost: a connection that was live is gone, or came back, so that the database
 * may be another one than it was. Messages of the form "<nonce>|<rest>" are given to on_message as "<rest>"
 * and acknowledged on the channel floe_ack after it returned, so that an admin command can wait until every
 * live server has heard it. */
struct db_listener;
typedef void db_on_message(void *arg, const char *channel, const char *payload);
typedef void db_on_reset(void *arg, bool lost);
fh_err db_listener_start(const struct db_config *config, const char *const *channels, size_t nchannels,
                         db_on_message *on_message, db_on_reset *on_reset, void *arg,
                         struct db_listener **out, struct fh_error *e) FH_MUSTCHECK;
bool db_listener_is_live(const struct db_listener *l); /* any thread; cheap */
void db_listener_stop(struct db_listener *l);
/* For admin commands, after their transaction: sends channel and payload with a nonce and waits until every
 * connected listener (counted in pg_stat_activity by application name) acknowledged, at most wait_ms: then
 * FH_UNAVAILABLE with a sentence that says that it is done all the same. */
fh_err db_announce(struct db_pool *pool, const char *channel, const char *payload, int wait_ms,
                   struct fh_error *e) FH_MUSTCHECK;

/* Applies migrations/ in order, under an advisory lock, each in a transaction of its own. A database that is
 * newer than this program is refused by name. *applied may be NULL. */
fh_err db_migrate(struct db_pool *pool, int *applied, struct fh_error *e) FH_MUSTCHECK;
int db_schema_version(void); /* of the newest migration compiled in */
/* Of the newest one applied, 0 for an empty database. Changes nothing. */
fh_err db_schema_applied(struct db_pool *pool, int *version, struct fh_error *e) FH_MUSTCHECK;

#endif
