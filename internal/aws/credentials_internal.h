/* credentials_internal.h — between the table of sources (sources.c), role assumption (assume.c) and the
 * keeper of the present keys (credentials.c). */
#ifndef AURORA_AWS_CREDENTIALS_INTERNAL_H
#define AURORA_AWS_CREDENTIALS_INTERNAL_H

#include "internal/aws/client.h"

#define KEYS_NO_EXPIRY INT64_MAX

struct keys { /* strings in the search's arena */
    struct sigv4_keys sign;
    int64_t expires_ms; /* KEYS_NO_EXPIRY: they last */
    bool renewable;     /* asking the source again gives keys that live longer */
    const char *source; /* for logs and errors, such as "environment" */
};

/* One walk through the sources. */
struct search {
    struct aws *aws;
    const struct aws_session *session; /* for calls to STS; its arena is the search's */
    struct arena *arena;
    struct sigv4_keys arguments; /* the provider's own; fields NULL if not given */
    struct shared shared;        /* read anew for every search: files are rotated by other tools */
    struct buf tried;            /* "provider arguments (not set), environment (…)" */
};

/* Asks the table of sources in order. */
MUST_CHECK bool sources_find(struct search *h, struct keys *ret, struct err *e);
bool sources_environment(struct search *h, struct keys *ret);

MUST_CHECK bool assume_role(struct search *h, const struct keys *with, const struct aws_assume_role *role,
                            struct keys *ret, struct err *e);

/* What a profile means: static keys, or a role on top of another profile or source. Not found: *ret_found is
 * false and `tried` says why. */
MUST_CHECK bool profile_keys(struct search *h, const char *profile, struct keys *ret, bool *ret_found,
                             struct err *e);

#endif
