/* certificate.h — a CA and server certificates made on the spot, for the unit tests of TLS. */
#ifndef AURORA_AWS_CERTIFICATE_H
#define AURORA_AWS_CERTIFICATE_H

#include "internal/base/base.h"

#include <openssl/ssl.h>

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};
struct authority authority_new(void);
void authority_free(struct authority *a);
void authority_write(const struct authority *a, const char *path); /* PEM */

/* A server with a certificate for `address` (an IP address), valid for the seconds from `from` to `to` around
 * now. signer NULL: signed by itself. */
SSL_CTX *certificate_server(const struct authority *signer, const char *address, long from, long to);

#endif
