/* Errors: a small set of kinds, and one human sentence written where the error was found.
 *
 * A function that can fail returns fh_err and takes a struct fh_error * as its last parameter. It fills the
 * struct and never logs. The caller passes it on (FH_TRY, or goto cleanup) or handles the kind; only the
 * outermost layer (the router, a verb of a program) turns it into an answer or a message.
 *
 * A message is a whole sentence a person can act on. It never holds a secret.
 */
#ifndef FH_ERR_H
#define FH_ERR_H

typedef enum fh_err {
    FH_OK = 0,
    FH_NOT_FOUND,       /* the thing does not exist, or the caller may not know that it does */
    FH_CONFLICT,        /* it exists already, or was changed by somebody else meanwhile */
    FH_UNAUTHENTICATED, /* no credential, or one that is not valid */
    FH_DENIED,          /* a known caller who may not do this */
    FH_INVALID,         /* the input is wrong, and sending it again will not help */
    FH_TOO_LARGE,       /* the input is over a ceiling */
    FH_WRONG_TYPE,      /* the input is of a kind that is not read here (a form instead of JSON) */
    FH_PRECONDITION,    /* the caller said what must hold (If-Match), and it does not */
    FH_MISMATCH,        /* parts of the input that do not go together, as files, or a key and its request */
    FH_LIMITED,         /* too many requests; e->retry_after says when there may be one again */
    FH_UNAVAILABLE,     /* something we depend on is not there just now; trying again may help */
    FH_AGAIN,           /* internal: cannot be done here without blocking (see web_request.inline_only) */
    FH_INTERNAL,        /* our fault */
} fh_err;

struct fh_error {
    fh_err code;
    const char *file; /* where it was found; static */
    int line;
    int retry_after; /* seconds, with FH_LIMITED; set after the sentence. 0: unknown */
    char msg[768];
};

#define FH_MUSTCHECK __attribute__((warn_unused_result))

/* Fills e (which may be NULL) and gives code, so that `return FH_FAIL(e, FH_INVALID, "...")` reads as one
 * thing. The value is code itself and not what a function returns, so that the compiler sees that it is not
 * FH_OK. */
#define FH_FAIL(e, code, ...) (fh_error_set((e), (code), __FILE__, __LINE__, __VA_ARGS__), (fh_err)(code))
/* The same, with ": <system's text for errno>" behind the sentence. */
#define FH_FAIL_ERRNO(e, code, ...)                                                                          \
    (fh_error_set_errno((e), (code), __FILE__, __LINE__, __VA_ARGS__), (fh_err)(code))
#define FH_TRY(call)                                                                                         \
    do {                                                                                                     \
        fh_err fh_try_rc_ = (call);                                                                          \
        if (fh_try_rc_ != FH_OK)                                                                             \
            return fh_try_rc_;                                                                               \
    } while (0)

/* Programmer errors: abort in debug and sanitizer builds, FH_INTERNAL in release. */
#ifdef FLOE_DEBUG
#define FH_ASSERT(e, cond) ((cond) ? (void)0 : fh_assert_fail(#cond, __FILE__, __LINE__))
#else
#define FH_ASSERT(e, cond)                                                                                   \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            return FH_FAIL((e), FH_INTERNAL, "An internal check failed: %s.", #cond);                        \
    } while (0)
#endif

void fh_error_set(struct fh_error *e, fh_err code, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void fh_error_set_errno(struct fh_error *e, fh_err code, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
_Noreturn void fh_assert_fail(const char *cond, const char *file, int line);
/* The kind's name, for logs: "not_found". Static. */
const char *fh_err_name(fh_err code);

#endif
