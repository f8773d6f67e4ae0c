/* Tags, subnet groups, roles and Data API of clusters. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/seed.h"
#include "internal/base/names.h"

#include <stdio.h>
#include <string.h>

/* ---- tags ---- */

static const struct member TAGS_IN[] = {
    STR_REQUIRED("ResourceName"),
    {.name = "Tags", .kind = SHAPE_LIST, .required = true, .element = "Tag", .fields = SHAPE_TAG},
    SHAPE_END_ROW};
static const struct member UNTAG_IN[] = {
    STR_REQUIRED("ResourceName"),
    {.name = "TagKeys", .kind = SHAPE_LIST, .required = true, .element = "member"},
    SHAPE_END_ROW};
static const struct member LIST_TAGS_IN[] = {STR_REQUIRED("ResourceName"),
                                             LIST_OF("Filters", "Filter", SHAPE_FILTER), SHAPE_END_ROW};
static const struct member LIST_TAGS_OUT[] = {LIST_OF("TagList", "Tag", SHAPE_TAG), SHAPE_END_ROW};

static json_t *tagged(struct call *c)
{
    const char *arn = rec_str(c->in, "ResourceName");
    struct arn parsed;
    enum kind kind;
    json_t *record = store_by_arn(c->sb->store, arn, &kind);
    if (record)
        return record;
    if (!arn_parse(arn, &parsed) || strcmp(parsed.service, "rds") != 0) {
        (void)fault_set(&c->fault, "InvalidParameterValue", "Invalid resource name: %.200s", arn);
        return NULL;
    }
    for (enum kind k = 0; k < KIND_COUNT; k++)
        if (KINDS[k].arn_type && strcmp(KINDS[k].arn_type, parsed.type) == 0)
            return need_id(c, k, arn);
    (void)fault_set(&c->fault, "InvalidParameterValue", "Invalid resource name: %.200s", arn);
    return NULL;
}

static void set_tag(json_t *list, const json_t *tag)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (rec_is(json_array_get(list, i), "Key", rec_str(tag, "Key"))) {
            (void)json_array_set_new(list, i, json_deep_copy(tag));
            return;
        }
    (void)json_array_append_new(list, json_deep_copy(tag));
}

static bool add_tags(struct call *c)
{
    json_t *record = tagged(c), *tag;
    size_t i;
    if (!record || !check_tags(c))
        return false;
    json_t *list = json_deep_copy(rec_list(record, "TagList"));
    json_array_foreach(rec_get(c->in, "Tags"), i, tag)
    {
        set_tag(list, tag);
    }
    if (json_array_size(list) > 50) {
        json_decref(list);
        return fault_set(&c->fault, "InvalidParameterValue", "A resource can have at most 50 tags.");
    }
    rec_set(record, "TagList", list);
    return true;
}

static bool remove_tags(struct call *c)
{
    json_t *record = tagged(c), *tag, *kept = json_array();
    size_t i;
    json_array_foreach(rec_get(record, "TagList"), i, tag)
    {
        bool gone = false;
        size_t k;
        json_t *key;
        json_array_foreach(rec_get(c->in, "TagKeys"), k, key)
        {
            gone = gone || rec_is(tag, "Key", json_string_value(key)); /* tag keys have case */
        }
        if (!gone)
            (void)json_array_append(kept, tag);
    }
    if (record)
        rec_set(record, "TagList", kept);
    else
        json_decref(kept);
    return record != NULL;
}

static bool list_tags(struct call *c)
{
    json_t *record = tagged(c);
    if (record)
        rec_set(c->out, "TagList", json_deep_copy(rec_list(record, "TagList")));
    return record != NULL;
}

/* ---- subnet groups ---- */

