/* credentials_internal.h — between the table of sources (sources.c), what stands behind its rows, and the
 * keeper of the present keys (credentials.c).
 *
 * Everything a source reads (files, output of programs, replies) is hostile input: bounded, and never quoted
 * in an error, because the wrong file may hold somebody's secret. What is a secret is registered with
 * log_secret() as soon as it is read.
 */
#ifndef AURORA_AWS_CREDENTIALS_INTERNAL_H
#define AURORA_AWS_CREDENTIALS_INTERNAL_H

#include "internal/aws/client.h"

#define KEYS_NO_EXPIRY INT64_MAX

enum renewal {
    RENEW_NEVER,   /* asking again gives the same */
    RENEW_PERHAPS, /* a helper of the user's, which may keep what it gave, or want a person */
    RENEW_SURE     /* AWS gives new ones at any time */
};

struct keys { /* strings in the search's arena */
    struct sigv4_keys sign;
    int64_t expires_ms; /* KEYS_NO_EXPIRY: they last */
    enum renewal renewal;
    const char *source; /* for logs and errors, such as "environment" */
};

enum { SOURCE_ANY = -1 };

/* One walk through the sources. */
struct search {
    struct aws *aws;
    const struct aws_session *session; /* for calls to STS; its arena is the search's */
    struct arena *arena;
    struct sigv4_keys arguments;                 /* the provider's own; fields NULL if not given */
    const struct aws_web_identity *web_identity; /* the provider block's; NULL: none */
    int only;             /* the source that gave the keys before: a renewal must not end as somebody else */
    struct shared shared; /* read anew for every search: files are rotated by other tools */
    struct buf tried;     /* "provider arguments (not set), environment (…)" */
};

/* Asks the table of sources in order, or h->only; *ret_source is the row. */
MUST_CHECK bool sources_find(struct search *h, struct keys *ret, int *ret_source, struct err *e);
bool sources_environment(struct search *h, struct keys *ret);
/* Notes why the present source has nothing. */
void not_found(struct search *h, const char *fmt, ...) PRINTF(2, 3);

MUST_CHECK bool assume_role(struct search *h, const struct keys *with, const struct aws_assume_role *role,
                            struct keys *ret, struct err *e);
MUST_CHECK bool assume_web_identity(struct search *h, const struct aws_web_identity *w, struct keys *ret,
                                    struct err *e);

/* What a profile means: static keys, a helper, or a role on top of another profile or source. Not found:
 * *ret_found is false and `tried` says why. */
MUST_CHECK bool profile_keys(struct search *h, const char *profile, struct keys *ret, bool *ret_found,
                             struct err *e);
MUST_CHECK bool process_keys(struct search *h, const char *profile, const char *command, struct keys *ret,
                             struct err *e);
MUST_CHECK bool sso_keys(struct search *h, const char *profile, struct keys *ret, struct err *e);

/* Services beside us. Not there or not configured: *ret_found is false and `tried` says why. */
MUST_CHECK bool container_keys(struct search *h, struct keys *ret, bool *ret_found, struct err *e);
MUST_CHECK bool metadata_keys(struct search *h, struct keys *ret, bool *ret_found, struct err *e);

/* Where a container's credentials are; *ret NULL: the environment names none. Refuses plain http to any host
 * but this one and the fixed addresses of ECS and EKS. */
MUST_CHECK bool container_url(const struct settings *s, struct arena *a, const char **ret, struct err *e);

/* ---- ask.c: requests that are not signed, and the JSON that comes back ---- */

enum { ASK_HEADERS = 4 };

struct ask {
    struct http *http;
    const char *method, *url;                /* the URL may carry a query */
    struct http_header headers[ASK_HEADERS]; /* end with name == NULL */
    struct str body;
    int tries;
};
/* Repeats what broke, 429 and 5xx. True: a whole reply of whatever status. */
MUST_CHECK bool ask(struct search *h, const struct ask *q, struct http_reply *reply, struct err *e);

/* A pool of its own for the time of one search: short time-outs, no proxy. */
MUST_CHECK bool ask_beside(struct search *h, int connect_ms, int total_ms, struct http **ret, struct err *e);

/* Reads at most ANSWER_MAX bytes that must be one JSON object; errors name `what` and quote nothing. */
MUST_CHECK bool ask_object(struct search *h, struct str text, const char *what, const struct value **ret,
                           struct err *e);

struct key_names {
    const char *access_key, *secret_key, *session_token, *expiry;
};
/* Keys out of an object. Token and expiry may be missing; an expiry that is no time is refused. */
MUST_CHECK bool keys_of(const struct value *object, const struct key_names *names, struct keys *ret,
                        struct err *e);
MUST_CHECK bool keys_alive(struct search *h, const struct keys *k, struct err *e);
/* ISO 8601 with Z, "UTC" or an offset. */
MUST_CHECK bool expiry_parse(const char *text, int64_t *ret_ms);

#endif
