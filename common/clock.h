/* Time. Wall-clock times are Unix seconds UTC; durations and deadlines are monotonic milliseconds. */
#ifndef FH_CLOCK_H
#define FH_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t fh_now(void);      /* Unix seconds */
int64_t fh_now_ms(void);   /* Unix milliseconds, for logs */
int64_t fh_ticks_ms(void); /* monotonic */
int64_t fh_ticks_us(void); /* monotonic */
enum { FH_RFC3339_SIZE = 32 };
/* "2026-01-02T03:04:05Z" */
void fh_time_format(int64_t unix_seconds, char out[FH_RFC3339_SIZE]);
/* An RFC 3339 time in UTC, as the official client writes it: "Z", and no fraction or one of three, six or
 * nine digits. False for what is no such time. */
bool fh_time_to_utc(const char *text, char out[FH_RFC3339_SIZE]);
/* Any RFC 3339 spelling of a moment from 1970 to 9999 as microseconds since 1970; false when it is none. */
bool fh_time_parse_us(const char *text, int64_t *microseconds);

#endif
