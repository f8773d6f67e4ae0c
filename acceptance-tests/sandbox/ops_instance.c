/* CreateDBInstance, DescribeDBInstances, DeleteDBInstance, RebootDBInstance and their jobs. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/events.h"
#include "acceptance-tests/sandbox/instance.h"
#include "internal/base/file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- create ---- */

static const struct member CREATE_IN[] = {
    STR_REQUIRED("DBInstanceIdentifier"),
    STR_REQUIRED("DBInstanceClass"),
    STR_REQUIRED("Engine"),
    STR("DBClusterIdentifier"),
    STR("EngineVersion"),
    STR("AvailabilityZone"),
    STR("DBSubnetGroupName"),
    STR("DBParameterGroupName"),
    STR("PreferredMaintenanceWindow"),
    BOOL("AutoMinorVersionUpgrade"),
    BOOL("PubliclyAccessible"),
    INT("PromotionTier"),
    BOOL("CopyTagsToSnapshot"),
    INT("MonitoringInterval"),
    STR("MonitoringRoleArn"),
    BOOL("EnablePerformanceInsights"),
    STR("PerformanceInsightsKMSKeyId"),
    INT("PerformanceInsightsRetentionPeriod"),
    STR("CACertificateIdentifier"),
    LIST_OF("Tags", "Tag", SHAPE_TAG),
    SHAPE_END_ROW,
};

static const struct carried {
    const char *request, *record;
} CARRIED[] = {
    {"DBInstanceClass", "DBInstanceClass"},
    {"AvailabilityZone", "AvailabilityZone"},
    {"PreferredMaintenanceWindow", "PreferredMaintenanceWindow"},
    {"AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"},
    {"PubliclyAccessible", "PubliclyAccessible"},
    {"PromotionTier", "PromotionTier"},
    {"CopyTagsToSnapshot", "CopyTagsToSnapshot"},
    {"MonitoringInterval", "MonitoringInterval"},
    {"MonitoringRoleArn", "MonitoringRoleArn"},
    {"EnablePerformanceInsights", "PerformanceInsightsEnabled"},
    {"PerformanceInsightsKMSKeyId", "PerformanceInsightsKMSKeyId"},
    {"PerformanceInsightsRetentionPeriod", "PerformanceInsightsRetentionPeriod"},
    {"CACertificateIdentifier", "CACertificateIdentifier"},
    {"Tags", "TagList"},
};

void instance_take(json_t *instance, const json_t *request)
{
    for (size_t i = 0; i < ARRAY_LEN(CARRIED); i++)
        if (rec_has(request, CARRIED[i].request))
            rec_set(instance, CARRIED[i].record, json_deep_copy(rec_get(request, CARRIED[i].request)));
    rec_set(instance, "CertificateDetails",
            json_pack("{s:s, s:s}", "CAIdentifier", rec_str(instance, "CACertificateIdentifier"), "ValidTill",
                      "2061-05-22T00:00:00Z"));
}

json_t *instance_new(struct sandbox *sb, const json_t *cluster, const char *id)
{
    char now[TIME_ISO_SIZE], resource[33], lower[64], name[27];
    (void)snprintf(lower, sizeof lower, "%s", id);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    random_name(name, 26);
    for (char *p = name; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    (void)snprintf(resource, sizeof resource, "db-%s", name);
    sandbox_now(sb, now);
    json_t *instance = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:i, s:s, s:i, s:b, s:[], s:s, s:s, s:s, s:s, s:b, "
        "s:b, s:[]}",
        "DBInstanceIdentifier", lower, "DBInstanceStatus", "creating", "DbiResourceId", resource,
        "InstanceCreateTime", now, "LicenseModel", "postgresql-license", "MultiAZ", 0,
        "AutoMinorVersionUpgrade", 1, "PubliclyAccessible", 0, "CopyTagsToSnapshot", 0, "MonitoringInterval",
        0, "CACertificateIdentifier", "rds-ca-rsa2048-g1", "PromotionTier", 1, "PerformanceInsightsEnabled",
        0, "TagList", "BackupTarget", "region", "_cluster", rec_str(cluster, "DbClusterResourceId"),
        "_cluster_group_status", "in-sync", "_group_status", "in-sync", "CustomerOwnedIpEnabled", 0,
        "DedicatedLogVolume", 0, "DomainMemberships");
    rec_copy(instance, cluster, "PreferredMaintenanceWindow");
    const json_t *zones = rec_get(cluster, "AvailabilityZones");
    size_t zone =
        cluster_instances(sb, cluster, true) % (json_array_size(zones) ? json_array_size(zones) : 1);
    rec_set_str(instance, "AvailabilityZone", json_string_value(json_array_get(zones, zone)));
    store_set_arn(sb->store, KIND_INSTANCE, instance);
    return instance;
}

