/* route53.h — one name of a hosted zone: what it is, changed only from what was read, and since when every
 * server of Route 53 knows it.
 *
 * A change is a batch of DELETE and CREATE, which Route 53 carries out as a whole or not at all: DELETE must
 * give exactly what is there, so that a record that somebody else has changed meanwhile is not overwritten.
 * Sources: Route 53 API 2013-04-01 (ChangeResourceRecordSets, "Change Batches and Transactional Changes").
 */
#ifndef AURORA_AWS_ROUTE53_H
#define AURORA_AWS_ROUTE53_H

#include "internal/aws/aws.h"

#define ROUTE53_RECORD_CHANGED "InvalidChangeBatch" /* remote_code: it is not what was read */

struct route53_zone {
    const char *id, *name; /* as AWS gives them: "/hostedzone/Z…", "example.com." */
    bool is_private;
};
/* NULL: there is none. Ids may have AWS's prefix or not. */
MUST_CHECK bool route53_zone_find(const struct aws_session *s, const char *id,
                                  const struct route53_zone **ret, struct err *e);

struct route53_record {
    const char *name, *type; /* "db.example.com.", "CNAME" */
    int ttl;                 /* -1: it has none of its own */
    const char **values;     /* end with NULL */
    /* What only some records have; "" or false where it has not. */
    const char *set_identifier, *health_check, *traffic_policy;
    bool is_alias;
};
/* The first record of that name, of whatever type; NULL: there is none. A CNAME is alone under its name. */
MUST_CHECK bool route53_record_find(const struct aws_session *s, const char *zone, const char *name,
                                    const struct route53_record **ret, struct err *e);
/* A CNAME with a time to live and one value, and nothing else. */
bool route53_is_plain_cname(const struct route53_record *r);
/* Case and a dot at the end do not tell names of hosts apart. */
bool route53_same_name(const char *a, const char *b);

/* `was` must be a plain CNAME. *ret_change: what route53_change_done() asks for. Not repeated when its reply
 * is lost: read again. */
MUST_CHECK bool route53_replace(const struct aws_session *s, const char *zone,
                                const struct route53_record *was, const char *value, int ttl,
                                const char **ret_change, struct err *e);
/* Every server of the zone answers by it. A change that AWS has forgotten is long done. */
MUST_CHECK bool route53_change_done(const struct aws_session *s, const char *change, bool *ret,
                                    struct err *e);

#endif
