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
