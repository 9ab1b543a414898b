/* What floe tells a person: one message a call, on standard error, led by the icon people know. Data goes to
 * standard output and never through here. Control characters never reach the terminal; text of somebody else
 * is passed through say_safe besides, so that its line ends cannot fake lines of ours. One thread. */
#ifndef SAY_H
#define SAY_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>

void say_set_quiet(bool quiet); /* keeps errors and warnings only */
bool say_is_quiet(void);
void say_done(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_created(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_deleted(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_plain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "✘ ERROR: …"; both return 1, the exit status of a verb that failed. */
int say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int say_fail(const struct fh_error *e);

/* s without control characters and escape sequences, in the arena. */
const char *say_safe(struct fh_arena *a, const char *s);

#endif
