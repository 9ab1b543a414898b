/* Digests and random bytes. See digest.h. */
#include "common/digest.h"

#include "common/mem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

struct fh_digest {
    EVP_MD_CTX *ctx;
    const EVP_MD *md;
};

static void one_shot(const EVP_MD *md, const void *bytes, size_t n, uint8_t *out)
{
    if (EVP_Digest(bytes, n, out, NULL, md, NULL) != 1)
        abort();
}

void fh_sha256(const void *bytes, size_t n, uint8_t out[FH_SHA256_SIZE])
{
    one_shot(EVP_sha256(), bytes, n, out);
}

void fh_sha1(const void *bytes, size_t n, uint8_t out[FH_SHA1_SIZE])
{
    one_shot(EVP_sha1(), bytes, n, out);
}

struct fh_digest *fh_digest_new(enum fh_digest_kind kind)
{
    struct fh_digest *d = fh_xcalloc(1, sizeof *d);
    d->md = kind == FH_SHA1 ? EVP_sha1() : EVP_sha256();
    d->ctx = EVP_MD_CTX_new();
    if (!d->ctx || EVP_DigestInit_ex(d->ctx, d->md, NULL) != 1)
        abort();
    return d;
}

void fh_digest_add(struct fh_digest *d, const void *bytes, size_t n)
{
    if (EVP_DigestUpdate(d->ctx, bytes, n) != 1)
        abort();
}

void fh_digest_finish(struct fh_digest *d, uint8_t *out)
{
    if (EVP_DigestFinal_ex(d->ctx, out, NULL) != 1 || EVP_DigestInit_ex(d->ctx, d->md, NULL) != 1)
        abort();
}

void fh_digest_free(struct fh_digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

bool fh_equal_secret(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void fh_random(void *out, size_t n)
{
    uint8_t *p = out;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}
