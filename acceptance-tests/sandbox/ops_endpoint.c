/* Custom endpoints of clusters; the listing shows the built-in writer and reader endpoints too. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/endpoint.h"
#include "internal/base/file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { ENDPOINTS_MAX = 5 };

#define ENDPOINT_MEMBERS                                                                                     \
    STR("DBClusterEndpointIdentifier"), STR("DBClusterIdentifier"),                                          \
        STR("DBClusterEndpointResourceIdentifier"), STR("Endpoint"), STR("Status"), STR("EndpointType"),     \
        STR("CustomEndpointType"), LIST("StaticMembers", "member"), LIST("ExcludedMembers", "member"),       \
        STR("DBClusterEndpointArn")
static const struct member ENDPOINT_OUT[] = {ENDPOINT_MEMBERS, SHAPE_END_ROW};
static const struct member CREATE_IN[] = {STR_REQUIRED("DBClusterIdentifier"),
                                          STR_REQUIRED("DBClusterEndpointIdentifier"),
                                          STR_REQUIRED("EndpointType"),
                                          LIST("StaticMembers", "member"),
                                          LIST("ExcludedMembers", "member"),
                                          LIST_OF("Tags", "Tag", SHAPE_TAG),
                                          SHAPE_END_ROW};
static const struct member MODIFY_IN[] = {STR_REQUIRED("DBClusterEndpointIdentifier"), STR("EndpointType"),
                                          LIST("StaticMembers", "member"), LIST("ExcludedMembers", "member"),
                                          SHAPE_END_ROW};
static const struct member DELETE_IN[] = {STR_REQUIRED("DBClusterEndpointIdentifier"), SHAPE_END_ROW};

/* Members of ours begin with "_"; the rest is the reply. */
static void put_endpoint(json_t *out, const json_t *endpoint)
{
    (void)json_object_update(out, (json_t *)endpoint);
}

static bool check_members(struct call *c, const json_t *cluster, const char *list)
{
    size_t i;
    json_t *member;
    json_array_foreach(rec_get(c->in, list), i, member)
    {
        const json_t *instance = need_id(c, KIND_INSTANCE, json_string_value(member));
        if (!instance)
            return false;
        if (!rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            return fault_set(
                &c->fault, "InvalidDBInstanceState", "DB instance %s isn't a member of DB cluster %s.",
                rec_str(instance, "DBInstanceIdentifier"), rec_str(cluster, "DBClusterIdentifier"));
    }
    return true;
}

static bool check_endpoint(struct call *c, const json_t *cluster)
{
    const char *type = rec_str(c->in, "EndpointType");
    if (rec_has(c->in, "EndpointType") && strcmp(type, "READER") != 0 && strcmp(type, "ANY") != 0)
        return fault_set(&c->fault, "InvalidParameterValue",
                         "Invalid endpoint type: %.60s. Must be READER or ANY.", type);
    if (json_array_size(rec_get(c->in, "StaticMembers")) > 0 &&
        json_array_size(rec_get(c->in, "ExcludedMembers")) > 0)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "StaticMembers and ExcludedMembers can't be specified together.");
    return check_members(c, cluster, "StaticMembers") && check_members(c, cluster, "ExcludedMembers");
}

static bool check_free(struct call *c, const json_t *cluster)
{
    size_t i, n = 0;
    json_t *endpoint;
    if (store_find(c->sb->store, KIND_ENDPOINT, rec_str(c->in, "DBClusterEndpointIdentifier")))
        return fault_set(&c->fault, "DBClusterEndpointAlreadyExistsFault",
                         "DB cluster endpoint %s already exists",
                         rec_str(c->in, "DBClusterEndpointIdentifier"));
    json_array_foreach(store_list(c->sb->store, KIND_ENDPOINT), i, endpoint)
    {
        n += rec_is(endpoint, "_cluster", rec_str(cluster, "DbClusterResourceId"));
    }
    return n < ENDPOINTS_MAX || fault_set(&c->fault, "DBClusterEndpointQuotaExceededFault",
                                          "DB cluster %s already has %d custom endpoints.",
                                          rec_str(cluster, "DBClusterIdentifier"), ENDPOINTS_MAX);
}

json_t *endpoint_new(struct sandbox *sb, const json_t *cluster, const char *id, const char *address)
{
    char resource[RESOURCE_SIZE], name[27], lower[64];
    random_name(name, 26);
    (void)snprintf(lower, sizeof lower, "%s", id);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    for (char *p = name; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    (void)snprintf(resource, sizeof resource, "cluster-endpoint-%.20s", name);
    json_t *endpoint =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:[], s:[]}", "DBClusterEndpointIdentifier",
                  lower, "DBClusterIdentifier", rec_str(cluster, "DBClusterIdentifier"), "_cluster",
                  rec_str(cluster, "DbClusterResourceId"), "DBClusterEndpointResourceIdentifier", resource,
                  "Endpoint", address, "Status", "creating", "EndpointType", "CUSTOM", "StaticMembers",
                  "ExcludedMembers", "TagList");
    store_set_arn(sb->store, KIND_ENDPOINT, endpoint);
    return store_add(sb->store, KIND_ENDPOINT, endpoint);
}

