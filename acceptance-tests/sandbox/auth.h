/* auth.h — checks AWS Signature Version 4 on what arrives, as AWS would; the sandbox's own code, so that the
 * client's signer is proved against another reading of the specification.
 *
 * Both forms: Authorization header, and presigned query parameters. Refused with AWS's codes and texts:
 * unsigned, incomplete, unknown key, wrong signature, wrong region, service or date in the scope, unsigned
 * Host, X-Amz-Date, X-Amz-Security-Token or X-Amz-Target, more than 15 minutes of clock skew, expired
 * presigned requests and expired session tokens. Sources: "Signature Version 4 for API requests" (IAM User
 * Guide) for the algorithm; the texts as services answer them.
 */
#ifndef SANDBOX_AUTH_H
#define SANDBOX_AUTH_H

#include "acceptance-tests/sandbox/fault.h"
#include "internal/base/arena.h"
#include "internal/base/buf.h"

struct http_header {
    const char *name, *value;
};

/* A request as it stood on the wire: path and query not decoded. */
struct http_request {
    const char *method;
    struct str path, query, body;
    const struct http_header *headers;
    size_t header_count;
};
const char *http_header(const struct http_request *r,
                        const char *name); /* first of that name; NULL: absent */

struct credential {
    const char *access_key, *secret, *token; /* token NULL: a long-term key */
    int64_t expires_ms;                      /* of a token */
    const char *arn, *user_id;
};

struct verifier {
    bool (*find)(void *arg, const char *access_key, struct credential *ret);
    void *arg;
    int64_t now_ms; /* Unix time */
    const char *region;
    const struct scope_service {   /* what a scope may name; ends with name == NULL */
        const char *name, *region; /* region NULL: the verifier's */
    } * services;
};

struct identity {
    const char *access_key, *arn, *user_id;
    const char *service; /* from the credential scope: chooses the API */
};

/* *ret_service is set as soon as the scope can be read, also on failure: the fault's envelope depends on it.
 */
MUST_CHECK bool auth_verify(struct arena *a, const struct verifier *v, const struct http_request *r,
                            struct identity *ret, const char **ret_service, struct fault *f);

#endif
