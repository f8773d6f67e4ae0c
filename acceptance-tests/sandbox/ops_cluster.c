/* CreateDBCluster, DescribeDBClusters, DeleteDBCluster, FailoverDBCluster, roles of a cluster. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/events.h"
#include "acceptance-tests/sandbox/keys.h"
#include "acceptance-tests/sandbox/snapshot.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* ---- create ---- */

static const struct member CREATE_IN[] = {
    STR_REQUIRED("DBClusterIdentifier"),
    STR_REQUIRED("Engine"),
    STR("EngineVersion"),
    STR("EngineMode"),
    STR("MasterUsername"),
    STR("MasterUserPassword"),
    BOOL("ManageMasterUserPassword"),
    STR("DatabaseName"),
    STR("DBClusterParameterGroupName"),
    STR("DBSubnetGroupName"),
    LIST("VpcSecurityGroupIds", "VpcSecurityGroupId"),
    LIST("AvailabilityZones", "AvailabilityZone"),
    INT("Port"),
    INT("BackupRetentionPeriod"),
    STR("PreferredBackupWindow"),
    STR("PreferredMaintenanceWindow"),
    BOOL("StorageEncrypted"),
    STR("KmsKeyId"),
    STR("StorageType"),
    BOOL("EnableIAMDatabaseAuthentication"),
    BOOL("EnableHttpEndpoint"),
    LIST("EnableCloudwatchLogsExports", "member"),
    BOOL("DeletionProtection"),
    BOOL("CopyTagsToSnapshot"),
    BOOL("AutoMinorVersionUpgrade"),
    STRUCT_OF("ServerlessV2ScalingConfiguration", SHAPE_SERVERLESS),
    STR("EngineLifecycleSupport"),
    STR("NetworkType"),
    INT("MonitoringInterval"),
    STR("MonitoringRoleArn"),
    STR("DatabaseInsightsMode"),
    BOOL("EnablePerformanceInsights"),
    STR("PerformanceInsightsKMSKeyId"),
    INT("PerformanceInsightsRetentionPeriod"),
    LIST_OF("Tags", "Tag", SHAPE_TAG),
    SHAPE_END_ROW,
};

static bool is_word(const char *text, size_t max)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && (text[i] != '_' || i == 0))
            return false;
    return n >= 1 && n <= max && isalpha((unsigned char)text[0]);
}

static bool check_master(struct call *c)
{
    static const char *const RESERVED[] = {"rdsadmin", "postgres_fdw", "public", "none"};
    const char *user = rec_str(c->in, "MasterUsername"), *database = rec_str(c->in, "DatabaseName");
    bool managed = rec_bool(c->in, "ManageMasterUserPassword"), given = rec_has(c->in, "MasterUserPassword");
    if (!*user)
        return fault_set(&c->fault, "InvalidParameterValue",
                         "The parameter MasterUsername must be provided and must not be blank.");
    for (size_t i = 0; i < ARRAY_LEN(RESERVED); i++)
        if (strcasecmp(user, RESERVED[i]) == 0 || strncasecmp(user, "pg_", 3) == 0 ||
            strncasecmp(user, "rds_", 4) == 0)
            return fault_set(
                &c->fault, "InvalidParameterValue",
                "MasterUsername %.63s cannot be used as it is a reserved word used by the engine", user);
    if (!is_word(user, 63))
        return fault_set(&c->fault, "InvalidParameterValue",
                         "The parameter MasterUsername is not a valid identifier.");
    if (rec_has(c->in, "DatabaseName") && (!is_word(database, 63) || strcasecmp(database, "rdsadmin") == 0))
        return fault_set(&c->fault, "InvalidParameterValue",
                         "DatabaseName must begin with a letter and contain only alphanumeric characters.");
    if (managed && given)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.");
    if (!managed && !given)
        return fault_set(&c->fault, "InvalidParameterValue",
                         "The parameter MasterUserPassword must be provided and must not be blank.");
    return managed || check_password(c, "MasterUserPassword");
}

static bool check_create(struct call *c, const struct engine_version **ret)
{
    const char *mode = rec_str(c->in, "EngineMode");
    if (!check_engine(c) || !check_tags(c) || !check_windows(c) || !check_storage_type(c) ||
        !check_master(c) || !check_security_groups(c) ||
        !check_log_types(c, rec_get(c->in, "EnableCloudwatchLogsExports")) ||
        !check_range(c, "BackupRetentionPeriod", "backup retention period", 1, 35) ||
        !check_range(c, "Port", "port number", 1150, 65535))
        return false;
    if (*mode && strcmp(mode, "provisioned") != 0)
        return fault_set(&c->fault, "InvalidParameterValue", "Invalid engine mode: %.60s", mode);
    if (store_find(c->sb->store, KIND_CLUSTER, rec_str(c->in, "DBClusterIdentifier")))
        return fault_set(&c->fault, "DBClusterAlreadyExistsFault", "DB Cluster already exists");
    if (rec_has(c->in, "DBSubnetGroupName") && !need(c, KIND_SUBNET_GROUP, "DBSubnetGroupName"))
        return false;
    *ret = rec_has(c->in, "EngineVersion") ? check_version(c, rec_str(c->in, "EngineVersion"))
                                           : version_default(c->sb);
    return *ret && check_serverless(c, *ret) && key_usable(c, NULL, "specified");
}

