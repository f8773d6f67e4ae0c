/* What AWS shows of clusters and instances beyond their own records: members, custom endpoints, and what an
 * instance inherits from its cluster. */
#include "acceptance-tests/sandbox/describe.h"

#include <stdio.h>

static json_t *members_of(struct sandbox *sb, const json_t *cluster)
{
    json_t *members = json_array(), *instance;
    size_t i;
    json_array_foreach(store_list(sb->store, KIND_INSTANCE), i, instance)
    {
        if (!rec_is(instance, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            continue;
        json_t *member = json_object();
        rec_copy(member, instance, "DBInstanceIdentifier");
        rec_copy(member, instance, "PromotionTier");
        rec_set_bool(member, "IsClusterWriter", rec_bool(instance, "_writer"));
        rec_set_str(member, "DBClusterParameterGroupStatus", rec_str(instance, "_cluster_group_status"));
        (void)json_array_append_new(members, member);
    }
    return members;
}

static json_t *custom_endpoints_of(struct sandbox *sb, const json_t *cluster)
{
    json_t *list = json_array(), *endpoint;
    size_t i;
    json_array_foreach(store_list(sb->store, KIND_ENDPOINT), i, endpoint)
    {
        if (rec_is(endpoint, "_cluster", rec_str(cluster, "DbClusterResourceId")))
            (void)json_array_append_new(list, json_string(rec_str(endpoint, "Endpoint")));
    }
    return list;
}

json_t *view_cluster(struct sandbox *sb, const json_t *cluster)
{
    json_t *view = json_copy((json_t *)cluster); /* shallow: shares what is not replaced below */
    json_t *custom = custom_endpoints_of(sb, cluster);
    rec_set(view, "DBClusterMembers", members_of(sb, cluster));
    rec_set(view, "CustomEndpoints", json_array_size(custom) > 0 ? custom : (json_decref(custom), NULL));
    char now[TIME_ISO_SIZE];
    sandbox_now(sb, now);
    rec_set_str(view, "LatestRestorableTime", now);
    const json_t *pending = rec_get(cluster, "PendingModifiedValues");
    if (pending && json_object_size(pending) == 0)
        rec_unset(view, "PendingModifiedValues");
    return view;
}

static json_t *endpoint_of(const json_t *instance, const json_t *cluster)
{
    if (!rec_has(instance, "_address"))
        return NULL; /* as AWS: no address before there is a server */
    json_t *endpoint = json_object();
    rec_set_str(endpoint, "Address", rec_str(instance, "_address"));
    rec_set_int(endpoint, "Port", rec_int(cluster, "Port"));
    rec_set_str(endpoint, "HostedZoneId", rec_str(cluster, "HostedZoneId"));
    return endpoint;
}

static json_t *group_of(const json_t *instance)
{
    return json_pack("[{s:s, s:s}]", "DBParameterGroupName", rec_str(instance, "_group"),
                     "ParameterApplyStatus", rec_str(instance, "_group_status"));
}

static json_t *option_group_of(const json_t *cluster)
{
    char name[64];
    (void)snprintf(name, sizeof name, "default:aurora-postgresql-%d", (int)rec_int(cluster, "_major"));
    return json_pack("[{s:s, s:s}]", "OptionGroupName", name, "Status", "in-sync");
}

json_t *view_instance(struct sandbox *sb, const json_t *instance)
{
    static const char *const INHERITED[] = {
        "Engine",
        "MasterUsername",
        "AllocatedStorage",
        "PreferredBackupWindow",
        "BackupRetentionPeriod",
        "VpcSecurityGroups",
        "StorageType",
        "StorageEncrypted",
        "KmsKeyId",
        "IAMDatabaseAuthenticationEnabled",
        "EnabledCloudwatchLogsExports",
        "NetworkType",
        "DBClusterIdentifier",
        "DatabaseInsightsMode",
        "EngineLifecycleSupport",
        "UpgradeRolloutOrder",
    };
    json_t *view = json_copy((json_t *)instance);
    const json_t *cluster = store_resource(sb->store, KIND_CLUSTER, rec_str(instance, "_cluster"));
    for (size_t i = 0; i < ARRAY_LEN(INHERITED); i++)
        rec_copy(view, cluster, INHERITED[i]);
    if (!rec_has(instance, "EngineVersion"))
        rec_copy(view, cluster, "EngineVersion");
    if (rec_has(cluster, "DatabaseName"))
        rec_set_str(view, "DBName", rec_str(cluster, "DatabaseName"));
    rec_set(view, "Endpoint", endpoint_of(instance, cluster));
    rec_set(view, "DBParameterGroups", group_of(instance));
    rec_set(view, "OptionGroupMemberships", option_group_of(cluster));
    const json_t *subnets = store_find(sb->store, KIND_SUBNET_GROUP, rec_str(cluster, "DBSubnetGroup"));
    rec_set(view, "DBSubnetGroup", subnets ? json_deep_copy(subnets) : NULL);
    rec_set_int(view, "DbInstancePort", 0);
    rec_set_bool(view, "DeletionProtection", false);
    return view;
}
