/* Which actions on which resources each operation needs, after the Service Authorization Reference for RDS,
 * STS, Secrets Manager and Route 53, and the Aurora User Guide on what blue/green calls need besides. */
#include "acceptance-tests/sandbox/iam.h"

#include "acceptance-tests/sandbox/describe.h"
#include "acceptance-tests/sandbox/keys.h"
#include "internal/base/names.h"

#include <string.h>

enum target_use {
    ALWAYS,   /* without the member: every resource of the type */
    IF_GIVEN, /* only when the request has the member */
};

struct target {
    const char *member; /* "" with ALWAYS: every resource of the type */
    const char *type;   /* of the ARN; "" : the member is an ARN; NULL ends */
    enum target_use use;
};

#define CLUSTER                                                                                              \
    {                                                                                                        \
        "DBClusterIdentifier", "cluster", ALWAYS                                                             \
    }
#define CLUSTER_GIVEN                                                                                        \
    {                                                                                                        \
        "DBClusterIdentifier", "cluster", IF_GIVEN                                                           \
    }
#define INSTANCE                                                                                             \
    {                                                                                                        \
        "DBInstanceIdentifier", "db", ALWAYS                                                                 \
    }
#define CLUSTER_GROUP                                                                                        \
    {                                                                                                        \
        "DBClusterParameterGroupName", "cluster-pg", ALWAYS                                                  \
    }
#define CLUSTER_GROUP_IF                                                                                     \
    {                                                                                                        \
        "DBClusterParameterGroupName", "cluster-pg", IF_GIVEN                                                \
    }
#define GROUP                                                                                                \
    {                                                                                                        \
        "DBParameterGroupName", "pg", ALWAYS                                                                 \
    }
#define GROUP_IF                                                                                             \
    {                                                                                                        \
        "DBParameterGroupName", "pg", IF_GIVEN                                                               \
    }
#define SUBNETS_IF                                                                                           \
    {                                                                                                        \
        "DBSubnetGroupName", "subgrp", IF_GIVEN                                                              \
    }
#define SNAPSHOT                                                                                             \
    {                                                                                                        \
        "DBClusterSnapshotIdentifier", "cluster-snapshot", ALWAYS                                            \
    }
#define ENDPOINT                                                                                             \
    {                                                                                                        \
        "DBClusterEndpointIdentifier", "cluster-endpoint", ALWAYS                                            \
    }
#define DEPLOYMENT                                                                                           \
    {                                                                                                        \
        "BlueGreenDeploymentIdentifier", "deployment", ALWAYS                                                \
    }
#define ANY(type)                                                                                            \
    {                                                                                                        \
        "", (type), ALWAYS                                                                                   \
    }

