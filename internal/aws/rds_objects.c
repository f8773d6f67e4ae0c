/* What clusters, instances, deployments and snapshots look like in AWS's replies, as tables; and their
 * copies. */
#include "internal/aws/rds_internal.h"

static const struct shape_member tag_members[] = {
    MEMBER(rds_tag, TEXT, key, "Key"),
    MEMBER(rds_tag, TEXT, value, "Value"),
    END_OF_SHAPE,
};
const struct shape rds_tag_shape = {sizeof(struct rds_tag), tag_members};

static const struct shape_member member_members[] = {
    MEMBER(rds_member, TEXT, identifier, "DBInstanceIdentifier"),
    MEMBER(rds_member, TEXT, parameter_group_status, "DBClusterParameterGroupStatus"),
    MEMBER(rds_member, BOOL, is_writer, "IsClusterWriter"),
    MEMBER(rds_member, INT, promotion_tier, "PromotionTier"),
    END_OF_SHAPE,
};
static const struct shape member_shape = {sizeof(struct rds_member), member_members};

static const struct shape_member role_members[] = {
    MEMBER(rds_role, TEXT, arn, "RoleArn"),
    MEMBER(rds_role, TEXT, feature, "FeatureName"),
    MEMBER(rds_role, TEXT, status, "Status"),
    END_OF_SHAPE,
};
static const struct shape role_shape = {sizeof(struct rds_role), role_members};

static const struct shape_member cluster_members[] = {
    MEMBER(rds_cluster, TEXT, identifier, "DBClusterIdentifier"),
    MEMBER(rds_cluster, TEXT, arn, "DBClusterArn"),
    MEMBER(rds_cluster, TEXT, resource_id, "DbClusterResourceId"),
    MEMBER(rds_cluster, TEXT, status, "Status"),
    MEMBER(rds_cluster, TEXT, engine, "Engine"),
    MEMBER(rds_cluster, TEXT, engine_mode, "EngineMode"),
    MEMBER(rds_cluster, TEXT, engine_version, "EngineVersion"),
    MEMBER(rds_cluster, TEXT, parameter_group, "DBClusterParameterGroup"),
    MEMBER(rds_cluster, TEXT, endpoint, "Endpoint"),
    MEMBER(rds_cluster, TEXT, reader_endpoint, "ReaderEndpoint"),
    MEMBER(rds_cluster, TEXT, master_username, "MasterUsername"),
    MEMBER(rds_cluster, TEXT, pending_engine_version, "PendingModifiedValues/EngineVersion"),
    MEMBER(rds_cluster, TEXT, kms_key_id, "KmsKeyId"),
    MEMBER(rds_cluster, TEXT, storage_type, "StorageType"),
    MEMBER(rds_cluster, TEXT, maintenance_window, "PreferredMaintenanceWindow"),
    MEMBER(rds_cluster, TEXT, global_cluster_identifier, "GlobalClusterIdentifier"),
    MEMBER(rds_cluster, TEXT, replication_source, "ReplicationSourceIdentifier"),
    MEMBER(rds_cluster, TEXT, master_user_secret_arn, "MasterUserSecret/SecretArn"),
    MEMBER(rds_cluster, TEXT, clone_group_id, "CloneGroupId"),
    MEMBER(rds_cluster, TEXT, database_name, "DatabaseName"),
    MEMBER(rds_cluster, INT, port, "Port"),
    MEMBER(rds_cluster, INT, backup_retention, "BackupRetentionPeriod"),
    MEMBER(rds_cluster, BOOL, storage_encrypted, "StorageEncrypted"),
    MEMBER(rds_cluster, BOOL, deletion_protection, "DeletionProtection"),
    MEMBER(rds_cluster, BOOL, iam_auth, "IAMDatabaseAuthenticationEnabled"),
    MEMBER(rds_cluster, HAS_CHILDREN, has_pending_changes, "PendingModifiedValues"),
    MEMBER(rds_cluster, PRESENT, serverless_v2, "ServerlessV2ScalingConfiguration"),
    MEMBER(rds_cluster, DOUBLE, min_capacity, "ServerlessV2ScalingConfiguration/MinCapacity"),
    MEMBER(rds_cluster, DOUBLE, max_capacity, "ServerlessV2ScalingConfiguration/MaxCapacity"),
    LIST_OF(rds_cluster, members, member_count, "DBClusterMembers", "DBClusterMember", &member_shape),
    TEXTS(rds_cluster, availability_zones, "AvailabilityZones", "AvailabilityZone"),
    TEXTS(rds_cluster, custom_endpoints, "CustomEndpoints", "member"),
    LIST_OF(rds_cluster, roles, role_count, "AssociatedRoles", "DBClusterRole", &role_shape),
    TAGS_OF(rds_cluster),
    MEMBER(rds_cluster, RAW, raw, ""),
    END_OF_SHAPE,
};
const struct shape rds_cluster_shape = {sizeof(struct rds_cluster), cluster_members};

