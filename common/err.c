/* Errors: kinds and sentences. See err.h. */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>

__attribute__((format(printf, 5, 0))) static void fill(struct fh_error *e, fh_err code, const char *file,
                                                       int line, const char *fmt, va_list ap)
{
    if (!e)
        return;
    e->code = code;
    e->file = file;
    e->line = line;
    e->retry_after = 0;
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
}

void fh_error_set(struct fh_error *e, fh_err code, const char *file, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, file, line, fmt, ap);
    va_end(ap);
}

void fh_error_set_errno(struct fh_error *e, fh_err code, const char *file, int line, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, file, line, fmt, ap);
    va_end(ap);
    if (e) {
        char text[128];
        size_t used = strlen(e->msg);
        snprintf(e->msg + used, sizeof e->msg - used, ": %s", strerror_r(saved, text, sizeof text));
    }
}

void fh_assert_fail(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, cond);
    abort();
}

const char *fh_err_name(fh_err code)
{
    static const char *const names[] = {
        [FH_OK] = "ok",
        [FH_NOT_FOUND] = "not_found",
        [FH_CONFLICT] = "conflict",
        [FH_UNAUTHENTICATED] = "unauthenticated",
        [FH_DENIED] = "denied",
        [FH_INVALID] = "invalid",
        [FH_TOO_LARGE] = "too_large",
        [FH_WRONG_TYPE] = "wrong_type",
        [FH_PRECONDITION] = "precondition",
        [FH_MISMATCH] = "mismatch",
        [FH_LIMITED] = "limited",
        [FH_UNAVAILABLE] = "unavailable",
        [FH_AGAIN] = "again",
        [FH_INTERNAL] = "internal",
    };
    return (size_t)code < sizeof names / sizeof *names ? names[code] : "unknown";
}
