/* When a token expires, as people write it: 90d, 12h, 2027-01-31, never. */
#include "server/auth/auth.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

static const int64_t most = (int64_t)100 * 365 * 86400; /* clients' calendars end */

static int64_t unit_seconds(const char *unit)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}, {"y", 365 * 86400}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].name) == 0)
            return units[i].seconds;
    return 0;
}

/* "2027-01-31": the first second of that day, UTC. */
static bool parse_date(const char *text, int64_t *out)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    if (!end || *end || strlen(text) != 10)
        return false;
    int day = tm.tm_mday;
    time_t t = timegm(&tm);
    if (t < 0 || tm.tm_mday != day)
        return false; /* the thirtieth of February, which timegm made the second of March */
    *out = t;
    return true;
}

fh_err auth_expiry_parse(const char *text, int64_t now, int64_t *out, struct fh_error *e)
{
    if (strcmp(text, "never") == 0) {
        *out = 0;
        return FH_OK;
    }
    int64_t at = 0, n = 0, unit = 0;
    const char *p = text;
    for (; isdigit((unsigned char)*p) && n <= most; p++)
        n = 10 * n + (*p - '0');
    if (p != text && (unit = unit_seconds(p)) != 0)
        at = n > most / unit ? now + most + 1 : now + n * unit;
    else if (!parse_date(text, &at))
        return FH_FAIL(
            e, FH_INVALID,
            "An expiry is a time from now such as 90d or 12h (units s, m, h, d, w, y), a date such as "
            "2027-01-31, or never.");
    if (at <= now)
        return FH_FAIL(e, FH_INVALID, "That expiry is not in the future.");
    if (at - now > most)
        return FH_FAIL(e, FH_INVALID, "That expiry is more than a hundred years away; say never.");
    *out = at;
    return FH_OK;
}
