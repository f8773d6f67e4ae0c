/* Every member of DBCluster and DBInstance that has a meaning of its own. */
#include "internal/upgrade/parity.h"

#include <string.h>

#define CLUSTER  PARITY_CLUSTER
#define INSTANCE PARITY_INSTANCE
#define BOTH     (PARITY_CLUSTER | PARITY_INSTANCE)

#define MAY(m)                                                                                               \
    {                                                                                                        \
        .member = (m), .of = BOTH, .may_differ = true                                                        \
    }
#define REPLACES(m, o)                                                                                       \
    {                                                                                                        \
        .member = (m), .of = (o), .severity = PARITY_REPLACE                                                 \
    }
#define UPDATES(m, o, r, u)                                                                                  \
    {                                                                                                        \
        .member = (m), .of = (o), .severity = PARITY_UPDATE, .repair = REPAIR_TEXT, .request = (r),          \
        .unset = (u)                                                                                         \
    }

enum { ALONE, INSIGHTS, MONITORING };

const struct parity_rule parity_rules[] = {
    /* the object itself */
    MAY("CertificateDetails"), /* of CACertificateIdentifier, and a date */
    MAY("CloneGroupId"),
    MAY("ClusterCreateTime"),
    MAY("CrossAccountClone"),
    MAY("CustomEndpoints"),
    MAY("DBClusterArn"),
    MAY("DBClusterIdentifier"),
    MAY("DBClusterMembers"),
    MAY("DBInstanceArn"),
    MAY("DBInstanceIdentifier"),
    MAY("DBSystemId"),
    MAY("DbClusterResourceId"),
    MAY("DbiResourceId"),
    MAY("Endpoint"),
    MAY("EnhancedMonitoringResourceArn"),
    MAY("HostedZoneId"),
    MAY("InstanceCreateTime"),
    MAY("MasterUserSecret"),
    MAY("ReadReplicaIdentifiers"),
    MAY("ReaderEndpoint"),
    MAY("ReplicationSourceIdentifier"),
    MAY("ServerlessV2PlatformVersion"),
    MAY("ActivityStreamKinesisStreamName"),
    MAY("AwsBackupRecoveryPointArn"),
    MAY("TagList"), /* the switchover itself carries it */
    /* the upgrade's purpose */
    MAY("DBClusterOptionGroupMemberships"),
    MAY("DBClusterParameterGroup"),
    MAY("DBParameterGroups"),
    MAY("EngineVersion"),
    MAY("OptionGroupMemberships"),
    /* a moment */
    MAY("AllocatedStorage"),
    MAY("AutomaticRestartTime"),
    MAY("BacktrackConsumedChangeRecords"),
    MAY("Capacity"),
    MAY("DBInstanceStatus"),
    MAY("EarliestBacktrackTime"),
    MAY("EarliestRestorableTime"),
    MAY("IOOptimizedNextAllowedModificationTime"),
    MAY("IsStorageConfigUpgradeAvailable"),
    MAY("LatestRestorableTime"),
    MAY("PendingModifiedValues"),
    MAY("PercentProgress"),
    MAY("Status"),
    MAY("StatusInfos"),
    MAY("StorageVolumeStatus"),
    /* rows of their own while green is built and before it takes over */
    MAY("ServerlessV2ScalingConfiguration"),

    REPLACES("AvailabilityZones", CLUSTER),
    REPLACES("ClusterScalabilityType", CLUSTER),
    REPLACES("DBSubnetGroup", BOTH),
    REPLACES("Engine", BOTH),
    REPLACES("EngineMode", CLUSTER),
    REPLACES("KmsKeyId", CLUSTER),
    REPLACES("MasterUsername", CLUSTER),
    REPLACES("StorageEncrypted", CLUSTER),
    {.member = "StorageEncryptionType", .of = CLUSTER, .severity = PARITY_REPORT}, /* follows from the two */
    REPLACES("AvailabilityZone", INSTANCE),
    REPLACES("DomainMemberships", CLUSTER),
    {.member = "DatabaseName", .of = CLUSTER, .severity = PARITY_REPLACE, .if_set = true},
    {.member = "DBName", .of = CLUSTER, .may_differ = true}, /* an instance's view of DatabaseName */

    UPDATES("AutoMinorVersionUpgrade", BOTH, "AutoMinorVersionUpgrade", "false"),
    UPDATES("BackupRetentionPeriod", CLUSTER, "BackupRetentionPeriod", NULL),
    UPDATES("CopyTagsToSnapshot", BOTH, "CopyTagsToSnapshot", "false"),
    UPDATES("DeletionProtection", CLUSTER, "DeletionProtection", "false"),
    UPDATES("EngineLifecycleSupport", CLUSTER, "EngineLifecycleSupport", NULL),
    UPDATES("IAMDatabaseAuthenticationEnabled", CLUSTER, "EnableIAMDatabaseAuthentication", "false"),
    UPDATES("NetworkType", CLUSTER, "NetworkType", NULL),
    UPDATES("Port", CLUSTER, "Port", NULL),
    UPDATES("PreferredBackupWindow", CLUSTER, "PreferredBackupWindow", NULL),
    UPDATES("PreferredMaintenanceWindow", BOTH, "PreferredMaintenanceWindow", NULL),
    UPDATES("StorageType", CLUSTER, "StorageType", "aurora"),
    UPDATES("CACertificateIdentifier", INSTANCE, "CACertificateIdentifier", NULL),
    UPDATES("DBInstanceClass", INSTANCE, "DBInstanceClass", NULL),
    UPDATES("PromotionTier", INSTANCE, "PromotionTier", "0"),
    UPDATES("PubliclyAccessible", INSTANCE, "PubliclyAccessible", "false"),
    {.member = "VpcSecurityGroups",
     .of = CLUSTER,
     .severity = PARITY_UPDATE,
     .repair = REPAIR_GROUPS,
     .request = "VpcSecurityGroupIds.VpcSecurityGroupId"},
    {.member = "EnabledCloudwatchLogsExports",
     .of = CLUSTER,
     .severity = PARITY_UPDATE,
     .repair = REPAIR_LOGS},
    {.member = "AssociatedRoles", .of = CLUSTER, .severity = PARITY_UPDATE, .repair = REPAIR_ROLES},
    {.member = "HttpEndpointEnabled", .of = CLUSTER, .severity = PARITY_UPDATE, .repair = REPAIR_DATA_API},
    {.member = "LocalWriteForwardingStatus",
     .of = CLUSTER,
     .severity = PARITY_INVISIBLE,
     .repair = REPAIR_FORWARDING,
     .request = "EnableLocalWriteForwarding"},

    {.member = "MonitoringInterval",
     .of = BOTH,
     .severity = PARITY_UPDATE,
     .repair = REPAIR_TEXT,
     .request = "MonitoringInterval",
     .unset = "0",
     .together = MONITORING},
    {.member = "MonitoringRoleArn",
     .of = BOTH,
     .if_set = true,
     .severity = PARITY_UPDATE,
     .repair = REPAIR_TEXT,
     .request = "MonitoringRoleArn",
     .together = MONITORING},
    {.member = "PerformanceInsightsEnabled",
     .of = BOTH,
     .severity = PARITY_UPDATE,
     .repair = REPAIR_TEXT,
     .request = "EnablePerformanceInsights",
     .unset = "false",
     .together = INSIGHTS},
    {.member = "PerformanceInsightsKMSKeyId",
     .of = BOTH,
     .if_set = true,
     .severity = PARITY_UPDATE,
     .repair = REPAIR_TEXT,
     .request = "PerformanceInsightsKMSKeyId",
     .together = INSIGHTS},
    {.member = "PerformanceInsightsRetentionPeriod",
     .of = BOTH,
     .if_set = true,
     .severity = PARITY_UPDATE,
     .repair = REPAIR_TEXT,
     .request = "PerformanceInsightsRetentionPeriod",
     .together = INSIGHTS},
    {.member = "DatabaseInsightsMode",
     .of = CLUSTER,
     .severity = PARITY_UPDATE,
     .repair = REPAIR_TEXT,
     .request = "DatabaseInsightsMode",
     .unset = "standard",
     .together = INSIGHTS},
    {.member = NULL},
};

const struct parity_rule *parity_rule(const char *member)
{
    for (const struct parity_rule *r = parity_rules; r->member; r++)
        if (strcmp(r->member, member) == 0)
            return r;
    return NULL;
}