static bool create_locked(struct call *c, const char *writer, const char *reader)
{
    const struct engine_version *v = NULL;
    char version[VERSION_SIZE], family[32];
    if (!check_create(c, &v))
        return false;
    const char *group = rec_has(c->in, "DBClusterParameterGroupName")
                            ? rec_str(c->in, "DBClusterParameterGroupName")
                            : default_group(c->arena, version_family(v, family));
    if (!check_group(c, KIND_CLUSTER_GROUP, group, version_family(v, family)))
        return false;
    json_t *cluster = cluster_new(c->sb, rec_str(c->in, "DBClusterIdentifier"), version_text(v, version));
    rec_set_str(cluster, "DBClusterParameterGroup", group);
    rec_set_str(cluster, "MasterUsername", rec_str(c->in, "MasterUsername"));
    rec_set_str(cluster, "DatabaseName",
                rec_has(c->in, "DatabaseName") ? rec_str(c->in, "DatabaseName") : NULL);
    rec_set_str(cluster, "_password", rec_str(c->in, "MasterUserPassword"));
    rec_set_str(cluster, "Endpoint", writer);
    rec_set_str(cluster, "ReaderEndpoint", reader);
    cluster_take(c->sb, cluster, c->in);
    (void)store_add(c->sb->store, KIND_CLUSTER, cluster);
    if (rec_bool(c->in, "ManageMasterUserPassword"))
        cluster_managed_secret(c->sb, cluster);
    job_start(c->sb, &JOB_CLUSTER_CREATE, cluster_job_args(cluster));
    rec_set(c->out, "DBCluster", view_cluster(c->sb, cluster));
    return true;
}

static bool create_cluster(struct call *c)
{
    const char *writer, *reader;
    struct err e = ERR_INIT;
    if (!check_identifier(c, "DBClusterIdentifier"))
        return false;
    if (!cluster_addresses(c->sb, c->arena, rec_str(c->in, "DBClusterIdentifier"), &writer, &reader, &e))
        return fault_set(&c->fault, "InternalFailure", "%s", e.text);
    sandbox_lock(c->sb);
    bool ok = create_locked(c, writer, reader);
    sandbox_unlock(c->sb);
    return ok;
}

static bool show_created(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_str(cluster, "Status", "available");
        event_add(j->sb, KIND_CLUSTER, cluster, "creation", "DB cluster created.");
    }
    sandbox_unlock(j->sb);
    return true;
}

static const struct job_step CREATE_STEPS[] = {{"show the cluster", DELAY_CLUSTER_CREATE, show_created}, {0}};
const struct job_kind JOB_CLUSTER_CREATE = {"cluster-create", CREATE_STEPS, NULL};

/* ---- describe ---- */

static const struct member DESCRIBE_IN[] = {STR("DBClusterIdentifier"), DESCRIBE_MEMBERS,
                                            BOOL("IncludeShared"), SHAPE_END_ROW};
static const struct member DESCRIBE_OUT[] = {STR("Marker"), LIST_OF("DBClusters", "DBCluster", SHAPE_CLUSTER),
                                             SHAPE_END_ROW};
static const struct filter_row CLUSTER_FILTERS[] = {
    {"clone-group-id", "CloneGroupId", false},
    {"db-cluster-id", "DBClusterIdentifier", true},
    {"db-cluster-resource-id", "DbClusterResourceId", false},
    {"domain", "_domain", false},
    {"engine", "Engine", false},
    {0},
};
static const struct describe DESCRIBE_CLUSTERS = {
    .kind = KIND_CLUSTER,
    .by_id = "DBClusterIdentifier",
    .result = "DBClusters",
    .filters = CLUSTER_FILTERS,
    .view = view_cluster,
};

/* ---- delete ---- */

static const struct member DELETE_IN[] = {STR_REQUIRED("DBClusterIdentifier"), BOOL("SkipFinalSnapshot"),
                                          STR("FinalDBSnapshotIdentifier"), BOOL("DeleteAutomatedBackups"),
                                          SHAPE_END_ROW};