static bool check_class(struct call *c, const json_t *cluster, const char *name)
{
    const struct instance_class *k = class_find(name);
    int major = (int)rec_int(cluster, "_major");
    if (!k)
        return fault_set(&c->fault, "InvalidParameterValue", "Invalid DB Instance class: %.60s", name);
    if (major < k->first_major || major > k->last_major)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "RDS does not support creating a DB instance with the following combination: "
                         "DBInstanceClass=%s, Engine=" ENGINE_NAME
                         ", EngineVersion=%s, LicenseModel=postgresql-license. "
                         "For supported combinations of instance class and database engine version, see the "
                         "documentation.",
                         name, rec_str(cluster, "EngineVersion"));
    if (strcmp(name, "db.serverless") == 0 && !rec_has(cluster, "ServerlessV2ScalingConfiguration"))
        return fault_set(
            &c->fault, "InvalidDBClusterStateFault",
            "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a "
            "Serverless v2 DB instance.");
    return true;
}

bool instance_check_settings(struct call *c, const json_t *cluster)
{
    const json_t *zones = rec_get(cluster, "AvailabilityZones");
    const char *zone = rec_str(c->in, "AvailabilityZone"), *ca = rec_str(c->in, "CACertificateIdentifier");
    if (rec_has(c->in, "DBInstanceClass") && !check_class(c, cluster, rec_str(c->in, "DBInstanceClass")))
        return false;
    if (*zone && !list_has(zones, zone))
        return fault_set(&c->fault, "InvalidParameterValue", "Invalid availability zone: %.60s", zone);
    if (*ca && strncmp(ca, "rds-ca-", 7) != 0)
        return fault_set(&c->fault, "CertificateNotFound", "Certificate %.60s not found.", ca);
    if (rec_has(c->in, "MonitoringInterval") && rec_int(c->in, "MonitoringInterval") > 0 &&
        !rec_has(c->in, "MonitoringRoleArn"))
        return fault_set(
            &c->fault, "InvalidParameterCombination",
            "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.");
    return check_windows(c) && check_range(c, "PromotionTier", "promotion tier", 0, 15);
}

static bool check_create(struct call *c, json_t **ret_cluster)
{
    enum { INSTANCES_MAX = 16 };
    if (!rec_has(c->in, "DBClusterIdentifier"))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "The engine " ENGINE_NAME " requires a DB cluster identifier.");
    json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster || !check_cluster_ready(c, cluster))
        return false;
    if (store_find(c->sb->store, KIND_INSTANCE, rec_str(c->in, "DBInstanceIdentifier")))
        return fault_set(&c->fault, "DBInstanceAlreadyExists", "DB instance already exists");
    if (rec_has(c->in, "EngineVersion") && !rec_is(c->in, "EngineVersion", rec_str(cluster, "EngineVersion")))
        return fault_set(
            &c->fault, "InvalidParameterCombination",
            "The engine version that you requested for your DB instance (%.20s) does not match the engine "
            "version of your DB cluster (%s).",
            rec_str(c->in, "EngineVersion"), rec_str(cluster, "EngineVersion"));
    if (rec_has(c->in, "DBSubnetGroupName") &&
        !rec_same(c->in, "DBSubnetGroupName", rec_str(cluster, "DBSubnetGroup")))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "The DB instance and its DB cluster must be in the same DB subnet group.");
    if (cluster_instances(c->sb, cluster, true) >= INSTANCES_MAX)
        return fault_set(&c->fault, "InstanceQuotaExceeded", "DB cluster %s already has %d instances.",
                         rec_str(cluster, "DBClusterIdentifier"), INSTANCES_MAX);
    *ret_cluster = cluster;
    return instance_check_settings(c, cluster);
}

