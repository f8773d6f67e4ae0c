#include "acceptance-tests/sandbox/engine/tls.h"

#include "internal/base/file.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#define VALID_DAYS 3650

DEFINE_CLEANUP(EVP_PKEY, key_cleanup, EVP_PKEY_free)
DEFINE_CLEANUP(X509, cert_cleanup, X509_free)
DEFINE_CLEANUP(BIO, bio_cleanup, BIO_free_all)

static bool openssl_failed(struct err *e, const char *what)
{
    char reason[256];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    return err_set(e, ERR_BUG, "%s: %s", what, reason);
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = x && X509_add_ext(cert, x, -1) == 1;
    X509_EXTENSION_free(x);
    return ok;
}

/* A certificate without extensions and signature, with a random serial number. */
static X509 *blank(EVP_PKEY *key, const char *name, const X509_NAME *issuer)
{
    X509 *cert = X509_new();
    unsigned char serial[16];
    random_bytes(serial, sizeof serial);
    serial[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    bool ok = cert && number && X509_set_version(cert, X509_VERSION_3) == 1 &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -3600L) &&
              X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0, NULL) &&
              X509_set_pubkey(cert, key) == 1 &&
              X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                                         (const unsigned char *)name, -1, -1, 0) == 1 &&
              X509_set_issuer_name(cert, issuer ? issuer : X509_get_subject_name(cert)) == 1;
    BN_free(number);
    if (ok)
        return cert;
    X509_free(cert);
    return NULL;
}

static X509 *make_authority(EVP_PKEY *key)
{
    X509 *ca CLEANUP(cert_cleanup) = blank(key, "aurora-sandbox CA", NULL);
    if (!ca || !add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !add_extension(ca, ca, NID_subject_key_identifier, "hash") || !X509_sign(ca, key, EVP_sha256()))
        return NULL;
    return STEAL(ca);
}

static void list_addresses(struct buf *out, int a, int b)
{
    for (int i = 1; i <= TLS_ADDRESSES; i++)
        (void)buf_printf(out, "%sIP:127.%d.%d.%d,DNS:127.%d.%d.%d", i > 1 ? "," : "", a, b, i, a, b, i);
}

static X509 *make_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *addresses)
{
    X509 *cert CLEANUP(cert_cleanup) = blank(key, "aurora-sandbox server", X509_get_subject_name(ca));
    if (!cert || !add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(cert, ca, NID_ext_key_usage, "serverAuth") ||
        !add_extension(cert, ca, NID_subject_alt_name, addresses) ||
        !add_extension(cert, ca, NID_authority_key_identifier, "keyid") ||
        !X509_sign(cert, ca_key, EVP_sha256()))
        return NULL;
    return STEAL(cert);
}

static bool save(const char *dir, const char *name, BIO *pem, unsigned mode, struct err *e)
{
    char path[4096], *data = NULL;
    long n = BIO_get_mem_data(pem, &data);
    if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
        return err_set(e, ERR_INVALID, "path too long: %s/%s", dir, name);
    return file_replace(path, data, (size_t)n, mode, e);
}

static bool save_cert(const char *dir, const char *name, X509 *cert, struct err *e)
{
    BIO *out CLEANUP(bio_cleanup) = BIO_new(BIO_s_mem());
    if (!out || PEM_write_bio_X509(out, cert) != 1)
        return openssl_failed(e, "write a certificate");
    return save(dir, name, out, 0644, e);
}

/* PostgreSQL wants the key to belong to the server's user and nobody else to read it. */
static bool save_key(const char *dir, EVP_PKEY *key, const struct account *account, struct err *e)
{
    BIO *out CLEANUP(bio_cleanup) = BIO_new(BIO_s_mem());
    if (!out || PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1)
        return openssl_failed(e, "write the servers' key");
    if (!save(dir, "server.key", out, 0600, e))
        return false;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/server.key", dir);
    if (account->change && chown(path, account->uid, account->gid) != 0)
        return err_errno(e, errno, "give %s to user %s", path, account->name);
    return true;
}

static bool present(const char *dir)
{
    static const char *const names[] = {"ca.pem", "server.pem", "server.key"};
    char path[4096];
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, names[i]) >= sizeof path ||
            access(path, F_OK) != 0)
            return false;
    return true;
}

bool tls_prepare(const char *dir, int block_a, int block_b, const struct account *account, struct err *e)
{
    if (present(dir))
        return true;
    EVP_PKEY *ca_key CLEANUP(key_cleanup) = EVP_EC_gen("P-256");
    EVP_PKEY *key CLEANUP(key_cleanup) = EVP_EC_gen("P-256");
    struct buf addresses = BUF_INIT(64 * 1024);
    list_addresses(&addresses, block_a, block_b);
    X509 *ca CLEANUP(cert_cleanup) = ca_key && key ? make_authority(ca_key) : NULL;
    X509 *cert CLEANUP(cert_cleanup) = ca ? make_server(key, ca, ca_key, buf_text(&addresses)) : NULL;
    buf_done(&addresses);
    if (!cert)
        return openssl_failed(e, "make the sandbox's certificates");
    /* The CA last: with it the set is complete. Its key is not kept, nothing else will be signed. */
    return save_key(dir, key, account, e) && save_cert(dir, "server.pem", cert, e) &&
           save_cert(dir, "ca.pem", ca, e);
}
