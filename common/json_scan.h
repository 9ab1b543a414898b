/* JSON read in one pass without allocation, for input of which there are millions of pieces. As strict as
 * json.h: no NUL, no bytes that are not UTF-8, no nesting deeper than FH_MAX_JSON_DEPTH. It does not see
 * duplicate keys. Pure; fuzzed.
 *
 *     scan {"a": 1, "b": ["x"]}
 *     fh_scan_begin(&s, text, n, memory)         memory: n + 1 bytes, where strings go unescaped
 *     fh_scan_open(&s, '{')
 *     while (fh_scan_key(&s, &key))              at each: one of fh_scan_scalar, fh_scan_open, fh_scan_skip
 *     fh_scan_end(&s)
 *
 * Every function answers false when something is wrong, and from then on; s->why is the reason and s->at
 * where.
 */
#ifndef FH_JSON_SCAN_H
#define FH_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fh_scan {
    const char *at, *end;
    char *memory;    /* what is left of it */
    const char *why; /* NULL: all is well; static */
    bool fresh;      /* directly behind an opening bracket */
};

enum fh_scan_kind {
    FH_SCAN_NULL,
    FH_SCAN_FALSE,
    FH_SCAN_TRUE,
    FH_SCAN_INTEGER, /* that fits */
    FH_SCAN_NUMBER,  /* any other */
    FH_SCAN_STRING,
};

struct fh_scan_value {
    enum fh_scan_kind kind;
    const char *text; /* of a string: unescaped, with a NUL behind it, in memory */
    size_t len;
    int64_t integer;
};

void fh_scan_begin(struct fh_scan *s, const char *text, size_t n, char *memory);
/* '{' or '['. */
bool fh_scan_open(struct fh_scan *s, char bracket);
/* The next key; false at the closing brace, which it takes, too. */
bool fh_scan_key(struct fh_scan *s, struct fh_scan_value *key);
/* Is there another item? false at the closing bracket, which it takes, too. */
bool fh_scan_item(struct fh_scan *s);
/* What comes: '{', '[', '"', or another first byte of a value; 0 at the end. Takes nothing but space. */
char fh_scan_peek(struct fh_scan *s);
bool fh_scan_scalar(struct fh_scan *s, struct fh_scan_value *v);
/* Any value, checked; its text is from the returned place to s->at. NULL: wrong. */
const char *fh_scan_skip(struct fh_scan *s);
/* Nothing but space is left. */
bool fh_scan_end(struct fh_scan *s);

#endif
