/* client.h — one call from request to decoded reply, for the files of this folder.
 *
 * aws_perform() is the only loop: credentials, signature, HTTP, classification, retries. A protocol gives it
 * the body and a function that reads the reply; verbs give it fields.
 */
#ifndef AURORA_AWS_CLIENT_H
#define AURORA_AWS_CLIENT_H

#include "internal/aws/aws.h"
#include "internal/aws/credentials.h"
#include "internal/aws/crew.h"
#include "internal/aws/errors.h"
#include "internal/aws/http.h"
#include "internal/aws/ops.h"
#include "internal/aws/retry.h"
#include "internal/aws/settings.h"
#include "internal/aws/sigv4.h"

#include <stdatomic.h>

struct aws {
    struct arena *arena; /* holds the settings; written by aws_new only */
    struct settings settings;
    struct http *http;
    struct crew *crew; /* does all attempts */
    struct clock *clock;
    struct sigv4_cache *keys;
    struct retry_budget budget;
    struct credentials *credentials;
    atomic_llong skew_ms; /* AWS's clock minus ours, as far as a refusal has made it matter */
};

/* As `keys` of a call: it is not signed, because what it carries is its proof. */
extern const struct sigv4_keys aws_unsigned;

int64_t aws_now_ms(struct aws *w); /* AWS's idea of the time */

enum reply_kind { REPLY_GOOD, REPLY_REFUSAL, REPLY_BROKEN };

struct aws_call {
    const struct aws_session *session;
    const struct aws_service *service;
    const struct aws_op *op;
    const char *region;                /* NULL: the session's */
    const struct sigv4_keys *keys;     /* NULL: the credentials of the session's `struct aws` */
    const char *content_type, *target; /* NULL: not sent */
    const char *method, *path;         /* NULL: POST to the endpoint itself; else below it */
    const struct sigv4_pair *query;    /* of a path */
    size_t query_count;
    struct str body;
    /* Reads a reply. Sets *refusal for REPLY_REFUSAL; for REPLY_BROKEN an ERR_UNAVAILABLE, because the
     * request may have been carried out. */
    enum reply_kind (*decode)(struct aws_call *c, const struct http_reply *r, struct aws_refusal *refusal,
                              struct err *e);
    const struct xml *xml;    /* result, query protocol and REST-XML */
    const struct value *json; /* result, JSON protocol */
};
MUST_CHECK bool aws_perform(struct aws_call *c, struct err *e);

/* `decode` of both protocols that answer in XML. */
enum reply_kind aws_xml_decode(struct aws_call *c, const struct http_reply *r, struct aws_refusal *refusal,
                               struct err *e);

/* aws_query() with credentials of its own, for assuming roles. */
MUST_CHECK bool aws_query_as(const struct aws_session *s, const struct sigv4_keys *keys, const char *service,
                             const char *region, const char *action, const struct aws_field *fields,
                             const struct xml **ret, struct err *e);

#endif
