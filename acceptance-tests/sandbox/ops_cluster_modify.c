/* ModifyDBCluster: settings at once, groups, password, port, rename and upgrade through jobs. */
#include "acceptance-tests/sandbox/check.h"
#include "acceptance-tests/sandbox/cluster.h"
#include "acceptance-tests/sandbox/events.h"
#include "acceptance-tests/sandbox/upgrade.h"
#include "acceptance-tests/sandbox/window.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct member LOG_CONFIG[] = {LIST("EnableLogTypes", "member"),
                                           LIST("DisableLogTypes", "member"), SHAPE_END_ROW};

static const struct member MODIFY_IN[] = {
    STR_REQUIRED("DBClusterIdentifier"),
    STR("NewDBClusterIdentifier"),
    BOOL("ApplyImmediately"),
    INT("BackupRetentionPeriod"),
    STR("DBClusterParameterGroupName"),
    LIST("VpcSecurityGroupIds", "VpcSecurityGroupId"),
    INT("Port"),
    STR("MasterUserPassword"),
    BOOL("ManageMasterUserPassword"),
    BOOL("EnableIAMDatabaseAuthentication"),
    STRUCT_OF("CloudwatchLogsExportConfiguration", LOG_CONFIG),
    STR("EngineVersion"),
    BOOL("AllowMajorVersionUpgrade"),
    STR("DBInstanceParameterGroupName"),
    BOOL("DeletionProtection"),
    BOOL("CopyTagsToSnapshot"),
    STR("StorageType"),
    STRUCT_OF("ServerlessV2ScalingConfiguration", SHAPE_SERVERLESS),
    STR("EngineLifecycleSupport"),
    STR("PreferredBackupWindow"),
    STR("PreferredMaintenanceWindow"),
    BOOL("AutoMinorVersionUpgrade"),
    STR("NetworkType"),
    INT("MonitoringInterval"),
    STR("MonitoringRoleArn"),
    STR("DatabaseInsightsMode"),
    BOOL("EnablePerformanceInsights"),
    STR("PerformanceInsightsKMSKeyId"),
    INT("PerformanceInsightsRetentionPeriod"),
    SHAPE_END_ROW,
};

/* Changes that wait for the maintenance window unless ApplyImmediately: request member and the member of
 * PendingModifiedValues that shows it. */
static const struct deferred {
    const char *request, *pending;
} DEFERRED[] = {
    {"EngineVersion", "EngineVersion"},
    {"NewDBClusterIdentifier", "DBClusterIdentifier"},
    {"MasterUserPassword", "MasterUserPassword"},
};

/* Settings whose change makes the cluster "modifying" for a while. */
static const char *const SLOW[] = {
    "VpcSecurityGroupIds",
    "Port",
    "EnableIAMDatabaseAuthentication",
    "CloudwatchLogsExportConfiguration",
    "StorageType",
    "ServerlessV2ScalingConfiguration",
    "NetworkType",
    "MonitoringInterval",
    "DatabaseInsightsMode",
    "EnablePerformanceInsights",
    "DBClusterParameterGroupName",
    "ManageMasterUserPassword",
    "MasterUserPassword",
};

static bool check_rename(struct call *c, const json_t *cluster)
{
    const char *name = rec_str(c->in, "NewDBClusterIdentifier"), *arn = rec_str(cluster, "DBClusterArn");
    size_t i;
    json_t *d;
    if (!rec_has(c->in, "NewDBClusterIdentifier"))
        return true;
    if (!check_identifier(c, "NewDBClusterIdentifier"))
        return false;
    if (store_find(c->sb->store, KIND_CLUSTER, name))
        return fault_set(&c->fault, "DBClusterAlreadyExistsFault", "DB Cluster already exists");
    json_array_foreach(store_list(c->sb->store, KIND_BLUEGREEN), i, d)
    {
        if (rec_is(d, "Source", arn) || rec_is(d, "Target", arn))
            return fault_set(&c->fault, "InvalidDBClusterStateFault",
                             "DB cluster %s can't be renamed while it is part of blue/green deployment %s.",
                             rec_str(cluster, "DBClusterIdentifier"),
                             rec_str(d, "BlueGreenDeploymentIdentifier"));
    }
    return true;
}

