/* Rows of a result, read from PostgreSQL's binary form. See db.h. */
#include "server/db/db_conn.h"

#include <endian.h>

struct db_rows {
    PGresult *result;
};

static void clear(void *ptr)
{
    PQclear(ptr);
}

struct db_rows *db_rows_make(struct fh_arena *arena, PGresult *take_result)
{
    struct db_rows *rows = fh_alloc(arena, sizeof *rows);
    rows->result = take_result;
    fh_defer(arena, clear, take_result);
    return rows;
}

size_t db_count(const struct db_rows *rows)
{
    return (size_t)PQntuples(rows->result);
}

bool db_is_null(const struct db_rows *rows, size_t row, int column)
{
    return PQgetisnull(rows->result, (int)row, column);
}

int64_t db_get_i64(const struct db_rows *rows, size_t row, int column)
{
    const char *bytes = PQgetvalue(rows->result, (int)row, column);
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (PQgetlength(rows->result, (int)row, column)) {
    case 2:
        memcpy(&two, bytes, sizeof two);
        return (int16_t)be16toh(two);
    case 4:
        memcpy(&four, bytes, sizeof four);
        return (int32_t)be32toh(four);
    case 8:
        memcpy(&eight, bytes, sizeof eight);
        return (int64_t)be64toh(eight);
    default:
        return 0;
    }
}

bool db_get_bool(const struct db_rows *rows, size_t row, int column)
{
    return PQgetlength(rows->result, (int)row, column) == 1 && PQgetvalue(rows->result, (int)row, column)[0];
}

const char *db_get_text(const struct db_rows *rows, size_t row, int column)
{
    return db_is_null(rows, row, column) ? NULL : PQgetvalue(rows->result, (int)row, column);
}

const void *db_get_bytes(const struct db_rows *rows, size_t row, int column, size_t *len)
{
    *len = (size_t)PQgetlength(rows->result, (int)row, column);
    return db_is_null(rows, row, column) ? NULL : PQgetvalue(rows->result, (int)row, column);
}
