/* Passwords, as Argon2id strings by libsodium at its interactive limits (64 MiB, two passes). */
#include "server/auth/auth.h"

#include <sodium.h>
#include <string.h>

enum { LEAST = 8, MOST = 1024 };

/* Of a random password that nobody kept: verifying against nobody's costs what verifying against
 * somebody's does. */
static const char nobody[crypto_pwhash_STRBYTES] =
    "$argon2id$v=19$m=65536,t=2,p=1$WVcZUXPMQyCV2+/1qGxKng$BxOCUrmQqVQl2cogqA0lCp5L9AMMFVXHSgF+VXPREt4";

fh_err auth_password_hash(const char *password, char out[128], struct fh_error *e)
{
    _Static_assert(crypto_pwhash_STRBYTES <= 128, "the hash fits");
    size_t n = strnlen(password, MOST + 1);
    if (n < LEAST || n > MOST)
        return FH_FAIL(e, FH_INVALID, "A password has %d to %d bytes.", LEAST, MOST);
    if (sodium_init() < 0)
        return FH_FAIL(e, FH_INTERNAL, "The cryptographic library could not be started.");
    if (crypto_pwhash_str(out, password, n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return FH_FAIL(e, FH_UNAVAILABLE, "There is not enough memory just now to hash a password.");
    return FH_OK;
}

bool auth_password_verify(const char *hash, const char *password)
{
    size_t n = strnlen(password, MOST + 1);
    bool ok =
        n <= MOST && sodium_init() >= 0 && crypto_pwhash_str_verify(hash ? hash : nobody, password, n) == 0;
    return ok && hash;
}
