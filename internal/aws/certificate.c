#include "internal/aws/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bool ok)
{
    if (!ok) {
        ERR_print_errors_fp(stderr);
        abort();
    }
}

static void add_extension(X509 *x, X509 *issuer, int id, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
    must(extension && X509_add_ext(x, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static X509 *blank(EVP_PKEY *key, const char *name, long from, long to)
{
    static long serial = 1;
    X509 *x = X509_new();
    must(x && X509_set_version(x, X509_VERSION_3) == 1 && X509_set_pubkey(x, key) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++) == 1);
    must(X509_gmtime_adj(X509_getm_notBefore(x), from) && X509_gmtime_adj(X509_getm_notAfter(x), to));
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name,
                                    -1, -1, 0) == 1);
    return x;
}

struct authority authority_new(void)
{
    struct authority a = {.key = EVP_EC_gen("P-256")};
    must(a.key != NULL);
    a.certificate = blank(a.key, "Test CA", -3600, 3600);
    must(X509_set_issuer_name(a.certificate, X509_get_subject_name(a.certificate)) == 1);
    add_extension(a.certificate, a.certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(a.certificate, a.certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    must(X509_sign(a.certificate, a.key, EVP_sha256()) > 0);
    return a;
}

void authority_free(struct authority *a)
{
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
}

void authority_write(const struct authority *a, const char *path)
{
    FILE *f = fopen(path, "we");
    must(f && PEM_write_X509(f, a->certificate) == 1 && fclose(f) == 0);
}

SSL_CTX *certificate_server(const struct authority *signer, const char *address, long from, long to)
{
    char name[128];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = blank(key, address, from, to);
    X509 *issuer = signer ? signer->certificate : x;
    (void)snprintf(name, sizeof name, "IP:%s", address);
    must(X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1);
    add_extension(x, issuer, NID_subject_alt_name, name);
    must(X509_sign(x, signer ? signer->key : key, EVP_sha256()) > 0);
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    must(c && SSL_CTX_use_certificate(c, x) == 1 && SSL_CTX_use_PrivateKey(c, key) == 1);
    X509_free(x);
    EVP_PKEY_free(key);
    return c;
}
