/* aws.h — one configured AWS account and Region: credentials, endpoints, signing, retries. All calls go
 * through aws_query(), aws_json() or aws_rest(); typed verbs are in rds.h and route53.h.
 *
 * `struct aws` is made once per provider configuration and shared by all threads; everything it hands out
 * lives in the caller's arena. Every call looks at the stop token while connecting, waiting and backing off,
 * and ends with ERR_CANCELLED. Retries happen here and nowhere else: throttling, 5xx, broken replies and
 * network errors, with full jitter and a token bucket; calls that are not idempotent are repeated only when
 * the request cannot have had an effect or the operation tolerates it (see the operation table). Names and
 * precedence of settings are hashicorp/aws's.
 */
#ifndef AURORA_AWS_H
#define AURORA_AWS_H

#include "internal/base/arena.h"
#include "internal/base/buf.h"
#include "internal/base/clock.h"
#include "internal/base/err.h"
#include "internal/base/stop.h"
#include "internal/value/value.h"
#include "internal/value/xml.h"

struct aws;

struct aws_field {
    const char *name, *value; /* wire name such as "Filters.Filter.1.Name"; value NULL = not sent */
};

struct aws_assume_role {
    const char *role_arn, *session_name, *external_id, *policy, *source_identity; /* NULL: not given */
    const char *const *policy_arns;         /* ends with NULL; may be NULL */
    const struct aws_field *tags;           /* end with name == NULL; may be NULL */
    const char *const *transitive_tag_keys; /* ends with NULL; may be NULL */
    int duration_seconds;                   /* 0: AWS's default */
};

/* A role for whoever holds a token of an identity provider; role and token may also come from AWS_ROLE_ARN,
 * AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_SESSION_NAME. The file is read anew for every renewal. */
struct aws_web_identity {
    const char *role_arn, *session_name, *policy, *token, *token_file; /* NULL: not given */
    const char *const *policy_arns;                                    /* ends with NULL; may be NULL */
    int duration_seconds;                                              /* 0: AWS's default */
};

enum aws_choice { AWS_UNSAID, AWS_YES, AWS_NO };

/* Everything may be NULL/0: then environment and shared files decide. Strings are copied. */
struct aws_config {
    const char *region, *profile, *access_key, *secret_key, *token;
    const char *const *shared_config_files, *const *shared_credentials_files; /* end with NULL */
    const struct aws_assume_role *assume_roles;                               /* a chain */
    size_t assume_role_count;
    const struct aws_web_identity *web_identity; /* NULL: none in the provider block */
    struct aws_endpoint {
        const char *service, *url; /* "rds", "sts", "secretsmanager" … */
    } endpoints[16];
    const char *custom_ca_bundle, *http_proxy, *https_proxy, *no_proxy, *sts_region;
    const char *user_agent;
    const char *ec2_metadata_endpoint, *ec2_metadata_endpoint_mode; /* a URL; "IPv4" or "IPv6" */
    enum aws_choice skip_metadata;
    int max_retries;    /* -1: default 25 */
    int retry_capacity; /* how many repetitions may go at once before they are spread out; 0: default */
    bool insecure, use_fips_endpoint, use_dualstack_endpoint;
    const char *(*getenv)(const char *name); /* NULL: the process's environment */
    struct clock *clock;                     /* NULL: the real one */
};

MUST_CHECK bool aws_new(const struct aws_config *c, struct aws **ret, struct err *e);
void aws_free(struct aws *w);
DEFINE_CLEANUP(struct aws, aws_cleanup, aws_free)

const char *aws_region(const struct aws *w);

/* What one operation works with: passed to every verb. `region` NULL = the configured one. */
struct aws_session {
    struct aws *aws;
    struct arena *arena;
    struct stop *stop;
    const char *region;
};

/* One query-protocol call: service "rds" or "sts", action, fields ended by name == NULL. *ret is
 * <ActionResult>. On failure e->remote_code is AWS's code, e->code from the error table, e->said AWS's
 * message with the request id. For aws_json the target is the operation's name, such as "GetSecretValue". */
MUST_CHECK bool aws_query(const struct aws_session *s, const char *service, const char *action,
                          const struct aws_field *fields, const struct xml **ret, struct err *e);
MUST_CHECK bool aws_json(const struct aws_session *s, const char *service, const char *target,
                         const struct value *request, const struct value **ret, struct err *e);

/* One REST-XML call: the operation's row says method and path, `id` stands for its "{}". Fields, ended by
 * name == NULL or NULL, go into the query string, `body` is XML. *ret is the reply's root. */
struct aws_rest {
    const char *id;
    const struct aws_field *query;
    struct str body;
};
MUST_CHECK bool aws_rest(const struct aws_session *s, const char *service, const char *action,
                         const struct aws_rest *request, const struct xml **ret, struct err *e);

/* Presigned URL parts for RDS IAM authentication: "host:port/?Action=connect&DBUser=…" without scheme, valid
 * 15 minutes. */
MUST_CHECK bool aws_rds_auth_token(const struct aws_session *s, const char *host, int port, const char *user,
                                   const char **ret, struct err *e);

/* The sources of credentials in the order they are asked; NULL behind the last. For the documentation. */
const char *aws_credential_source(size_t i);

/* Seconds until the present credentials expire; INT64_MAX if they do not. Refreshes them first if that
 * lengthens their life. */
MUST_CHECK bool aws_credential_life(const struct aws_session *s, int64_t *ret_seconds, struct err *e);

/* The same for somebody who is about to need them for `needed_seconds`: whether they last that long, and if
 * not, whether their source can be relied on to give new ones in time. A credential_process cannot: it may
 * hand out what it keeps, or want a person. */
struct aws_life {
    int64_t seconds;     /* INT64_MAX: nobody has said that they expire */
    bool renews;         /* their source has just given, or will surely give, new ones */
    const char *source;  /* "role arn:…"; session's arena */
    const char *trouble; /* why renewing failed a moment ago; "" if it did not */
};
MUST_CHECK bool aws_credentials_outlast(const struct aws_session *s, int64_t needed_seconds,
                                        struct aws_life *ret, struct err *e);

#endif