static bool check_passwords(struct call *c, const json_t *cluster)
{
    bool managed = rec_has(cluster, "MasterUserSecret"), given = rec_has(c->in, "MasterUserPassword");
    bool on = rec_bool(c->in, "ManageMasterUserPassword");
    bool off = rec_has(c->in, "ManageMasterUserPassword") && !on;
    if (given && (on || (managed && !off)))
        return fault_set(
            &c->fault, "InvalidParameterCombination",
            "You can't specify MasterUserPassword when the master user password is managed in Secrets "
            "Manager.");
    if (off && managed && !given)
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "You must specify MasterUserPassword when you turn off ManageMasterUserPassword.");
    return !given || check_password(c, "MasterUserPassword");
}

static bool check_settings(struct call *c, const json_t *cluster)
{
    char family[32];
    const struct engine_version *v = version_find(c->sb, rec_str(cluster, "EngineVersion"));
    const json_t *exports = rec_get(c->in, "CloudwatchLogsExportConfiguration");
    if (!check_windows(c) || !check_storage_type(c) || !check_security_groups(c) ||
        !check_passwords(c, cluster) || !check_rename(c, cluster) || (v && !check_serverless(c, v)) ||
        !check_log_types(c, rec_get(exports, "EnableLogTypes")) ||
        !check_log_types(c, rec_get(exports, "DisableLogTypes")) ||
        !check_range(c, "BackupRetentionPeriod", "backup retention period", 1, 35) ||
        !check_range(c, "Port", "port number", 1150, 65535))
        return false;
    /* with a new version, upgrade_check looks at the group's family instead */
    return !v || rec_has(c->in, "EngineVersion") || !rec_has(c->in, "DBClusterParameterGroupName") ||
           check_group(c, KIND_CLUSTER_GROUP, rec_str(c->in, "DBClusterParameterGroupName"),
                       version_family(v, family));
}

/* What belongs to an upgrade waits with it. */
static const char *const WITH_VERSION[] = {"DBClusterParameterGroupName", "DBInstanceParameterGroupName",
                                           "AllowMajorVersionUpgrade"};

static void put_aside(struct call *c, json_t *cluster, json_t *pending, const struct deferred *d)
{
    bool secret = strcmp(d->request, "MasterUserPassword") == 0;
    rec_set_str(pending, d->pending, secret ? "****" : rec_str(c->in, d->request));
    rec_unset(c->in, d->request);
    if (strcmp(d->request, "EngineVersion") != 0)
        return;
    json_t *with = json_object();
    for (size_t i = 0; i < ARRAY_LEN(WITH_VERSION); i++) {
        rec_copy(with, c->in, WITH_VERSION[i]);
        rec_unset(c->in, WITH_VERSION[i]);
    }
    rec_set(cluster, "_pending_upgrade", with);
}

static void take_along(struct call *c, const json_t *cluster, const json_t *pending, const struct deferred *d)
{
    rec_set_str(c->in, d->request, rec_str(pending, d->pending));
    for (size_t i = 0; strcmp(d->request, "EngineVersion") == 0 && i < ARRAY_LEN(WITH_VERSION); i++)
        rec_copy(c->in, rec_get(cluster, "_pending_upgrade"), WITH_VERSION[i]);
}

/* With ApplyImmediately what waited goes along; without, what can wait is put aside. */
static void sort_deferred(struct call *c, json_t *cluster)
{
    json_t *pending = rec_get(cluster, "PendingModifiedValues");
    bool now = rec_bool(c->in, "ApplyImmediately");
    if (!pending) {
        pending = json_object();
        rec_set(cluster, "PendingModifiedValues", pending);
    }
    for (size_t i = 0; i < ARRAY_LEN(DEFERRED); i++) {
        const struct deferred *d = &DEFERRED[i];
        bool waits = rec_has(pending, d->pending) && strcmp(d->pending, "MasterUserPassword") != 0;
        if (!now && rec_has(c->in, d->request))
            put_aside(c, cluster, pending, d);
        else if (now && waits && !rec_has(c->in, d->request))
            take_along(c, cluster, pending, d);
    }
}

