#include "acceptance-tests/sandbox/cluster.h"

#include "acceptance-tests/sandbox/keys.h"
#include "acceptance-tests/sandbox/versions.h"
#include "internal/base/file.h"
#include "internal/base/names.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Settings that requests and records call by two names, or by one. Create, restore and modify take those the
 * request has. */
static const struct carried {
    const char *request, *record;
} CARRIED[] = {
    {"AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"},
    {"AvailabilityZones", "AvailabilityZones"},
    {"BackupRetentionPeriod", "BackupRetentionPeriod"},
    {"CopyTagsToSnapshot", "CopyTagsToSnapshot"},
    {"DatabaseInsightsMode", "DatabaseInsightsMode"},
    {"DBSubnetGroupName", "DBSubnetGroup"},
    {"DeletionProtection", "DeletionProtection"},
    {"EnableHttpEndpoint", "HttpEndpointEnabled"},
    {"EnableIAMDatabaseAuthentication", "IAMDatabaseAuthenticationEnabled"},
    {"EnableCloudwatchLogsExports", "EnabledCloudwatchLogsExports"},
    {"EnablePerformanceInsights", "PerformanceInsightsEnabled"},
    {"EngineLifecycleSupport", "EngineLifecycleSupport"},
    {"MonitoringInterval", "MonitoringInterval"},
    {"MonitoringRoleArn", "MonitoringRoleArn"},
    {"NetworkType", "NetworkType"},
    {"PerformanceInsightsKMSKeyId", "PerformanceInsightsKMSKeyId"},
    {"PerformanceInsightsRetentionPeriod", "PerformanceInsightsRetentionPeriod"},
    {"Port", "Port"},
    {"PreferredBackupWindow", "PreferredBackupWindow"},
    {"ServerlessV2ScalingConfiguration", "ServerlessV2ScalingConfiguration"},
    {"StorageEncrypted", "StorageEncrypted"},
    {"StorageType", "StorageType"},
    {"Tags", "TagList"},
};

static void random_id(const char *prefix, size_t n, char out[RESOURCE_SIZE])
{
    char text[27];
    random_name(text, n);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
    (void)snprintf(out, RESOURCE_SIZE, "%s%s", prefix, text);
}

/* Thirty minutes somewhere in the night, as AWS picks. */
static void random_windows(json_t *cluster)
{
    static const char *const DAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    unsigned char r[3];
    random_bytes(r, sizeof r);
    int backup = r[0] % 8, other = (backup + 1 + r[1] % 6) % 12;
    rec_printf(cluster, "PreferredBackupWindow", "%02d:00-%02d:30", backup, backup);
    const char *day = DAYS[r[2] % ARRAY_LEN(DAYS)];
    rec_printf(cluster, "PreferredMaintenanceWindow", "%s:%02d:30-%s:%02d:59", day, other, day, other);
}

const char *default_group(struct arena *a, const char *family)
{
    return arena_printf(a, "default.%s", family);
}

void cluster_set_version(json_t *cluster, const char *version)
{
    struct version v = {0};
    bool readable = version_parse(version, &v);
    rec_set_str(cluster, "EngineVersion", version);
    rec_set_int(cluster, "_major", readable ? v.major : 0);
}