static void take_lists(json_t *endpoint, const json_t *in)
{
    static const char *const LISTS[] = {"StaticMembers", "ExcludedMembers"};
    for (size_t i = 0; i < ARRAY_LEN(LISTS); i++)
        if (rec_has(in, LISTS[i]))
            rec_copy(endpoint, in, LISTS[i]);
    if (rec_has(in, "EndpointType"))
        rec_set_str(endpoint, "CustomEndpointType", rec_str(in, "EndpointType"));
}

static void start_job(struct call *c, const json_t *endpoint, enum delay delay)
{
    json_t *args =
        json_pack("{s:s, s:s, s:i}", "endpoint", rec_str(endpoint, "DBClusterEndpointResourceIdentifier"),
                  "cluster", rec_str(endpoint, "_cluster"), "delay", (int)delay);
    job_start(c->sb, delay == DELAY_ENDPOINT_DELETE ? &JOB_ENDPOINT_DELETE : &JOB_ENDPOINT, args);
}

static bool create_locked(struct call *c, const char *address)
{
    const json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster || !check_cluster_ready(c, cluster) || !check_tags(c) || !check_endpoint(c, cluster) ||
        !check_free(c, cluster))
        return false;
    json_t *endpoint = endpoint_new(c->sb, cluster, rec_str(c->in, "DBClusterEndpointIdentifier"), address);
    take_lists(endpoint, c->in);
    if (rec_has(c->in, "Tags"))
        rec_set(endpoint, "TagList", json_deep_copy(rec_get(c->in, "Tags")));
    start_job(c, endpoint, DELAY_ENDPOINT_CREATE);
    put_endpoint(c->out, endpoint);
    return true;
}

static bool create_endpoint(struct call *c)
{
    struct err e = ERR_INIT;
    const char *address;
    char lower[64];
    if (!check_identifier(c, "DBClusterEndpointIdentifier"))
        return false;
    (void)snprintf(lower, sizeof lower, "%s", rec_str(c->in, "DBClusterEndpointIdentifier"));
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (!endpoint_address(c->sb->engine, c->arena, endpoint_key(c->arena, ENDPOINT_CUSTOM, lower), &address,
                          &e))
        return fault_set(&c->fault, "InternalFailure", "%s", e.text);
    sandbox_lock(c->sb);
    bool ok = create_locked(c, address);
    sandbox_unlock(c->sb);
    return ok;
}

static bool ready(struct call *c, const json_t *endpoint, const json_t **ret_cluster)
{
    const json_t *cluster = store_resource(c->sb->store, KIND_CLUSTER, rec_str(endpoint, "_cluster"));
    if (!rec_is(endpoint, "Status", "available"))
        return fault_set(&c->fault, "InvalidDBClusterEndpointStateFault",
                         "DB cluster endpoint %s is not in available state.",
                         rec_str(endpoint, "DBClusterEndpointIdentifier"));
    *ret_cluster = cluster;
    return check_not_switching(c, cluster);
}

static bool modify_endpoint(struct call *c)
{
    const json_t *cluster = NULL;
    json_t *endpoint = need(c, KIND_ENDPOINT, "DBClusterEndpointIdentifier");
    if (!endpoint || !ready(c, endpoint, &cluster) || !check_endpoint(c, cluster))
        return false;
    take_lists(endpoint, c->in);
    if (json_array_size(rec_get(c->in, "StaticMembers")) > 0)
        rec_set(endpoint, "ExcludedMembers", json_array());
    if (json_array_size(rec_get(c->in, "ExcludedMembers")) > 0)
        rec_set(endpoint, "StaticMembers", json_array());
    rec_set_str(endpoint, "Status", "modifying");
    start_job(c, endpoint, DELAY_ENDPOINT_MODIFY);
    put_endpoint(c->out, endpoint);
    return true;
}

static bool delete_endpoint(struct call *c)
{
    const json_t *cluster = NULL;
    json_t *endpoint = need(c, KIND_ENDPOINT, "DBClusterEndpointIdentifier");
    if (!endpoint || !ready(c, endpoint, &cluster))
        return false;
    rec_set_str(endpoint, "Status", "deleting");
    start_job(c, endpoint, DELAY_ENDPOINT_DELETE);
    put_endpoint(c->out, endpoint);
    return true;
}

/* ---- jobs ---- */

static json_t *job_endpoint(struct job *j)
{
    return store_resource(j->sb->store, KIND_ENDPOINT, rec_str(j->args, "endpoint"));
}

