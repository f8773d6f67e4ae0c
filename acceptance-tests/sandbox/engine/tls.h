/* tls.h — the sandbox's own certificate authority and the one certificate that all its servers present.
 *
 * Made once per state folder and kept: clients hold the CA's file for ever. The certificate names the
 * addresses 127.A.B.1 to 127.A.B.240, as IP addresses and, for libpq before 15, as DNS names too.
 */
#ifndef SANDBOX_ENGINE_TLS_H
#define SANDBOX_ENGINE_TLS_H

#include "acceptance-tests/sandbox/engine/child.h"

#define TLS_ADDRESSES 240 /* last octets 1 to this belong to endpoints */

/* Writes ca.pem, server.pem and server.key (for `account` alone) into `dir` unless they are there. */
MUST_CHECK bool tls_prepare(const char *dir, int block_a, int block_b, const struct account *account,
                            struct err *e);

#endif