/* Operations without a row need their own action on "*". */
static const struct row {
    const char *action;
    struct target targets[5];
} ROWS[] = {
    {"CreateDBCluster", {CLUSTER, CLUSTER_GROUP_IF, SUBNETS_IF}},
    {"DescribeDBClusters", {CLUSTER}},
    {"DeleteDBCluster", {CLUSTER, {"FinalDBSnapshotIdentifier", "cluster-snapshot", IF_GIVEN}}},
    {"FailoverDBCluster", {CLUSTER}},
    {"StopDBCluster", {CLUSTER}},
    {"StartDBCluster", {CLUSTER}},
    {"RebootDBCluster", {CLUSTER}},
    {"ModifyDBCluster", {CLUSTER, CLUSTER_GROUP_IF, {"DBInstanceParameterGroupName", "pg", IF_GIVEN}}},
    {"EnableHttpEndpoint", {{"ResourceArn", "cluster", ALWAYS}}},
    {"DisableHttpEndpoint", {{"ResourceArn", "cluster", ALWAYS}}},
    {"AddRoleToDBCluster", {CLUSTER}},
    {"RemoveRoleFromDBCluster", {CLUSTER}},
    {"CreateDBInstance", {INSTANCE, CLUSTER_GIVEN, GROUP_IF, SUBNETS_IF}},
    {"DescribeDBInstances", {INSTANCE}},
    {"DeleteDBInstance", {INSTANCE}},
    {"RebootDBInstance", {INSTANCE}},
    {"ModifyDBInstance", {INSTANCE, GROUP_IF}},
    {"CreateDBClusterSnapshot", {SNAPSHOT, CLUSTER}},
    {"DeleteDBClusterSnapshot", {SNAPSHOT}},
    {"DescribeDBClusterSnapshots", {SNAPSHOT, CLUSTER_GIVEN}},
    {"CopyDBClusterSnapshot",
     {{"SourceDBClusterSnapshotIdentifier", "cluster-snapshot", ALWAYS},
      {"TargetDBClusterSnapshotIdentifier", "cluster-snapshot", ALWAYS}}},
    {"RestoreDBClusterFromSnapshot",
     {CLUSTER, {"SnapshotIdentifier", "cluster-snapshot", ALWAYS}, CLUSTER_GROUP_IF, SUBNETS_IF}},
    {"RestoreDBClusterToPointInTime",
     {CLUSTER, {"SourceDBClusterIdentifier", "cluster", IF_GIVEN}, CLUSTER_GROUP_IF, SUBNETS_IF}},
    {"CreateDBClusterParameterGroup", {CLUSTER_GROUP}},
    {"DescribeDBClusterParameterGroups", {CLUSTER_GROUP}},
    {"DescribeDBClusterParameters", {CLUSTER_GROUP}},
    {"ModifyDBClusterParameterGroup", {CLUSTER_GROUP}},
    {"ResetDBClusterParameterGroup", {CLUSTER_GROUP}},
    {"DeleteDBClusterParameterGroup", {CLUSTER_GROUP}},
    {"CopyDBClusterParameterGroup",
     {{"SourceDBClusterParameterGroupIdentifier", "cluster-pg", ALWAYS},
      {"TargetDBClusterParameterGroupIdentifier", "cluster-pg", ALWAYS}}},
    {"CreateDBParameterGroup", {GROUP}},
    {"DescribeDBParameterGroups", {GROUP}},
    {"DescribeDBParameters", {GROUP}},
    {"ModifyDBParameterGroup", {GROUP}},
    {"ResetDBParameterGroup", {GROUP}},
    {"DeleteDBParameterGroup", {GROUP}},
    {"CopyDBParameterGroup",
     {{"SourceDBParameterGroupIdentifier", "pg", ALWAYS},
      {"TargetDBParameterGroupIdentifier", "pg", ALWAYS}}},
    {"CreateDBClusterEndpoint", {ENDPOINT, CLUSTER}},
    {"DescribeDBClusterEndpoints", {ENDPOINT, CLUSTER_GIVEN}},
    {"ModifyDBClusterEndpoint", {ENDPOINT}},
    {"DeleteDBClusterEndpoint", {ENDPOINT}},
    {"CreateBlueGreenDeployment",
     {ANY("deployment"),
      {"Source", "", ALWAYS},
      {"TargetDBClusterParameterGroupName", "cluster-pg", IF_GIVEN},
      {"TargetDBParameterGroupName", "pg", IF_GIVEN}}},
    {"DescribeBlueGreenDeployments", {DEPLOYMENT}},
    {"SwitchoverBlueGreenDeployment", {DEPLOYMENT}},
    {"DeleteBlueGreenDeployment", {DEPLOYMENT}},
    {"DescribeDBSubnetGroups", {{"DBSubnetGroupName", "subgrp", ALWAYS}}},
    {"DescribeDBLogFiles", {INSTANCE}},
    {"DownloadDBLogFilePortion", {INSTANCE}},
    {"DescribePendingMaintenanceActions", {{"ResourceIdentifier", "", ALWAYS}}},
    {"ApplyPendingMaintenanceAction", {{"ResourceIdentifier", "", ALWAYS}}},
    {"AddTagsToResource", {{"ResourceName", "", ALWAYS}}},
    {"RemoveTagsFromResource", {{"ResourceName", "", ALWAYS}}},
    {"ListTagsForResource", {{"ResourceName", "", ALWAYS}}},
    {"DescribeGlobalClusters", {{"GlobalClusterIdentifier", "global-cluster", ALWAYS}}},
    {"SwitchoverGlobalCluster",
     {{"GlobalClusterIdentifier", "global-cluster", ALWAYS}, {"TargetDbClusterIdentifier", "", ALWAYS}}},
    {"DescribeDBProxies", {{"DBProxyName", "db-proxy", ALWAYS}}},
    {"DescribeDBProxyTargets", {{"DBProxyName", "db-proxy", ALWAYS}}},
    {"AssumeRole", {{"RoleArn", "", ALWAYS}}},
    {"DescribeKey", {{"KeyId", "key", ALWAYS}}},
    {"GetSecretValue", {{"SecretId", "secret", ALWAYS}}},
    {"CreateSecret", {{"Name", "secret", ALWAYS}}},
    {"DeleteSecret", {{"SecretId", "secret", ALWAYS}}},
    {"GetHostedZone", {{"Id", "hostedzone", ALWAYS}}},
    {"DeleteHostedZone", {{"Id", "hostedzone", ALWAYS}}},
    {"ListResourceRecordSets", {{"Id", "hostedzone", ALWAYS}}},
    {"ChangeResourceRecordSets", {{"Id", "hostedzone", ALWAYS}}},
    {"GetChange", {{"Id", "change", ALWAYS}}},
};

/* What is asked for besides. `given`: only when the request has this member, which names the resource where
 * `type` is ""; NULL: always. */
