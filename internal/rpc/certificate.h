/* certificate.h — the throw-away key and self-signed certificate of one process.
 *
 * What Go's TLS client demands: subjectAltName DNS:localhost, serverAuth if there is an extended key usage at
 * all, a validity that began before now on its clock. The key never leaves the process.
 */
#ifndef AURORA_RPC_CERTIFICATE_H
#define AURORA_RPC_CERTIFICATE_H

#include "internal/base/err.h"

struct certificate {
    char *pem;     /* owned */
    char *key_pem; /* owned; secret */
    unsigned char *der;
    size_t der_size;
};

/* `curve` is "P-256" for a server; go-plugin's clients use "P-521". */
MUST_CHECK bool certificate_make(const char *curve, struct certificate *ret, struct err *e);

/* Wipes the key. A zeroed certificate is allowed. */
void certificate_done(struct certificate *c);

#endif
