/* RestoreDBClusterFromSnapshot and RestoreDBClusterToPointInTime: new clusters without instances, from copies
 * of real volumes. What each carries over and what it defaults to: settings-parity, columns P and S. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/events.h"
#include "acceptance-tests/sandbox/keys.h"
#include "acceptance-tests/sandbox/upgrade.h"

#include <stdio.h>
#include <string.h>

enum { CLONES_MAX = 15 };

#define RESTORE_MEMBERS                                                                                      \
    STR_REQUIRED("DBClusterIdentifier"), INT("Port"), STR("DBSubnetGroupName"),                              \
        LIST("VpcSecurityGroupIds", "VpcSecurityGroupId"), LIST_OF("Tags", "Tag", SHAPE_TAG),                \
        STR("KmsKeyId"), BOOL("EnableIAMDatabaseAuthentication"),                                            \
        LIST("EnableCloudwatchLogsExports", "member"), STR("DBClusterParameterGroupName"),                   \
        BOOL("DeletionProtection"), BOOL("CopyTagsToSnapshot"), STR("StorageType"),                          \
        STRUCT_OF("ServerlessV2ScalingConfiguration", SHAPE_SERVERLESS), INT("BackupRetentionPeriod"),       \
        STR("PreferredBackupWindow"), STR("EngineLifecycleSupport"), STR("NetworkType"),                     \
        INT("MonitoringInterval"), STR("MonitoringRoleArn"), BOOL("EnablePerformanceInsights"),              \
        STR("PerformanceInsightsKMSKeyId"), INT("PerformanceInsightsRetentionPeriod")

static const struct member FROM_SNAPSHOT_IN[] = {STR_REQUIRED("SnapshotIdentifier"),
                                                 STR_REQUIRED("Engine"),
                                                 STR("EngineVersion"),
                                                 STR("DatabaseName"),
                                                 LIST("AvailabilityZones", "AvailabilityZone"),
                                                 RESTORE_MEMBERS,
                                                 SHAPE_END_ROW};
static const struct member TO_TIME_IN[] = {STR("SourceDBClusterIdentifier"),
                                           STR("SourceDbClusterResourceId"),
                                           STR("RestoreType"),
                                           TIME("RestoreToTime"),
                                           BOOL("UseLatestRestorableTime"),
                                           RESTORE_MEMBERS,
                                           SHAPE_END_ROW};

/* Refused whatever the values, unless the source is a Limitless cluster (boto3 issue 4634). */
static bool check_trap(struct call *c)
{
    static const char *const TRAPS[] = {"MonitoringInterval", "MonitoringRoleArn",
                                        "EnablePerformanceInsights", "PerformanceInsightsKMSKeyId",
                                        "PerformanceInsightsRetentionPeriod"};
    for (size_t i = 0; i < ARRAY_LEN(TRAPS); i++)
        if (rec_has(c->in, TRAPS[i]))
            return fault_set(
                &c->fault, "InvalidParameterCombination",
                "You can enable Performance Insights or set the Enhanced Monitoring interval only when "
                "restoring from a source Aurora Limitless DB cluster");
    return true;
}

/* A cluster that is not encrypted is restored to a point in time as it is (RestoreDBClusterToPointInTime,
 * KmsKeyId); its snapshot may be restored with a key. Of an encrypted snapshot the guide tells but the way by
 * a copy with the other key: another one here is refused. */
static bool check_key(struct call *c, const json_t *from)
{
    char key[KEY_ARN_SIZE];
    bool of_snapshot = rec_has(c->in, "SnapshotIdentifier"), encrypted = rec_bool(from, "StorageEncrypted");
    if (!rec_has(c->in, "KmsKeyId"))
        return true;
    if (!of_snapshot && !encrypted)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "The source DB cluster is not encrypted: KmsKeyId can't be specified.");
    key_arn(c->sb, rec_str(c->in, "KmsKeyId"), key);
    return !of_snapshot || !encrypted || rec_is(from, "KmsKeyId", key) ||
           fault_set(&c->fault, "InvalidParameterCombination",
                     "The snapshot is encrypted with another key: copy it with KmsKeyId first.");
}