/* The version the cluster has, asked for: nothing is to be changed any more. No document of AWS's says so; a
 * queue that holds the newest wish is how other pending values behave; unverified. */
static void drop_withdrawn(struct call *c, json_t *cluster)
{
    if (!rec_has(c->in, "EngineVersion") ||
        !rec_is(cluster, "EngineVersion", rec_str(c->in, "EngineVersion")))
        return;
    rec_unset(rec_get(cluster, "PendingModifiedValues"), "EngineVersion");
    rec_unset(cluster, "_pending_upgrade");
    rec_unset(c->in, "EngineVersion");
}

static void take_exports(json_t *cluster, const json_t *config)
{
    json_t *kept = json_array(), *type;
    const json_t *off = rec_get(config, "DisableLogTypes"), *on = rec_get(config, "EnableLogTypes");
    size_t i;
    json_array_foreach(rec_get(cluster, "EnabledCloudwatchLogsExports"), i, type)
    {
        if (!list_has(off, json_string_value(type)) && !list_has(on, json_string_value(type)))
            (void)json_array_append(kept, type);
    }
    json_array_foreach(on, i, type)
    {
        (void)json_array_append(kept, type);
    }
    rec_set(cluster, "EnabledCloudwatchLogsExports", kept);
}

static void take_group(struct call *c, json_t *cluster)
{
    const char *group = rec_str(c->in, "DBClusterParameterGroupName");
    if (!rec_has(c->in, "DBClusterParameterGroupName") || rec_has(c->in, "EngineVersion") ||
        rec_same(cluster, "DBClusterParameterGroup", group))
        return;
    rec_set_str(cluster, "DBClusterParameterGroup", group);
    cluster_group_status(c->sb, cluster, "applying", "pending-reboot");
    job_start(c->sb, &JOB_PARAMETERS, cluster_job_args(cluster));
}

static void take_password(struct call *c, json_t *cluster)
{
    if (rec_bool(c->in, "ManageMasterUserPassword") && !rec_has(cluster, "MasterUserSecret"))
        cluster_managed_secret(c->sb, cluster);
    if (rec_has(c->in, "ManageMasterUserPassword") && !rec_bool(c->in, "ManageMasterUserPassword"))
        cluster_drop_secret(c->sb, cluster);
    if (rec_has(c->in, "MasterUserPassword"))
        rec_set_str(cluster, "_password", rec_str(c->in, "MasterUserPassword"));
}

static void start_jobs(struct call *c, json_t *cluster, const struct engine_version *to)
{
    bool slow = false;
    for (size_t i = 0; i < ARRAY_LEN(SLOW); i++)
        slow = slow || rec_has(c->in, SLOW[i]);
    if (to) {
        upgrade_start(c, cluster, to);
    } else if (rec_has(c->in, "NewDBClusterIdentifier")) {
        json_t *args = cluster_job_args(cluster);
        rec_set_str(args, "name", rec_str(c->in, "NewDBClusterIdentifier"));
        rec_set_str(rec_get(cluster, "PendingModifiedValues"), "DBClusterIdentifier",
                    rec_str(c->in, "NewDBClusterIdentifier"));
        job_start(c->sb, &JOB_CLUSTER_RENAME, args);
    } else if (slow) {
        json_t *args = cluster_job_args(cluster);
        bool password = rec_has(c->in, "MasterUserPassword") || rec_has(c->in, "ManageMasterUserPassword");
        rec_set_str(args, "status", password ? "resetting-master-credentials" : "modifying");
        job_start(c->sb, &JOB_CLUSTER_MODIFY, args);
    }
}

