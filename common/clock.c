/* Time. */
#include "common/clock.h"

#include <string.h>

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t fh_now(void)
{
    return read_us(CLOCK_REALTIME) / 1000000;
}

int64_t fh_now_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t fh_ticks_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t fh_ticks_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

void fh_time_format(int64_t unix_seconds, char out[FH_RFC3339_SIZE])
{
    time_t t = (time_t)unix_seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || strftime(out, FH_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, FH_RFC3339_SIZE, "1970-01-01T00:00:00Z");
}

/* Exactly n digits at *at; -1 when there are not. */
static int digits(const char **at, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return -1;
        v = v * 10 + (c - '0');
    }
    *at += n;
    return v;
}

static bool expect(const char **at, const char *any)
{
    if (**at == '\0' || !strchr(any, **at))
        return false;
    ++*at;
    return true;
}

/* The civil calendar without the C library's time zones and its tolerance for the thirtieth of February. */
static bool days_since_1970(int y, int m, int d, int64_t *days)
{
    static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const int length[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1970 || m < 1 || m > 12 || d < 1 || d > length[m - 1] + (leap && m == 2))
        return false;
    int past = y - 1;
    *days = (int64_t)365 * (y - 1970) + (past / 4 - past / 100 + past / 400) -
            (1969 / 4 - 1969 / 100 + 1969 / 400) + before[m - 1] + (leap && m > 2) + d - 1;
    return true;
}

static bool parse_zone(const char **at, int64_t *seconds)
{
    if (**at == 'Z' || **at == 'z') {
        ++*at;
        *seconds = 0;
        return true;
    }
    int sign = **at == '-' ? -1 : 1;
    if (!expect(at, "+-"))
        return false;
    int h = digits(at, 2);
    bool colon = expect(at, ":");
    int m = digits(at, 2);
    *seconds = sign * (h * 3600 + m * 60);
    return colon && h >= 0 && h < 24 && m >= 0 && m < 60;
}

bool fh_time_parse_us(const char *text, int64_t *microseconds)
{
    const char *at = text;
    int64_t days, zone;
    int y = digits(&at, 4);
    bool good = expect(&at, "-");
    int mo = digits(&at, 2);
    good = good && expect(&at, "-");
    int d = digits(&at, 2);
    good = good && expect(&at, "Tt ");
    int h = digits(&at, 2);
    good = good && expect(&at, ":");
    int mi = digits(&at, 2);
    good = good && expect(&at, ":");
    int s = digits(&at, 2);
    if (!good || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60 || !days_since_1970(y, mo, d, &days))
        return false;
    int64_t us = 0, scale = 100000;
    if (*at == '.') {
        if (at[1] < '0' || at[1] > '9')
            return false;
        for (at++; *at >= '0' && *at <= '9'; at++, scale /= 10)
            us += (*at - '0') * scale;
    }
    if (!parse_zone(&at, &zone) || *at)
        return false;
    int64_t seconds = days * 86400 + h * 3600 + mi * 60 + s - zone;
    if (seconds < 0)
        return false;
    *microseconds = seconds * 1000000 + us;
    return true;
}

/* The fraction of a time that fh_time_parse_us takes, in nanoseconds. */
static long nanoseconds(const char *text)
{
    const char *at = strchr(text, '.');
    long value = 0;
    for (int n = 0; n < 9; n++) {
        bool more = at && at[1] >= '0' && at[1] <= '9';
        at = more ? at + 1 : NULL;
        value = 10 * value + (more ? *at - '0' : 0);
    }
    return value;
}

bool fh_time_to_utc(const char *text, char out[FH_RFC3339_SIZE])
{
    int64_t us;
    if (!fh_time_parse_us(text, &us))
        return false;
    long nanos = nanoseconds(text);
    int width = nanos == 0 ? 0 : nanos % 1000000 == 0 ? 3 : nanos % 1000 == 0 ? 6 : 9;
    fh_time_format(us / 1000000, out);
    if (width == 0)
        return true;
    for (int i = width; i < 9; i++)
        nanos /= 10;
    out[19] = '.';
    for (int i = width; i > 0; i--, nanos /= 10)
        out[19 + i] = (char)('0' + nanos % 10);
    out[20 + width] = 'Z';
    out[21 + width] = '\0';
    return true;
}
