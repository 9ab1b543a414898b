/* Time. */
#include "common/clock.h"

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

/* n digits at text as a number; -1 when they are none. */
static int digits(const char *text, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = 10 * value + (text[i] - '0');
    }
    return value;
}

/* ".5" in nanoseconds; *at moves behind it. -1 when there are no digits; more than nine are cut. */
static long fraction(const char **at)
{
    long value = 0;
    int n = 0;
    for (++*at; **at >= '0' && **at <= '9'; ++*at)
        if (n < 9) {
            value = 10 * value + (**at - '0');
            n++;
        }
    if (n == 0)
        return -1;
    for (; n < 9; n++)
        value *= 10;
    return value;
}

/* "Z" or "+02:00" at the end of a time, in minutes. */
static bool zone(const char *at, int *minutes)
{
    *minutes = 0;
    if ((at[0] == 'Z' || at[0] == 'z') && at[1] == '\0')
        return true;
    if ((at[0] != '+' && at[0] != '-') || digits(at + 1, 2) < 0 || at[3] != ':' || digits(at + 4, 2) < 0 ||
        at[6] != '\0')
        return false;
    *minutes = (at[0] == '-' ? -1 : 1) * (60 * digits(at + 1, 2) + digits(at + 4, 2));
    return true;
}

static bool date_and_time(const char *s, struct tm *out)
{
    static const char form[] = "0000-00-00T00:00:00";
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '0' ? digits(s + i, 1) < 0 : s[i] != form[i] && !(form[i] == 'T' && s[i] == 't'))
            return false;
    *out = (struct tm){.tm_year = digits(s, 4) - 1900,
                       .tm_mon = digits(s + 5, 2) - 1,
                       .tm_mday = digits(s + 8, 2),
                       .tm_hour = digits(s + 11, 2),
                       .tm_min = digits(s + 14, 2),
                       .tm_sec = digits(s + 17, 2)};
    return out->tm_mon >= 0 && out->tm_mon < 12 && out->tm_mday >= 1 && out->tm_mday <= 31 &&
           out->tm_hour < 24 && out->tm_min < 60 && out->tm_sec < 60;
}

bool fh_time_to_utc(const char *text, char out[FH_RFC3339_SIZE])
{
    struct tm tm;
    long nanos = 0;
    int minutes;
    if (!date_and_time(text, &tm))
        return false;
    const char *at = text + 19;
    if (*at == '.')
        nanos = fraction(&at);
    if (nanos < 0 || !zone(at, &minutes))
        return false;
    fh_time_format((int64_t)timegm(&tm) - 60 * minutes, out);
    int width = nanos == 0 ? 0 : nanos % 1000000 == 0 ? 3 : nanos % 1000 == 0 ? 6 : 9;
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