bool cluster_modify(struct call *c)
{
    const struct engine_version *to = NULL;
    json_t *cluster = need_id(c, KIND_CLUSTER, rec_str(c->in, "DBClusterIdentifier"));
    if (!cluster || !check_cluster_ready(c, cluster))
        return false;
    if (rec_has(c->in, "EngineVersion") && rec_has(c->in, "NewDBClusterIdentifier"))
        return fault_set(&c->fault, "InvalidParameterCombination",
                         "A DB cluster can't be renamed and upgraded in the same request.");
    if (!check_settings(c, cluster) || !upgrade_check(c, cluster, &to))
        return false;
    json_t *before = json_deep_copy(cluster);
    drop_withdrawn(c, cluster);
    sort_deferred(c, cluster);
    if (rec_has(c->in, "EngineVersion") && !to && !upgrade_check(c, cluster, &to)) {
        json_decref(before); /* what waited is not possible any more */
        return false;
    }
    if (!rec_has(c->in, "EngineVersion"))
        to = NULL;
    cluster_take(c->sb, cluster, c->in);
    if (rec_has(c->in, "CloudwatchLogsExportConfiguration"))
        take_exports(cluster, rec_get(c->in, "CloudwatchLogsExportConfiguration"));
    take_group(c, cluster);
    take_password(c, cluster);
    if (to)
        rec_unset(cluster, "_pending_upgrade");
    window_await(c->sb, cluster);
    start_jobs(c, cluster, to);
    rec_set(before, "PendingModifiedValues", json_deep_copy(rec_get(cluster, "PendingModifiedValues")));
    rec_set(c->out, "DBCluster", view_cluster(c->sb, before));
    json_decref(before);
    return true;
}

/* ---- the modify job ---- */

static bool show_modifying(struct job *j, struct err *e)
{
    char status[64];
    (void)e;
    job_cluster_status(j, job_arg(j, "status", status, sizeof status));
    return true;
}

static bool send_password(struct job *j, const char *resource, struct err *e)
{
    char user[64], password[128];
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    bool due = cluster && rec_bool(cluster, "_volume") && rec_has(cluster, "_password");
    (void)snprintf(user, sizeof user, "%s", rec_str(cluster, "MasterUsername"));
    (void)snprintf(password, sizeof password, "%s", rec_str(cluster, "_password"));
    sandbox_unlock(j->sb);
    if (!due)
        return true;
    bool running = volume_running(j->sb->engine, resource);
    bool ok = (running || volume_start(j->sb->engine, resource, e)) &&
              volume_set_password(j->sb->engine, resource, user, password, e) &&
              (running || volume_stop(j->sb->engine, resource, e));
    explicit_bzero(password, sizeof password);
    sandbox_lock(j->sb);
    cluster = job_cluster(j);
    if (ok && cluster)
        rec_unset(cluster, "_password");
    sandbox_unlock(j->sb);
    return ok;
}

static bool apply_changes(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    return send_password(j, resource, e) && cluster_point_endpoints(j->sb, resource, e);
}

static bool show_available(struct job *j, struct err *e)
{
    (void)e;
    job_cluster_status(j, "available");
    return true;
}

static void modify_failed(struct job *j, const struct err *e)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster) {
        rec_set_str(cluster, "Status", "available");
        rec_unset(cluster, "PendingModifiedValues");
        event_add(j->sb, KIND_CLUSTER, cluster, "failure", "Unable to modify DB cluster %s: %s",
                  rec_str(cluster, "DBClusterIdentifier"), e->text);
    }
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}

static const struct job_step MODIFY_STEPS[] = {
    {"show modifying", DELAY_CLUSTER_MODIFY_LAG, show_modifying},
    {"apply", DELAY_NONE, apply_changes},
    {"show available", DELAY_CLUSTER_MODIFY, show_available},
    {0},
};
const struct job_kind JOB_CLUSTER_MODIFY = {"cluster-modify", MODIFY_STEPS, modify_failed};

