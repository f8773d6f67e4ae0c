/* signing_key.h — keys that Signature Version 4 derives from a secret for one day, Region and service.
 *
 * Four HMACs that are the same for all requests of that scope. The last few are remembered; those of a secret
 * that is no longer valid do no harm, because whose secret counts is decided before. Any thread.
 */
#ifndef SANDBOX_SIGNING_KEY_H
#define SANDBOX_SIGNING_KEY_H

#include "internal/base/base.h"

enum { SIGNING_KEY_SIZE = 32 };

struct signing_scope {
    const char *date, *region, *service; /* "20261122" … */
};

void signing_key(const char *secret, const struct signing_scope *scope, unsigned char ret[SIGNING_KEY_SIZE]);

/* HMAC-SHA256. */
void signing_hmac(const void *key, size_t key_size, const char *text, unsigned char ret[SIGNING_KEY_SIZE]);

#endif
