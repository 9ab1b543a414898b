/* COPY … FROM STDIN in PostgreSQL's binary form. See db.h.
 *
 *     "PGCOPY\n\377\r\n\0" flags(4) extension(4)      added here
 *     fields(2) { length(4) bytes }…                  a row: db_copy_row and db_copy_*
 *     -1(2)                                           added here
 */
#include "server/db/db_conn.h"

#include <endian.h>

static fh_err put(struct db_conn *c, const void *bytes, size_t n, struct fh_error *e)
{
    enum { PIECE = 1 << 20 };
    const char *at = bytes;
    while (n > 0) {
        size_t piece = n < PIECE ? n : PIECE;
        if (PQputCopyData(c->pg, at, (int)piece) != 1)
            return db_conn_failed(c, NULL, e);
        at += piece;
        n -= piece;
    }
    return FH_OK;
}

/* Ends the COPY, with the reason why there is none when the bytes could not be sent. */
static fh_err end(struct db_conn *c, fh_err sent, int64_t *rows, struct fh_error *e)
{
    fh_err rc = sent;
    if (PQputCopyEnd(c->pg, sent == FH_OK ? NULL : "stopped") != 1 && rc == FH_OK)
        rc = db_conn_failed(c, NULL, e);
    for (PGresult *r; (r = PQgetResult(c->pg)); PQclear(r)) {
        if (PQresultStatus(r) == PGRES_COMMAND_OK && rows)
            *rows = strtoll(PQcmdTuples(r), NULL, 10);
        else if (PQresultStatus(r) != PGRES_COMMAND_OK && rc == FH_OK)
            rc = db_conn_failed(c, r, e);
        if (PQstatus(c->pg) != CONNECTION_OK) {
            PQclear(r);
            break;
        }
    }
    return rc;
}

fh_err db_copy(struct db_conn *c, const char *sql, const void *rows, size_t n, int64_t *copied,
               struct fh_error *e)
{
    static const char head[19] = "PGCOPY\n\377\r\n";
    static const char tail[2] = "\377\377";
    c->clashed = false;
    if (c->lost)
        return FH_FAIL(e, FH_UNAVAILABLE, "The connection to the database was lost; try again.");
    PGresult *r = PQexec(c->pg, sql);
    bool ready = PQresultStatus(r) == PGRES_COPY_IN;
    fh_err rc = ready ? FH_OK : db_conn_failed(c, r, e);
    PQclear(r);
    if (!ready)
        return rc;
    rc = put(c, head, sizeof head, e);
    if (rc == FH_OK)
        rc = put(c, rows, n, e);
    if (rc == FH_OK)
        rc = put(c, tail, sizeof tail, e);
    return end(c, rc, copied, e);
}

static fh_err field(struct fh_buf *b, const void *bytes, size_t n, struct fh_error *e)
{
    uint32_t length = htobe32((uint32_t)n);
    FH_TRY(fh_buf_add(b, &length, sizeof length, e));
    return fh_buf_add(b, bytes, n, e);
}

fh_err db_copy_row(struct fh_buf *b, int fields, struct fh_error *e)
{
    uint16_t n = htobe16((uint16_t)fields);
    return fh_buf_add(b, &n, sizeof n, e);
}

fh_err db_copy_i16(struct fh_buf *b, int16_t v, struct fh_error *e)
{
    uint16_t n = htobe16((uint16_t)v);
    return field(b, &n, sizeof n, e);
}

fh_err db_copy_i32(struct fh_buf *b, int32_t v, struct fh_error *e)
{
    uint32_t n = htobe32((uint32_t)v);
    return field(b, &n, sizeof n, e);
}

fh_err db_copy_i64(struct fh_buf *b, int64_t v, struct fh_error *e)
{
    uint64_t n = htobe64((uint64_t)v);
    return field(b, &n, sizeof n, e);
}

fh_err db_copy_bytes(struct fh_buf *b, const void *bytes, size_t n, struct fh_error *e)
{
    return field(b, bytes, n, e);
}

fh_err db_copy_text(struct fh_buf *b, const char *s, struct fh_error *e)
{
    static const uint32_t null = 0xffffffff;
    return s ? field(b, s, strlen(s), e) : fh_buf_add(b, &null, sizeof null, e);
}
