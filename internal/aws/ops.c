#include "internal/aws/ops.h"

#include <string.h>

#define CLUSTER_GONE  "DBClusterNotFoundFault"
#define INSTANCE_GONE "DBInstanceNotFound DBInstanceNotFoundFault"
/* AWS answers for a missing cluster parameter group with the instance group's code (seen by moto's authors);
 * the service model has a code of its own. */
#define GROUP_GONE                                                                                           \
    "DBParameterGroupNotFound DBClusterParameterGroupNotFound DBParameterGroupNotFoundFault "                \
    "DBClusterParameterGroupNotFoundFault"
#define BLUEGREEN_GONE "BlueGreenDeploymentNotFoundFault"
#define SNAPSHOT_GONE  "DBClusterSnapshotNotFoundFault"

#define LIST(a, l, i, gone)                                                                                  \
    {                                                                                                        \
        .service = "rds", .action = (a), .flags = OP_REPEATABLE, .list = (l), .item = (i),                   \
        .marker = "Marker", .absent = (gone)                                                                 \
    }
#define CALL(a, f, gone)                                                                                     \
    {                                                                                                        \
        .service = "rds", .action = (a), .flags = (f), .absent = (gone)                                      \
    }

#define REST(a, m, p, f, gone)                                                                               \
    {                                                                                                        \
        .service = "route53", .action = (a), .method = (m), .path = (p), .flags = (f) | OP_NO_RESULT,        \
        .absent = (gone)                                                                                     \
    }

/* Not repeatable: what a second execution would do again (a reboot), or do a second time although the first
 * one has failed meanwhile (a switchover), or what names the state it begins at (records of a zone). Names of
 * groups, snapshots and deployments are unique, so that repeating a creation answers "exists already". */
