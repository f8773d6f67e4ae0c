/* aws_rds_cluster_endpoint: a custom endpoint. An endpoint that another cluster has got is a replacement. */
#include "acceptance-tests/awslike/awslike.h"

#include <string.h>

static const struct tf_attr attrs[] = {
    {"arn", TF_STRING, AL_C, .doc = AS_NAMED},
    {"cluster_endpoint_identifier", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"cluster_identifier", TF_STRING, TF_REQUIRED | AL_FN, .doc = AS_NAMED},
    {"custom_endpoint_type", TF_STRING, TF_REQUIRED, .doc = AS_NAMED},
    {"endpoint", TF_STRING, AL_C, .doc = AS_NAMED},
    {"excluded_members", TF_STRING_SET, AL_O, .doc = AS_NAMED},
    {"id", TF_STRING, AL_C, .doc = "The identifier."},
    {"static_members", TF_STRING_SET, AL_O, .doc = AS_NAMED},
    {"tags", TF_STRING_MAP, AL_O, .doc = AS_NAMED},
    {"tags_all", TF_STRING_MAP, AL_C, .doc = AS_NAMED},
    {0},
};
static const struct tf_schema schema = {.doc = "A custom endpoint of a cluster.", .attrs = attrs};

static const struct member members[] = {
    AL_SEEN("arn", TF_STRING, "DBClusterEndpointArn"),
    AL_FIXED("cluster_endpoint_identifier", TF_STRING, "DBClusterEndpointIdentifier"),
    AL_FIXED("cluster_identifier", TF_STRING, "DBClusterIdentifier"),
    {.attr = "custom_endpoint_type",
     .type = TF_STRING,
     .shown = "CustomEndpointType",
     .create = "EndpointType",
     .change = "EndpointType"},
    AL_SEEN("endpoint", TF_STRING, "Endpoint"),
    {.attr = "excluded_members",
     .type = TF_STRING_SET,
     .shown = "ExcludedMembers",
     .item = "member",
     .create = "ExcludedMembers.member",
     .change = "ExcludedMembers.member",
     .loose = true},
    AL_SEEN("id", TF_STRING, "DBClusterEndpointIdentifier"),
    {.attr = "static_members",
     .type = TF_STRING_SET,
     .shown = "StaticMembers",
     .item = "member",
     .create = "StaticMembers.member",
     .change = "StaticMembers.member",
     .loose = true},
    {0},
};

/* *ret = NULL: there is none. */
static bool find(struct tf_call *c, const char *id, const struct xml **ret, struct err *e)
{
    struct request r = {.arena = c->arena};
    const struct xml *result = NULL;
    request_add(&r, "DBClusterEndpointIdentifier", id);
    *ret = NULL;
    if (!call_rds(c, "DescribeDBClusterEndpoints", &r, &result, e))
        return means_absent(e) || err_wrap(e, "read endpoint %s", id);
    const struct xml *found = xml_find(result, "DBClusterEndpoints/DBClusterEndpointList");
    if (found && strcmp(xml_text(found, "DBClusterEndpointIdentifier", ""), id) == 0)
        *ret = found;
    return true;
}

static bool state_of(struct tf_call *c, const struct value *prior, const struct xml *x,
                     const struct value **ret, struct err *e)
{
    struct request r = {.arena = c->arena};
    const struct xml *tags = NULL;
    request_add(&r, "ResourceName", xml_text(x, "DBClusterEndpointArn", ""));
    if (!call_rds(c, "ListTagsForResource", &r, &tags, e))
        return false;
    *ret = tags_state(c, object_state(c, members, x, prior), tags_shown(c->arena, xml_find(tags, "TagList")));
    return true;
}

static const struct value *read_endpoint(struct tf_call *c)
{
    const struct xml *x = NULL;
    const struct value *state = NULL;
    struct err e = ERR_INIT;
    if (!find(c, text_of(c->prior, "id"), &x, &e) || (x && !state_of(c, c->prior, x, &state, &e)))
        return tf_fail(c, &e), NULL;
    return state;
}

static bool is_available(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct xml *x = NULL;
    if (!find(c, id, &x, e))
        return false;
    *ret = strcmp(xml_text(x, "Status", ""), "available") == 0;
    return true;
}

static bool is_gone(struct tf_call *c, const char *id, bool *ret, struct err *e)
{
    const struct xml *x = NULL;
    if (!find(c, id, &x, e))
        return false;
    *ret = x == NULL;
    return true;
}

static const struct value *settled(struct tf_call *c)
{
    const struct xml *x = NULL;
    const struct value *now = NULL;
    struct err e = ERR_INIT;
    const char *id = text_of(c->planned, "cluster_endpoint_identifier");
    bool ok = wait_for(c, is_available, id, &e) && find(c, id, &x, &e);
    if (ok && !x)
        ok = err_set(&e, ERR_NOT_FOUND, "endpoint %s has disappeared", id);
    if (!ok || !state_of(c, c->planned, x, &now, &e))
        return tf_fail(c, &e), NULL;
    return object_settle(c, c->planned, now);
}

static const struct value *create_endpoint(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    object_create(&r, members, c->planned);
    request_add_tags(&r, value_get(c->planned, "tags"));
    if (!call_rds(c, "CreateDBClusterEndpoint", &r, NULL, &e)) {
        (void)err_wrap(&e, "create endpoint %s", text_of(c->planned, "cluster_endpoint_identifier"));
        return tf_fail(c, &e), NULL;
    }
    return settled(c);
}

static const struct value *update_endpoint(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    request_add(&r, "DBClusterEndpointIdentifier", text_of(c->prior, "id"));
    bool changes = object_change(&r, members, c->prior, c->planned);
    if ((changes && !call_rds(c, "ModifyDBClusterEndpoint", &r, NULL, &e)) ||
        !tags_change(c, text_of(c->prior, "arn"), &e)) {
        (void)err_wrap(&e, "update endpoint %s", text_of(c->prior, "id"));
        return tf_fail(c, &e), NULL;
    }
    return settled(c);
}

static const struct value *delete_endpoint(struct tf_call *c)
{
    struct err e = ERR_INIT;
    struct request r = {.arena = c->arena};
    const char *id = text_of(c->prior, "id");
    request_add(&r, "DBClusterEndpointIdentifier", id);
    bool ok = call_rds(c, "DeleteDBClusterEndpoint", &r, NULL, &e) || means_absent(&e);
    if (!ok || !wait_for(c, is_gone, id, &e)) {
        (void)err_wrap(&e, "delete endpoint %s", id);
        tf_fail(c, &e);
    }
    return NULL;
}

static const struct value *plan_endpoint(struct tf_call *c, const struct value *planned)
{
    return object_plan_tagged(c, members, planned);
}

static const struct value *import_endpoint(struct tf_call *c)
{
    return tf_with(c, NULL, "id", value_string(c->arena, c->import_id));
}

const struct tf_resource aws_rds_cluster_endpoint = {
    .name = "aws_rds_cluster_endpoint",
    .schema = &schema,
    .plan = plan_endpoint,
    .create = create_endpoint,
    .update = update_endpoint,
    .del = delete_endpoint,
    .read = read_endpoint,
    .import = import_endpoint,
};
