/* One JSON line per event on standard error. Safe from any thread: a line is one write.
 *
 * A secret never gets here: callers pass ids and kinds, not tokens, bodies or headers. */
#ifndef FH_LOG_H
#define FH_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum fh_log_level { FH_LOG_DEBUG, FH_LOG_INFO, FH_LOG_WARN, FH_LOG_ERROR };

void fh_log_set_level(enum fh_log_level level);
/* {"time":…,"level":…,"msg":…} */
void fh_log(enum fh_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line with fields of its own: begin, add, end. A value is escaped; one that is not UTF-8 is made so. */
struct fh_log_line {
    char text[4096];
    unsigned len;
};
void fh_log_begin(struct fh_log_line *l, enum fh_log_level level, const char *msg);
void fh_log_add(struct fh_log_line *l, const char *key, const char *value); /* NULL value: null */
void fh_log_add_int(struct fh_log_line *l, const char *key, int64_t value);
void fh_log_end(struct fh_log_line *l);

#endif