static bool check_restore(struct call *c, const json_t *from, const struct engine_version *v,
                          const char **ret_group)
{
    char family[32];
    if (!check_trap(c) || !check_tags(c) || !check_windows(c) || !check_storage_type(c) ||
        !check_security_groups(c) || !check_serverless(c, v) ||
        !check_log_types(c, rec_get(c->in, "EnableCloudwatchLogsExports")) ||
        !check_range(c, "BackupRetentionPeriod", "backup retention period", 1, 35) ||
        !check_range(c, "Port", "port number", 1150, 65535))
        return false;
    if (store_find(c->sb->store, KIND_CLUSTER, rec_str(c->in, "DBClusterIdentifier")))
        return fault_set(&c->fault, "DBClusterAlreadyExistsFault", "DB Cluster already exists");
    if (rec_has(c->in, "DBSubnetGroupName") && !need(c, KIND_SUBNET_GROUP, "DBSubnetGroupName"))
        return false;
    if (!check_key(c, from) || !key_usable(c, from, "specified"))
        return false;
    *ret_group = rec_has(c->in, "DBClusterParameterGroupName")
                     ? rec_str(c->in, "DBClusterParameterGroupName")
                     : default_group(c->arena, version_family(v, family));
    return check_group(c, KIND_CLUSTER_GROUP, *ret_group, version_family(v, family)) != NULL;
}

/* The new record; `from` is a cluster or a snapshot. */
static json_t *restored(struct call *c, const json_t *from, const struct engine_version *v, const char *group,
                        const char *const addresses[2])
{
    static const char *const CARRIED[] = {
        "MasterUsername",        "DatabaseName",      "StorageEncrypted",     "KmsKeyId",
        "StorageEncryptionType", "AvailabilityZones", "BackupRetentionPeriod"};
    char version[VERSION_SIZE];
    json_t *cluster = cluster_new(c->sb, rec_str(c->in, "DBClusterIdentifier"), version_text(v, version));
    for (size_t i = 0; i < ARRAY_LEN(CARRIED); i++)
        if (rec_has(from, CARRIED[i]))
            rec_copy(cluster, from, CARRIED[i]);
    rec_copy(cluster, from, "_password"); /* of a source that has no server yet */
    rec_set_str(cluster, "DBClusterParameterGroup", group);
    rec_set_str(cluster, "Endpoint", addresses[0]);
    rec_set_str(cluster, "ReaderEndpoint", addresses[1]);
    cluster_take(c->sb, cluster, c->in);
    return store_add(c->sb->store, KIND_CLUSTER, cluster);
}

static void start_restore(struct call *c, json_t *cluster, const char *source, const char *lsn, bool clone)
{
    json_t *args = cluster_job_args(cluster);
    rec_set_str(args, "source", source);
    rec_set_str(args, "lsn", *lsn ? lsn : NULL);
    rec_set_bool(args, "clone", clone);
    rec_set_int(args, "major", rec_int(cluster, "_major"));
    job_start(c->sb, &JOB_RESTORE, args);
    rec_set(c->out, "DBCluster", view_cluster(c->sb, cluster));
}

/* ---- from a snapshot ---- */

static bool snapshot_locked(struct call *c, const char *const addresses[2])
{
    const json_t *snapshot = need(c, KIND_SNAPSHOT, "SnapshotIdentifier");
    const char *group = "";
    char volume[RESOURCE_SIZE], lsn[LSN_SIZE];
    if (!snapshot || !check_engine(c))
        return false;
    if (!rec_is(snapshot, "Status", "available"))
        return fault_set(&c->fault, "InvalidDBClusterSnapshotStateFault",
                         "The snapshot %s is not in available state.",
                         rec_str(snapshot, "DBClusterSnapshotIdentifier"));
    const struct engine_version *from = version_find(c->sb, rec_str(snapshot, "EngineVersion"));
    const struct engine_version *to = rec_has(c->in, "EngineVersion")
                                          ? check_version(c, rec_str(c->in, "EngineVersion"))
                                          : version_default(c->sb);
    if (!to || !from)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "Cannot find version %.40s for " ENGINE_NAME, rec_str(snapshot, "EngineVersion"));
    if (from != to && !version_upgradable(from, to))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "Cannot upgrade " ENGINE_NAME " from %d.%d to %d.%d", from->major, from->minor,
                         to->major, to->minor);
    if (!check_restore(c, snapshot, to, &group))
        return false;
    (void)snprintf(volume, sizeof volume, "%s", rec_str(snapshot, "_volume"));
    (void)snprintf(lsn, sizeof lsn, "%s", rec_str(snapshot, "_lsn"));
    json_t *cluster = restored(c, snapshot, to, group, addresses);
    if (!rec_has(c->in, "Port"))
        rec_copy(cluster, snapshot, "Port");
    start_restore(c, cluster, volume, lsn, false);
    return true;
}

