/* The certificate and key of the listener, read from files; read again on SIGHUP without dropping a
 * connection.
 *
 * libmicrohttpd asks for them at each handshake. What an earlier handshake was given must stay, so every
 * generation is kept until the end; there are as many as reloads. */
#include "server/http/inside.h"

#include "common/mem.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

struct generation {
    struct generation *older;
    gnutls_pcert_st *chain;
    unsigned length;
    gnutls_privkey_t key;
};

struct web_tls {
    const char *cert_file, *key_file;
    _Atomic(struct generation *) now;
};

/* The library's callback has no argument of ours: one listener with TLS per process. */
static _Atomic(struct web_tls *) in_use;

static int retrieve(gnutls_session_t session, const gnutls_datum_t *names, int nnames,
                    const gnutls_pk_algorithm_t *algorithms, int nalgorithms, gnutls_pcert_st **chain,
                    unsigned *length, gnutls_privkey_t *key)
{
    (void)session, (void)names, (void)nnames, (void)algorithms, (void)nalgorithms;
    struct web_tls *t = atomic_load(&in_use);
    if (!t)
        return -1;
    struct generation *g = atomic_load(&t->now);
    *chain = g->chain;
    *length = g->length;
    *key = g->key;
    return 0;
}

static void free_generation(struct generation *g)
{
    for (unsigned i = 0; i < g->length; i++)
        gnutls_pcert_deinit(&g->chain[i]);
    gnutls_free(g->chain);
    if (g->key)
        gnutls_privkey_deinit(g->key);
    free(g);
}

static fh_err load(const char *file, gnutls_datum_t *out, struct fh_error *e)
{
    int rc = gnutls_load_file(file, out);
    if (rc != GNUTLS_E_SUCCESS)
        return FH_FAIL(e, FH_INVALID, "The TLS file %s cannot be read: %s", file, gnutls_strerror(rc));
    return FH_OK;
}

static fh_err read_chain(const char *file, struct generation *g, struct fh_error *e)
{
    gnutls_datum_t text;
    FH_TRY(load(file, &text, e));
    g->chain = gnutls_calloc(16, sizeof *g->chain);
    unsigned n = 16;
    int rc = g->chain ? gnutls_pcert_list_import_x509_raw(g->chain, &n, &text, GNUTLS_X509_FMT_PEM, 0)
                      : GNUTLS_E_MEMORY_ERROR;
    gnutls_free(text.data);
    if (rc < 0 || n == 0)
        return FH_FAIL(e, FH_INVALID, "%s is not a certificate in PEM form: %s", file, gnutls_strerror(rc));
    g->length = n;
    return FH_OK;
}

static fh_err read_key(const char *file, struct generation *g, struct fh_error *e)
{
    gnutls_datum_t text;
    FH_TRY(load(file, &text, e));
    int rc = gnutls_privkey_init(&g->key);
    if (rc == 0)
        rc = gnutls_privkey_import_x509_raw(g->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_memset(text.data, 0, text.size);
    gnutls_free(text.data);
    if (rc < 0)
        return FH_FAIL(e, FH_INVALID, "%s is not a private key in PEM form without a passphrase: %s", file,
                       gnutls_strerror(rc));
    return FH_OK;
}

/* A key that signs something the certificate verifies. */
static fh_err check_pair(const struct web_tls *t, struct generation *g, struct fh_error *e)
{
    unsigned char of_cert[64], of_key[64];
    size_t ncert = sizeof of_cert, nkey = sizeof of_key;
    gnutls_pubkey_t pub;
    int rc = gnutls_pubkey_init(&pub);
    if (rc == 0) {
        rc = gnutls_pubkey_import_privkey(pub, g->key, 0, 0);
        if (rc == 0)
            rc = gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, of_key, &nkey);
        if (rc == 0)
            rc = gnutls_pubkey_get_key_id(g->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, of_cert, &ncert);
        gnutls_pubkey_deinit(pub);
    }
    if (rc != 0 || ncert != nkey || memcmp(of_cert, of_key, nkey) != 0)
        return FH_FAIL(e, FH_INVALID, "The key in %s does not belong to the certificate in %s.", t->key_file,
                       t->cert_file);
    return FH_OK;
}

fh_err web_tls_reload(struct web_tls *t, struct fh_error *e)
{
    struct generation *g = fh_xcalloc(1, sizeof *g);
    fh_err rc = read_chain(t->cert_file, g, e);
    if (rc == FH_OK)
        rc = read_key(t->key_file, g, e);
    if (rc == FH_OK)
        rc = check_pair(t, g, e);
    if (rc != FH_OK) {
        free_generation(g);
        return rc;
    }
    g->older = atomic_load(&t->now);
    atomic_store(&t->now, g);
    return FH_OK;
}

fh_err web_tls_open(const char *cert, const char *key, struct web_tls **out, struct fh_error *e)
{
    struct web_tls *none = NULL, *t = fh_xcalloc(1, sizeof *t);
    t->cert_file = cert;
    t->key_file = key;
    fh_err rc = web_tls_reload(t, e);
    if (rc == FH_OK && !atomic_compare_exchange_strong(&in_use, &none, t))
        rc = FH_FAIL(e, FH_INTERNAL, "There is a listener with TLS already.");
    if (rc != FH_OK) {
        web_tls_close(t);
        return rc;
    }
    *out = t;
    return FH_OK;
}

void web_tls_close(struct web_tls *t)
{
    if (!t)
        return;
    struct web_tls *self = t;
    atomic_compare_exchange_strong(&in_use, &self, NULL);
    for (struct generation *g = atomic_load(&t->now); g;) {
        struct generation *older = g->older;
        free_generation(g);
        g = older;
    }
    free(t);
}

void *web_tls_callback(void)
{
    gnutls_certificate_retrieve_function2 *fn = retrieve;
    void *out;
    memcpy(&out, &fn, sizeof out);
    return out;
}