static const struct shape_member instance_members[] = {
    MEMBER(rds_instance, TEXT, identifier, "DBInstanceIdentifier"),
    MEMBER(rds_instance, TEXT, arn, "DBInstanceArn"),
    MEMBER(rds_instance, TEXT, resource_id, "DbiResourceId"),
    MEMBER(rds_instance, TEXT, status, "DBInstanceStatus"),
    MEMBER(rds_instance, TEXT, instance_class, "DBInstanceClass"),
    MEMBER(rds_instance, TEXT, engine, "Engine"),
    MEMBER(rds_instance, TEXT, engine_version, "EngineVersion"),
    MEMBER(rds_instance, TEXT, cluster_identifier, "DBClusterIdentifier"),
    MEMBER(rds_instance, TEXT, availability_zone, "AvailabilityZone"),
    MEMBER(rds_instance, TEXT, parameter_group, "DBParameterGroups/DBParameterGroup/DBParameterGroupName"),
    MEMBER(rds_instance, TEXT, parameter_apply_status,
           "DBParameterGroups/DBParameterGroup/ParameterApplyStatus"),
    MEMBER(rds_instance, TEXT, endpoint, "Endpoint/Address"),
    MEMBER(rds_instance, TEXT, ca_certificate, "CACertificateIdentifier"),
    MEMBER(rds_instance, INT, port, "Endpoint/Port"),
    MEMBER(rds_instance, INT, promotion_tier, "PromotionTier"),
    MEMBER(rds_instance, HAS_CHILDREN, has_pending_changes, "PendingModifiedValues"),
    TAGS_OF(rds_instance),
    MEMBER(rds_instance, RAW, raw, ""),
    END_OF_SHAPE,
};
const struct shape rds_instance_shape = {sizeof(struct rds_instance), instance_members};

static const struct shape_member side_members[] = {
    MEMBER(rds_bg_member, TEXT, source, "SourceMember"),
    MEMBER(rds_bg_member, TEXT, target, "TargetMember"),
    MEMBER(rds_bg_member, TEXT, status, "Status"),
    END_OF_SHAPE,
};
static const struct shape side_shape = {sizeof(struct rds_bg_member), side_members};

static const struct shape_member task_members[] = {
    MEMBER(rds_bg_task, TEXT, name, "Name"),
    MEMBER(rds_bg_task, TEXT, status, "Status"),
    END_OF_SHAPE,
};
static const struct shape task_shape = {sizeof(struct rds_bg_task), task_members};

static const struct shape_member bluegreen_members[] = {
    MEMBER(rds_bluegreen, TEXT, identifier, "BlueGreenDeploymentIdentifier"),
    MEMBER(rds_bluegreen, TEXT, name, "BlueGreenDeploymentName"),
    MEMBER(rds_bluegreen, TEXT, source, "Source"),
    MEMBER(rds_bluegreen, TEXT, target, "Target"),
    MEMBER(rds_bluegreen, TEXT, status, "Status"),
    MEMBER(rds_bluegreen, TEXT, status_details, "StatusDetails"),
    MEMBER(rds_bluegreen, TEXT, create_time, "CreateTime"),
    LIST_OF(rds_bluegreen, members, member_count, "SwitchoverDetails", "member", &side_shape),
    LIST_OF(rds_bluegreen, tasks, task_count, "Tasks", "member", &task_shape),
    TAGS_OF(rds_bluegreen),
    END_OF_SHAPE,
};
const struct shape rds_bluegreen_shape = {sizeof(struct rds_bluegreen), bluegreen_members};

static const struct shape_member snapshot_members[] = {
    MEMBER(rds_snapshot, TEXT, identifier, "DBClusterSnapshotIdentifier"),
    MEMBER(rds_snapshot, TEXT, arn, "DBClusterSnapshotArn"),
    MEMBER(rds_snapshot, TEXT, cluster_identifier, "DBClusterIdentifier"),
    MEMBER(rds_snapshot, TEXT, status, "Status"),
    MEMBER(rds_snapshot, TEXT, engine_version, "EngineVersion"),
    MEMBER(rds_snapshot, TEXT, type, "SnapshotType"),
    MEMBER(rds_snapshot, TEXT, create_time, "SnapshotCreateTime"),
    MEMBER(rds_snapshot, TEXT, kms_key_id, "KmsKeyId"),
    MEMBER(rds_snapshot, INT, percent, "PercentProgress"),
    TAGS_OF(rds_snapshot),
    END_OF_SHAPE,
};
const struct shape rds_snapshot_shape = {sizeof(struct rds_snapshot), snapshot_members};

struct rds_cluster *rds_cluster_copy(struct arena *a, const struct rds_cluster *c)
{
    return c ? shape_copy(a, &rds_cluster_shape, c, 1) : NULL;
}

struct rds_instance *rds_instance_copy(struct arena *a, const struct rds_instance *i)
{
    return i ? shape_copy(a, &rds_instance_shape, i, 1) : NULL;
}

struct rds_bluegreen *rds_bluegreen_copy(struct arena *a, const struct rds_bluegreen *d)
{
    return d ? shape_copy(a, &rds_bluegreen_shape, d, 1) : NULL;
}

struct rds_snapshot *rds_snapshot_copy(struct arena *a, const struct rds_snapshot *p)
{
    return p ? shape_copy(a, &rds_snapshot_shape, p, 1) : NULL;
}
