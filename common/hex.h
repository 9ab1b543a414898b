/* Hexadecimal text and git object ids. */
#ifndef FH_HEX_H
#define FH_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FH_OID_RAW = 20, FH_OID_HEX = 40 };

/* A git object id (SHA-1). */
struct fh_oid {
    uint8_t id[FH_OID_RAW];
};

void fh_hex_encode(const void *bytes, size_t n, char *out); /* out: 2n + 1 bytes, lower case, NUL */
/* Exactly 2n lower- or upper-case digits at text; false otherwise. Reads at most 2n bytes. */
bool fh_hex_decode(const char *text, size_t n, void *out);
bool fh_oid_parse(const char *text, size_t len, struct fh_oid *out); /* len must be 40; lower case only */
void fh_oid_format(const struct fh_oid *oid, char out[FH_OID_HEX + 1]);
bool fh_oid_equal(const struct fh_oid *a, const struct fh_oid *b);
bool fh_oid_is_zero(const struct fh_oid *oid);
int fh_oid_compare(const struct fh_oid *a, const struct fh_oid *b);

#endif