json_t *cluster_new(struct sandbox *sb, const char *id, const char *version)
{
    char now[TIME_ISO_SIZE], resource[RESOURCE_SIZE], lower[64];
    const char *region = store_region(sb->store);
    sandbox_now(sb, now);
    random_id("cluster-", 26, resource);
    (void)snprintf(lower, sizeof lower, "%s", id);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    json_t *cluster = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:b, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:s, s:s, "
        "s:s, s:s, "
        "s:s, s:s, s:i, s:b, s:[], s:[], s:[], s:[], s:s, s:s}",
        "DBClusterIdentifier", lower, "Engine", ENGINE_NAME, "EngineMode", "provisioned", "Status",
        "creating", "DbClusterResourceId", resource, "AllocatedStorage", 1, "BackupRetentionPeriod", 1,
        "Port", 5432, "MultiAZ", 0, "HostedZoneId", "Z2R2ITUGPM61AM", "StorageEncrypted", 0,
        "DeletionProtection", 0, "HttpEndpointEnabled", 0, "CopyTagsToSnapshot", 0, "CrossAccountClone", 0,
        "IAMDatabaseAuthenticationEnabled", 0, "AutoMinorVersionUpgrade", 1, "ClusterCreateTime", now,
        "StorageType", "aurora", "NetworkType", "IPV4", "DatabaseInsightsMode", "standard",
        "EngineLifecycleSupport", "open-source-rds-extended-support", "ClusterScalabilityType", "standard",
        "MonitoringInterval", 0, "PerformanceInsightsEnabled", 0, "TagList", "AssociatedRoles",
        "DomainMemberships", "ReadReplicaIdentifiers", "ActivityStreamStatus", "stopped", "DBSubnetGroup",
        "default");
    rec_set_str(cluster, "UpgradeRolloutOrder", "second");
    rec_set_str(cluster, "EarliestRestorableTime", now);
    rec_set_str(cluster, "LatestRestorableTime", now);
    rec_set_bool(cluster, "GlobalWriteForwardingRequested", false);
    json_t *zones = rec_list(cluster, "AvailabilityZones");
    for (int i = 0; i < 3; i++)
        (void)json_array_append_new(zones, json_sprintf("%s%c", region, 'a' + i));
    rec_set(cluster, "VpcSecurityGroups",
            json_pack("[{s:s, s:s}]", "VpcSecurityGroupId", "sg-00000000000000001", "Status", "active"));
    random_windows(cluster);
    cluster_set_version(cluster, version);
    store_set_arn(sb->store, KIND_CLUSTER, cluster);
    return cluster;
}

static void take_security_groups(json_t *cluster, const json_t *ids)
{
    json_t *groups = json_array(), *id;
    size_t i;
    json_array_foreach(ids, i, id)
    {
        (void)json_array_append_new(
            groups, json_pack("{s:s, s:s}", "VpcSecurityGroupId", json_string_value(id), "Status", "active"));
    }
    rec_set(cluster, "VpcSecurityGroups", groups);
}

void cluster_set_key(struct sandbox *sb, json_t *cluster, const char *key)
{
    char arn[KEY_ARN_SIZE];
    key_arn(sb, key, arn);
    rec_set_str(cluster, "KmsKeyId", arn);
    rec_set_bool(cluster, "StorageEncrypted", true);
    rec_set_str(cluster, "StorageEncryptionType", *key ? "sse-kms" : "sse-rds");
}

