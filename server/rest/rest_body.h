/* A request's JSON body held against a small table of the members it may have. Pure.
 *
 * Nothing binds by accident: a member that is not in the table is refused by its name, and so is one of
 * another type or over its ceiling. null is the same as absent. What is returned lives in the arena. */
#ifndef REST_BODY_H
#define REST_BODY_H

#include "common/arena.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rest_type {
    REST_LINE, /* 1 to max bytes of text without control characters */
    REST_TEXT, /* 0 to max bytes of text, of any number of lines */
    REST_ENUM, /* one of values */
    REST_INT,  /* 1 to 2^53, as far as every JSON reader counts exactly; max is not used */
    REST_BOOL,
    REST_OBJECT, /* any object; whoever takes it checks what is in it */
};

struct rest_member {
    const char *name;
    enum rest_type type;
    bool required;
    size_t max;
    const char *const *values; /* ended by NULL */
};

struct json_t;
struct rest_body; /* an object that fits its table */

/* No bytes at all are an object without members. */
fh_err rest_body_parse(struct fh_arena *a, const char *bytes, size_t n, const struct rest_member *members,
                       size_t count, const struct rest_body **out, struct fh_error *e) FH_MUSTCHECK;
bool rest_body_has(const struct rest_body *b, const char *name);
const char *rest_body_text(const struct rest_body *b, const char *name);      /* NULL when absent */
int64_t rest_body_int(const struct rest_body *b, const char *name);           /* 0 when absent */
bool rest_body_is_true(const struct rest_body *b, const char *name);          /* false when absent */
struct json_t *rest_body_object(const struct rest_body *b, const char *name); /* borrowed; NULL when absent */

#endif