/* ---- to a point in time, or as a clone ---- */

static json_t *source_cluster(struct call *c)
{
    const char *resource = rec_str(c->in, "SourceDbClusterResourceId");
    if (*resource && rec_has(c->in, "SourceDBClusterIdentifier")) {
        (void)fault_set(&c->fault, "InvalidParameterCombination",
                        "Specify either SourceDBClusterIdentifier or SourceDbClusterResourceId.");
        return NULL;
    }
    if (!*resource)
        return need(c, KIND_CLUSTER, "SourceDBClusterIdentifier");
    json_t *cluster = store_resource(c->sb->store, KIND_CLUSTER, resource);
    if (!cluster)
        (void)fault_set(&c->fault, "DBClusterAutomatedBackupNotFoundFault",
                        "No automated backup of %.100s found.", resource);
    return cluster;
}

static bool check_time(struct call *c, bool clone)
{
    bool latest = rec_bool(c->in, "UseLatestRestorableTime"), at = rec_has(c->in, "RestoreToTime");
    const char *type = rec_str(c->in, "RestoreType");
    if (*type && !clone && strcmp(type, "full-copy") != 0)
        return fault_set(&c->fault, "InvalidParameterValue", "Invalid restore type: %.60s", type);
    if (latest == at)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "Specify either UseLatestRestorableTime or RestoreToTime.");
    if (clone && at)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "RestoreToTime can't be specified when RestoreType is copy-on-write.");
    return latest ||
           fault_set(&c->fault, "InvalidRestoreFault",
                     "aurora-sandbox keeps no history to restore to a time: use UseLatestRestorableTime.");
}

/* "Limitations of Aurora cloning": fifteen copy-on-write clones of one cluster; the next is a full copy, of
 * no group, and takes its time. */
static bool may_share(const struct sandbox *sb, const json_t *source)
{
    size_t i, clones = 0;
    json_t *one;
    json_array_foreach(store_list(sb->store, KIND_CLUSTER), i, one)
    {
        clones += one != source && rec_has(source, "CloneGroupId") &&
                  rec_same(one, "CloneGroupId", rec_str(source, "CloneGroupId"));
    }
    return clones < CLONES_MAX;
}

static void join_clone_group(json_t *source, json_t *cluster)
{
    if (!rec_has(source, "CloneGroupId")) {
        char id[37];
        uuid_make(id);
        rec_set_str(source, "CloneGroupId", id);
    }
    rec_copy(cluster, source, "CloneGroupId");
}

static bool time_locked(struct call *c, const char *const addresses[2])
{
    bool clone = rec_is(c->in, "RestoreType", "copy-on-write");
    json_t *source = source_cluster(c);
    const char *group = "";
    if (!source || !check_time(c, clone))
        return false;
    if (!rec_is(source, "Status", "available"))
        return fault_set(&c->fault, "InvalidDBClusterStateFault", "DBCluster %s is not in available state.",
                         rec_str(source, "DBClusterIdentifier"));
    const struct engine_version *v = version_find(c->sb, rec_str(source, "EngineVersion"));
    if (!v || !check_restore(c, source, v, &group))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "Cannot find version %.40s for " ENGINE_NAME, rec_str(source, "EngineVersion"));
    bool shares = clone && may_share(c->sb, source);
    json_t *cluster = restored(c, source, v, group, addresses);
    if (shares)
        join_clone_group(source, cluster);
    start_restore(c, cluster, rec_str(source, "DbClusterResourceId"), "", shares);
    return true;
}