/* Deployments that still need both their clusters. */
static bool check_no_deployment(struct call *c, const json_t *cluster)
{
    const char *arn = rec_str(cluster, "DBClusterArn");
    size_t i;
    json_t *d;
    json_array_foreach(store_list(c->sb->store, KIND_BLUEGREEN), i, d)
    {
        bool part = rec_is(d, "Source", arn) || rec_is(d, "Target", arn);
        if (part && !rec_is(d, "Status", "SWITCHOVER_COMPLETED") &&
            !rec_is(d, "Status", "INVALID_CONFIGURATION"))
            return fault_set(
                &c->fault, "InvalidDBClusterStateFault", "DB cluster %s is part of blue/green deployment %s.",
                rec_str(cluster, "DBClusterIdentifier"), rec_str(d, "BlueGreenDeploymentIdentifier"));
    }
    return true;
}

static bool check_delete(struct call *c, const json_t *cluster)
{
    bool skip = rec_bool(c->in, "SkipFinalSnapshot"), final = rec_has(c->in, "FinalDBSnapshotIdentifier");
    if (rec_is(cluster, "Status", "deleting"))
        return fault_set(&c->fault, "InvalidDBClusterStateFault", "Cluster is already being deleted.");
    if (skip && final)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is specified.");
    if (!skip && !final)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.");
    if (rec_bool(cluster, "DeletionProtection"))
        return fault_set(
            &c->fault, "InvalidParameterCombination",
            "Cannot delete protected Cluster, please disable deletion protection and try again.");
    if (cluster_instances(c->sb, cluster, false) > 0)
        return fault_set(&c->fault, "InvalidDBClusterStateFault",
                         "Cluster cannot be deleted, it still contains DB instances in non-deleting state.");
    if (!check_not_switching(c, cluster) || !check_no_deployment(c, cluster))
        return false;
    if (!rec_is(cluster, "Status", "available") && !rec_is(cluster, "Status", "cloning-failed") &&
        !rec_is(cluster, "Status", "failed"))
        return fault_set(&c->fault, "InvalidDBClusterStateFault", "DBCluster %s is not in available state.",
                         rec_str(cluster, "DBClusterIdentifier"));
    return !final || snapshot_check_name(c, "FinalDBSnapshotIdentifier");
}

static bool delete_cluster(struct call *c)
{
    json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster || !check_delete(c, cluster))
        return false;
    json_t *args = cluster_job_args(cluster);
    if (rec_has(c->in, "FinalDBSnapshotIdentifier")) {
        const json_t *snapshot =
            snapshot_new(c->sb, cluster, rec_str(c->in, "FinalDBSnapshotIdentifier"), "manual");
        rec_set_str(args, "snapshot", rec_str(snapshot, "_volume"));
    }
    rec_set_str(cluster, "Status", "deleting");
    job_start(c->sb, &JOB_CLUSTER_DELETE, args);
    rec_set(c->out, "DBCluster", view_cluster(c->sb, cluster));
    return true;
}

static bool wait_for_instances(struct job *j, struct err *e)
{
    enum { LOOK_MS = 50 };
    for (;;) {
        sandbox_lock(j->sb);
        const json_t *cluster = job_cluster(j);
        size_t left = cluster ? cluster_instances(j->sb, cluster, true) : 0;
        sandbox_unlock(j->sb);
        if (left == 0)
            return true;
        if (j->sb->clock->wait(j->sb->clock, j->sb->stop, LOOK_MS))
            return err_set(e, ERR_CANCELLED, "the sandbox is stopping");
    }
}

static bool take_final_snapshot(struct job *j, struct err *e)
{
    char volume[RESOURCE_SIZE], resource[RESOURCE_SIZE];
    if (!*job_arg(j, "snapshot", volume, sizeof volume))
        return true;
    return snapshot_copy_volume(j->sb, job_arg(j, "cluster", resource, sizeof resource), volume, e) &&
           snapshot_finish(j->sb, volume);
}

static bool remove_cluster(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char resource[RESOURCE_SIZE];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    if (volume_major(j->sb->engine, resource) != 0 && !volume_delete(j->sb->engine, resource, e))
        return false;
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    const char *id = arena_strdup(a, rec_str(cluster, "DBClusterIdentifier"));
    if (cluster) {
        event_add(j->sb, KIND_CLUSTER, cluster, "deletion", "DB cluster deleted.");
        cluster_drop_secret(j->sb, cluster);
        store_remove(j->sb->store, KIND_CLUSTER, cluster);
    }
    sandbox_unlock(j->sb);
    endpoint_remove(j->sb->engine, endpoint_key(a, ENDPOINT_OF_CLUSTER, id));
    endpoint_remove(j->sb->engine, endpoint_key(a, ENDPOINT_OF_READERS, id));
    return true;
}