void cluster_take(struct sandbox *sb, json_t *cluster, const json_t *request)
{
    for (size_t i = 0; i < ARRAY_LEN(CARRIED); i++)
        if (rec_has(request, CARRIED[i].request))
            rec_set(cluster, CARRIED[i].record, json_deep_copy(rec_get(request, CARRIED[i].request)));
    if (rec_has(request, "VpcSecurityGroupIds"))
        take_security_groups(cluster, rec_get(request, "VpcSecurityGroupIds"));
    if (rec_bool(request, "StorageEncrypted") || rec_has(request, "KmsKeyId"))
        cluster_set_key(sb, cluster, rec_str(request, "KmsKeyId"));
    if (rec_has(request, "ServerlessV2ScalingConfiguration"))
        rec_set_str(cluster, "ServerlessV2PlatformVersion", "4");
    if (rec_bool(cluster, "PerformanceInsightsEnabled") &&
        !rec_has(cluster, "PerformanceInsightsRetentionPeriod"))
        rec_set_int(cluster, "PerformanceInsightsRetentionPeriod", 7);
    char window[20];
    (void)snprintf(window, sizeof window, "%s", rec_str(request, "PreferredMaintenanceWindow"));
    for (char *p = window; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (*window)
        rec_set_str(cluster, "PreferredMaintenanceWindow", window);
}

/* ---- instances of a cluster ---- */

json_t *cluster_writer(struct sandbox *sb, const json_t *cluster)
{
    size_t i;
    json_t *instance;
    json_array_foreach(store_list(sb->store, KIND_INSTANCE), i, instance)
    {
        if (rec_bool(instance, "_writer") &&
            rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            return instance;
    }
    return NULL;
}

size_t cluster_instances(struct sandbox *sb, const json_t *cluster, bool deleting_too)
{
    size_t i, n = 0;
    json_t *instance;
    json_array_foreach(store_list(sb->store, KIND_INSTANCE), i, instance)
    {
        n += rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")) &&
             (deleting_too || !rec_is(instance, "DBInstanceStatus", "deleting"));
    }
    return n;
}

void cluster_group_status(struct sandbox *sb, const json_t *cluster, const char *now, const char *then)
{
    size_t i;
    json_t *instance;
    json_array_foreach(store_list(sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            continue;
        rec_set_str(instance, "_cluster_group_status", now);
        rec_set_str(instance, "_cluster_group_next", then);
    }
}

void cluster_instances_status(struct sandbox *sb, const json_t *cluster, const char *status)
{
    size_t i;
    json_t *instance;
    json_array_foreach(store_list(sb->store, KIND_INSTANCE), i, instance)
    {
        if (rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            rec_set_str(instance, "DBInstanceStatus", status);
    }
}

/* ---- master password in Secrets Manager ---- */

void cluster_managed_secret(struct sandbox *sb, json_t *cluster)
{
    char id[37], suffix[7], password[29], now[TIME_ISO_SIZE], version[37], key[KEY_ARN_SIZE];
    uuid_make(id);
    uuid_make(version);
    random_name(suffix, 6);
    random_name(password, 28);
    sandbox_now(sb, now);
    json_t *value =
        json_pack("{s:s, s:s}", "username", rec_str(cluster, "MasterUsername"), "password", password);
    char *text = json_dumps(value, JSON_COMPACT);
    json_t *secret = json_pack("{s:s, s:s, s:s, s:s}", "SecretString", text ? text : "", "VersionId", version,
                               "_created", now, "_cluster", rec_str(cluster, "DbClusterResourceId"));
    rec_printf(secret, "Name", "rds!cluster-%s", id);
    rec_printf(secret, "ARN", "arn:aws:secretsmanager:%s:%s:secret:rds!cluster-%s-%s",
               store_region(sb->store), store_account(sb->store), id, suffix);
    json_t *shown = json_pack("{s:s, s:s}", "SecretArn", rec_str(secret, "ARN"), "SecretStatus", "active");
    key_arn(sb, "", key);
    rec_set_str(shown, "KmsKeyId", key);
    rec_set(cluster, "MasterUserSecret", shown);
    rec_set_str(cluster, "_password", password);
    (void)store_add(sb->store, KIND_SECRET, secret);
    json_decref(value);
    free(text);
}

void cluster_drop_secret(struct sandbox *sb, json_t *cluster)
{
    json_t *secret =
        store_find_by(sb->store, KIND_SECRET, "_cluster", rec_str(cluster, "DbClusterResourceId"));
    if (secret)
        store_remove(sb->store, KIND_SECRET, secret);
    rec_unset(cluster, "MasterUserSecret");
}

/* ---- parameters and the server ---- */

void cluster_params(struct sandbox *sb, struct arena *a, const json_t *cluster, struct engine_param **ret,
                    size_t *ret_n)
{
    const json_t *writer = cluster_writer(sb, cluster);
    const json_t *group =
        store_find(sb->store, KIND_CLUSTER_GROUP, rec_str(cluster, "DBClusterParameterGroup"));
    bool planned = rec_has(cluster, "_instance_group"); /* of a copy made to look ahead, in an upgrade */
    const json_t *own = store_find(sb->store, KIND_INSTANCE_GROUP,
                                   planned ? rec_str(cluster, "_instance_group") : rec_str(writer, "_group"));
    struct machine m = class_machine(rec_str(writer, "DBInstanceClass"), (int)rec_int(cluster, "Port"));
    params_for_engine(a, (int)rec_int(cluster, "_major"), group, own, &m, ret, ret_n);
}

/* What the engine needs of a record, copied out from under the lock. */
struct server_facts {
    struct volume_spec spec;
    struct engine_param *params;
    size_t param_count;
    const char *label;
    bool made;
};

static bool read_facts(struct sandbox *sb, struct arena *a, const char *resource, struct server_facts *ret,
                       struct err *e)
{
    sandbox_lock(sb);
    const json_t *cluster = store_resource(sb->store, KIND_CLUSTER, resource);
    if (cluster) {
        struct volume_spec *s = &ret->spec;
        s->id = arena_strdup(a, resource);
        s->major = (int)rec_int(cluster, "_major");
        s->master_user = arena_strdup(a, rec_str(cluster, "MasterUsername"));
        s->master_password = arena_strdup(a, rec_str(cluster, "_password"));
        s->database =
            rec_has(cluster, "DatabaseName") ? arena_strdup(a, rec_str(cluster, "DatabaseName")) : NULL;
        cluster_params(sb, a, cluster, &ret->params, &ret->param_count);
        s->params = ret->params;
        s->param_count = ret->param_count;
        ret->label = arena_strdup(a, rec_str(cluster, "EngineVersion"));
        ret->made = rec_bool(cluster, "_volume");
    }
    sandbox_unlock(sb);
    return cluster || err_set(e, ERR_NOT_FOUND, "the cluster is gone");
}

static void note_volume(struct sandbox *sb, const char *resource)
{
    sandbox_lock(sb);
    json_t *cluster = store_resource(sb->store, KIND_CLUSTER, resource);
    if (cluster) {
        rec_set_bool(cluster, "_volume", true);
        rec_unset(cluster, "_password");
        sandbox_save(sb);
    }
    sandbox_unlock(sb);
}

bool cluster_start(struct sandbox *sb, const char *resource, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct server_facts f = {0};
    if (!read_facts(sb, a, resource, &f, e))
        return false;
    if (!f.made) {
        /* Another instance of the same cluster may have made it in the meantime. */
        struct err made = ERR_INIT;
        if (!volume_create(sb->engine, &f.spec, &made) && made.code != ERR_CONFLICT) {
            *e = made;
            return err_wrap(e, "make a volume");
        }
        note_volume(sb, resource);
    } else if (!volume_set_params(sb->engine, resource, f.params, f.param_count, e)) {
        return err_wrap(e, "set parameters");
    }
    return (volume_set_label(sb->engine, resource, f.label, e) && volume_start(sb->engine, resource, e)) ||
           err_wrap(e, "start the server");
}

bool cluster_send_params(struct sandbox *sb, const char *resource, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct server_facts f = {0};
    if (!read_facts(sb, a, resource, &f, e))
        return false;
    return !f.made || volume_set_params(sb->engine, resource, f.params, f.param_count, e) ||
           err_wrap(e, "set parameters");
}

/* ---- endpoints ---- */

const char *endpoint_key(struct arena *a, const char *what, const char *id)
{
    return arena_printf(a, "%s.%s", id, what);
}

bool cluster_addresses(struct sandbox *sb, struct arena *a, const char *id, const char **ret_writer,
                       const char **ret_reader, struct err *e)
{
    char lower[64];
    (void)snprintf(lower, sizeof lower, "%s", id);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return endpoint_address(sb->engine, a, endpoint_key(a, ENDPOINT_OF_CLUSTER, lower), ret_writer, e) &&
           endpoint_address(sb->engine, a, endpoint_key(a, ENDPOINT_OF_READERS, lower), ret_reader, e);
}

struct target {
    const char *name, *volume;
    enum endpoint_mode mode;
};

struct targets {
    struct target *items;
    size_t count, cap;
    int port;
};

static void want(struct arena *a, struct targets *t, const char *what, const char *id, const char *volume,
                 enum endpoint_mode mode)
{
    struct target one = {endpoint_key(a, what, id), volume, mode};
    ARR_PUSH(a, t->items, t->count, t->cap, one);
}

static void want_custom(struct sandbox *sb, struct arena *a, struct targets *t, const char *resource,
                        const char *volume, const json_t *writer)
{
    size_t i;
    json_t *endpoint;
    json_array_foreach(store_list(sb->store, KIND_ENDPOINT), i, endpoint)
    {
        if (!rec_is(endpoint, "_cluster", resource))
            continue;
        const char *id = rec_str(writer, "DBInstanceIdentifier");
        const json_t *members = rec_get(endpoint, "StaticMembers");
        bool in = json_array_size(members) == 0 ? !list_has(rec_get(endpoint, "ExcludedMembers"), id)
                                                : list_has(members, id);
        bool writable = in && rec_is(endpoint, "CustomEndpointType", "ANY");
        want(a, t, ENDPOINT_CUSTOM, rec_str(endpoint, "DBClusterEndpointIdentifier"), volume,
             writable ? ENDPOINT_WRITER : ENDPOINT_READER);
    }
}

/* The wished state of all endpoints of a cluster. Readers share the writer's storage, so they are the same
 * server with read-only sessions; without a reader the reader endpoint leads to the writer, as Aurora's does.
 */
static void collect(struct sandbox *sb, struct arena *a, const json_t *cluster, struct targets *t)
{
    const char *resource = arena_strdup(a, rec_str(cluster, "DbClusterResourceId"));
    const char *id = rec_str(cluster, "DBClusterIdentifier");
    const json_t *writer = cluster_writer(sb, cluster);
    bool served = writer && rec_has(writer, "_address");
    const char *volume = served ? resource : NULL;
    bool readers = false;
    size_t i;
    json_t *instance;
    t->port = (int)rec_int(cluster, "Port");
    json_array_foreach(store_list(sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", resource) || !rec_has(instance, "_address"))
            continue;
        bool is_writer = rec_bool(instance, "_writer");
        readers = readers || !is_writer;
        want(a, t, ENDPOINT_OF_INSTANCE, rec_str(instance, "DBInstanceIdentifier"), volume,
             is_writer ? ENDPOINT_WRITER : ENDPOINT_READER);
    }
    want(a, t, ENDPOINT_OF_CLUSTER, id, volume, ENDPOINT_WRITER);
    want(a, t, ENDPOINT_OF_READERS, id, volume, readers ? ENDPOINT_READER : ENDPOINT_WRITER);
    want_custom(sb, a, t, resource, volume, writer);
}

bool cluster_point_endpoints(struct sandbox *sb, const char *resource, struct err *e)
{
    /* collecting and pointing together, or an older picture could be applied last */
    static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct targets t = {0};
    bool ok = true;
    (void)pthread_mutex_lock(&order);
    sandbox_lock(sb);
    const json_t *cluster = store_resource(sb->store, KIND_CLUSTER, resource);
    if (cluster)
        collect(sb, a, cluster, &t);
    sandbox_unlock(sb);
    for (size_t i = 0; i < t.count && ok; i++)
        ok = endpoint_point(sb->engine, t.items[i].name, t.port, t.items[i].volume, t.items[i].mode, e);
    (void)pthread_mutex_unlock(&order);
    return ok || err_wrap(e, "point endpoints");
}

static void collect_of(struct sandbox *sb, struct arena *a, const char *resource, struct targets *t)
{
    sandbox_lock(sb);
    const json_t *cluster = store_resource(sb->store, KIND_CLUSTER, resource);
    if (cluster)
        collect(sb, a, cluster, t);
    sandbox_unlock(sb);
}

bool cluster_cut_endpoints(struct sandbox *sb, const char *resource, struct err *e)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct targets t = {0};
    collect_of(sb, a, resource, &t);
    for (size_t i = 0; i < t.count; i++)
        if (!endpoint_point(sb->engine, t.items[i].name, t.port, NULL, t.items[i].mode, e))
            return err_wrap(e, "cut connections");
    return cluster_point_endpoints(sb, resource, e);
}

json_t *cluster_endpoints(struct sandbox *sb, const char *resource)
{
    struct arena *a CLEANUP(arena_cleanup) = arena_new();
    struct targets t = {0};
    json_t *names = json_array();
    collect_of(sb, a, resource, &t);
    for (size_t i = 0; i < t.count; i++)
        (void)json_array_append_new(names, json_string(t.items[i].name));
    return names;
}

/* ---- jobs of clusters ---- */

json_t *cluster_job_args(const json_t *cluster)
{
    return json_pack("{s:s}", "cluster", rec_str(cluster, "DbClusterResourceId"));
}

json_t *job_cluster(struct job *j)
{
    return store_resource(j->sb->store, KIND_CLUSTER, rec_str(j->args, "cluster"));
}

void job_cluster_status(struct job *j, const char *status)
{
    sandbox_lock(j->sb);
    json_t *cluster = job_cluster(j);
    if (cluster)
        rec_set_str(cluster, "Status", status);
    sandbox_save(j->sb);
    sandbox_unlock(j->sb);
}
