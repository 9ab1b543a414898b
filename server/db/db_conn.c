/* One connection: opening it, and running statements on it. See db.h. */
#include "server/db/db_conn.h"

#include "common/ceilings.h"
#include "common/mem.h"

#include <endian.h>
#include <poll.h>

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25, FIRST_SLOTS = 64 };

void db_config_copy(struct db_config *to, const struct db_config *from)
{
    *to = *from;
    to->url = fh_xstrdup(from->url ? from->url : "");
    to->application_name = fh_xstrdup(from->application_name ? from->application_name : "floe-server");
}

void db_config_clear(struct db_config *config)
{
    free((void *)(uintptr_t)config->url);
    free((void *)(uintptr_t)config->application_name);
    *config = (struct db_config){0};
}

static void drop_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/* synchronous_commit is only raised: a stronger choice of the operator (remote_apply) stays. */
static fh_err set_session(struct db_conn *c, const struct db_config *config, struct fh_error *e)
{
    char sql[640];
    snprintf(sql, sizeof sql,
             "SELECT set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN "
             "('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END, false), "
             "set_config('statement_timeout', '%d', false), "
             "set_config('idle_in_transaction_session_timeout', '%d', false), "
             "set_config('search_path', 'public', false), "
             "set_config('jit', 'off', false), " /* it takes longer than what it would make faster */
             "set_config('default_transaction_isolation', 'read committed', false)",
             config->statement_ms, config->statement_ms ? config->statement_ms * 2 : 0);
    return db_conn_simple(c, sql, NULL, e);
}

static fh_err check_connected(struct db_conn *c, struct fh_error *e)
{
    if (!c->pg)
        return FH_FAIL(e, FH_UNAVAILABLE, "There is no memory for a database connection.");
    if (PQstatus(c->pg) == CONNECTION_OK)
        return FH_OK;
    /* libpq gives no SQLSTATE for a failed connection, and its text may quote the URL. */
    if (PQconnectionNeedsPassword(c->pg))
        return FH_FAIL(e, FH_UNAVAILABLE, "The database asks for a password; add it to the database URL.");
    if (PQconnectionUsedPassword(c->pg) && strstr(PQerrorMessage(c->pg), "password authentication failed"))
        return FH_FAIL(e, FH_UNAVAILABLE, "The database refuses the password of the database URL.");
    return FH_FAIL(e, FH_UNAVAILABLE, "The database cannot be reached; is it running, and is the URL right?");
}

fh_err db_conn_open(const struct db_config *config, struct db_conn **out, struct fh_error *e)
{
    /* Before dbname: the URL may say otherwise. Behind it: it may not. */
    static const char *const keys[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                       "keepalives_count", "tcp_user_timeout", "dbname",
                                       "application_name", "client_encoding",  NULL};
    const char *const values[] = {"5",    "10", "5", "3", "20000", config->url, config->application_name,
                                  "UTF8", NULL};
    struct db_conn *c = fh_xcalloc(1, sizeof *c);
    c->pg = PQconnectdbParams(keys, values, 1);
    fh_err rc = check_connected(c, e);
    if (rc == FH_OK) {
        PQsetNoticeReceiver(c->pg, drop_notice, NULL);
        rc = set_session(c, config, e);
    }
    if (rc != FH_OK) {
        db_conn_close(c);
        return rc;
    }
    *out = c;
    return FH_OK;
}

void db_conn_close(struct db_conn *c)
{
    if (!c)
        return;
    PQfinish(c->pg);
    free(c->stmts);
    free(c);
}

bool db_conn_is_usable(struct db_conn *c)
{
    if (c->lost || PQstatus(c->pg) != CONNECTION_OK)
        return false;
    struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};
    if (poll(&p, 1, 0) == 0)
        return true;
    /* Something came unasked: a notice or a changed parameter, or the end of the connection. */
    return PQconsumeInput(c->pg) && PQstatus(c->pg) == CONNECTION_OK &&
           PQtransactionStatus(c->pg) == PQTRANS_IDLE;
}

bool db_in_transaction(const struct db_conn *conn)
{
    return PQtransactionStatus(conn->pg) == PQTRANS_INTRANS;
}