/* ---- the rename job ---- */

static bool show_renaming(struct job *j, struct err *e)
{
    (void)e;
    job_cluster_status(j, "renaming");
    return true;
}

static void rename_record(struct sandbox *sb, json_t *cluster, const char *name)
{
    char old[64];
    size_t i;
    json_t *endpoint;
    (void)snprintf(old, sizeof old, "%s", rec_str(cluster, "DBClusterIdentifier"));
    rec_set_str(cluster, "DBClusterIdentifier", name);
    store_set_arn(sb->store, KIND_CLUSTER, cluster);
    json_array_foreach(store_list(sb->store, KIND_ENDPOINT), i, endpoint)
    {
        if (rec_is(endpoint, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            rec_set_str(endpoint, "DBClusterIdentifier", name);
    }
    event_add(sb, KIND_CLUSTER, cluster, "notification", "Renamed cluster from %s to %s.", old, name);
}

static bool rename_cluster(struct job *j, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    char resource[RESOURCE_SIZE], name[64];
    const char *writer, *reader;
    (void)job_arg(j, "cluster", resource, sizeof resource);
    for (char *p = (char *)job_arg(j, "name", name, sizeof name); *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (!cluster_addresses(j->sb, a, name, &writer, &reader, e))
        return false;
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    const char *old = arena_strdup(a, rec_str(cluster, "DBClusterIdentifier"));
    if (cluster && strcmp(old, name) != 0) {
        rename_record(j->sb, cluster, name);
        rec_set_str(cluster, "Endpoint", writer);
        rec_set_str(cluster, "ReaderEndpoint", reader);
    }
    rec_unset(cluster, "PendingModifiedValues");
    sandbox_unlock(j->sb);
    if (strcmp(old, name) != 0) {
        endpoint_remove(j->sb->engine, endpoint_key(a, ENDPOINT_OF_CLUSTER, old));
        endpoint_remove(j->sb->engine, endpoint_key(a, ENDPOINT_OF_READERS, old));
    }
    return cluster_point_endpoints(j->sb, resource, e);
}

static const struct job_step RENAME_STEPS[] = {
    {"show renaming", DELAY_CLUSTER_MODIFY_LAG, show_renaming},
    {"rename", DELAY_CLUSTER_RENAME, rename_cluster},
    {"show available", DELAY_CLUSTER_MODIFY_LAG, show_available},
    {0},
};
const struct job_kind JOB_CLUSTER_RENAME = {"cluster-rename", RENAME_STEPS, modify_failed};

/* ---- parameters reach the server, members turn to their next status ---- */

static bool apply_parameters(struct job *j, struct err *e)
{
    char resource[RESOURCE_SIZE];
    (void)job_arg(j, "cluster", resource, sizeof resource);
    return cluster_send_params(j->sb, resource, e);
}

static void advance(json_t *instance, const char *status, const char *next)
{
    if (rec_has(instance, next)) {
        rec_set_str(instance, status, rec_str(instance, next));
        rec_unset(instance, next);
    }
}

static bool advance_statuses(struct job *j, struct err *e)
{
    size_t i;
    json_t *instance;
    (void)e;
    sandbox_lock(j->sb);
    json_array_foreach(store_list(j->sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", rec_str(j->args, "cluster")))
            continue;
        advance(instance, "_cluster_group_status", "_cluster_group_next");
        advance(instance, "_group_status", "_group_next");
    }
    sandbox_unlock(j->sb);
    return true;
}

static const struct job_step PARAMETERS_STEPS[] = {
    {"send parameters", DELAY_NONE, apply_parameters},
    {"show statuses", DELAY_PARAMETERS_APPLY, advance_statuses},
    {0},
};
const struct job_kind JOB_PARAMETERS = {"parameters", PARAMETERS_STEPS, NULL};

const struct op OPS_CLUSTER_MODIFY[] = {
    {"rds", "ModifyDBCluster", MODIFY_IN, RESULT_CLUSTER, .run = cluster_modify},
    {0},
};