static bool wait_delay(struct job *j, struct err *e)
{
    sandbox_lock(j->sb);
    enum delay d = (enum delay)rec_int(j->args, "delay");
    sandbox_unlock(j->sb);
    return job_delay(j, d < DELAY_COUNT ? d : DELAY_NONE, e);
}

static bool point(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    if (!cluster_point_endpoints(j->sb, job_arg(j, "cluster", resource, sizeof resource), e))
        return false;
    sandbox_lock(j->sb);
    json_t *endpoint = job_endpoint(j);
    if (endpoint)
        rec_set_str(endpoint, "Status", "available");
    sandbox_unlock(j->sb);
    return true;
}

static bool remove_record(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *key = NULL;
    (void)e;
    sandbox_lock(j->sb);
    json_t *endpoint = job_endpoint(j);
    if (endpoint) {
        key = endpoint_key(a, ENDPOINT_CUSTOM, rec_str(endpoint, "DBClusterEndpointIdentifier"));
        store_remove(j->sb->store, KIND_ENDPOINT, endpoint);
    }
    sandbox_unlock(j->sb);
    if (key)
        endpoint_remove(j->sb->engine, key);
    return true;
}

static const struct job_step ENDPOINT_STEPS[] = {
    {"wait", DELAY_NONE, wait_delay}, {"point the endpoint", DELAY_NONE, point}, {0}};
const struct job_kind JOB_ENDPOINT = {"endpoint", ENDPOINT_STEPS, NULL};
static const struct job_step ENDPOINT_DELETE_STEPS[] = {
    {"wait", DELAY_NONE, wait_delay}, {"remove the endpoint", DELAY_NONE, remove_record}, {0}};
const struct job_kind JOB_ENDPOINT_DELETE = {"endpoint-delete", ENDPOINT_DELETE_STEPS, NULL};

/* ---- describe ---- */

static const struct member DESCRIBE_IN[] = {STR("DBClusterIdentifier"), STR("DBClusterEndpointIdentifier"),
                                            DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member DESCRIBE_OUT[] = {
    STR("Marker"), LIST_OF("DBClusterEndpoints", "DBClusterEndpointList", SHAPE_ENDPOINT), SHAPE_END_ROW};
static const struct filter_row ENDPOINT_FILTERS[] = {
    {"db-cluster-endpoint-type", "EndpointType", false},
    {"db-cluster-endpoint-custom-type", "CustomEndpointType", false},
    {"db-cluster-endpoint-id", "DBClusterEndpointIdentifier", false},
    {"db-cluster-endpoint-status", "Status", false},
    {0},
};

static json_t *built_in(const json_t *cluster, const char *type, const char *member)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "DBClusterIdentifier", rec_str(cluster, "DBClusterIdentifier"),
                     "Endpoint", rec_str(cluster, member), "Status", "available", "EndpointType", type);
}

static void collect(struct call *c, json_t *all, json_t *endpoint)
{
    const char *cluster = rec_str(c->in, "DBClusterIdentifier"),
               *id = rec_str(c->in, "DBClusterEndpointIdentifier");
    if ((!*cluster || rec_same(endpoint, "DBClusterIdentifier", cluster)) &&
        (!*id || rec_same(endpoint, "DBClusterEndpointIdentifier", id)) &&
        filters_match(c, ENDPOINT_FILTERS, endpoint))
        (void)json_array_append(all, endpoint);
    json_decref(endpoint);
}

static bool describe_endpoints(struct call *c)
{
    size_t i;
    json_t *record;
    if (!filters_check(c, ENDPOINT_FILTERS) ||
        (rec_has(c->in, "DBClusterIdentifier") && !need(c, KIND_CLUSTER, "DBClusterIdentifier")))
        return false;
    json_t *all = json_array();
    json_array_foreach(store_list(c->sb->store, KIND_CLUSTER), i, record)
    {
        collect(c, all, built_in(record, "WRITER", "Endpoint"));
        collect(c, all, built_in(record, "READER", "ReaderEndpoint"));
    }
    json_array_foreach(store_list(c->sb->store, KIND_ENDPOINT), i, record)
    {
        collect(c, all, json_incref(record));
    }
    return paginate(c, all, "DBClusterEndpoints");
}

const struct op OPS_ENDPOINT[] = {
    {"rds", "CreateDBClusterEndpoint", CREATE_IN, ENDPOINT_OUT, .run = create_endpoint, .flags = OP_UNLOCKED},
    {"rds", "ModifyDBClusterEndpoint", MODIFY_IN, ENDPOINT_OUT, .run = modify_endpoint},
    {"rds", "DeleteDBClusterEndpoint", DELETE_IN, ENDPOINT_OUT, .run = delete_endpoint},
    {"rds", "DescribeDBClusterEndpoints", DESCRIBE_IN, DESCRIBE_OUT, .run = describe_endpoints,
     .flags = OP_READS},
    {0},
};
