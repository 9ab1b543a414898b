/* What PostgreSQL reports, as a kind of error and a sentence.
 *
 * Its own messages are not passed on: they may quote values ("invalid input syntax for type …"), and a
 * connection error may quote the URL. The SQLSTATE and a constraint's name hold neither. */
#include "server/db/db_conn.h"

struct rule {
    const char *state; /* a prefix; the first match counts, so exact ones stand before their class */
    fh_err code;
    bool lost, clash;
    const char *sentence;
};

static const struct rule rules[] = {
    {"23505", FH_CONFLICT, false, false, "That exists already"},
    {"23503", FH_NOT_FOUND, false, false, "What this refers to does not exist"},
    {"23", FH_INVALID, false, false, "The database does not take that value"},
    {"22", FH_INVALID, false, false, "The database does not take that value"},
    {"40", FH_UNAVAILABLE, false, true, "Others are changing the same thing just now; try again"},
    {"55P03", FH_UNAVAILABLE, false, false, "Somebody else holds a lock in the database; try again"},
    {"57014", FH_UNAVAILABLE, false, false,
     "The database took too long over this and was stopped; try again"},
    {"57P", FH_UNAVAILABLE, true, false, "The database is stopping or starting; try again"},
    {"08", FH_UNAVAILABLE, true, false, "The connection to the database was lost; try again"},
    {"53100", FH_UNAVAILABLE, false, false, "The database's disk is full"},
    {"53300", FH_UNAVAILABLE, false, false, "The database has no connection left; try again"},
    {"53", FH_UNAVAILABLE, false, false, "The database has run out of memory or disk"},
    {"58", FH_UNAVAILABLE, false, false, "The database cannot read or write its files"},
    {"25006", FH_UNAVAILABLE, false, false, "The database is read-only just now (a standby?)"},
    {"28", FH_UNAVAILABLE, false, false,
     "The database refuses the log-in; check the user and password of the database URL"},
    {"3D000", FH_UNAVAILABLE, false, false, "The database that the database URL names does not exist"},
    {"42P01", FH_INTERNAL, false, false, "A table is missing in the database; run \"floe-server migrate\""},
    {"42703", FH_INTERNAL, false, false, "A column is missing in the database; run \"floe-server migrate\""},
    {"42501", FH_UNAVAILABLE, false, false, "The database's user lacks a right on Floe's tables"},
    {"XX001", FH_INTERNAL, false, false, "The database reports damaged data; look into its log"},
    {"XX002", FH_INTERNAL, false, false, "The database reports a damaged index; look into its log"},
};

static const struct rule *find_rule(const char *state)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strncmp(rules[i].state, state, strlen(rules[i].state)) == 0)
            return &rules[i];
    return NULL;
}

fh_err db_conn_failed(struct db_conn *c, const PGresult *result, struct fh_error *e)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const struct rule *rule = state ? find_rule(state) : NULL;
    c->clashed = rule && rule->clash;
    /* A result without a state is libpq's own: it could not send or read, whatever it says of the
     * connection. But for those of statements that are passed over after one that failed. */
    bool of_libpq = !state && PQresultStatus(result) != PGRES_PIPELINE_ABORTED;
    if (of_libpq || (rule && rule->lost) || PQstatus(c->pg) != CONNECTION_OK)
        c->lost = true;
    if (rule) {
        const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
        if (constraint)
            return FH_FAIL(e, rule->code, "%s (%s).", rule->sentence, constraint);
        return FH_FAIL(e, rule->code, "%s.", rule->sentence);
    }
    if (c->lost)
        return FH_FAIL(e, FH_UNAVAILABLE, "The connection to the database was lost; try again.");
    return FH_FAIL(e, FH_INTERNAL, "The database reports error %s; its log says more.",
                   state ? state : "(none)");
}
