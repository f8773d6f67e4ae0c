/* sigv4.h — AWS Signature Version 4, in three pure stages and two finished forms.
 *
 * Canonical request, string to sign, signature: each stage is a function of its arguments, so that the
 * published test suite checks each alone. sigv4_sign() gives the header form, sigv4_presign() the query form.
 * No network, no clock, no logging. Results live in the arena; key material that is not cached is wiped.
 *
 * Sources: AWS General Reference "Signature Version 4 signing process"; golden rows in sigv4_test.c. libcurl
 * 7.88's own signer is not used: it cannot presign, knows no session token and lists removed headers.
 */
#ifndef AURORA_AWS_SIGV4_H
#define AURORA_AWS_SIGV4_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"

enum { SIGV4_KEY_SIZE = 32, SIGV4_HEX_SIZE = 65 };
#define SIGV4_DATE_SIZE 17 /* "20150830T123600Z" and NUL */

struct sigv4_pair {
    const char *name, *value;
};

struct sigv4_request {
    const char *method, *path;        /* path as in the request line; encoded once more, as all but S3 want */
    const struct sigv4_pair *query;   /* decoded */
    const struct sigv4_pair *headers; /* every one is signed; `host` must be among them */
    size_t query_count, header_count;
    const char *payload_hash; /* sigv4_sha256() of the body, or "UNSIGNED-PAYLOAD" */
};

struct sigv4_scope {
    const char *region, *service; /* the signing name, such as "rds-db" */
    int64_t wall_ms;              /* corrected by whatever skew is known */
};

struct sigv4_keys {
    const char *access_key, *secret_key, *session_token; /* token NULL or "": none */
};

/* The derived key depends on secret, day, Region and service only. Thread-safe; may be NULL everywhere. */
struct sigv4_cache;
struct sigv4_cache *sigv4_cache_new(void) NONNULL_RETURN;
void sigv4_cache_free(struct sigv4_cache *c);

void sigv4_sha256(struct str data, char ret_hex[SIGV4_HEX_SIZE]);
void sigv4_date(int64_t wall_ms, char out[SIGV4_DATE_SIZE]);
/* RFC 3986: everything but A-Z a-z 0-9 - . _ ~ becomes %XX; '/' is kept if asked. */
void sigv4_uri_encode(struct buf *out, const char *s, bool keep_slash);

struct sigv4_canonical {
    const char *text, *signed_headers;
};
struct sigv4_canonical sigv4_canonical(struct arena *a, const struct sigv4_request *r);
const char *sigv4_string_to_sign(struct arena *a, const struct sigv4_scope *scope, const char *canonical);
void sigv4_key(const char *secret_key, const struct sigv4_scope *scope, unsigned char out[SIGV4_KEY_SIZE]);
void sigv4_signature(const unsigned char key[SIGV4_KEY_SIZE], const char *string_to_sign,
                     char out[SIGV4_HEX_SIZE]);

/* Header form: x-amz-date and x-amz-security-token are added to what is signed; the caller sends `date`, the
 * token and `authorization` beside the request's own headers. */
struct sigv4_signed {
    const char *date, *authorization;
};
struct sigv4_signed sigv4_sign(struct arena *a, struct sigv4_cache *c, const struct sigv4_keys *k,
                               const struct sigv4_scope *scope, const struct sigv4_request *r);

/* Query form: the whole encoded query string. The request's own parameters come first, in their order. */
const char *sigv4_presign(struct arena *a, struct sigv4_cache *c, const struct sigv4_keys *k,
                          const struct sigv4_scope *scope, const struct sigv4_request *r,
                          int expires_seconds);

#endif