static bool create_instance(struct call *c)
{
    json_t *cluster = NULL;
    if (!check_identifier(c, "DBInstanceIdentifier") || !check_engine(c) || !check_tags(c) ||
        !check_create(c, &cluster))
        return false;
    const char *family = arena_printf(c->arena, FAMILY_PREFIX "%lld", (long long)rec_int(cluster, "_major"));
    const char *group = rec_has(c->in, "DBParameterGroupName") ? rec_str(c->in, "DBParameterGroupName")
                                                               : default_group(c->arena, family);
    if (!check_group(c, KIND_INSTANCE_GROUP, group, family))
        return false;
    json_t *instance = instance_new(c->sb, cluster, rec_str(c->in, "DBInstanceIdentifier"));
    instance_take(instance, c->in);
    rec_set_str(instance, "_group", group);
    rec_set_bool(instance, "_writer", !cluster_writer(c->sb, cluster));
    (void)store_add(c->sb->store, KIND_INSTANCE, instance);
    job_start(c->sb, &JOB_INSTANCE_CREATE, instance_job_args(instance));
    rec_set(c->out, "DBInstance", view_instance(c->sb, instance));
    return true;
}

json_t *instance_job_args(const json_t *instance)
{
    return json_pack("{s:s, s:s}", "instance", rec_str(instance, "DbiResourceId"), "cluster",
                     rec_str(instance, "_cluster"));
}

json_t *job_instance(struct job *j)
{
    return store_resource(j->sb->store, KIND_INSTANCE, rec_str(j->args, "instance"));
}

static bool start_server(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    return cluster_start(j->sb, job_arg(j, "cluster", resource, sizeof resource), e);
}

bool instance_address(struct sandbox *sb, const char *instance, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    const char *address;
    sandbox_lock(sb);
    const json_t *record = store_resource(sb->store, KIND_INSTANCE, instance);
    const char *key = endpoint_key(a, ENDPOINT_OF_INSTANCE, rec_str(record, "DBInstanceIdentifier"));
    sandbox_unlock(sb);
    if (!endpoint_address(sb->engine, a, key, &address, e))
        return false;
    sandbox_lock(sb);
    json_t *found = store_resource(sb->store, KIND_INSTANCE, instance);
    if (found)
        rec_set_str(found, "_address", address);
    sandbox_unlock(sb);
    return true;
}

static bool open_endpoint(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE], instance[RESOURCE_SIZE];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    if (!instance_address(j->sb, job_arg(j, "instance", instance, sizeof instance), e) ||
        !cluster_point_endpoints(j->sb, resource, e))
        return false;
    sandbox_lock(j->sb);
    json_t *record = job_instance(j);
    if (record) {
        bool monitored = rec_int(record, "MonitoringInterval") > 0;
        rec_set_str(record, "DBInstanceStatus", monitored ? "configuring-enhanced-monitoring" : "modifying");
        event_add(j->sb, KIND_INSTANCE, record, "creation", "DB instance created");
    }
    sandbox_unlock(j->sb);
    return true;
}