static void delete_failed(struct job *j, const struct err *e)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_str(cluster, "Status", "failed");
        event_add(j->sb, KIND_CLUSTER, cluster, "failure", "DB cluster deletion failed: %s", e->text);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step DELETE_STEPS[] = {
    {"wait for the instances to go", DELAY_NONE, wait_for_instances},
    {"take the final snapshot", DELAY_NONE, take_final_snapshot},
    {"remove the cluster", DELAY_CLUSTER_DELETE, remove_cluster},
    {0},
};
const struct job_kind JOB_CLUSTER_DELETE = {"cluster-delete", DELETE_STEPS, delete_failed};

/* ---- failover ---- */

static const struct member FAILOVER_IN[] = {STR_REQUIRED("DBClusterIdentifier"),
                                            STR("TargetDBInstanceIdentifier"), SHAPE_END_ROW};

/* The reader that takes over: the one asked for, else the lowest promotion tier. */
static json_t *successor(struct call *c, const json_t *cluster)
{
    const char *asked = rec_str(c->in, "TargetDBInstanceIdentifier");
    json_t *best = NULL, *instance;
    size_t i;
    json_array_foreach(store_list(c->sb->store, KIND_INSTANCE), i, instance)
    {
        bool reader = rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")) &&
                      !rec_bool(instance, "_writer") && rec_is(instance, "DBInstanceStatus", "available");
        if (!reader || (*asked && !rec_same(instance, "DBInstanceIdentifier", asked)))
            continue;
        if (!best || rec_int(instance, "PromotionTier") < rec_int(best, "PromotionTier"))
            best = instance;
    }
    return best;
}

static bool failover_cluster(struct call *c)
{
    json_t *cluster = need(c, KIND_CLUSTER, "DBClusterIdentifier");
    if (!cluster || !check_cluster_ready(c, cluster))
        return false;
    const json_t *next = successor(c, cluster);
    if (!next)
        return fault_set(&c->fault, "InvalidDBClusterStateFault",
                         "DB cluster %s has no available Aurora Replica to fail over to.",
                         rec_str(cluster, "DBClusterIdentifier"));
    json_t *args = cluster_job_args(cluster);
    rec_set_str(args, "writer", rec_str(next, "DbiResourceId"));
    rec_set_str(cluster, "Status", "failing-over");
    event_add(c->sb, KIND_CLUSTER, cluster, "failover", "Started failover to DB instance: %s",
              rec_str(next, "DBInstanceIdentifier"));
    job_start(c->sb, &JOB_FAILOVER, args);
    rec_set(c->out, "DBCluster", view_cluster(c->sb, cluster));
    return true;
}

/* The writer's role moves; the server restarts, as a promoted replica's sessions end. */
static bool move_writer(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j), *instance;
    size_t i;
    json_array_foreach(store_list(j->sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", resource))
            continue;
        rec_set_bool(instance, "_writer", rec_is(instance, "DbiResourceId", rec_str(j->args, "writer")));
        rec_set_str(instance, "_cluster_group_status", "in-sync");
    }
    sandbox_unlock(j->sb);
    return !cluster || (volume_stop(j->sb->engine, resource, e) && cluster_start(j->sb, resource, e) &&
                        cluster_point_endpoints(j->sb, resource, e));
}

static bool failover_done(struct job *j, struct err *e)
{
    (void)e;
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_str(cluster, "Status", "available");
        event_add(j->sb, KIND_CLUSTER, cluster, "failover", "Completed failover to DB instance: %s",
                  rec_str(cluster_writer(j->sb, cluster), "DBInstanceIdentifier"));
    }
    sandbox_unlock(j->sb);
    return true;
}

static const struct job_step FAILOVER_STEPS[] = {
    {"move the writer", DELAY_NONE, move_writer},
    {"show it", DELAY_FAILOVER, failover_done},
    {0},
};
const struct job_kind JOB_FAILOVER = {"failover", FAILOVER_STEPS, NULL};

const struct op OPS_CLUSTER[] = {
    {"rds", "CreateDBCluster", CREATE_IN, RESULT_CLUSTER, .run = create_cluster, .flags = OP_UNLOCKED},
    {"rds", "DescribeDBClusters", DESCRIBE_IN, DESCRIBE_OUT, .describe = &DESCRIBE_CLUSTERS,
     .flags = OP_READS},
    {"rds", "DeleteDBCluster", DELETE_IN, RESULT_CLUSTER, .run = delete_cluster},
    {"rds", "FailoverDBCluster", FAILOVER_IN, RESULT_CLUSTER, .run = failover_cluster},
    {0},
};