static bool with_addresses(struct call *c, bool (*locked)(struct call *c, const char *const addresses[2]))
{
    const char *addresses[2];
    struct err e = ERR_INIT;
    if (!check_identifier(c, "DBClusterIdentifier"))
        return false;
    if (!cluster_addresses(c->sb, c->arena, rec_str(c->in, "DBClusterIdentifier"), &addresses[0],
                           &addresses[1], &e))
        return fault_set(&c->fault, "InternalFailure", "%s", e.text);
    sandbox_lock(c->sb);
    bool ok = locked(c, addresses);
    sandbox_unlock(c->sb);
    return ok;
}

static bool restore_from_snapshot(struct call *c)
{
    return with_addresses(c, snapshot_locked);
}

static bool restore_to_time(struct call *c)
{
    return with_addresses(c, time_locked);
}

/* ---- the job ---- */

static bool copy_volume(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE], source[RESOURCE_SIZE], text[LSN_SIZE];
    lsn_t lsn = 0, recorded = 0;
    (void)job_arg(j, "cluster", resource, sizeof resource);
    (void)job_arg(j, "source", source, sizeof source);
    if (volume_major(j->sb->engine, source) == 0)
        return true; /* nothing to copy */
    /* what a killed process copied may lack its position */
    if ((volume_major(j->sb->engine, resource) != 0 && !volume_delete(j->sb->engine, resource, e)) ||
        !volume_clone(j->sb->engine, source, resource, true, &lsn, e))
        return err_wrap(e, "copy the volume");
    /* a snapshot stands at the point where it was taken, whatever its copies went through since */
    if (*job_arg(j, "lsn", text, sizeof text) && lsn_parse(text, &recorded))
        lsn = recorded;
    return volume_set_start_lsn(j->sb->engine, resource, lsn, e);
}

/* A version above the source's: the upgrade happens on the way, as AWS documents for snapshots. */
static bool upgrade_copy(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char resource[RESOURCE_SIZE];
    const char *folder;
    struct engine_param *params = NULL;
    size_t n = 0;
    (void)job_arg(j, "cluster", resource, sizeof resource);
    sandbox_lock(j->sb);
    int major = (int)rec_int(j->args, "major");
    const json_t *cluster = job_cluster(j);
    if (cluster)
        cluster_params(j->sb, a, cluster, &params, &n);
    sandbox_unlock(j->sb);
    int have = volume_major(j->sb->engine, resource);
    if (have == 0 || have == major)
        return true;
    return upgrade_log_folder(j->sb, a, resource, &folder, e) &&
           volume_upgrade(j->sb->engine, resource, major, params, n, false, folder, e);
}

static bool wait_for_storage(struct job *j, struct err *e)
{
    sandbox_lock(j->sb);
    bool clone = rec_bool(j->args, "clone");
    sandbox_unlock(j->sb);
    return job_delay(j, clone ? DELAY_CLONE : DELAY_RESTORE, e);
}

static bool show(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    (void)e;
    bool made = volume_major(j->sb->engine, job_arg(j, "cluster", resource, sizeof resource)) != 0;
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_bool(cluster, "_volume", made);
        rec_set_str(cluster, "Status", "available");
        event_add(j->sb, KIND_CLUSTER, cluster, "creation", "DB cluster created.");
    }
    sandbox_unlock(j->sb);
    return true;
}

static void restore_failed(struct job *j, const struct err *e)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_str(cluster, "Status", rec_bool(j->args, "clone") ? "cloning-failed" : "failed");
        event_add(j->sb, KIND_CLUSTER, cluster, "failure", "Restore of DB cluster failed: %s", e->text);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step RESTORE_STEPS[] = {
    {"copy the volume", DELAY_NONE, copy_volume},
    {"upgrade the copy", DELAY_NONE, upgrade_copy},
    {"wait for storage", DELAY_NONE, wait_for_storage},
    {"show the cluster", DELAY_NONE, show},
    {0},
};
const struct job_kind JOB_RESTORE = {"restore", RESTORE_STEPS, restore_failed};

const struct op OPS_RESTORE[] = {
    {"rds", "RestoreDBClusterFromSnapshot", FROM_SNAPSHOT_IN, RESULT_CLUSTER, .run = restore_from_snapshot,
     .flags = OP_UNLOCKED},
    {"rds", "RestoreDBClusterToPointInTime", TO_TIME_IN, RESULT_CLUSTER, .run = restore_to_time,
     .flags = OP_UNLOCKED},
    {0},
};