static const struct aws_op ops[] = {
    LIST("DescribeDBClusters", "DBClusters", "DBCluster", CLUSTER_GONE),
    LIST("DescribeDBInstances", "DBInstances", "DBInstance", INSTANCE_GONE),
    LIST("DescribeDBClusterParameterGroups", "DBClusterParameterGroups", "DBClusterParameterGroup",
         GROUP_GONE),
    LIST("DescribeDBParameterGroups", "DBParameterGroups", "DBParameterGroup", GROUP_GONE),
    LIST("DescribeDBClusterParameters", "Parameters", "Parameter", GROUP_GONE),
    LIST("DescribeDBParameters", "Parameters", "Parameter", GROUP_GONE),
    LIST("DescribeDBEngineVersions", "DBEngineVersions", "DBEngineVersion", NULL),
    LIST("DescribeDBMajorEngineVersions", "DBMajorEngineVersions", "DBMajorEngineVersion", NULL),
    LIST("DescribeOrderableDBInstanceOptions", "OrderableDBInstanceOptions", "OrderableDBInstanceOption",
         NULL),
    LIST("DescribeBlueGreenDeployments", "BlueGreenDeployments", "member", BLUEGREEN_GONE),
    LIST("DescribeEvents", "Events", "Event", NULL),
    LIST("DescribeDBProxies", "DBProxies", "member", "DBProxyNotFoundFault"),
    LIST("DescribeDBProxyTargets", "Targets", "member", "DBProxyNotFoundFault"),
    LIST("DescribeDBClusterSnapshots", "DBClusterSnapshots", "DBClusterSnapshot", SNAPSHOT_GONE),
    LIST("DescribeDBClusterEndpoints", "DBClusterEndpoints", "DBClusterEndpointList", CLUSTER_GONE),
    {.service = "rds",
     .action = "DescribeEngineDefaultParameters",
     .flags = OP_REPEATABLE,
     .list = "EngineDefaults/Parameters",
     .item = "Parameter",
     .marker = "EngineDefaults/Marker"},
    {.service = "rds",
     .action = "DescribeEngineDefaultClusterParameters",
     .flags = OP_REPEATABLE,
     .list = "EngineDefaults/Parameters",
     .item = "Parameter",
     .marker = "EngineDefaults/Marker"},
    LIST("DescribeDBLogFiles", "DescribeDBLogFiles", "DescribeDBLogFilesDetails", INSTANCE_GONE),
    CALL("DownloadDBLogFilePortion", OP_REPEATABLE, "DBLogFileNotFoundFault"),
    CALL("ListTagsForResource", OP_REPEATABLE, NULL),

    CALL("ModifyDBCluster", OP_REPEATABLE, CLUSTER_GONE),
    CALL("DeleteDBCluster", OP_REPEATABLE, CLUSTER_GONE),
    CALL("ModifyDBInstance", OP_REPEATABLE, INSTANCE_GONE),
    CALL("DeleteDBInstance", OP_REPEATABLE, INSTANCE_GONE),
    CALL("RebootDBInstance", 0, INSTANCE_GONE),
    CALL("CreateDBClusterParameterGroup", OP_REPEATABLE, NULL),
    CALL("CreateDBParameterGroup", OP_REPEATABLE, NULL),
    CALL("ModifyDBClusterParameterGroup", OP_REPEATABLE, GROUP_GONE),
    CALL("ModifyDBParameterGroup", OP_REPEATABLE, GROUP_GONE),
    CALL("DeleteDBClusterParameterGroup", OP_REPEATABLE | OP_NO_RESULT, GROUP_GONE),
    CALL("DeleteDBParameterGroup", OP_REPEATABLE | OP_NO_RESULT, GROUP_GONE),
    CALL("CreateBlueGreenDeployment", OP_REPEATABLE, NULL),
    CALL("SwitchoverBlueGreenDeployment", 0, BLUEGREEN_GONE),
    CALL("DeleteBlueGreenDeployment", OP_REPEATABLE, BLUEGREEN_GONE),
    CALL("CreateDBClusterSnapshot", OP_REPEATABLE, NULL),
    CALL("CopyDBClusterSnapshot", OP_REPEATABLE, NULL),
    CALL("DeleteDBClusterSnapshot", OP_REPEATABLE, SNAPSHOT_GONE),
    CALL("AddRoleToDBCluster", OP_REPEATABLE | OP_NO_RESULT, CLUSTER_GONE),
    CALL("RemoveRoleFromDBCluster", OP_REPEATABLE | OP_NO_RESULT, "DBClusterRoleNotFound"),
    CALL("CreateDBClusterEndpoint", OP_REPEATABLE, NULL),
    CALL("DeleteDBClusterEndpoint", OP_REPEATABLE, "DBClusterEndpointNotFoundFault"),
    CALL("EnableHttpEndpoint", OP_REPEATABLE, NULL),
    CALL("DisableHttpEndpoint", OP_REPEATABLE, NULL),
    CALL("AddTagsToResource", OP_REPEATABLE | OP_NO_RESULT, NULL),
    CALL("RemoveTagsFromResource", OP_REPEATABLE | OP_NO_RESULT, NULL),

    {.service = "sts", .action = "GetCallerIdentity", .flags = OP_REPEATABLE | OP_NEEDS_NO_RIGHTS},
    {.service = "sts", .action = "AssumeRole", .flags = OP_REPEATABLE},
    {.service = "sts", .action = "AssumeRoleWithWebIdentity", .flags = OP_REPEATABLE},
    {.service = "secretsmanager",
     .action = "GetSecretValue",
     .flags = OP_REPEATABLE,
     .absent = "ResourceNotFoundException"},
    {.service = "kms", .action = "DescribeKey", .flags = OP_REPEATABLE, .absent = "NotFoundException"},

    REST("GetHostedZone", "GET", "hostedzone/{}", OP_REPEATABLE, "NoSuchHostedZone"),
    REST("ListResourceRecordSets", "GET", "hostedzone/{}/rrset", OP_REPEATABLE, "NoSuchHostedZone"),
    REST("ChangeResourceRecordSets", "POST", "hostedzone/{}/rrset/", 0, NULL),
    REST("GetChange", "GET", "change/{}", OP_REPEATABLE, "NoSuchChange"),
};

const struct aws_op *aws_op_find(const char *service, const char *action)
{
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (strcmp(ops[i].service, service) == 0 && strcmp(ops[i].action, action) == 0)
            return &ops[i];
    return NULL;
}

bool aws_op_means_absent(const struct aws_op *op, const char *code)
{
    size_t n = strlen(code);
    for (const char *at = op->absent; at && n > 0; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, code, n) == 0 && (at[n] == ' ' || at[n] == '\0'))
            return true;
    }
    return false;
}