static const struct besides {
    const char *operation, *action, *given, *type;
} BESIDES[] = {
    {"CreateBlueGreenDeployment", "rds:CreateDBCluster", NULL, "cluster"},
    {"CreateBlueGreenDeployment", "rds:CreateDBInstance", NULL, "db"},
    {"CreateBlueGreenDeployment", "rds:CreateDBClusterEndpoint", NULL, "cluster-endpoint"},
    {"CreateBlueGreenDeployment", "rds:AddTagsToResource", NULL, "deployment"},
    {"SwitchoverBlueGreenDeployment", "rds:ModifyDBCluster", NULL, "cluster"},
    {"SwitchoverBlueGreenDeployment", "rds:PromoteReadReplicaDBCluster", NULL, "cluster"},
    {"DeleteBlueGreenDeployment", "rds:DeleteDBCluster", NULL, "cluster"},
    {"DeleteBlueGreenDeployment", "rds:DeleteDBInstance", NULL, "db"},
    {"DeleteBlueGreenDeployment", "rds:DeleteDBClusterEndpoint", NULL, "cluster-endpoint"},
    {"AddRoleToDBCluster", "iam:PassRole", "RoleArn", ""},
    {"CreateDBCluster", "iam:PassRole", "MonitoringRoleArn", ""},
    {"CreateDBInstance", "iam:PassRole", "MonitoringRoleArn", ""},
    {"ModifyDBInstance", "iam:PassRole", "MonitoringRoleArn", ""},
    {"CreateDBCluster", "secretsmanager:CreateSecret", "ManageMasterUserPassword", "secret"},
    {"ModifyDBCluster", "secretsmanager:CreateSecret", "ManageMasterUserPassword", "secret"},
};

struct list {
    struct iam_need *items;
    size_t n, cap;
};

static const char *secret_arn(struct call *c, const char *id)
{
    const json_t *secret = store_find(c->sb->store, KIND_SECRET, id);
    if (secret)
        return arena_strdup(c->arena, rec_str(secret, "ARN"));
    return arena_printf(c->arena, "arn:aws:secretsmanager:%s:%s:secret:%s", store_region(c->sb->store),
                        store_account(c->sb->store), *id ? id : "*");
}

/* "Global" ARNs have no Region. */
static const char *resource_arn(struct call *c, const char *type, const char *id)
{
    if (strncmp(id, "arn:", 4) == 0)
        return arena_strdup(c->arena, id);
    if (strcmp(type, "secret") == 0)
        return secret_arn(c, id);
    if (strcmp(type, "key") == 0) {
        char arn[KEY_ARN_SIZE];
        key_arn(c->sb, id, arn);
        return arena_strdup(c->arena, arn);
    }
    if (*type == '\0')
        return "*";
    if (strcmp(type, "hostedzone") == 0 || strcmp(type, "change") == 0)
        return arena_printf(c->arena, "arn:aws:route53:::%s/%s", type, id);
    bool global = strcmp(type, "global-cluster") == 0;
    return arena_printf(c->arena, "arn:aws:rds:%s:%s:%s:%s", global ? "" : store_region(c->sb->store),
                        store_account(c->sb->store), type, *id ? id : "*");
}

static void need_one(struct call *c, struct list *l, const char *action, const char *type, const char *id)
{
    enum kind kind;
    struct arn arn = {0};
    struct iam_need n = {action, resource_arn(c, type, id), NULL, type};
    if (arn_parse(n.resource, &arn) && *arn.type)
        n.type = arena_strdup(c->arena, arn.type);
    n.tagged = store_by_arn(c->sb->store, n.resource, &kind);
    ARR_PUSH(c->arena, l->items, l->n, l->cap, n);
}

static void need_targets(struct call *c, struct list *l, const char *action)
{
    size_t before = l->n;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        if (strcmp(ROWS[i].action, c->op->action) != 0)
            continue;
        for (const struct target *t = ROWS[i].targets;
             t < ROWS[i].targets + ARRAY_LEN(ROWS[i].targets) && t->type; t++)
            if (t->use == ALWAYS || rec_has(c->in, t->member))
                need_one(c, l, action, t->type, rec_str(c->in, t->member));
    }
    if (l->n == before)
        need_one(c, l, action, "", "");
}

static void need_besides(struct call *c, struct list *l)
{
    for (size_t i = 0; i < ARRAY_LEN(BESIDES); i++) {
        const struct besides *b = &BESIDES[i];
        if (strcmp(b->operation, c->op->action) != 0 || (b->given && !rec_has(c->in, b->given)))
            continue;
        need_one(c, l, b->action, b->type, *b->type ? "" : rec_str(c->in, b->given));
    }
    /* tags given at creation are the tagging call's right */
    if (strcmp(c->op->service, "rds") == 0 && json_array_size(rec_get(c->in, "Tags")) > 0 &&
        strcmp(c->op->action, "AddTagsToResource") != 0 && l->n > 0) {
        struct iam_need n = l->items[0];
        n.action = "rds:AddTagsToResource";
        ARR_PUSH(c->arena, l->items, l->n, l->cap, n);
    }
}

void iam_needs(struct call *c, struct iam_need **ret, size_t *ret_n)
{
    struct list l = {0};
    if (strcmp(c->op->action, "GetCallerIdentity") != 0 && !(c->op->flags & OP_UNSIGNED)) {
        need_targets(c, &l, arena_printf(c->arena, "%s:%s", c->op->service, c->op->action));
        need_besides(c, &l);
    }
    *ret = l.items;
    *ret_n = l.n;
}