static const struct member SUBNETS_IN[] = {STR("DBSubnetGroupName"), DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member SUBNETS_OUT[] = {
    STR("Marker"), LIST_OF("DBSubnetGroups", "DBSubnetGroup", SHAPE_SUBNET_GROUP), SHAPE_END_ROW};
static const struct filter_row NO_FILTERS[] = {{0}};
static const struct describe DESCRIBE_SUBNETS = {.kind = KIND_SUBNET_GROUP,
                                                 .by_id = "DBSubnetGroupName",
                                                 .result = "DBSubnetGroups",
                                                 .filters = NO_FILTERS};

static void seed_subnet_group(struct sandbox *sb, const char *name, const char *description)
{
    json_t *subnets = json_array();
    for (int i = 0; i < 3; i++) {
        json_t *subnet = json_pack("{s:s, s:{s:o}}", "SubnetStatus", "Active", "SubnetAvailabilityZone",
                                   "Name", json_sprintf("%s%c", store_region(sb->store), 'a' + i));
        rec_printf(subnet, "SubnetIdentifier", "subnet-%08x%08x0", (unsigned)name[0], (unsigned)i);
        (void)json_array_append_new(subnets, subnet);
    }
    json_t *group = json_pack("{s:s, s:s, s:s, s:s, s:o, s:[s], s:[]}", "DBSubnetGroupName", name,
                              "DBSubnetGroupDescription", description, "VpcId", "vpc-00000000000000001",
                              "SubnetGroupStatus", "Complete", "Subnets", subnets, "SupportedNetworkTypes",
                              "IPV4", "TagList");
    store_set_arn(sb->store, KIND_SUBNET_GROUP, group);
    (void)store_add(sb->store, KIND_SUBNET_GROUP, group);
}

void subnet_groups_seed(struct sandbox *sb)
{
    if (json_array_size(store_list(sb->store, KIND_SUBNET_GROUP)) > 0)
        return;
    seed_subnet_group(sb, "default", "default");
    seed_subnet_group(sb, "private", "a second group, to see settings differ");
}

/* ---- roles ---- */

static const struct member ROLE_IN[] = {STR_REQUIRED("DBClusterIdentifier"), STR_REQUIRED("RoleArn"),
                                        STR("FeatureName"), SHAPE_END_ROW};

static size_t find_role(const struct call *c, const json_t *roles)
{
    size_t i = 0;
    while (i < json_array_size(roles) &&
           (!rec_is(json_array_get(roles, i), "RoleArn", rec_str(c->in, "RoleArn")) ||
            !rec_is(json_array_get(roles, i), "FeatureName", rec_str(c->in, "FeatureName"))))
        i++;
    return i;
}

static bool add_role(struct call *c)
{
    json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster || !check_cluster_ready(c, cluster))
        return false;
    json_t *roles = rec_list(cluster, "AssociatedRoles");
    if (find_role(c, roles) < json_array_size(roles))
        return fault_set(&c->fault, "DBClusterRoleAlreadyExists",
                         "Role ARN %.200s already exists for DB Cluster: %s.", rec_str(c->in, "RoleArn"),
                         rec_str(cluster, "DBClusterIdentifier"));
    json_t *role = json_pack("{s:s, s:s}", "RoleArn", rec_str(c->in, "RoleArn"), "Status", "ACTIVE");
    rec_copy(role, c->in, "FeatureName");
    (void)json_array_append_new(roles, role);
    return true;
}

static bool remove_role(struct call *c)
{
    json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster || !check_cluster_ready(c, cluster))
        return false;
    json_t *roles = rec_list(cluster, "AssociatedRoles");
    size_t i = find_role(c, roles);
    if (i == json_array_size(roles))
        return fault_set(&c->fault, "DBClusterRoleNotFound",
                         "Role ARN %.200s cannot be found for DB Cluster: %s.", rec_str(c->in, "RoleArn"),
                         rec_str(cluster, "DBClusterIdentifier"));
    (void)json_array_remove(roles, i);
    return true;
}

/* ---- the Data API ---- */

static const struct member HTTP_IN[] = {STR_REQUIRED("ResourceArn"), SHAPE_END_ROW};
static const struct member HTTP_OUT[] = {STR("ResourceArn"), BOOL("HttpEndpointEnabled"), SHAPE_END_ROW};

static bool set_http_endpoint(struct call *c, bool on)
{
    json_t *cluster = need_id(c, KIND_CLUSTER, rec_str(c->in, "ResourceArn"));
    if (!cluster || !check_cluster_ready(c, cluster))
        return false;
    rec_set_bool(cluster, "HttpEndpointEnabled", on);
    rec_set_str(c->out, "ResourceArn", rec_str(cluster, "DBClusterArn"));
    rec_set_bool(c->out, "HttpEndpointEnabled", on);
    return true;
}

static bool enable_http_endpoint(struct call *c)
{
    return set_http_endpoint(c, true);
}

static bool disable_http_endpoint(struct call *c)
{
    return set_http_endpoint(c, false);
}

const struct op OPS_MISC[] = {
    {"rds", "AddTagsToResource", TAGS_IN, NULL, .run = add_tags},
    {"rds", "RemoveTagsFromResource", UNTAG_IN, NULL, .run = remove_tags},
    {"rds", "ListTagsForResource", LIST_TAGS_IN, LIST_TAGS_OUT, .run = list_tags, .flags = OP_READS},
    {"rds", "DescribeDBSubnetGroups", SUBNETS_IN, SUBNETS_OUT, .describe = &DESCRIBE_SUBNETS,
     .flags = OP_READS},
    {"rds", "EnableHttpEndpoint", HTTP_IN, HTTP_OUT, .run = enable_http_endpoint},
    {"rds", "DisableHttpEndpoint", HTTP_IN, HTTP_OUT, .run = disable_http_endpoint},
    {"rds", "AddRoleToDBCluster", ROLE_IN, NULL, .run = add_role},
    {"rds", "RemoveRoleFromDBCluster", ROLE_IN, NULL, .run = remove_role},
    {0},
};
