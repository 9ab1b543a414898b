/* Semantic versions, as numbers of any length and borrowed text. Pure; see version_range.h for who asks. */
#ifndef FH_VERSION_H
#define FH_VERSION_H

#include "common/arena.h"

#include <stdbool.h>
#include <stddef.h>

struct fh_span {
    const char *text;
    size_t len; /* 0: absent */
};

enum { FH_MAJOR, FH_MINOR, FH_PATCH, FH_VERSION_NUMBERS };

struct fh_version {
    struct fh_span number[FH_VERSION_NUMBERS]; /* digits without leading zeros */
    struct fh_span pre, build;                 /* identifiers with dots between them */
};

/* MAJOR.MINOR.PATCH[-pre][+build] without leading zeros; one or two such numbers alone get zeros behind. */
bool fh_version_parse(const char *text, struct fh_version *out);
/* Dotted identifiers: none empty and, in a pre-release, no number with a leading zero. */
bool fh_version_identifiers(struct fh_span dotted, bool pre_release);
int fh_version_compare_numbers(const struct fh_version *x, const struct fh_version *y);
/* By precedence: numbers, then pre-releases before what has none; builds have no part in it. */
int fh_version_compare(const struct fh_version *x, const struct fh_version *y);
bool fh_span_equal(struct fh_span x, struct fh_span y);
/* v up to that number, which is one more, and zeros behind. */
struct fh_version fh_version_next(struct fh_arena *a, const struct fh_version *v, int number);

#endif