void job_instance_status(struct job *j, const char *status)
{
    sandbox_lock(j->sb);
    json_t *instance = job_instance(j);
    if (instance)
        rec_set_str(instance, "DBInstanceStatus", status);
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static bool show_available(struct job *j, struct err *e)
{
    (void)e;
    job_instance_status(j, "available");
    return true;
}

static void create_failed(struct job *j, const struct err *e)
{
    sandbox_lock(j->sb);
    json_t *instance = job_instance(j);
    if (instance) {
        rec_set_str(instance, "DBInstanceStatus", "failed");
        event_add(j->sb, KIND_INSTANCE, instance, "failure", "DB instance %s failed: %s",
                  rec_str(instance, "DBInstanceIdentifier"), e->text);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step CREATE_STEPS[] = {
    {"start the server", DELAY_NONE, start_server},
    {"open the endpoint", DELAY_INSTANCE_CREATE, open_endpoint},
    {"show the instance", DELAY_INSTANCE_CREATE_LATE, show_available},
    {0},
};
const struct job_kind JOB_INSTANCE_CREATE = {"instance-create", CREATE_STEPS, create_failed};

/* ---- describe ---- */

static const struct member DESCRIBE_IN[] = {STR("DBInstanceIdentifier"), DESCRIBE_MEMBERS, SHAPE_END_ROW};
static const struct member DESCRIBE_OUT[] = {
    STR("Marker"), LIST_OF("DBInstances", "DBInstance", SHAPE_INSTANCE), SHAPE_END_ROW};

static const struct filter_row INSTANCE_FILTERS[] = {
    {"db-cluster-id", "DBClusterIdentifier", true},
    {"db-instance-id", "DBInstanceIdentifier", true},
    {"dbi-resource-id", "DbiResourceId", false},
    {"domain", "_domain", false},
    {"engine", "Engine", false},
    {0},
};
static const struct describe DESCRIBE_INSTANCES = {
    .kind = KIND_INSTANCE,
    .by_id = "DBInstanceIdentifier",
    .result = "DBInstances",
    .filters = INSTANCE_FILTERS,
    .view = view_instance,
};

/* ---- delete ---- */

static const struct member DELETE_IN[] = {STR_REQUIRED("DBInstanceIdentifier"), BOOL("SkipFinalSnapshot"),
                                          STR("FinalDBSnapshotIdentifier"), BOOL("DeleteAutomatedBackups"),
                                          SHAPE_END_ROW};

static bool delete_instance(struct call *c)
{
    json_t *instance = need(c, KIND_INSTANCE, "DBInstanceIdentifier");
    if (!instance)
        return false;
    const json_t *cluster = store_resource(c->sb->store, KIND_CLUSTER, rec_str(instance, "_cluster"));
    if (rec_has(c->in, "FinalDBSnapshotIdentifier"))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance");
    if (rec_is(instance, "DBInstanceStatus", "deleting"))
        return fault_set(&c->fault, "InvalidDBInstanceState", "Instance %s is already being deleted.",
                         rec_str(instance, "DBInstanceIdentifier"));
    if (!rec_is(instance, "DBInstanceStatus", "failed") && !check_instance_ready(c, instance))
        return false;
    if (!check_not_switching(c, cluster))
        return false;
    rec_set_str(instance, "DBInstanceStatus", "deleting");
    job_start(c->sb, &JOB_INSTANCE_DELETE, instance_job_args(instance));
    rec_set(c->out, "DBInstance", view_instance(c->sb, instance));
    return true;
}

/* The writer's role goes to the reader with the lowest tier. False: there is none left. */
static bool pass_on_role(struct sandbox *sb, const char *resource)
{
    json_t *best = NULL, *instance;
    size_t i;
    json_array_foreach(store_list(sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", resource))
            continue;
        if (rec_bool(instance, "_writer"))
            return true;
        if (rec_has(instance, "_address") &&
            (!best || rec_int(instance, "PromotionTier") < rec_int(best, "PromotionTier")))
            best = instance;
    }
    if (best)
        rec_set_bool(best, "_writer", true);
    return best != NULL;
}

static bool remove_instance(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char resource[RESOURCE_SIZE];
    const char *id = "";
    (void)job_arg(j, "cluster", resource, sizeof resource);
    sandbox_lock(j->sb);
    json_t *instance = job_instance(j);
    if (instance) {
        id = arena_strdup(a, rec_str(instance, "DBInstanceIdentifier"));
        event_add(j->sb, KIND_INSTANCE, instance, "deletion", "DB instance deleted");
        store_remove(j->sb->store, KIND_INSTANCE, instance);
    }
    bool served = pass_on_role(j->sb, resource);
    sandbox_unlock(j->sb);
    if (*id)
        endpoint_remove(j->sb->engine, endpoint_key(a, ENDPOINT_OF_INSTANCE, id));
    if (!cluster_point_endpoints(j->sb, resource, e))
        return false;
    return served || volume_major(j->sb->engine, resource) == 0 || volume_stop(j->sb->engine, resource, e);
}

static const struct job_step DELETE_STEPS[] = {
    {"remove the instance", DELAY_INSTANCE_DELETE, remove_instance}, {0}};
const struct job_kind JOB_INSTANCE_DELETE = {"instance-delete", DELETE_STEPS, create_failed};

/* ---- reboot ---- */

static const struct member REBOOT_IN[] = {STR_REQUIRED("DBInstanceIdentifier"), BOOL("ForceFailover"),
                                          SHAPE_END_ROW};

static bool reboot_instance(struct call *c)
{
    json_t *instance = need(c, KIND_INSTANCE, "DBInstanceIdentifier");
    if (!instance || !check_instance_ready(c, instance))
        return false;
    if (rec_bool(c->in, "ForceFailover"))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "Cannot force a failover: the DB instance isn't configured for Multi-AZ.");
    job_start(c->sb, &JOB_INSTANCE_REBOOT, instance_job_args(instance));
    rec_set(c->out, "DBInstance", view_instance(c->sb, instance));
    return true;
}

static bool show_rebooting(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    const json_t *instance = job_instance(j);
    if (instance)
        event_add(j->sb, KIND_INSTANCE, instance, "availability", "DB instance shutdown");
    sandbox_unlock(j->sb);
    job_instance_status(j, "rebooting");
    return true;
}

/* A reader shares the writer's server: its reboot only ends the sessions of its own endpoint. */
static bool cut_sessions(struct job *j, const char *resource, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    sandbox_lock(j->sb);
    const json_t *cluster = job_cluster(j);
    const char *key = endpoint_key(a, ENDPOINT_OF_INSTANCE, rec_str(job_instance(j), "DBInstanceIdentifier"));
    int port = (int)rec_int(cluster, "Port");
    sandbox_unlock(j->sb);
    return endpoint_point(j->sb->engine, key, port, NULL, ENDPOINT_READER, e) &&
           cluster_point_endpoints(j->sb, resource, e);
}

static bool restart_server(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    sandbox_lock(j->sb);
    bool writer = rec_bool(job_instance(j), "_writer");
    sandbox_unlock(j->sb);
    if (!writer)
        return cut_sessions(j, resource, e);
    return volume_stop(j->sb->engine, resource, e) && cluster_start(j->sb, resource, e) &&
           cluster_point_endpoints(j->sb, resource, e);
}

static bool show_rebooted(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *instance = job_instance(j);
    if (instance) {
        rec_set_str(instance, "DBInstanceStatus", "available");
        rec_set_str(instance, "_cluster_group_status", "in-sync");
        rec_set_str(instance, "_group_status", "in-sync");
        rec_unset(instance, "_cluster_group_next");
        rec_unset(instance, "_group_next");
        event_add(j->sb, KIND_INSTANCE, instance, "availability", "DB instance restarted");
    }
    sandbox_unlock(j->sb);
    return true;
}

static const struct job_step REBOOT_STEPS[] = {
    {"show rebooting", DELAY_INSTANCE_REBOOT_LAG, show_rebooting},
    {"restart", DELAY_NONE, restart_server},
    {"show available", DELAY_INSTANCE_REBOOT, show_rebooted},
    {0},
};
const struct job_kind JOB_INSTANCE_REBOOT = {"instance-reboot", REBOOT_STEPS, create_failed};

const struct op OPS_INSTANCE[] = {
    {"rds", "CreateDBInstance", CREATE_IN, RESULT_INSTANCE, .run = create_instance},
    {"rds", "DescribeDBInstances", DESCRIBE_IN, DESCRIBE_OUT, .describe = &DESCRIBE_INSTANCES,
     .flags = OP_READS},
    {"rds", "DeleteDBInstance", DELETE_IN, RESULT_INSTANCE, .run = delete_instance},
    {"rds", "RebootDBInstance", REBOOT_IN, RESULT_INSTANCE, .run = reboot_instance},
    {0},
};
