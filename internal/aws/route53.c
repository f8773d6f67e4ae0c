#include "internal/aws/route53.h"
#include "internal/aws/ops.h"
#include "internal/aws/shape.h"

#include <string.h>
#include <strings.h>

enum { BATCH_MAX = 16 * 1024 };

#define MEMBER(T, t, m, p)                                                                                   \
    {                                                                                                        \
        .type = SHAPE_##t, .offset = offsetof(struct T, m), .path = (p)                                      \
    }

static const struct shape_member zone_members[] = {
    MEMBER(route53_zone, TEXT, id, "HostedZone/Id"),
    MEMBER(route53_zone, TEXT, name, "HostedZone/Name"),
    MEMBER(route53_zone, BOOL, is_private, "HostedZone/Config/PrivateZone"),
    {.path = NULL},
};
static const struct shape zone_shape = {sizeof(struct route53_zone), zone_members};

static const struct shape_member record_members[] = {
    MEMBER(route53_record, TEXT, name, "Name"),
    MEMBER(route53_record, TEXT, type, "Type"),
    {.type = SHAPE_INT, .offset = offsetof(struct route53_record, ttl), .path = "TTL", .otherwise = -1},
    MEMBER(route53_record, TEXT, set_identifier, "SetIdentifier"),
    MEMBER(route53_record, TEXT, health_check, "HealthCheckId"),
    MEMBER(route53_record, TEXT, traffic_policy, "TrafficPolicyInstanceId"),
    MEMBER(route53_record, PRESENT, is_alias, "AliasTarget"),
    {.path = NULL},
};
static const struct shape record_shape = {sizeof(struct route53_record), record_members};

static const char *bare_id(const char *id)
{
    const char *slash = strrchr(id, '/');
    return slash ? slash + 1 : id;
}

static bool call(const struct aws_session *s, const char *action, const struct aws_rest *request,
                 const struct xml **ret, struct err *e)
{
    return aws_rest(s, "route53", action, request, ret, e);
}

/* Absent: *ret stays NULL. */
static bool call_unless_absent(const struct aws_session *s, const char *action,
                               const struct aws_rest *request, const struct xml **ret, struct err *e)
{
    struct err why = ERR_INIT;
    if (call(s, action, request, ret, &why) ||
        aws_op_means_absent(aws_op_find("route53", action), why.remote_code))
        return true;
    if (e)
        *e = why;
    return false;
}

bool route53_zone_find(const struct aws_session *s, const char *id, const struct route53_zone **ret,
                       struct err *e)
{
    const struct aws_rest request = {.id = bare_id(id)};
    const struct xml *x = NULL;
    if (!call_unless_absent(s, "GetHostedZone", &request, &x, e))
        return false;
    struct route53_zone *zone = ARENA_NEW(s->arena, struct route53_zone);
    if (x)
        shape_read(s->arena, &zone_shape, x, zone);
    *ret = x ? zone : NULL;
    return true;
}

/* ---- the record ---- */

bool route53_same_name(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    n -= n > 0 && a[n - 1] == '.';
    m -= m > 0 && b[m - 1] == '.';
    return n == m && strncasecmp(a, b, n) == 0;
}

static const char **values_of(struct arena *a, const struct xml *list)
{
    size_t n = 0;
    for (const struct xml *x = NULL; list && (x = xml_child(list, "ResourceRecord", x));)
        n++;
    const char **values = ARENA_ARRAY(a, const char *, n + 1);
    n = 0;
    for (const struct xml *x = NULL; list && (x = xml_child(list, "ResourceRecord", x));)
        values[n++] = xml_text(x, "Value", "");
    return values;
}

/* A listing begins at the name asked for, or at the next one. */
bool route53_record_find(const struct aws_session *s, const char *zone, const char *name,
                         const struct route53_record **ret, struct err *e)
{
    const struct aws_field query[] = {{"maxitems", "1"}, {"name", name}, {NULL, NULL}};
    const struct aws_rest request = {.id = bare_id(zone), .query = query};
    const struct xml *x = NULL;
    if (!call(s, "ListResourceRecordSets", &request, &x, e))
        return false;
    const struct xml *first = xml_find(x, "ResourceRecordSets/ResourceRecordSet");
    struct route53_record *r = ARENA_NEW(s->arena, struct route53_record);
    bool found = first && route53_same_name(xml_text(first, "Name", ""), name);
    if (found) {
        shape_read(s->arena, &record_shape, first, r);
        r->values = values_of(s->arena, xml_find(first, "ResourceRecords"));
    }
    *ret = found ? r : NULL;
    return true;
}

bool route53_is_plain_cname(const struct route53_record *r)
{
    return strcmp(r->type, "CNAME") == 0 && r->ttl >= 0 && r->values[0] && !r->values[1] && !r->is_alias &&
           !*r->set_identifier && !*r->health_check && !*r->traffic_policy;
}

/* ---- changes ---- */

static void put_change(struct buf *b, struct arena *a, const char *action, const char *name,
                       const char *value, int ttl)
{
    (void)buf_puts(b, "<Change>");
    xml_put(b, "Action", action);
    (void)buf_puts(b, "<ResourceRecordSet>");
    xml_put(b, "Name", name);
    xml_put(b, "Type", "CNAME");
    xml_put(b, "TTL", arena_printf(a, "%d", ttl));
    (void)buf_puts(b, "<ResourceRecords><ResourceRecord>");
    xml_put(b, "Value", value);
    (void)buf_puts(b, "</ResourceRecord></ResourceRecords></ResourceRecordSet></Change>");
}

bool route53_replace(const struct aws_session *s, const char *zone, const struct route53_record *was,
                     const char *value, int ttl, const char **ret_change, struct err *e)
{
    struct buf b CLEANUP(buf_done) = BUF_INIT(BATCH_MAX);
    const struct xml *x = NULL;
    if (!route53_is_plain_cname(was))
        return err_set(e, ERR_BUG, "%s is no plain CNAME", was->name);
    (void)buf_puts(&b, "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/"
                       "2013-04-01/\"><ChangeBatch><Changes>");
    put_change(&b, s->arena, "DELETE", was->name, was->values[0], was->ttl);
    put_change(&b, s->arena, "CREATE", was->name, value, ttl);
    (void)buf_puts(&b, "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>");
    if (b.overflow)
        return err_set(e, ERR_INVALID, "the change of %s is larger than %d bytes", was->name, BATCH_MAX);
    const struct aws_rest request = {.id = bare_id(zone), .body = buf_view(&b)};
    if (!call(s, "ChangeResourceRecordSets", &request, &x, e))
        return false;
    *ret_change = bare_id(xml_text(x, "ChangeInfo/Id", ""));
    return **ret_change || err_set(e, ERR_UNAVAILABLE, "the reply to the change of %s has no id", was->name);
}

bool route53_change_done(const struct aws_session *s, const char *change, bool *ret, struct err *e)
{
    const struct aws_rest request = {.id = bare_id(change)};
    const struct xml *x = NULL;
    if (!call_unless_absent(s, "GetChange", &request, &x, e))
        return false;
    *ret = !x || strcmp(xml_text(x, "ChangeInfo/Status", ""), "INSYNC") == 0;
    return true;
}