static bool succeeded(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

fh_err db_conn_simple(struct db_conn *c, const char *sql, PGresult **out, struct fh_error *e)
{
    PGresult *r = PQexec(c->pg, sql);
    fh_err rc = succeeded(r) ? FH_OK : db_conn_failed(c, r, e);
    if (rc == FH_OK && out)
        *out = r;
    else
        PQclear(r);
    return rc;
}

fh_err db_script(struct db_conn *conn, const char *sql, struct fh_error *e)
{
    return db_conn_simple(conn, sql, NULL, e);
}

struct db_param db_text(const char *s)
{
    if (!s)
        return DB_NULL;
    return (struct db_param){.type = DB_TYPE_TEXT, .bytes = s, .len = strlen(s)};
}

static size_t slot_of(const struct db_conn *c, const char *sql, uint64_t signature)
{
    uint64_t h = ((uint64_t)(uintptr_t)sql ^ signature * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    size_t i = (size_t)(h >> 32) & (c->nslots - 1);
    while (c->stmts[i].sql && (c->stmts[i].sql != sql || c->stmts[i].signature != signature))
        i = (i + 1) & (c->nslots - 1);
    return i;
}

static void make_room(struct db_conn *c)
{
    if (c->nslots && c->nstmts * 2 < c->nslots)
        return;
    struct db_stmt *old = c->stmts;
    size_t nold = c->nslots;
    c->nslots = nold ? nold * 2 : FIRST_SLOTS;
    c->stmts = fh_xcalloc(c->nslots, sizeof *c->stmts);
    for (size_t i = 0; i < nold; i++)
        if (old[i].sql)
            c->stmts[slot_of(c, old[i].sql, old[i].signature)] = old[i];
    free(old);
}

static fh_err prepare(struct db_conn *c, const char *sql, const struct db_param *params, size_t n,
                      char name[16], struct fh_error *e)
{
    static const Oid oids[] = {[DB_TYPE_NULL] = 0,
                               [DB_TYPE_BOOL] = OID_BOOL,
                               [DB_TYPE_I64] = OID_INT8,
                               [DB_TYPE_TEXT] = OID_TEXT,
                               [DB_TYPE_BYTES] = OID_BYTEA};
    uint64_t signature = n;
    Oid types[DB_MAX_PARAMS];
    for (size_t i = 0; i < n; i++) {
        signature = signature << 3 | (uint64_t)params[i].type;
        types[i] = oids[params[i].type];
    }
    make_room(c);
    struct db_stmt *s = &c->stmts[slot_of(c, sql, signature)];
    unsigned number = s->sql ? s->number : (unsigned)c->nstmts;
    snprintf(name, 16, "s%u", number);
    if (s->sql)
        return FH_OK;
    PGresult *r = PQprepare(c->pg, name, sql, (int)n, types);
    fh_err rc = succeeded(r) ? FH_OK : db_conn_failed(c, r, e);
    PQclear(r);
    if (rc == FH_OK) {
        *s = (struct db_stmt){.sql = sql, .signature = signature, .number = number};
        c->nstmts++;
    }
    return rc;
}

static fh_err run(struct db_conn *c, const char *sql, const struct db_param *params, size_t n, PGresult **out,
                  struct fh_error *e)
{
    FH_ASSERT(e, n <= DB_MAX_PARAMS);
    c->clashed = false;
    if (c->lost)
        return FH_FAIL(e, FH_UNAVAILABLE, "The connection to the database was lost; try again.");
    char name[16];
    FH_TRY(prepare(c, sql, params, n, name, e));
    const char *values[DB_MAX_PARAMS] = {0};
    int lengths[DB_MAX_PARAMS] = {0}, formats[DB_MAX_PARAMS] = {0};
    uint64_t numbers[DB_MAX_PARAMS];
    for (size_t i = 0; i < n; i++) {
        const struct db_param *p = &params[i];
        formats[i] = 1;
        if (p->type == DB_TYPE_I64) {
            numbers[i] = htobe64((uint64_t)p->i64);
            values[i] = (const char *)&numbers[i];
            lengths[i] = 8;
        } else if (p->type == DB_TYPE_BOOL) {
            values[i] = p->i64 ? "\1" : "\0";
            lengths[i] = 1;
        } else if (p->type != DB_TYPE_NULL) {
            if (p->len > FH_MAX_ROWS_BYTES)
                return FH_FAIL(e, FH_TOO_LARGE, "A value of %zu bytes is too large for the database.",
                               p->len);
            values[i] = p->bytes ? p->bytes : "";
            lengths[i] = (int)p->len;
        }
    }
    PGresult *r = PQexecPrepared(c->pg, name, (int)n, values, lengths, formats, 1);
    if (!succeeded(r)) {
        fh_err rc = db_conn_failed(c, r, e);
        PQclear(r);
        return rc;
    }
    if (PQresultMemorySize(r) > FH_MAX_ROWS_BYTES) {
        PQclear(r);
        return FH_FAIL(e, FH_TOO_LARGE, "The database's answer is larger than %d bytes.", FH_MAX_ROWS_BYTES);
    }
    *out = r;
    return FH_OK;
}

fh_err db_query(struct db_conn *conn, struct fh_arena *arena, const char *sql, const struct db_param *params,
                size_t nparams, struct db_rows **out, struct fh_error *e)
{
    PGresult *r;
    FH_TRY(run(conn, sql, params, nparams, &r, e));
    *out = db_rows_make(arena, r);
    return FH_OK;
}

fh_err db_exec(struct db_conn *conn, const char *sql, const struct db_param *params, size_t nparams,
               int64_t *affected, struct fh_error *e)
{
    PGresult *r;
    FH_TRY(run(conn, sql, params, nparams, &r, e));
    if (affected)
        *affected = strtoll(PQcmdTuples(r), NULL, 10);
    PQclear(r);
    return FH_OK;
}
