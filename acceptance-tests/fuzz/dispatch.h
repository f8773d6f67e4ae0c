/* dispatch.h — a request as gRPC hands it over, for any provider: the first byte chooses the method, the rest
 * is the message. No process, no network, no file. */
#ifndef AURORA_FUZZ_DISPATCH_H
#define AURORA_FUZZ_DISPATCH_H

#include "internal/tf/tf.h"

/* The one request is given to a fresh service of `p`. `before` (may be NULL) is a method that the service
 * gets first, with an empty message; `never` (may be NULL) is one it never gets. */
void dispatch_request(const struct tf_provider *p, const char *before, const char *never, const uint8_t *data,
                      size_t n);

#endif
