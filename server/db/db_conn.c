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
    return conn->begun || PQtransactionStatus(conn->pg) == PQTRANS_INTRANS;
}

static bool succeeded(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

fh_err db_conn_simple(struct db_conn *c, const char *sql, PGresult **out, struct fh_error *e)
{
    FH_TRY(db_conn_settle(c, e));
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
    FH_TRY(db_conn_settle(c, e));
    PGresult *r = PQprepare(c->pg, name, sql, (int)n, types);
    fh_err rc = succeeded(r) ? FH_OK : db_conn_failed(c, r, e);
    PQclear(r);
    if (rc == FH_OK) {
        *s = (struct db_stmt){.sql = sql, .signature = signature, .number = number};
        c->nstmts++;
    }
    return rc;
}

/* Parameters in libpq's form. */
struct values {
    char name[16];
    const char *values[DB_MAX_PARAMS];
    int lengths[DB_MAX_PARAMS], formats[DB_MAX_PARAMS];
    uint64_t numbers[DB_MAX_PARAMS];
};

static fh_err bind(struct db_conn *c, const char *sql, const struct db_param *params, size_t n,
                   struct values *v, struct fh_error *e)
{
    FH_ASSERT(e, n <= DB_MAX_PARAMS);
    c->clashed = false;
    if (c->lost)
        return FH_FAIL(e, FH_UNAVAILABLE, "The connection to the database was lost; try again.");
    FH_TRY(prepare(c, sql, params, n, v->name, e));
    for (size_t i = 0; i < n; i++) {
        const struct db_param *p = &params[i];
        v->formats[i] = 1;
        v->values[i] = NULL;
        v->lengths[i] = 0;
        if (p->type == DB_TYPE_I64) {
            v->numbers[i] = htobe64((uint64_t)p->i64);
            v->values[i] = (const char *)&v->numbers[i];
            v->lengths[i] = 8;
        } else if (p->type == DB_TYPE_BOOL) {
            v->values[i] = p->i64 ? "\1" : "\0";
            v->lengths[i] = 1;
        } else if (p->type != DB_TYPE_NULL) {
            if (p->len > FH_MAX_ROWS_BYTES)
                return FH_FAIL(e, FH_TOO_LARGE, "A value of %zu bytes is too large for the database.",
                               p->len);
            v->values[i] = p->bytes ? p->bytes : "";
            v->lengths[i] = (int)p->len;
        }
    }
    return FH_OK;
}

/* --- statements that are sent ahead of others, in libpq's pipeline mode --- */

static fh_err send_ahead(struct db_conn *c, const struct values *v, size_t n, struct fh_error *e)
{
    if ((!c->ahead && !PQenterPipelineMode(c->pg)) ||
        !PQsendQueryPrepared(c->pg, v->name, (int)n, v->values, v->lengths, v->formats, 1) ||
        PQflush(c->pg) < 0)
        return db_conn_failed(c, NULL, e);
    c->ahead++;
    return FH_OK;
}

/* The result of one statement. After a failure PostgreSQL passes over the rest, which is no failure of
 * theirs. */
static fh_err read_one(struct db_conn *c, PGresult **out, struct fh_error *e)
{
    PGresult *r = PQgetResult(c->pg);
    if (!succeeded(r)) {
        fh_err rc = db_conn_failed(c, r, e);
        PQclear(r);
        r = PQgetResult(c->pg); /* the end of this statement */
        PQclear(r);
        return rc;
    }
    *out = r;
    PQclear(PQgetResult(c->pg));
    return FH_OK;
}

/* Reads all that was sent ahead; *last is the result of the last statement. */
static fh_err read_ahead(struct db_conn *c, PGresult **last, struct fh_error *e)
{
    fh_err rc = FH_OK;
    struct fh_error passed_over;
    if (!PQpipelineSync(c->pg))
        rc = db_conn_failed(c, NULL, e);
    *last = NULL;
    for (unsigned i = 0; i < c->ahead && !c->lost; i++) {
        bool clashed = c->clashed;
        PQclear(*last);
        *last = NULL;
        if (rc == FH_OK) {
            rc = read_one(c, last, e);
        } else {
            (void)!read_one(c, last, &passed_over);
            c->clashed = clashed; /* what counts is the first failure */
        }
    }
    c->ahead = 0;
    if (!c->lost) {
        PGresult *sync = PQgetResult(c->pg);
        if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode(c->pg))
            c->lost = true;
        PQclear(sync);
    }
    if (rc == FH_OK && c->lost)
        rc = FH_FAIL(e, FH_UNAVAILABLE, "The connection to the database was lost; try again.");
    if (rc != FH_OK) {
        PQclear(*last);
        *last = NULL;
    }
    return rc;
}

static fh_err run(struct db_conn *c, const char *sql, const struct db_param *params, size_t n, PGresult **out,
                  struct fh_error *e)
{
    struct values v;
    PGresult *r;
    FH_TRY(bind(c, sql, params, n, &v, e));
    if (c->ahead) {
        FH_TRY(send_ahead(c, &v, n, e));
        FH_TRY(read_ahead(c, &r, e));
    } else {
        r = PQexecPrepared(c->pg, v.name, (int)n, v.values, v.lengths, v.formats, 1);
    }
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

fh_err db_later(struct db_conn *conn, const char *sql, const struct db_param *params, size_t nparams,
                struct fh_error *e)
{
    struct values v;
    FH_TRY(bind(conn, sql, params, nparams, &v, e));
    return send_ahead(conn, &v, nparams, e);
}

fh_err db_conn_settle(struct db_conn *c, struct fh_error *e)
{
    if (!c->ahead)
        return FH_OK;
    PGresult *last = NULL;
    FH_TRY(read_ahead(c, &last, e));
    PQclear(last);
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

fh_err db_conn_commit(struct db_conn *c, bool *committed, struct fh_error *e)
{
    PGresult *r;
    if (!c->ahead) {
        FH_TRY(db_conn_simple(c, "COMMIT", &r, e));
    } else if (PQsendQueryParams(c->pg, "COMMIT", 0, NULL, NULL, NULL, NULL, 1)) {
        c->ahead++;
        FH_TRY(read_ahead(c, &r, e));
    } else {
        return db_conn_failed(c, NULL, e);
    }
    *committed = strcmp(PQcmdStatus(r), "COMMIT") == 0;
    PQclear(r);
    return FH_OK;
}
