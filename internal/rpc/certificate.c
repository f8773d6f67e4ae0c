#include "internal/rpc/certificate.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERIAL_BITS = 127,                   /* positive in 16 bytes */
    BEGINS_BEFORE_NOW_S = 30,            /* the host's clock may be read a little earlier than ours */
    VALID_FOR_S = 10 * 365 * 24 * 3600L, /* no apply lasts that long */
};

DEFINE_CLEANUP(EVP_PKEY, key_cleanup, EVP_PKEY_free)
DEFINE_CLEANUP(X509, x509_cleanup, X509_free)
DEFINE_CLEANUP(BIO, bio_cleanup, BIO_free_all)
DEFINE_CLEANUP(BIGNUM, bignum_cleanup, BN_free)
DEFINE_CLEANUP(ASN1_INTEGER, integer_cleanup, ASN1_INTEGER_free)
DEFINE_CLEANUP(X509_EXTENSION, extension_cleanup, X509_EXTENSION_free)

static const struct {
    int nid;
    const char *value;
} extensions[] = {
    {NID_subject_alt_name, "DNS:localhost"},
    {NID_basic_constraints, "critical,CA:TRUE"}, /* it is its own trust root */
    {NID_key_usage, "critical,digitalSignature,keyEncipherment,keyAgreement,keyCertSign"},
    {NID_ext_key_usage, "serverAuth,clientAuth"},
};

static bool openssl_failed(struct err *e, const char *what)
{
    char reason[160];
    ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
    ERR_clear_error();
    return err_set(e, ERR_UNAVAILABLE, "%s: %s", what, reason);
}

static bool set_serial(X509 *x)
{
    CLEANUP(bignum_cleanup) BIGNUM *n = BN_new();
    if (!n || !BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) || !BN_add_word(n, 1))
        return false;
    CLEANUP(integer_cleanup) ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(n, NULL);
    return serial && X509_set_serialNumber(x, serial);
}

static bool set_names(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x); /* borrowed */
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                                      0) &&
           X509_set_issuer_name(x, name);
}

static bool set_validity(X509 *x)
{
    return X509_gmtime_adj(X509_getm_notBefore(x), -BEGINS_BEFORE_NOW_S) &&
           X509_gmtime_adj(X509_getm_notAfter(x), VALID_FOR_S);
}

static bool add_extensions(X509 *x)
{
    for (size_t i = 0; i < ARRAY_LEN(extensions); i++) {
        CLEANUP(extension_cleanup)
        X509_EXTENSION *one = X509V3_EXT_conf_nid(NULL, NULL, extensions[i].nid, extensions[i].value);
        if (!one || !X509_add_ext(x, one, -1))
            return false;
    }
    return true;
}

static bool sign(X509 *x, EVP_PKEY *key)
{
    const EVP_MD *digest = EVP_PKEY_get_bits(key) > 384 ? EVP_sha512() : EVP_sha256();
    return X509_set_pubkey(x, key) && X509_sign(x, key, digest) > 0;
}

/* A NUL-terminated copy of what was written to the memory BIO; NULL when memory ran out. */
static char *bio_text(BIO *b)
{
    char *data;
    long n = BIO_get_mem_data(b, &data);
    char *text = malloc((size_t)n + 1);
    if (!text)
        return NULL;
    memcpy(text, data, (size_t)n);
    text[n] = '\0';
    return text;
}

static bool export(struct certificate *c, X509 *x, EVP_PKEY *key)
{
    CLEANUP(bio_cleanup) BIO *cert = BIO_new(BIO_s_mem());
    CLEANUP(bio_cleanup) BIO *secret = BIO_new(BIO_s_secmem());
    if (!cert || !secret || !PEM_write_bio_X509(cert, x) ||
        !PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL))
        return false;
    c->pem = bio_text(cert);
    c->key_pem = bio_text(secret);
    int n = i2d_X509(x, &c->der);
    c->der_size = n > 0 ? (size_t)n : 0;
    return c->pem && c->key_pem && n > 0;
}

bool certificate_make(const char *curve, struct certificate *ret, struct err *e)
{
    CLEANUP(key_cleanup) EVP_PKEY *key = EVP_EC_gen(curve);
    if (!key)
        return openssl_failed(e, "make a key");
    CLEANUP(x509_cleanup) X509 *x = X509_new();
    if (!x || !X509_set_version(x, X509_VERSION_3) || !set_serial(x) || !set_names(x) || !set_validity(x) ||
        !add_extensions(x) || !sign(x, key))
        return openssl_failed(e, "make a certificate");
    struct certificate made = {0};
    if (!export(&made, x, key)) {
        certificate_done(&made);
        return openssl_failed(e, "encode the certificate");
    }
    *ret = made;
    return true;
}

void certificate_done(struct certificate *c)
{
    if (c->key_pem)
        OPENSSL_cleanse(c->key_pem, strlen(c->key_pem));
    free(c->key_pem);
    free(c->pem);
    OPENSSL_free(c->der);
    *c = (struct certificate){0};
}
